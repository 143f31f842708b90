//! The record of an ended session is cleaned: marked, not deleted (facts/performance.md §0.5), so its history stays.

use domain::{AccountId, Instant, SessionId};

use super::{Deltas, counters::lock_accounts};
use crate::{
    Result, Tx,
    sql::{args, json_ids, sql},
};

impl Tx {
    /// Cleans those of `ids` that are ended sessions of `account`. Returns how many that were; a second time, none.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clean_sessions(&mut self, account: &AccountId, ids: &[SessionId], now: Instant) -> Result<i64> {
        lock_accounts(self, &json_ids([account])?).await?;
        let sql = sql!(
            "UPDATE sessions SET cleaned_at = $3 WHERE account_id = $2 AND ended_at IS NOT NULL AND cleaned_at IS NULL \
             AND id IN (SELECT value FROM ",
            list,
            ")"
        );
        let cleaned = self.exec(sql, args![json_ids(ids)?, account, now]).await?;
        let mut deltas = Deltas::default();
        deltas.cleaned(account, cleaned);
        deltas.write(self).await?;
        Ok(cleaned)
    }
}
