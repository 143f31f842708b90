//! History past its time goes, a bounded piece at a time.

use std::collections::BTreeMap;

use domain::Instant;

use super::counters::lock_accounts;
use crate::{
    Result, StoreError, Tx,
    sql::{args, cells, json, json_ids, rows, sql},
};

impl Tx {
    /// Deletes at most `limit` sessions that were cleaned before `cleaned_before`, and as many changes of routes from
    /// before then. Returns the larger of the two numbers: below `limit`, nothing is left to do.
    ///
    /// # Errors
    /// `Raced` when another process purges at this moment; else when the database could not.
    pub async fn purge_history(&mut self, cleaned_before: Instant, limit: u32) -> Result<i64> {
        let sql = rows!(
            "account_id, created_at, id",
            "FROM sessions WHERE cleaned_at IS NOT NULL AND cleaned_at < $1 ORDER BY cleaned_at LIMIT $2"
        );
        let old: Vec<(String, i64, String)> = self.rows(sql, args![cleaned_before, limit]).await?;
        if !old.is_empty() {
            self.purge_sessions(&old).await?;
        }
        let sql = sql!(
            "DELETE FROM route_changes WHERE (account_id, at, router, pool, route_key) IN \
             (SELECT account_id, at, router, pool, route_key FROM route_changes WHERE at < $1 ORDER BY at LIMIT $2)"
        );
        let changes = self.exec(sql, args![cleaned_before, limit]).await?;
        Ok(changes.max(i64::try_from(old.len()).unwrap_or(i64::MAX)))
    }

    async fn purge_sessions(&mut self, old: &[(String, i64, String)]) -> Result<()> {
        let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
        for (account, ..) in old {
            *counts.entry(account).or_default() += 1;
        }
        lock_accounts(self, &json_ids(counts.keys().copied())?).await?;
        let keys: Vec<_> = old.iter().map(|(account, created_at, id)| cells![account, *created_at, id]).collect();
        let sql = sql!(
            "DELETE FROM sessions WHERE (account_id, created_at, id) IN \
             (SELECT value ->> 0, CAST(value ->> 1 AS BIGINT), value ->> 2 FROM ",
            each,
            ")"
        );
        let deleted = self.exec(sql, args![json(&keys)?]).await?;
        if usize::try_from(deleted) != Ok(old.len()) {
            return Err(StoreError::Raced);
        }
        let rows: Vec<_> = counts.iter().map(|(account, count)| cells![*account, *count]).collect();
        let sql = sql!(
            "UPDATE accounts SET total_sessions = accounts.total_sessions - i.n \
             FROM (SELECT value ->> 0 AS id, CAST(value ->> 1 AS BIGINT) AS n FROM ",
            each,
            ") AS i \
             WHERE accounts.id = i.id"
        );
        self.exec(sql, args![json(&rows)?]).await.map(|_| ())
    }
}
