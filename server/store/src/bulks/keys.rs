//! The keys under which routers may know the accounts of a list, a stretch of the list at a time: an account's own, those of its
//! open sessions, and those that were seen on a router before. The same keys as of one account's plan.

use std::ops::RangeInclusive;

use domain::{AccountId, BulkId, Instant, Place, RouteKey, SessionId};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError,
    accounts::all,
    routes::place,
    sql::{args, json_ids, rows},
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

/// A key that was seen on a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenKey {
    /// Whose it is.
    pub account: AccountId,
    /// Where it was seen.
    pub place: Place,
    /// It.
    pub key: RouteKey,
}

fn key(text: String) -> Result<RouteKey> {
    RouteKey::parse(text).map_err(StoreError::corrupt)
}

impl Store {
    /// The accounts with these numbers on a list, and what routers call them.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn listed_accounts(
        &self,
        id: &BulkId,
        numbers: &RangeInclusive<i64>,
    ) -> Result<(Vec<AccountId>, Vec<RouteKey>)> {
        let sql = rows!(
            "id, key" as
            "SELECT a.id, coalesce(a.route_key, a.id) AS key FROM bulk_accounts b JOIN accounts a ON a.id = b.account_id \
             WHERE b.bulk_id = $1 AND b.no BETWEEN $2 AND $3 ORDER BY b.no"
        );
        let found: Vec<(String, String)> = self.rows(sql, args![id.as_str(), *numbers.start(), *numbers.end()]).await?;
        let read = |(id, text)| Ok((AccountId::parse(id).map_err(StoreError::corrupt)?, key(text)?));
        found.into_iter().map(read).collect()
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

    /// At most `limit` keys under which a session of these accounts was seen on a router, and which no open session of theirs
    /// has, after `after`. In the order of accounts, so that Postgres looks each of them up.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn seen_keys(&self, accounts: &[AccountId], after: Option<&SeenKey>, limit: u32) -> Result<Vec<SeenKey>> {
        let sql = rows!(
            "account_id, router, pool, route_key" as
            "SELECT r.account_id, r.router, r.pool, r.route_key FROM routes r \
             WHERE r.account_id IS NOT NULL AND r.account_id", among,
            " AND r.scope = 'session' AND (r.account_id > $2 OR (r.account_id = $2 \
             AND (r.router > $3 OR (r.router = $3 AND (r.pool > $4 OR (r.pool = $4 AND r.route_key > $5)))))) \
             AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = r.route_key AND s.route_key IS NULL \
             AND s.account_id = r.account_id AND s.cleaned_at IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.route_key = r.route_key \
             AND s.account_id = r.account_id AND s.cleaned_at IS NULL) \
             ORDER BY r.account_id, r.router, r.pool, r.route_key LIMIT $6"
        )
        .settled();
        let (account, router, pool, last) = after.map_or(("", "", "", ""), |it| {
            (it.account.as_str(), it.place.router.as_str(), it.place.pool.as_str(), it.key.as_str())
        });
        let values = args![json_ids(accounts)?, account, router, pool, last, limit];
        let found: Vec<(String, String, String, String)> = self.rows(sql, values).await?;
        let read = |(account, router, pool, text)| {
            let account = AccountId::parse(account).map_err(StoreError::corrupt)?;
            Ok(SeenKey { account, place: place(router, pool)?, key: key(text)? })
        };
        found.into_iter().map(read).collect()
    }
}
