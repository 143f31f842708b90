//! Clean-ups in lists, newest first.

use domain::{
    AccountId, Cleanup, CleanupId, Instant, Status,
    view::{Page, StepCounts},
};

use super::{CleanupRecord, ListRecord};
use crate::{
    Result, Store, StoreError,
    accounts::all,
    conn::{Cursor, page},
    sql::{args, rows},
};

type Listed = (Cleanup, String, StepCounts);

/// Clean-ups with what their account is called, after a condition on `c`.
macro_rules! listed {
    ($($end:tt),+) => {
        rows!(
            "id, account_id, mode, reason, ticket, actor, plan_hash, status, requested_at, finished_at, next_at, title, \
             steps_total, steps_verified, steps_owed, steps_failed, came_back" as
            "SELECT c.id, c.account_id, c.mode, c.reason, c.ticket, c.actor, c.plan_hash, c.status, c.requested_at, \
             c.finished_at, c.next_at, CASE WHEN a.name <> '' THEN a.name WHEN a.email <> '' THEN a.email \
             ELSE c.account_id END AS title, c.steps_total, c.steps_verified, c.steps_owed, c.steps_failed, \
             (SELECT count(*) FROM returns AS r WHERE r.cleanup_id = c.id) AS came_back \
             FROM cleanups AS c LEFT JOIN accounts AS a ON a.id = c.account_id WHERE ",
            $($end),+
        )
    };
}

impl Store {
    /// At most `limit` clean-ups, those in `status` or all, newest first, after where the page that gave `after` ended.
    ///
    /// # Errors
    /// `Cursor` when `after` is not one; else when the database could not.
    pub async fn cleanups_page(&self, status: Option<Status>, after: Option<&str>, limit: u32) -> Result<Page<Listed>> {
        let newest = Cursor { at: Instant::from_micros(i64::MAX), id: "" };
        let cursor = after.map_or(Ok(newest), Cursor::parse)?;
        let more = limit.saturating_add(1);
        let records: Vec<ListRecord> = match status {
            None => {
                let sql = listed!("(c.requested_at, c.id) < ($1, $2) ORDER BY c.requested_at DESC, c.id DESC LIMIT $3");
                self.rows(sql, args![cursor.at, cursor.id, more]).await?
            }
            Some(status) => {
                let sql = listed!(
                    "c.status = $4 AND (c.requested_at, c.id) < ($1, $2) \
                     ORDER BY c.requested_at DESC, c.id DESC LIMIT $3"
                );
                self.rows(sql, args![cursor.at, cursor.id, more, status.as_str()]).await?
            }
        };
        let next = |(cleanup, ..): &Listed| Cursor::text(cleanup.requested_at, cleanup.id.as_str());
        Ok(page(all(records)?, limit, next))
    }

    /// At most `limit` clean-ups of `account`, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn cleanups_of(&self, account: &AccountId, limit: u32) -> Result<Vec<Listed>> {
        let sql = listed!("c.account_id = $1 ORDER BY c.requested_at DESC, c.id DESC LIMIT $2").settled();
        all(self.rows::<ListRecord>(sql, args![account, limit]).await?)
    }

    /// At most `limit` clean-ups that are done and were asked for since `since`, newest first, with when that was; only those
    /// before `before`, where a page ended.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn done_since(
        &self,
        since: Instant,
        before: Option<&(CleanupId, Instant)>,
        limit: u32,
    ) -> Result<Vec<(CleanupId, Instant)>> {
        let (at, id) = before.map_or((Instant::from_micros(i64::MAX), ""), |(id, at)| (*at, id.as_str()));
        let sql = rows!(
            "id, requested_at",
            "FROM cleanups WHERE status = 'done' AND requested_at >= $1 AND (requested_at, id) < ($2, $3) \
             ORDER BY requested_at DESC, id DESC LIMIT $4"
        );
        let found: Vec<(String, i64)> = self.rows(sql, args![since, at, id, limit]).await?;
        let typed = |(id, at): (String, i64)| {
            Ok((CleanupId::parse(id).map_err(StoreError::corrupt)?, Instant::from_micros(at)))
        };
        found.into_iter().map(typed).collect()
    }

    /// At most `limit` unfinished clean-ups that were asked for before `older_than`, oldest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn stuck_cleanups(&self, older_than: Instant, limit: u32) -> Result<Vec<Cleanup>> {
        let sql = rows!(
            cleanup,
            "FROM cleanups WHERE finished_at IS NULL AND requested_at < $1 ORDER BY requested_at, id LIMIT $2"
        );
        all(self.rows::<CleanupRecord>(sql, args![older_than, limit]).await?)
    }
}
