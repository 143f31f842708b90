//! The record of an ended session is cleaned: marked, not deleted (facts/performance.md §0.5), so its history stays. And
//! live sessions are revoked, the same way: those of any number of accounts in one statement.

use std::collections::BTreeMap;

use domain::{AccountId, Instant, SessionId};

use super::{Deltas, counters::lock_accounts};
use crate::{
    Result, StoreError, Tx,
    sql::{Sql, args, cells, json, json_ids, sql},
};

/// Sessions of one account.
pub type SessionsOf<'a> = (&'a AccountId, &'a [SessionId]);

impl Tx {
    /// Cleans those of `ids` that are ended sessions of `account`. Returns how many that were; a second time, none.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clean_sessions(&mut self, account: &AccountId, ids: &[SessionId], now: Instant) -> Result<i64> {
        self.clean_all(&[(account, ids)], now).await
    }

    /// The same for many accounts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clean_all(&mut self, all: &[SessionsOf<'_>], now: Instant) -> Result<i64> {
        let sql = sql!(
            "UPDATE sessions SET cleaned_at = $2 FROM (SELECT value ->> 0 AS own, value ->> 1 AS session FROM ",
            each,
            ") AS i WHERE sessions.id = i.session AND sessions.account_id = i.own AND sessions.ended_at IS NOT NULL \
             AND sessions.cleaned_at IS NULL RETURNING account_id"
        );
        self.mark(sql, all, now, Deltas::cleaned).await
    }

    /// Ends those of `ids` that are live sessions of `account`, as revoked. Returns how many that were.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_sessions(&mut self, account: &AccountId, ids: &[SessionId], now: Instant) -> Result<i64> {
        self.revoke_all(&[(account, ids)], now).await
    }

    /// The same for many accounts.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn revoke_all(&mut self, all: &[SessionsOf<'_>], now: Instant) -> Result<i64> {
        let sql = sql!(
            "UPDATE sessions SET ended_at = $2, end_reason = 'revoked' \
             FROM (SELECT value ->> 0 AS own, value ->> 1 AS session FROM ",
            each,
            ") AS i WHERE sessions.id = i.session AND sessions.account_id = i.own AND sessions.ended_at IS NULL \
             RETURNING account_id"
        );
        self.mark(sql, all, now, Deltas::ended).await
    }

    /// Executes `sql`, which answers the account of each session that it changed, and counts that on the accounts.
    async fn mark(
        &mut self,
        sql: Sql,
        all: &[SessionsOf<'_>],
        now: Instant,
        count: fn(&mut Deltas, &AccountId, i64),
    ) -> Result<i64> {
        let pairs: Vec<_> = all.iter().flat_map(|(own, ids)| ids.iter().map(move |id| cells![*own, id])).collect();
        if pairs.is_empty() {
            return Ok(0);
        }
        lock_accounts(self, &json_ids(all.iter().map(|(own, _)| *own))?).await?;
        let changed: Vec<(String,)> = self.conn().all_returned(sql, args![json(&pairs)?, now]).await?;
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for (own,) in &changed {
            *counts.entry(own.as_str()).or_default() += 1;
        }
        let mut deltas = Deltas::default();
        for (own, n) in counts {
            count(&mut deltas, &AccountId::parse(own).map_err(StoreError::corrupt)?, n);
        }
        deltas.write(self).await?;
        i64::try_from(changed.len()).map_err(StoreError::corrupt)
    }
}
