//! The streams of our own that a census joins: slim rows in the order of keys, a page at a time, each page bounded by what
//! it reads, not by what it returns.

use domain::{
    AccountId, Instant, Place, RouteKey, SessionId,
    census::{CensusAccount, CensusSession, Maker},
};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError,
    routes::place,
    sql::{args, json_ids, rows},
};

/// What is kept count of for an account, and what counting gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// The account.
    pub account: AccountId,
    /// Live, left over, in all, as kept.
    pub kept: (i64, i64, i64),
    /// The same, counted.
    pub counted: (i64, i64, i64),
}

#[derive(Deserialize)]
struct SessionRow {
    id: String,
    account_id: String,
    route_key: Option<String>,
    ended_at: Option<i64>,
    cleaned: i64,
}

impl SessionRow {
    fn typed(self) -> Result<CensusSession> {
        let key = self.route_key.unwrap_or_else(|| self.id.clone());
        Ok(CensusSession {
            key: RouteKey::parse(key).map_err(StoreError::corrupt)?,
            id: SessionId::parse(self.id).map_err(StoreError::corrupt)?,
            account: AccountId::parse(self.account_id).map_err(StoreError::corrupt)?,
            ended_at: self.ended_at.map(Instant::from_micros),
            cleaned: self.cleaned != 0,
        })
    }
}

#[derive(Deserialize)]
struct AccountRow {
    id: String,
    route_key: Option<String>,
    live_sessions: i64,
    leftover_sessions: i64,
    total_sessions: i64,
}

impl AccountRow {
    fn typed(self) -> Result<CensusAccount> {
        let key = self.route_key.unwrap_or_else(|| self.id.clone());
        Ok(CensusAccount {
            key: RouteKey::parse(key).map_err(StoreError::corrupt)?,
            id: AccountId::parse(self.id).map_err(StoreError::corrupt)?,
            live: self.live_sessions,
            left_over: self.leftover_sessions,
            total: self.total_sessions,
        })
    }
}

/// An account's id, and its three counters twice.
type Counted = (String, i64, i64, i64, i64, i64, i64);

/// A page of a stream: what of it is wanted, and where the next one begins (`None`: this was the last).
type StreamPage<T> = (Vec<T>, Option<String>);

fn streamed<R, T>(
    rows: Vec<R>,
    limit: u32,
    at: impl Fn(&R) -> String,
    wanted: impl Fn(&R) -> bool,
    typed: impl Fn(R) -> Result<T>,
) -> Result<StreamPage<T>> {
    let full = rows.len() >= limit as usize;
    let next = rows.last().filter(|_| full).map(at);
    let items = rows.into_iter().filter(|row| wanted(row)).map(typed).collect::<Result<_>>()?;
    Ok((items, next))
}

