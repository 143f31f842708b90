//! Clocks are set back. What was to be done «in 5 s» of the old clock would then wait for a day: times further ahead than
//! any wait are brought back to the present.

use domain::Instant;

use crate::{
    Result, Store, Tx,
    sql::{args, rows, sql},
};

impl Store {
    /// Whether any clean-up or watch waits for something after `far`, or a lease ends after `lease_far`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn times_ahead(&self, far: Instant, lease_far: Instant) -> Result<bool> {
        let sql = rows!(
            "n" as
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM cleanups WHERE finished_at IS NULL \
             AND status <> 'needs_attention' AND next_at > $1 LIMIT 1) AS c) \
             + (SELECT count(*) FROM (SELECT 1 FROM cleanups WHERE finished_at IS NULL AND lease_until > $2 LIMIT 1) AS l) \
             + (SELECT count(*) FROM (SELECT 1 FROM watches WHERE next_at > $1 LIMIT 1) AS w) AS n"
        );
        Ok(self.row::<(i64,)>(sql, args![far, lease_far]).await?.is_some_and(|(n,)| n > 0))
    }
}

impl Tx {
    /// Has what waits for something after `far` done at `now`, and watches look at `look`, ends leases that end after `lease_far`, and lets no watch
    /// last beyond `watch_end`. Returns how much was changed.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn mend_times(
        &mut self,
        now: Instant,
        far: Instant,
        lease_far: Instant,
        look: Instant,
        watch_end: Instant,
    ) -> Result<i64> {
        let waits = sql!(
            "UPDATE cleanups SET next_at = $1 WHERE finished_at IS NULL AND status <> 'needs_attention' AND next_at > $2"
        );
        // Whoever holds it may go on until another one claims it.
        let leases = sql!("UPDATE cleanups SET lease_until = $1 WHERE finished_at IS NULL AND lease_until > $2");
        let watches = sql!(
            "UPDATE watches SET next_at = $1, until = CASE WHEN until > $3 THEN $3 ELSE until END WHERE next_at > $2"
        );
        let mut mended = self.exec(waits, args![now, far]).await?;
        mended += self.exec(leases, args![now, lease_far]).await?;
        mended += self.exec(watches, args![look, far, watch_end]).await?;
        Ok(mended)
    }
}
