//! New sessions. Reporting one twice changes nothing.

use std::collections::HashMap;

use domain::{AccountId, EndReason, Instant, RouteKey, Session, SessionId, SessionState, ip::canonical};

use super::{
    Deltas, End, SessionRecord, cleaned_at,
    end::{ended, tell_ended},
    end_reason, stored_ip_key,
};
use crate::{
    Result, StoreError, Tx,
    accounts::{Upserts, all},
    sql::{Arg, args, cells, clean, json, json_ids, rows, sql},
    tx::CHUNK,
};

/// A session that a back end reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCreate {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The client in a few words; empty when unknown.
    pub client: String,
    /// The raw user agent; empty when unknown.
    pub user_agent: String,
    /// The address, which is stored in its canonical form; empty when unknown.
    pub ip: String,
    /// When it was signed in; `None` for now.
    pub created_at: Option<Instant>,
}

/// What became of a report of a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New(Session),
    /// It was known; as it is now.
    Same(Session),
    /// There is no such account.
    NoAccount,
    /// Its id is known as another account's.
    OtherAccount,
}

/// The same in short, where nobody asks for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is new.
    New,
    /// It was known.
    Same,
    /// There is no such account.
    NoAccount,
    /// Its id is known as another account's.
    OtherAccount,
}

impl Tx {
    /// Makes sessions. A missing account is an outcome, not an error.
    ///
    /// # Errors
    /// `Raced` when another transaction made one of them at this moment; else when the database could not.
    pub async fn create_sessions(&mut self, items: &[SessionCreate], now: Instant) -> Result<Vec<Created>> {
        let generations = self.generations(items.iter().map(|item| &item.account).collect()).await?;
        let items: Vec<_> = items.iter().map(|item| (item, None)).collect();
        let (fates, new) = self.plan_creation(&items, &generations, now).await?;
        self.insert_new(&new, Deltas::of_new(&new), now).await?;
        let at = |place: usize| new.get(place).cloned().ok_or_else(|| StoreError::corrupt("a new session is gone"));
        let created = fates.into_iter().map(|fate| {
            Ok(match fate {
                Fate::New(place) => Created::New(at(place)?),
                Fate::Again(place) => Created::Same(at(place)?),
                Fate::Known(session) => Created::Same(session),
                Fate::NoAccount => Created::NoAccount,
                Fate::OtherAccount => Created::OtherAccount,
            })
        });
        created.collect()
    }

    /// Makes and changes accounts as they were planned, and makes sessions of theirs and of others, some of which are over
    /// when they are first told of. What ended one that is known already is not looked at. A new account is written once, with
    /// what its sessions amount to: on Postgres, writing it twice takes the index of its text twice.
    ///
    /// # Errors
    /// As [`Self::create_sessions`].
    pub async fn upsert_with_sessions(
        &mut self,
        mut upserts: Upserts,
        items: &[(&SessionCreate, Option<&End>)],
        now: Instant,
    ) -> Result<Vec<Told>> {
        let others = items.iter().map(|(item, _)| &item.account).filter(|id| upserts.get(id).is_none());
        let mut generations = self.generations(others.collect()).await?;
        let told = items.iter().filter_map(|(item, _)| upserts.get(&item.account));
        generations.extend(told.map(|account| (account.id.as_str().to_owned(), account.generation)));
        let (fates, new) = self.plan_creation(items, &generations, now).await?;
        let mut deltas = Deltas::of_new(&new);
        for id in deltas.accounts() {
            if let Some(account) = upserts.new_mut(&id) {
                deltas.count_into(account);
            }
        }
        upserts.write_counted(self).await?;
        self.insert_new(&new, deltas, now).await?;
        Ok(fates.iter().map(Fate::told).collect())
    }

    /// What becomes of `items`, and the sessions among them that are new.
    async fn plan_creation<'a>(
        &mut self,
        items: &[(&'a SessionCreate, Option<&End>)],
        generations: &'a HashMap<String, i64>,
        now: Instant,
    ) -> Result<(Vec<Fate>, Vec<Session>)> {
        let mut creation = Creation {
            generations,
            now,
            fates: Vec::with_capacity(items.len()),
            new: Vec::with_capacity(items.len()),
            made: HashMap::with_capacity(items.len()),
        };
        let mut known = Known::new();
        let (mut these, mut parts) = (&[][..], items.chunks(CHUNK));
        loop {
            // The next ones are looked up while these are planned.
            let next = parts.next().unwrap_or_default();
            let (found, planned) = tokio::join!(self.known_sessions(next), async { creation.plan(these, &known) });
            planned?;
            (these, known) = (next, found?);
            if these.is_empty() {
                return Ok((creation.fates, creation.new));
            }
        }
    }

    /// Those of `items` that are there already.
    async fn known_sessions(&mut self, items: &[(&SessionCreate, Option<&End>)]) -> Result<Known> {
        if items.is_empty() {
            return Ok(Known::new());
        }
        let ids = json_ids(items.iter().map(|(item, _)| &item.id))?;
        let sql = rows!(session, "FROM sessions WHERE id", among);
        let known: Vec<Session> = all(self.rows::<SessionRecord>(sql, args![ids]).await?)?;
        Ok(known.into_iter().map(|session| (session.id.clone(), session)).collect())
    }

    /// Inserts sessions that are not there, counts `deltas`, and tells of those that are over.
    async fn insert_new(&mut self, new: &[Session], deltas: Deltas, now: Instant) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        if insert_sessions(self, new).await? != i64::try_from(new.len()).unwrap_or(i64::MAX) {
            return Err(StoreError::Raced);
        }
        deltas.write(self).await?;
        tell_ended(self, new.iter().filter(|session| !session.state.is_live()), now).await
    }