impl Store {
    /// A page of sessions whose key is their id, in the order of keys, after `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn census_sessions(&self, after: &str, limit: u32) -> Result<StreamPage<CensusSession>> {
        // Those with another key are read and left out here: a condition could read the whole table for one page.
        let sql = rows!(
            "id, account_id, route_key, ended_at, cleaned" as
            "SELECT id, account_id, route_key, ended_at, \
             CAST(CASE WHEN cleaned_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS cleaned \
             FROM sessions WHERE id > $1 ORDER BY id LIMIT $2"
        );
        let found: Vec<SessionRow> = self.rows(sql, args![after, limit]).await?;
        streamed(found, limit, |row| row.id.clone(), |row| row.route_key.is_none(), SessionRow::typed)
    }

    /// A page of sessions with a key of their own, in the order of keys, after `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn census_keyed_sessions(&self, after: &str, limit: u32) -> Result<StreamPage<CensusSession>> {
        let sql = rows!(
            "id, account_id, route_key, ended_at, cleaned" as
            "SELECT id, account_id, route_key, ended_at, \
             CAST(CASE WHEN cleaned_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS cleaned \
             FROM sessions WHERE route_key IS NOT NULL AND route_key > $1 ORDER BY route_key LIMIT $2"
        );
        let found: Vec<SessionRow> = self.rows(sql, args![after, limit]).await?;
        let at = |row: &SessionRow| row.route_key.clone().unwrap_or_default();
        streamed(found, limit, at, |_| true, SessionRow::typed)
    }

    /// A page of accounts whose key is their id, in the order of keys, after `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn census_accounts(&self, after: &str, limit: u32) -> Result<StreamPage<CensusAccount>> {
        let sql = rows!(
            "id, route_key, live_sessions, leftover_sessions, total_sessions",
            "FROM accounts WHERE id > $1 ORDER BY id LIMIT $2"
        );
        let found: Vec<AccountRow> = self.rows(sql, args![after, limit]).await?;
        streamed(found, limit, |row| row.id.clone(), |row| row.route_key.is_none(), AccountRow::typed)
    }

    /// A page of accounts with a key of their own, in the order of keys, after `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn census_keyed_accounts(&self, after: &str, limit: u32) -> Result<StreamPage<CensusAccount>> {
        let sql = rows!(
            "id, route_key, live_sessions, leftover_sessions, total_sessions",
            "FROM accounts WHERE route_key IS NOT NULL AND route_key > $1 ORDER BY route_key LIMIT $2"
        );
        let found: Vec<AccountRow> = self.rows(sql, args![after, limit]).await?;
        let at = |row: &AccountRow| row.route_key.clone().unwrap_or_default();
        streamed(found, limit, at, |_| true, AccountRow::typed)
    }

    /// What became of the sessions `ids`, those that exist.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn makers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Maker)>> {
        let sql = rows!("id, ended_at", "FROM sessions WHERE id", among);
        let found: Vec<(String, Option<i64>)> = self.rows(sql, args![json_ids(ids)?]).await?;
        let maker = |(id, ended): (String, Option<i64>)| {
            let maker = ended.map_or(Maker::Live, |at| Maker::Ended(Instant::from_micros(at)));
            Ok((SessionId::parse(id).map_err(StoreError::corrupt)?, maker))
        };
        found.into_iter().map(maker).collect()
    }

    /// Recounts at most `limit` accounts after `after`, in the order of ids. Each page is one statement: what is kept and
    /// what is counted are of one moment.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn recount(&self, after: Option<&AccountId>, limit: u32) -> Result<Vec<Recount>> {
        let sql = rows!(
            "id, live_sessions, leftover_sessions, total_sessions, live, leftover, total" as
            "SELECT a.id, a.live_sessions, a.leftover_sessions, a.total_sessions, \
             CAST(count(CASE WHEN s.ended_at IS NULL THEN s.id END) AS BIGINT) AS live, \
             CAST(count(CASE WHEN s.ended_at IS NOT NULL AND s.cleaned_at IS NULL THEN s.id END) AS BIGINT) AS leftover, \
             CAST(count(s.id) AS BIGINT) AS total \
             FROM (SELECT id, live_sessions, leftover_sessions, total_sessions FROM accounts WHERE id > $1 \
             ORDER BY id LIMIT $2) AS a LEFT JOIN sessions AS s ON s.account_id = a.id \
             GROUP BY a.id, a.live_sessions, a.leftover_sessions, a.total_sessions ORDER BY a.id"
        );
        let found: Vec<Counted> = self.rows(sql, args![after.map_or("", AccountId::as_str), limit]).await?;
        let recount = |(id, live, leftover, total, live_now, leftover_now, total_now): Counted| {
            let account = AccountId::parse(id).map_err(StoreError::corrupt)?;
            Ok(Recount { account, kept: (live, leftover, total), counted: (live_now, leftover_now, total_now) })
        };
        found.into_iter().map(recount).collect()
    }

    /// The places of which routes are kept, and how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn places_kept(&self) -> Result<Vec<(Place, i64)>> {
        let sql = rows!(
            "router, pool, pinned" as
            "SELECT router, pool, CAST(sum(pinned) AS BIGINT) AS pinned FROM route_counts \
             GROUP BY router, pool ORDER BY router, pool"
        );
        let found: Vec<(String, String, i64)> = self.rows(sql, &[]).await?;
        found.into_iter().map(|(router, pool, pinned)| Ok((place(router, pool)?, pinned))).collect()
    }
}
