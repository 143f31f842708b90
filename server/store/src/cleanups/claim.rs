//! Leases: who works on a clean-up, until when.

use domain::{CleanupId, Instant};

use crate::{
    Engine, Result, Store, StoreError, Tx,
    sql::{args, cells, json, rows, sql},
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
        let sql = sql!(
            "UPDATE cleanups SET lease_holder = $2, lease_token = lease_token + 1, lease_until = $4 \
             WHERE id = $1 AND finished_at IS NULL AND (lease_until IS NULL OR lease_until <= $3) RETURNING lease_token"
        );
        let claimed: Option<(i64,)> = self.conn().returned(sql, args![id, holder, now, until]).await?;
        Ok(claimed.map(|(token,)| Lease { cleanup: id.clone(), token, until }))
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

/// How many clean-ups a worker takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Single ones.
    pub single: u32,
    /// Those of bulk clean-ups.
    pub behind: u32,
}

/// A clean-up that a worker took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The right to work on it.
    pub lease: Lease,
    /// Whether it is one of a bulk clean-up.
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

    /// Claims for `holder` until `until` what [`Self::due_cleanups`] would say, those that wait longest, in one statement that
    /// is its own transaction. What somebody else is claiming at this moment is left to them.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_due(&self, holder: &str, now: Instant, until: Instant, most: Most) -> Result<Vec<Taken>> {
        // SQLite has one writer: it is not asked for where there is nothing to write. Single ones come first.
        if self.engine() == Engine::Sqlite {
            let first = self.due_cleanups(now, 1).await?.pop();
            if first.is_none_or(|due| due.behind && most.behind == 0) {
                return Ok(Vec::new());
            }
        }
        let sql = sql!(
            "UPDATE cleanups SET lease_holder = $1, lease_token = lease_token + 1, lease_until = $3 WHERE id",
            found,
            "SELECT id FROM (SELECT id FROM cleanups WHERE finished_at IS NULL AND status <> 'needs_attention' \
             AND rank = 0 AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) ORDER BY next_at, id LIMIT $4",
            lock_free,
            ") AS single UNION ALL SELECT id FROM (\
             SELECT id FROM cleanups WHERE finished_at IS NULL AND status <> 'needs_attention' \
             AND rank > 0 AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) ORDER BY rank, next_at, id LIMIT $5",
            lock_free,
            ") AS behind",
            end_found,
            " RETURNING id, lease_token, rank, steps_total"
        );
        let found: Vec<(String, i64, i64, i64)> =
            self.all_returned(sql, args![holder, now, until, most.single, most.behind]).await?;
        let claimed = |(id, token, rank, steps): (String, i64, i64, i64)| {
            let cleanup = CleanupId::parse(id).map_err(StoreError::corrupt)?;
            Ok(Taken { lease: Lease { cleanup, token, until }, behind: rank > 0, steps })
        };
        found.into_iter().map(claimed).collect()
    }

    /// Gives back what was claimed and not begun, so that it need not wait until its lease runs out.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn unclaim(&self, leases: &[Lease]) -> Result<()> {
        let sql = sql!(
            "UPDATE cleanups SET lease_holder = NULL, lease_until = NULL FROM (SELECT value ->> 0 AS cleanup, \
             CAST(value ->> 1 AS BIGINT) AS token FROM ",
            each,
            ") AS i WHERE cleanups.id = i.cleanup AND cleanups.lease_token = i.token AND cleanups.finished_at IS NULL \
             RETURNING id"
        );
        let rows: Vec<_> = leases.iter().map(|lease| cells![&lease.cleanup, lease.token]).collect();
        self.all_returned::<(String,)>(sql, args![json(&rows)?]).await.map(|_| ())
    }
}
