//! A clean-up moves on: by its worker under a lease, or by a person who asks to try again.

use domain::{Cleanup, CleanupId, Instant, Step, view::StepCounts};

use super::{Lease, steps::counted};
use crate::{
    Result, StoreError, Tx,
    sql::{args, sql},
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
        let sql = sql!(
            "UPDATE cleanups SET status = $3, next_at = $4, finished_at = $5, lease_until = $6, \
             lease_holder = CASE WHEN $6 IS NULL THEN NULL ELSE lease_holder END, \
             steps_verified = $7, steps_owed = $8, steps_failed = $9 \
             WHERE id = $1 AND lease_token = $2 AND lease_holder IS NOT NULL AND finished_at IS NULL"
        );
        let (mut ours, mut fenced) = (Vec::with_capacity(all.len()), Vec::new());
        for (place, moved) in all.iter().enumerate() {
            let (cleanup, counts) = (moved.cleanup, counted(moved.steps));
            let values = args![
                &moved.lease.cleanup,
                moved.lease.token,
                cleanup.status.as_str(),
                cleanup.next_at,
                cleanup.finished_at,
                moved.until,
                counts.verified,
                counts.owed,
                counts.failed
            ];
            if self.exec(sql.clone(), values).await? == 1 {
                ours.push(moved);
            } else {
                fenced.push(place);
            }
        }
        let mut steps = Vec::new();
        for moved in ours {
            steps.extend(moved.changed.iter().map(|step| (&moved.lease.cleanup, step)));
        }
        self.update_steps(&steps).await?;
        Ok(fenced)
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
