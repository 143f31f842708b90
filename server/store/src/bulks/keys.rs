//! The keys under which routers may know the accounts of a list, a stretch of the list at a time: an account's own, those of its
//! open sessions, and those that were seen on a router before. The same keys as of one account's plan.

use std::ops::RangeInclusive;

use domain::{BulkId, Instant, Place, RouteKey, SessionId};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError,
    accounts::all,
    routes::place,
    sql::{args, rows},
};

/// An open session of an account of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The account's number on the list.
    pub no: i64,
    /// When it began.
    pub created_at: Instant,
    /// Its id.
    pub id: SessionId,
    /// What routers call it.
    pub key: RouteKey,
}

#[derive(Deserialize)]
struct SessionRecord {
    no: i64,
    created_at: i64,
    id: String,
    key: String,
}

impl TryFrom<SessionRecord> for ListedSession {
    type Error = StoreError;

    fn try_from(it: SessionRecord) -> Result<Self> {
        Ok(Self {
            no: it.no,
            created_at: Instant::from_micros(it.created_at),
            id: SessionId::parse(it.id).map_err(StoreError::corrupt)?,
            key: key(it.key)?,
        })
    }
}

fn key(text: String) -> Result<RouteKey> {
    RouteKey::parse(text).map_err(StoreError::corrupt)
}

impl Store {
    /// The keys of the accounts with these numbers on a list.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn listed_account_keys(&self, id: &BulkId, numbers: &RangeInclusive<i64>) -> Result<Vec<RouteKey>> {
        let sql = rows!(
            "key" as
            "SELECT coalesce(a.route_key, a.id) AS key FROM bulk_accounts b JOIN accounts a ON a.id = b.account_id \
             WHERE b.bulk_id = $1 AND b.no BETWEEN $2 AND $3 ORDER BY b.no"
        );
        let keys: Vec<(String,)> = self.rows(sql, args![id.as_str(), *numbers.start(), *numbers.end()]).await?;
        keys.into_iter().map(|(text,)| key(text)).collect()
    }

    /// At most `limit` open sessions of the accounts with these numbers, in their order, after `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn listed_sessions(
        &self,
        id: &BulkId,
        numbers: &RangeInclusive<i64>,
        after: Option<&ListedSession>,
        limit: u32,
    ) -> Result<Vec<ListedSession>> {
        let sql = rows!(
            "no, created_at, id, key" as
            "SELECT b.no, s.created_at, s.id, coalesce(s.route_key, s.id) AS key ", bulk_sessions,
            " WHERE b.bulk_id = $1 AND b.no BETWEEN $2 AND $3 AND s.cleaned_at IS NULL \
             AND (b.no > $2 OR s.created_at > $4 OR (s.created_at = $4 AND s.id > $5)) \
             ORDER BY b.no, s.created_at, s.id LIMIT $6"
        );
        let first = after.map_or(*numbers.start(), |it| it.no);
        let (at, session) = after.map_or((i64::MIN, ""), |it| (it.created_at.micros(), it.id.as_str()));
        let values = args![id.as_str(), first, *numbers.end(), at, session, limit];
        all(self.rows::<SessionRecord>(sql, values).await?)
    }

    /// At most `limit` keys under which a session of these accounts was seen on a router, and which no open session has, after
    /// `after`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn listed_seen_keys(
        &self,
        id: &BulkId,
        numbers: &RangeInclusive<i64>,
        after: Option<&(Place, RouteKey)>,
        limit: u32,
    ) -> Result<Vec<(Place, RouteKey)>> {
        let sql = rows!(
            "router, pool, route_key" as
            "SELECT r.router, r.pool, r.route_key FROM bulk_accounts b JOIN routes r ON r.account_id = b.account_id \
             WHERE b.bulk_id = $1 AND b.no BETWEEN $2 AND $3 AND r.account_id IS NOT NULL AND r.scope = 'session' \
             AND (r.router > $4 OR (r.router = $4 AND (r.pool > $5 OR (r.pool = $5 AND r.route_key > $6)))) \
             AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = r.route_key AND s.route_key IS NULL \
             AND s.account_id = b.account_id AND s.cleaned_at IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.route_key = r.route_key \
             AND s.account_id = b.account_id AND s.cleaned_at IS NULL) \
             ORDER BY r.router, r.pool, r.route_key LIMIT $7"
        );
        let (router, pool, last) =
            after.map_or(("", "", ""), |(place, key)| (place.router.as_str(), place.pool.as_str(), key.as_str()));
        let values = args![id.as_str(), *numbers.start(), *numbers.end(), router, pool, last, limit];
        let found: Vec<(String, String, String)> = self.rows(sql, values).await?;
        found.into_iter().map(|(router, pool, text)| Ok((place(router, pool)?, key(text)?))).collect()
    }
}
