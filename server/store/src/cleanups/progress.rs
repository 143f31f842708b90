//! A clean-up moves on: by its worker under a lease, or by a person who asks to try again.

use std::collections::HashSet;

use domain::{Cleanup, CleanupId, Instant, Step, view::StepCounts};

use super::{Lease, steps::counted};
use crate::{
    Engine, Result, StoreError, Tx,
    sql::{Arg, args, cells, json, json_ids, sql},
};

/// How far a clean-up is, to be written by the worker that has its lease.
#[derive(Debug, Clone)]
pub struct Moved<'a> {
    /// The lease.
    pub lease: &'a Lease,
    /// The lease's new end; `None` gives it back.
    pub until: Option<Instant>,
    /// Its status and times.
    pub cleanup: &'a Cleanup,
    /// All of its steps, as they are by now.
    pub steps: &'a [Step],
    /// Those of them that changed.
    pub changed: &'a [Step],
}

impl Tx {
    /// Writes how far clean-ups are. Returns the places in `all` of those whose lease is not ours any more: of them nothing
    /// was written.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_progress(&mut self, all: &[Moved<'_>]) -> Result<Vec<usize>> {
        self.lock_cleanups(all.iter().map(|moved| &moved.lease.cleanup)).await?;
        let sql = sql!(
            "UPDATE cleanups SET status = i.to_status, next_at = i.to_next, finished_at = i.to_finished, \
             lease_until = i.to_until, \
             lease_holder = CASE WHEN i.to_until IS NULL THEN NULL ELSE cleanups.lease_holder END, \
             steps_verified = i.verified, steps_owed = i.owed, steps_failed = i.failed \
             FROM (SELECT value ->> 0 AS cleanup, CAST(value ->> 1 AS BIGINT) AS token, value ->> 2 AS to_status, \
             CAST(value ->> 3 AS BIGINT) AS to_next, CAST(value ->> 4 AS BIGINT) AS to_finished, \
             CAST(value ->> 5 AS BIGINT) AS to_until, CAST(value ->> 6 AS BIGINT) AS verified, \
             CAST(value ->> 7 AS BIGINT) AS owed, CAST(value ->> 8 AS BIGINT) AS failed FROM ",
            each,
            ") AS i WHERE cleanups.id = i.cleanup AND cleanups.lease_token = i.token \
             AND cleanups.lease_holder IS NOT NULL AND cleanups.finished_at IS NULL RETURNING id"
        );
        let values: Vec<_> = all.iter().map(row).collect();
        let ours: Vec<(String,)> = self.conn().all_returned(sql, args![json(&values)?]).await?;
        let ours: HashSet<&str> = ours.iter().map(|(id,)| id.as_str()).collect();
        let is_ours = |moved: &Moved<'_>| ours.contains(moved.lease.cleanup.as_str());
        let mut steps = Vec::new();
        for moved in all.iter().filter(|moved| is_ours(moved)) {
            steps.extend(moved.changed.iter().map(|step| (&moved.lease.cleanup, step)));
        }
        self.update_steps(&steps).await?;
        Ok((0..all.len()).filter(|place| !is_ours(&all[*place])).collect())
    }

    /// Locks clean-ups until the transaction ends, in the order of their ids, so that two who write many never wait for each
    /// other. SQLite has one writer at a time: nothing to do there.
    async fn lock_cleanups<'a>(&mut self, ids: impl Iterator<Item = &'a CleanupId>) -> Result<()> {
        if self.engine() == Engine::Postgres {
            let sql = sql!("SELECT id FROM cleanups WHERE id", among, " ORDER BY id", lock);
            self.exec(sql, args![json_ids(ids)?]).await?;
        }
        Ok(())
    }

    /// Puts a clean-up that needs attention or is owed back to work, with `steps` as they should be tried again. Whoever
    /// held a lease of it lost it. Returns whether it was one of those.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn retry_cleanup(&mut self, id: &CleanupId, steps: &[Step], now: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE cleanups SET status = 'running', next_at = $2, lease_holder = NULL, lease_until = NULL, \
             lease_token = lease_token + 1 \
             WHERE id = $1 AND finished_at IS NULL AND status IN ('needs_attention', 'owed')"
        );
        if self.exec(sql, args![id, now]).await? != 1 {
            return Ok(false);
        }
        self.move_steps(id, steps).await?;
        Ok(true)
    }

    /// Writes steps, and what that changes in the clean-up's counts. The row of the clean-up is ours by now.
    pub(super) async fn move_steps(&mut self, id: &CleanupId, steps: &[Step]) -> Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        let stored = self.stored_steps(id, steps).await?;
        if stored.len() != steps.len() {
            return Err(StoreError::corrupt("a step is gone"));
        }
        let before = counted(&stored);
        let all: Vec<_> = steps.iter().map(|step| (id, step)).collect();
        self.update_steps(&all).await?;
        let after = counted(steps);
        let change = |of: fn(&StepCounts) -> i64| of(&after) - of(&before);
        let (verified, owed, failed) = (change(|c| c.verified), change(|c| c.owed), change(|c| c.failed));
        if (verified, owed, failed) == (0, 0, 0) {
            return Ok(());
        }
        let sql = sql!(
            "UPDATE cleanups SET steps_verified = steps_verified + $2, steps_owed = steps_owed + $3, \
             steps_failed = steps_failed + $4 WHERE id = $1"
        );
        self.exec(sql, args![id, verified, owed, failed]).await.map(|_| ())
    }
}

fn row<'a>(moved: &'a Moved<'_>) -> [Arg<'a>; 9] {
    let (cleanup, counts) = (moved.cleanup, counted(moved.steps));
    cells![
        &moved.lease.cleanup,
        moved.lease.token,
        cleanup.status.as_str(),
        cleanup.next_at,
        cleanup.finished_at,
        moved.until,
        counts.verified,
        counts.owed,
        counts.failed,
    ]
}
