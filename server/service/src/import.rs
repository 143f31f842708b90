//! Records as they come from a file: the same as the API takes.

mod record;

use std::collections::HashMap;

use async_recursion::async_recursion as boxed;
use domain::{AccountId, Actor, Instant, Permission, SessionId};
use store::{AccountUpsert, Changed, End, SessionCreate, Told, Tx, Upserts};

pub use self::record::{Ending, ImportRecord};
use crate::{Result, Unstick, check};

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// What the file is known by.
    pub source: String,
    /// The last line that was looked at, counted from 1.
    pub line: i64,
}

impl Unstick {
    /// Takes a batch of records, each as if those before it had been taken already; answers for each what is wrong with it, if
    /// anything. Keeps how far the file was read with what was taken.
    ///
    /// # Errors
    /// `Denied`; failures of the database, when nothing of the batch was taken.
    #[boxed]
    pub async fn import_batch(
        &self,
        actor: &Actor,
        items: Vec<ImportRecord>,
        reached: Option<Reached>,
    ) -> Result<Vec<Result<(), String>>> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let now = self.now();
        let batch = &Batch::of(items, now);
        transact!(self, tx => {
            let outcomes = batch.take(&mut tx, now).await?;
            if let Some(Reached { source, line }) = &reached {
                tx.save_import(source, *line, now).await?;
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

/// Records by their kind, each with its place in the file's order. Those of one kind are taken at once: accounts, then
/// sessions, then ends, however they alternate in the file.
#[derive(Default)]
struct Batch {
    accounts: Vec<(usize, AccountUpsert)>,
    sessions: Vec<(usize, (SessionCreate, Option<End>))>,
    ends: Vec<(usize, End)>,
    /// What is wrong with records by themselves.
    outcomes: Vec<Result<(), String>>,
}

impl Batch {
    fn of(items: Vec<ImportRecord>, now: Instant) -> Self {
        let mut batch = Self::default();
        for (at, item) in items.into_iter().enumerate() {
            let vetted = batch.add(at, item, now);
            batch.outcomes.push(vetted.map_err(|error| error.to_string()));
        }
        batch
    }

    fn add(&mut self, at: usize, item: ImportRecord, now: Instant) -> Result<()> {
        let over = |id, Ending { reason, released, at }: Ending| End { id, reason, released, at };
        match item {
            ImportRecord::Account { account_id: id, email, name, plan, time_zone, created_at } => {
                let item = AccountUpsert { id, email, name, plan, time_zone, created_at, sample: false };
                check::account(&item, now)?;
                self.accounts.push((at, item));
            }
            ImportRecord::Session { session_id: id, account_id: account, client, user_agent, ip, created_at, end } => {
                let item = SessionCreate { id, account, client, user_agent, ip, created_at };
                let end = end.map(|end| over(item.id.clone(), end));
                check::session(&item, now)?;
                end.as_ref().map_or(Ok(()), |end| check::end(end, now))?;
                self.sessions.push((at, (item, end)));
            }
            ImportRecord::End { session_id: id, end } => {
                let item = over(id, end);
                check::end(&item, now)?;
                self.ends.push((at, item));
            }
        }
        Ok(())
    }

    async fn take(&self, tx: &mut Tx, now: Instant) -> Result<Vec<Result<(), String>>> {
        let mut outcomes = self.outcomes.clone();
        let accounts: Vec<AccountUpsert> = self.accounts.iter().map(|(_, item)| item.clone()).collect();
        let upserts = tx.plan_upserts(&accounts, now).await?;
        let (mut ends, new_sessions) = self.take_sessions(tx, now, upserts, &mut outcomes).await?;
        // In the order of the file: what ended a session first is what ended it.
        ends.extend(self.ends.iter().cloned());
        ends.sort_by_key(|(at, _)| *at);
        let comes_before = |at: usize, id: &SessionId| new_sessions.get(id).is_some_and(|made| at < *made);
        let (early, ends): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(at, end)| comes_before(*at, &end.id));
        for (at, _) in early {
            refuse(&mut outcomes, at, NO_SESSION);
        }
        let (places, ends): (Vec<usize>, Vec<End>) = ends.into_iter().unzip();
        for (at, changed) in places.into_iter().zip(tx.end_sessions(&ends, now).await?) {
            match changed {
                Changed::Missing => refuse(&mut outcomes, at, NO_SESSION),
                Changed::Yes(_) | Changed::Already(_) | Changed::Over(_) => {}
            }
        }
        Ok(outcomes)
    }

    /// Takes accounts and sessions; answers what ended the sessions that were known before, and where those that are new came
    /// first.
    async fn take_sessions(
        &self,
        tx: &mut Tx,
        now: Instant,
        upserts: Upserts,
        outcomes: &mut [Result<(), String>],
    ) -> Result<(Vec<(usize, End)>, HashMap<SessionId, usize>)> {
        let new = self.accounts.iter().zip(&upserts.results).filter(|(_, (_, is_new))| *is_new);
        let new_accounts: HashMap<&AccountId, usize> = new.map(|((at, item), _)| (&item.id, *at)).collect();
        let comes_before = |at: usize, item: &SessionCreate| new_accounts.get(&item.account).is_some_and(|it| at < *it);
        let (early, asked): (Vec<_>, Vec<_>) =
            self.sessions.iter().partition(|(at, (item, _))| comes_before(*at, item));
        for (at, _) in early {
            refuse(outcomes, *at, NO_ACCOUNT);
        }
        let items: Vec<_> = asked.iter().map(|(_, (item, end))| (item, end.as_ref())).collect();
        let told = tx.upsert_with_sessions(upserts, &items, now).await?;
        let (mut ends, mut new) = (Vec::new(), HashMap::new());
        for ((at, (item, end)), told) in asked.into_iter().zip(told) {
            match told {
                Told::New => drop(new.insert(item.id.clone(), *at)),
                Told::Same => ends.extend(end.clone().map(|end| (*at, end))),
                Told::NoAccount => refuse(outcomes, *at, NO_ACCOUNT),
                Told::OtherAccount => refuse(outcomes, *at, "the session belongs to another account"),
            }
        }
        Ok((ends, new))
    }
}

const NO_ACCOUNT: &str = "its account is not known: it must come before";
const NO_SESSION: &str = "there is no such session";

fn refuse(outcomes: &mut [Result<(), String>], at: usize, why: &str) {
    if let Some(outcome) = outcomes.get_mut(at) {
        *outcome = Err(why.to_owned());
    }
}
