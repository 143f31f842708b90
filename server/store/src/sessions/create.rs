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
    insert::insert,
    sql::{Arg, args, cells, clean_owned, json_ids, rows},
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

impl SessionCreate {
    /// The session as it is when it is new and its account's sessions were never made void; over, if `end` says so.
    ///
    /// # Errors
    /// `Corrupt` when its id cannot be a key.
    pub fn into_session(self, end: Option<&End>, now: Instant) -> Result<Session> {
        let created_at = self.created_at.unwrap_or(now);
        let state = SessionState::Active;
        Ok(Session {
            key: RouteKey::parse(self.id.as_str()).map_err(StoreError::corrupt)?,
            id: self.id,
            account: self.account,
            client: clean_owned(self.client),
            user_agent: clean_owned(self.user_agent),
            ip: canonical(clean_owned(self.ip)),
            created_at,
            last_seen_at: created_at,
            state: end.map_or(state, |end| ended(state, end, end.at.unwrap_or(now))),
            generation: 0,
        })
    }
}

/// What became of a session that is told of as it is if it is new, where nobody asks for the one that was there.
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

/// Sessions that nobody has written yet, each with the generation that its account has.
type New<'a> = Vec<(&'a Session, i64)>;

impl Tx {
    /// Makes sessions. A missing account is an outcome, not an error.
    ///
    /// # Errors
    /// `Raced` when another transaction made one of them at this moment; else when the database could not.
    pub async fn create_sessions(&mut self, items: &[SessionCreate], now: Instant) -> Result<Vec<Created>> {
        let items: Vec<Session> =
            items.iter().map(|item| item.clone().into_session(None, now)).collect::<Result<_>>()?;
        let items: Vec<&Session> = items.iter().collect();
        let generations = self.generations(accounts_of(&items).collect()).await?;
        let (fates, new) = self.plan_creation(&items, &generations, false).await?;
        self.insert_new(&new, Deltas::of_new(&new), now).await?;
        let at = |place: usize| -> Result<Session> {
            let (session, generation) = new.get(place).ok_or_else(|| StoreError::corrupt("a new session is gone"))?;
            Ok(Session { generation: *generation, ..(*session).clone() })
        };
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
    /// when they are first told of ([`SessionCreate::into_session`]). What ended one that is known already is not looked at. A
    /// new account is written once, with what its sessions amount to: on Postgres, writing it twice takes the index of its
    /// text twice. Where sessions are `surely_new`, nobody looks whether they are there before they are written.
    ///
    /// # Errors
    /// As [`Self::create_sessions`]; `Raced` as well when one that is surely new is there.
    pub async fn upsert_with_sessions(
        &mut self,
        mut upserts: Upserts,
        items: &[&Session],
        surely_new: bool,
        now: Instant,
    ) -> Result<Vec<Told>> {
        let others = accounts_of(items).filter(|id| upserts.get(id).is_none());
        let mut generations = self.generations(others.collect()).await?;
        generations.extend(upserts.generations().map(|(id, generation)| (id.as_str().to_owned(), generation)));
        let (fates, new) = self.plan_creation(items, &generations, surely_new).await?;
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

    /// What becomes of `items`, and those among them that are new.
    async fn plan_creation<'a>(
        &mut self,
        items: &[&'a Session],
        generations: &'a HashMap<String, i64>,
        surely_new: bool,
    ) -> Result<(Vec<Fate>, New<'a>)> {
        let mut creation = Creation {
            generations,
            fates: Vec::with_capacity(items.len()),
            new: Vec::with_capacity(items.len()),
            made: HashMap::with_capacity(items.len()),
        };
        if surely_new {
            creation.plan(items, &Known::new());
            return Ok((creation.fates, creation.new));
        }
        let mut known = Known::new();
        let (mut these, mut parts) = (&[][..], items.chunks(LOOKED_UP));
        loop {
            // The next ones are looked up while these are planned.
            let next = parts.next().unwrap_or_default();
            let (found, ()) = tokio::join!(self.known_sessions(next), async { creation.plan(these, &known) });
            (these, known) = (next, found?);
            if these.is_empty() {
                return Ok((creation.fates, creation.new));
            }
        }
    }

    /// Those of `items` that are there already.
    async fn known_sessions(&mut self, items: &[&Session]) -> Result<Known> {
        if items.is_empty() {
            return Ok(Known::new());
        }
        let ids = json_ids(items.iter().map(|item| &item.id))?;
        let sql = rows!(session, "FROM sessions WHERE id", among);
        let known: Vec<Session> = all(self.rows::<SessionRecord>(sql, args![ids]).await?)?;
        Ok(known.into_iter().map(|session| (session.id.clone(), session)).collect())
    }

    /// Inserts sessions that are not there, counts `deltas`, and tells of those that are over.
    async fn insert_new(&mut self, new: &New<'_>, deltas: Deltas, now: Instant) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        if insert_with(self, new).await? != i64::try_from(new.len()).unwrap_or(i64::MAX) {
            return Err(StoreError::Raced);
        }
        deltas.write(self).await?;
        tell_ended(self, new.iter().map(|(session, _)| *session), now).await
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

/// Sessions that are looked up at once.
const LOOKED_UP: usize = 10_000;

/// Whose `sessions` are: once for all those of one account that follow each other.
fn accounts_of<'a>(sessions: &[&'a Session]) -> impl Iterator<Item = &'a AccountId> {
    sessions.chunk_by(|one, next| one.account == next.account).filter_map(|run| Some(&run.first()?.account))
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
    fates: Vec<Fate>,
    new: New<'a>,
    /// The places of those that are new.
    made: HashMap<&'a SessionId, usize>,
}

