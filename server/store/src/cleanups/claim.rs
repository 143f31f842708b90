//! Leases: who works on a clean-up, until when.

use domain::{CleanupId, Instant};

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, json_ids, rows, sql},
};

/// The right to work on a clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which.
    pub cleanup: CleanupId,
    /// Which claim of it this is: grows by one each time.
    pub token: i64,
    /// Until when nobody else may claim it.
    pub until: Instant,
}

impl Tx {
    /// Claims a clean-up for `holder` until `until`; `None` when it is finished, not there, or under a lease that has not
    /// run out at `now` (whoever has it: two workers of one process are two workers).
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_cleanup(
        &mut self,
        id: &CleanupId,
        holder: &str,
        now: Instant,
        until: Instant,
    ) -> Result<Option<Lease>> {
        Ok(self.claim_cleanups(std::slice::from_ref(id), holder, now, until).await?.pop())
    }

    /// The same for many, in one statement; a clean-up that somebody else is claiming at this moment is left to them.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_cleanups(
        &mut self,
        ids: &[CleanupId],
        holder: &str,
        now: Instant,
        until: Instant,
    ) -> Result<Vec<Lease>> {
        let sql = sql!(
            "UPDATE cleanups SET lease_holder = $2, lease_token = lease_token + 1, lease_until = $4 \
             WHERE id IN (SELECT id FROM cleanups WHERE id IN (SELECT value FROM ",
            list,
            ") AND finished_at IS NULL AND (lease_until IS NULL OR lease_until <= $3) ORDER BY id",
            lock_free,
            ") RETURNING id, lease_token"
        );
        let claimed: Vec<(String, i64)> =
            self.conn().all_returned(sql, args![json_ids(ids)?, holder, now, until]).await?;
        let lease =
            |(id, token)| Ok(Lease { cleanup: CleanupId::parse(id).map_err(StoreError::corrupt)?, token, until });
        claimed.into_iter().map(lease).collect()
    }
}

/// A clean-up that wants a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: CleanupId,
    /// Whether it is one of a bulk clean-up: it stands behind the others, and is worked on together with its like.
    pub behind: bool,
    /// How many steps it has.
    pub steps: i64,
}

impl Store {
    /// At most `limit` unfinished clean-ups that want a worker at `now`, single ones before those of bulk clean-ups, and the one
    /// that waits longest first. Those that need a person are not among them.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn due_cleanups(&self, now: Instant, limit: u32) -> Result<Vec<Due>> {
        let sql = rows!(
            "id, rank, steps_total",
            "FROM cleanups WHERE finished_at IS NULL AND status <> 'needs_attention' AND next_at <= $1 \
             AND (lease_until IS NULL OR lease_until <= $1) ORDER BY rank, next_at, id LIMIT $2"
        );
        let found: Vec<(String, i64, i64)> = self.rows(sql, args![now, limit]).await?;
        let due = |(id, rank, steps): (String, i64, i64)| {
            Ok(Due { id: CleanupId::parse(id).map_err(StoreError::corrupt)?, behind: rank > 0, steps })
        };
        found.into_iter().map(due).collect()
    }
}
