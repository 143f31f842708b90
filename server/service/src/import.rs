//! Records as they come from a file: the same as the API takes.

mod record;

use async_recursion::async_recursion as boxed;
use domain::{Actor, Instant, Permission};
use store::{AccountUpsert, Changed, Created, End, SessionCreate};

pub use self::record::{Ending, ImportRecord};
use crate::{Error, Result, Unstick, check};

impl Unstick {
    /// Takes a batch of records in order; answers for each what is wrong with it, if anything.
    ///
    /// # Errors
    /// `Denied`; failures of the database, when nothing of the batch was taken.
    #[boxed]
    pub async fn import_batch(&self, actor: &Actor, items: Vec<ImportRecord>) -> Result<Vec<Result<(), String>>> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let now = self.now();
        let items = &items;
        transact!(self, tx => {
            let mut outcomes = Vec::with_capacity(items.len());
            let mut rest = items.as_slice();
            while let Some(first) = rest.first() {
                let same = rest.iter().take_while(|item| item.is_like(first)).count();
                let (run, more) = rest.split_at(same);
                outcomes.extend(take(&mut tx, run, now).await?);
                rest = more;
            }
            Ok(outcomes)
        })
    }

    /// Writes down that a file was imported.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn note_import(&self, actor: &Actor, taken: u64, refused: u64) -> Result<()> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let mut draft = self.draft(actor, "import.done", "import");
        draft.detail = serde_json::json!({ "taken": taken, "refused": refused });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })
    }
}

/// Takes records of one kind. Repeats of an id within one run are taken one after the other.
async fn take(tx: &mut store::Tx, run: &[ImportRecord], now: Instant) -> Result<Vec<Result<(), String>>> {
    let (mut accounts, mut sessions, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let ended = |id, Ending { reason, released, at }: Ending| End { id, reason, released, at };
    let mut vetted = Vec::with_capacity(run.len());
    for item in run.iter().cloned() {
        vetted.push(match item {
            ImportRecord::Account { account_id: id, email, name, plan, time_zone, created_at } => {
                let item = AccountUpsert { id, email, name, plan, time_zone, created_at, sample: false };
                check::account(&item, now).map(|()| accounts.push(item))
            }
            ImportRecord::Session { session_id: id, account_id: account, client, user_agent, ip, created_at, end } => {
                let item = SessionCreate { id, account, client, user_agent, ip, created_at };
                let over = end.clone().map_or(Ok(()), |end| check::end(&ended(item.id.clone(), end), now));
                check::session(&item, now).and(over).map(|()| sessions.push((item, end)))
            }
            ImportRecord::End { session_id: id, end } => {
                let item = ended(id, end);
                check::end(&item, now).map(|()| ends.push(item))
            }
        });
    }
    let mut outcomes = Vec::with_capacity(run.len());
    outcomes.extend(tx.upsert_accounts(&accounts, now).await?.into_iter().map(|_| Ok(())));
    let (asked, their_ends): (Vec<_>, Vec<_>) = sessions.into_iter().unzip();
    let created = tx.create_sessions(&asked, now).await?;
    let also: Vec<End> = asked
        .iter()
        .zip(their_ends)
        .zip(&created)
        .filter(|(_, created)| matches!(created, Created::New(_) | Created::Same(_)))
        .filter_map(|((session, end), _)| Some(ended(session.id.clone(), end?)))
        .collect();
    tx.end_sessions(&also, now).await?;
    outcomes.extend(created.into_iter().map(|created| match created {
        Created::New(_) | Created::Same(_) => Ok(()),
        Created::NoAccount => Err("its account is not known: it must come before".to_owned()),
        Created::OtherAccount => Err("the session belongs to another account".to_owned()),
    }));
    outcomes.extend(tx.end_sessions(&ends, now).await?.into_iter().map(|changed| match changed {
        Changed::Missing => Err("there is no such session".to_owned()),
        Changed::Yes(_) | Changed::Already(_) | Changed::Over(_) => Ok(()),
    }));
    // What was good has the outcomes in order; a run is of one kind.
    let mut outcomes = outcomes.into_iter();
    let told = |vetted: Result<()>| match vetted {
        Ok(()) => outcomes.next().unwrap_or_else(|| Err(Error::Busy.to_string())),
        Err(error) => Err(error.to_string()),
    };
    Ok(vetted.into_iter().map(told).collect())
}