    /// The generations of the accounts `ids`, which stay so until this transaction ends.
    async fn generations(&mut self, mut ids: Vec<&AccountId>) -> Result<HashMap<String, i64>> {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = rows!("id, generation", "FROM accounts WHERE id", among, " ORDER BY id", lock);
        let found: Vec<(String, i64)> = self.rows(sql, args![json_ids(ids)?]).await?;
        Ok(found.into_iter().collect())
    }
}

/// Sessions that are there already.
type Known = HashMap<SessionId, Session>;

/// What becomes of a session that is told of; by their places in the list of those that are new.
enum Fate {
    New(usize),
    /// The one of the same list.
    Again(usize),
    Known(Session),
    NoAccount,
    OtherAccount,
}

impl Fate {
    const fn told(&self) -> Told {
        match self {
            Self::New(_) => Told::New,
            Self::Again(_) | Self::Known(_) => Told::Same,
            Self::NoAccount => Told::NoAccount,
            Self::OtherAccount => Told::OtherAccount,
        }
    }
}

/// What becomes of sessions that are told of.
struct Creation<'a> {
    /// Of the accounts that there are.
    generations: &'a HashMap<String, i64>,
    now: Instant,
    fates: Vec<Fate>,
    new: Vec<Session>,
    /// The places of those that are new.
    made: HashMap<&'a SessionId, usize>,
}

impl<'a> Creation<'a> {
    /// Adds `items`, of which `known` are there already.
    fn plan(&mut self, items: &[(&'a SessionCreate, Option<&End>)], known: &Known) -> Result<()> {
        for (item, end) in items {
            let fate = self.fate(item, *end, known)?;
            self.fates.push(fate);
        }
        Ok(())
    }

    fn fate(&mut self, item: &'a SessionCreate, end: Option<&End>, known: &Known) -> Result<Fate> {
        let is_its_own = |session: &Session| session.account == item.account;
        if let Some(session) = known.get(&item.id) {
            return Ok(if is_its_own(session) { Fate::Known(session.clone()) } else { Fate::OtherAccount });
        }
        if let Some(place) = self.made.get(&item.id) {
            let again = self.new.get(*place).is_some_and(is_its_own);
            return Ok(if again { Fate::Again(*place) } else { Fate::OtherAccount });
        }
        let Some(generation) = self.generations.get(item.account.as_str()) else { return Ok(Fate::NoAccount) };
        let mut session = fresh(item, *generation, self.now)?;
        if let Some(end) = end {
            session.state = ended(session.state, end, end.at.unwrap_or(self.now));
        }
        let place = self.new.len();
        self.made.insert(&item.id, place);
        self.new.push(session);
        Ok(Fate::New(place))
    }
}

fn fresh(item: &SessionCreate, generation: i64, now: Instant) -> Result<Session> {
    let created_at = item.created_at.unwrap_or(now);
    Ok(Session {
        id: item.id.clone(),
        account: item.account.clone(),
        key: RouteKey::parse(item.id.as_str()).map_err(StoreError::corrupt)?,
        client: clean(&item.client).into_owned(),
        user_agent: clean(&item.user_agent).into_owned(),
        ip: canonical(clean(&item.ip).into_owned()),
        created_at,
        last_seen_at: created_at,
        state: SessionState::Active,
        generation,
    })
}

/// Inserts `sessions` as they are, except those whose id is there already. Returns how many were not. Counts nothing.
pub(crate) async fn insert_sessions(tx: &mut Tx, sessions: &[Session]) -> Result<i64> {
    let sql = sql!(
        insert,
        "sessions (account_id, created_at, id, route_key, client, user_agent, ip, ip_key, last_seen_at, \
         ended_at, end_reason, cleaned_at, generation) \
         SELECT value ->> 0, CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> 7, CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT), value ->> 10, \
         CAST(value ->> 11 AS BIGINT), CAST(value ->> 12 AS BIGINT) FROM ",
        each,
        any,
        " ON CONFLICT (id) DO NOTHING"
    );
    tx.exec_all(&sql, sessions, |some| json(&some.iter().map(row).collect::<Vec<_>>())).await
}

fn row(session: &Session) -> [Arg<'_>; 13] {
    let key = Some(session.key.as_str()).filter(|key| *key != session.id.as_str());
    cells![
        &session.account,
        session.created_at,
        &session.id,
        key,
        &session.client,
        &session.user_agent,
        &session.ip,
        stored_ip_key(&session.ip),
        session.last_seen_at,
        session.state.ended_at(),
        end_reason(session).map(EndReason::as_str),
        cleaned_at(session),
        session.generation,
    ]
}
