//! Records as they come from a file: the same as the API takes.

mod record;

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use async_recursion::async_recursion as boxed;
use domain::{AccountId, Actor, Instant, Permission, Session, SessionId};
use serde_json::json;
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
    /// Looks at records by themselves, which needs no database and may be done beforehand.
    pub fn vet_import(&self, records: Vec<ImportRecord>) -> ImportBatch {
        ImportBatch::of(records, self.now())
    }

    /// Takes a batch of records, each as if those before it had been taken already; answers for each what is wrong with it, if
    /// anything. Writes down who had how many taken, and how far the file was read, with what was taken. `first` says that there
    /// was no session before this import: nobody looks then whether those of the batch are there, until it turns out that one is.
    ///
    /// # Errors
    /// `Denied`; failures of the database, when nothing of the batch was taken.
    #[boxed]
    pub async fn import_batch(
        &self,
        actor: &Actor,
        batch: ImportBatch,
        reached: Option<Reached>,
        first: bool,
    ) -> Result<Vec<Result<(), String>>> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let now = self.now();
        let (batch, mut surely_new) = (&batch, first);
        let mut draft = self.draft(actor, "import.batch", "import");
        transact!(self, tx => {
            let surely_new = mem::take(&mut surely_new);
            let outcomes = batch.take(&mut tx, surely_new, now).await?;
            if let Some(Reached { source, line }) = &reached {
                tx.save_import(source, *line, now).await?;
            }
            let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            if taken > 0 {
                let until_line = reached.as_ref().map(|reached| reached.line);
                draft.detail =
                    json!({ "taken": taken, "refused": outcomes.len() - taken, "until_line": until_line });
                tx.append_audit(&draft).await?;
            }
            Ok(outcomes)
        })
    }

    /// Writes down that a file was imported to its end.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn note_import(&self, actor: &Actor, taken: u64, refused: u64) -> Result<()> {
        self.authorize(actor, Permission::ReportSessions, "import").await?;
        let mut draft = self.draft(actor, "import.done", "import");
        draft.detail = json!({ "taken": taken, "refused": refused });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })
    }
}

/// Records that are good by themselves, by their kind, each with its place in the file's order. Those of one kind are taken at
/// once: accounts, then sessions, then ends, however they alternate in the file.
#[derive(Debug, Default)]
pub struct ImportBatch {
    accounts: Vec<AccountUpsert>,
    /// The place of each account.
    places: Vec<usize>,
    sessions: Vec<NewSession>,
    ends: Vec<(usize, End)>,
    /// What is wrong with records by themselves.
    outcomes: Vec<Result<(), String>>,
}

/// A session as it is if it is new, and what ended it.
#[derive(Debug)]
struct NewSession {
    at: usize,
    session: Session,
    end: Option<End>,
}

impl ImportBatch {
    fn of(items: Vec<ImportRecord>, now: Instant) -> Self {
        let mut batch = Self { outcomes: Vec::with_capacity(items.len()), ..Self::default() };
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
                self.accounts.push(item);
                self.places.push(at);
            }
            ImportRecord::Session { session_id: id, account_id: account, client, user_agent, ip, created_at, end } => {
                let item = SessionCreate { id, account, client, user_agent, ip, created_at };
                let end = end.map(|end| over(item.id.clone(), end));
                check::session(&item, now)?;
                end.as_ref().map_or(Ok(()), |end| check::end(end, now))?;
                let session = item.into_session(end.as_ref(), now)?;
                self.sessions.push(NewSession { at, session, end });
            }
            ImportRecord::End { session_id: id, end } => {
                let item = over(id, end);
                check::end(&item, now)?;
                self.ends.push((at, item));
            }
        }
        Ok(())
    }

    async fn take(&self, tx: &mut Tx, surely_new: bool, now: Instant) -> Result<Vec<Result<(), String>>> {
        let mut outcomes = self.outcomes.clone();
        let upserts = tx.plan_upserts(&self.accounts, now).await?;
        let (mut ends, new_sessions) = self.take_sessions(tx, upserts, surely_new, now, &mut outcomes).await?;
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

    /// The sessions, but for those that come before their account, which are refused.
    fn after_their_accounts(&self, upserts: &Upserts, outcomes: &mut [Result<(), String>]) -> Vec<&NewSession> {
        let new = self.places.iter().zip(&upserts.results).filter(|(_, (_, is_new))| *is_new);
        let places: HashMap<&AccountId, usize> = new.map(|(at, (account, _))| (&account.id, *at)).collect();
        let mut asked = Vec::with_capacity(self.sessions.len());
        for run in self.sessions.chunk_by(|one, next| one.session.account == next.session.account) {
            let place = run.first().and_then(|first| places.get(&first.session.account)).copied();
            for item in run {
                if place.is_some_and(|place| item.at < place) {
                    refuse(outcomes, item.at, NO_ACCOUNT);
                } else {
                    asked.push(item);
                }
            }
        }
        asked
    }

    /// Takes accounts and sessions; answers what ended the sessions that were known before, and where those came first that are
    /// new and that another record ends.
    async fn take_sessions(
        &self,
        tx: &mut Tx,
        upserts: Upserts,
        surely_new: bool,
        now: Instant,
        outcomes: &mut [Result<(), String>],
    ) -> Result<(Vec<(usize, End)>, HashMap<&SessionId, usize>)> {
        let asked = self.after_their_accounts(&upserts, outcomes);
        let sessions: Vec<&Session> = asked.iter().map(|item| &item.session).collect();
        let told = tx.upsert_with_sessions(upserts, &sessions, surely_new, now).await?;
        let ended: HashSet<&SessionId> = self.ends.iter().map(|(_, end)| &end.id).collect();
        let (mut ends, mut new) = (Vec::new(), HashMap::new());
        for (NewSession { at, session, end }, told) in asked.into_iter().zip(told) {
            match told {
                Told::New if ended.contains(&session.id) => drop(new.insert(&session.id, *at)),
                Told::New => {}
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
