//! Records as they come from a file: the same as the API takes.

use domain::{AccountId, Actor, EndReason, Instant, Permission, SessionId};
use serde::Deserialize;
use store::{AccountUpsert, Changed, Created, End, SessionCreate};

use crate::{Error, Result, Unstick, check};

/// One record of an import, read as `{"account": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ImportRecord {
    /// An account.
    Account {
        /// The identity system's id.
        account_id: AccountId,
        /// E-mail address.
        email: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Plan or tier.
        plan: Option<String>,
        /// IANA time zone.
        time_zone: Option<String>,
        /// When the customer joined.
        created_at: Option<Instant>,
    },
    /// A session; its account comes before it.
    Session {
        /// Its id.
        session_id: SessionId,
        /// Whose it is.
        account_id: AccountId,
        /// The client in a few words.
        #[serde(default)]
        client: String,
        /// The raw user agent.
        #[serde(default)]
        user_agent: String,
        /// The client's address.
        #[serde(default)]
        ip: String,
        /// When it was signed in.
        created_at: Option<Instant>,
    },
    /// The end of a session.
    End {
        /// Which.
        session_id: SessionId,
        /// Why.
        reason: EndReason,
        /// Whether its record and routes were removed.
        #[serde(default)]
        released: bool,
        /// When.
        at: Option<Instant>,
    },
}

impl Unstick {
    /// Takes a batch of records in order; answers for each what is wrong with it, if anything.
    ///
    /// # Errors
    /// `Denied`; failures of the database, when nothing of the batch was taken.
    pub async fn import_batch(&self, actor: &Actor, items: Vec<ImportRecord>) -> Result<Vec<Result<(), String>>> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let now = self.now();
        let items = &items;
        transact!(self, tx => {
            let mut outcomes = Vec::with_capacity(items.len());
            let mut rest = items.as_slice();
            while let Some(first) = rest.first() {
                let same = rest.iter().take_while(|item| std::mem::discriminant(*item) == std::mem::discriminant(first)).count();
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
    let mut refused = Vec::with_capacity(run.len());
    for item in run.iter().cloned() {
        refused.push(match item {
            ImportRecord::Account { account_id: id, email, name, plan, time_zone, created_at } => {
                let item = AccountUpsert { id, email, name, plan, time_zone, created_at, sample: false };
                check::account(&item, now).map(|()| accounts.push(item))
            }
            ImportRecord::Session { session_id: id, account_id: account, client, user_agent, ip, created_at } => {
                let item = SessionCreate { id, account, client, user_agent, ip, created_at };
                check::session(&item, now).map(|()| sessions.push(item))
            }
            ImportRecord::End { session_id: id, reason, released, at } => {
                let item = End { id, reason, released, at };
                check::end(&item, now).map(|()| ends.push(item))
            }
        });
    }
    let mut outcomes = Vec::with_capacity(run.len());
    outcomes.extend(tx.upsert_accounts(&accounts, now).await?.into_iter().map(|_| Ok(())));
    outcomes.extend(tx.create_sessions(&sessions, now).await?.into_iter().map(|created| match created {
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
    let told = |refused: Result<()>| match refused {
        Ok(()) => outcomes.next().unwrap_or_else(|| Err(Error::Busy.to_string())),
        Err(error) => Err(error.to_string()),
    };
    Ok(refused.into_iter().map(told).collect())
}