impl<'a> Creation<'a> {
    /// Adds `items`, of which `known` are there already.
    fn plan(&mut self, items: &[&'a Session], known: &Known) {
        for run in items.chunk_by(|one, next| one.account == next.account) {
            let account = run.first().map(|session| session.account.as_str()).unwrap_or_default();
            let generation = self.generations.get(account).copied();
            for item in run {
                let fate = self.fate(item, generation, known);
                self.fates.push(fate);
            }
        }
    }

    /// What becomes of `item`, whose account is of `generation`, if there is one.
    fn fate(&mut self, item: &'a Session, generation: Option<i64>, known: &Known) -> Fate {
        if let Some(session) = known.get(&item.id) {
            return if session.account == item.account { Fate::Known(session.clone()) } else { Fate::OtherAccount };
        }
        if let Some(place) = self.made.get(&item.id) {
            let again = self.new.get(*place).is_some_and(|(first, _)| first.account == item.account);
            return if again { Fate::Again(*place) } else { Fate::OtherAccount };
        }
        let Some(generation) = generation else { return Fate::NoAccount };
        let place = self.new.len();
        self.made.insert(&item.id, place);
        self.new.push((item, generation));
        Fate::New(place)
    }
}

/// Inserts `sessions` as they are, except those whose id is there already. Returns how many were not. Counts nothing.
pub(crate) async fn insert_sessions(tx: &mut Tx, sessions: &[Session]) -> Result<i64> {
    let sessions: New<'_> = sessions.iter().map(|session| (session, session.generation)).collect();
    insert_with(tx, &sessions).await
}

async fn insert_with(tx: &mut Tx, sessions: &[(&Session, i64)]) -> Result<i64> {
    let insert = insert!(
        ["sessions (account_id, created_at, id, route_key, client, user_agent, ip, ip_key, last_seen_at, ended_at, \
             end_reason, cleaned_at, generation)"],
        "value ->> 0, CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
         value ->> 7, CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT), value ->> 10, \
         CAST(value ->> 11 AS BIGINT), CAST(value ->> 12 AS BIGINT)",
        " ON CONFLICT (id) DO NOTHING"
    );
    tx.insert_all(&insert, sessions, |(session, generation)| row(session, *generation)).await
}

fn row(session: &Session, generation: i64) -> [Arg<'_>; 13] {
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
        generation,
    ]
}
