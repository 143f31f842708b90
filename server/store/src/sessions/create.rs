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

impl Tx {
    /// Makes sessions. A missing account is an outcome, not an error.
    ///
    /// # Errors
    /// `Raced` when another transaction made one of them at this moment; else when the database could not.
    pub async fn create_sessions(&mut self, items: &[SessionCreate], now: Instant) -> Result<Vec<Created>> {
        let generations = self.generations(items.iter().map(|item| &item.account).collect()).await?;
        let items: Vec<_> = items.iter().map(|item| (item, None)).collect();
        let (outcomes, new) = self.plan_creation(&items, &generations, now).await?;
        self.insert_new(&new, Deltas::of_new(&new), now).await?;
        Ok(outcomes)
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
    ) -> Result<Vec<Created>> {
        let others = items.iter().map(|(item, _)| &item.account).filter(|id| upserts.get(id).is_none());
        let mut generations = self.generations(others.collect()).await?;
        let told = items.iter().filter_map(|(item, _)| upserts.get(&item.account));
        generations.extend(told.map(|account| (account.id.as_str().to_owned(), account.generation)));
        let (outcomes, new) = self.plan_creation(items, &generations, now).await?;
        let mut deltas = Deltas::of_new(&new);
        for id in deltas.accounts() {
            if let Some(account) = upserts.new_mut(&id) {
                deltas.count_into(account);
            }
        }
        upserts.write_counted(self).await?;
        self.insert_new(&new, deltas, now).await?;
        Ok(outcomes)
    }

    /// What becomes of `items`, and the sessions among them that are new.
    async fn plan_creation(
        &mut self,
        items: &[(&SessionCreate, Option<&End>)],
        generations: &HashMap<String, i64>,
        now: Instant,
    ) -> Result<(Vec<Created>, Vec<Session>)> {
        let ids = json_ids(items.iter().map(|(item, _)| &item.id))?;
        let sql = rows!(session, "FROM sessions WHERE id", among);
        let known: Vec<Session> = all(self.rows::<SessionRecord>(sql, args![ids]).await?)?;
        let known: HashMap<SessionId, Session> =
            known.into_iter().map(|session| (session.id.clone(), session)).collect();
        let (mut new, mut made): (Vec<Session>, HashMap<&SessionId, usize>) = (Vec::new(), HashMap::new());
        let mut outcomes = Vec::with_capacity(items.len());
        for (item, end) in items {
            let before = known.get(&item.id).or_else(|| new.get(*made.get(&item.id)?));
            outcomes.push(match (before, generations.get(item.account.as_str())) {
                (Some(session), _) if session.account == item.account => Created::Same(session.clone()),
                (Some(_), _) => Created::OtherAccount,
                (None, None) => Created::NoAccount,
                (None, Some(generation)) => {
                    let mut session = fresh(item, *generation, now)?;
                    if let Some(end) = end {
                        session.state = ended(session.state, end, end.at.unwrap_or(now));
                    }
                    made.insert(&item.id, new.len());
                    new.push(session.clone());
                    Created::New(session)
                }
            });
        }
        Ok((outcomes, new))
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
    tx.exec(sql, args![json(&sessions.iter().map(row).collect::<Vec<_>>())?]).await
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
