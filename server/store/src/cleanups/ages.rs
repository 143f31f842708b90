//! How many clean-ups are not finished, and since when: for alarms.

use domain::{Instant, view::Unfinished};

use crate::{
    Result, Store,
    sql::{args, rows},
};

impl Store {
    /// Unfinished clean-ups, counted; those that were asked for before `late` count as late.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn unfinished(&self, late: Instant) -> Result<Unfinished> {
        let sql = rows!(
            "running, owed, attention, late, oldest" as
            "SELECT count(CASE WHEN status = 'running' THEN 1 END) AS running, \
             count(CASE WHEN status = 'owed' THEN 1 END) AS owed, \
             count(CASE WHEN status = 'needs_attention' THEN 1 END) AS attention, \
             count(CASE WHEN requested_at < $1 THEN 1 END) AS late, min(requested_at) AS oldest \
             FROM cleanups WHERE finished_at IS NULL"
        );
        let found: Option<(i64, i64, i64, i64, Option<i64>)> = self.row(sql, args![late]).await?;
        let (running, owed, needs_attention, late, oldest) = found.unwrap_or_default();
        Ok(Unfinished { running, owed, needs_attention, late, oldest: oldest.map(Instant::from_micros) })
    }
}
