//! What waits for routers that do not answer.

use domain::{Instant, RouterName};

use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

impl Store {
    /// How many steps wait for each router, where any do.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn owed_by_router(&self) -> Result<Vec<(RouterName, i64)>> {
        let sql = rows!(
            "router, n" as
            "SELECT router, count(*) AS n FROM cleanup_steps \
             WHERE trouble = 'unreachable' AND stage <> 'verified' AND router IS NOT NULL \
             GROUP BY router ORDER BY router"
        );
        let owed: Vec<(String, i64)> = self.rows(sql, &[]).await?;
        let typed = |(router, n): (String, i64)| Ok((RouterName::parse(router).map_err(StoreError::corrupt)?, n));
        owed.into_iter().map(typed).collect()
    }
}

impl Tx {
    /// Has everything that waits for `router` tried at `now`. Returns how many steps that are.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn wake_owed(&mut self, router: &RouterName, now: Instant) -> Result<i64> {
        // The clean-ups first: whoever works on one writes its row before its steps too.
        let sql = sql!(
            "UPDATE cleanups SET next_at = $2 WHERE finished_at IS NULL AND next_at > $2 AND id IN \
             (SELECT cleanup_id FROM cleanup_steps \
             WHERE router = $1 AND trouble = 'unreachable' AND stage <> 'verified')"
        );
        self.exec(sql, args![router, now]).await?;
        let sql = sql!(
            "UPDATE cleanup_steps SET next_at = $2 \
             WHERE router = $1 AND trouble = 'unreachable' AND stage <> 'verified'"
        );
        self.exec(sql, args![router, now]).await
    }
}
