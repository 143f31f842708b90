//! What waits for routers that do not answer.

use domain::{AccountId, CleanupId, Instant, OwedStep, RouterName};
use serde::Deserialize;

use super::steps::StepRecord;
use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{args, rows, sql},
};

/// A step that waits, with its clean-up.
#[derive(Deserialize)]
struct OwedRecord {
    cleanup_id: String,
    account_id: String,
    requested_at: i64,
    no: i64,
    kind: String,
    router: Option<String>,
    pool: Option<String>,
    scope: Option<String>,
    route_key: Option<String>,
    session_id: Option<String>,
    must_vanish: i64,
    stage: String,
    attempts: i64,
    next_at: i64,
    trouble: Option<String>,
    trouble_text: Option<String>,
    had: Option<String>,
    now_on: Option<String>,
    cleared_at: Option<i64>,
    cleared_again_at: Option<i64>,
    verified_at: Option<i64>,
}

impl TryFrom<OwedRecord> for OwedStep {
    type Error = StoreError;

    fn try_from(record: OwedRecord) -> Result<Self> {
        let step = StepRecord {
            cleanup_id: record.cleanup_id.clone(),
            no: record.no,
            kind: record.kind,
            router: record.router,
            pool: record.pool,
            scope: record.scope,
            route_key: record.route_key,
            session_id: record.session_id,
            must_vanish: record.must_vanish,
            stage: record.stage,
            attempts: record.attempts,
            next_at: record.next_at,
            trouble: record.trouble,
            trouble_text: record.trouble_text,
            had: record.had,
            now_on: record.now_on,
            cleared_at: record.cleared_at,
            cleared_again_at: record.cleared_again_at,
            verified_at: record.verified_at,
        };
        Ok(Self {
            cleanup: CleanupId::parse(record.cleanup_id).map_err(StoreError::corrupt)?,
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            asked_at: Instant::from_micros(record.requested_at),
            step: step.try_into()?,
        })
    }
}

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

    /// At most `limit` steps that wait for a router, those of the oldest clean-ups first. The clean-ups are found by an
    /// index of their own, so that many steps of many clean-ups cost no more than those that are shown.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn owed_steps(&self, limit: u32) -> Result<Vec<OwedStep>> {
        let sql = rows!(
            "cleanup_id, account_id, requested_at, no, kind, router, pool, scope, route_key, session_id, must_vanish, \
             stage, attempts, next_at, trouble, trouble_text, had, now_on, cleared_at, cleared_again_at, verified_at" as
            "SELECT c.id AS cleanup_id, c.account_id, c.requested_at, s.no, s.kind, s.router, s.pool, s.scope, \
             s.route_key, s.session_id, s.must_vanish, s.stage, s.attempts, s.next_at, s.trouble, s.trouble_text, s.had, \
             s.now_on, s.cleared_at, s.cleared_again_at, s.verified_at \
             FROM (SELECT id, account_id, requested_at FROM cleanups WHERE finished_at IS NULL AND steps_owed > 0 \
             ORDER BY requested_at, id LIMIT $1) AS c \
             JOIN cleanup_steps AS s ON s.cleanup_id = c.id \
             WHERE s.trouble = 'unreachable' AND s.stage <> 'verified' AND s.router IS NOT NULL \
             ORDER BY c.requested_at, c.id, s.no LIMIT $1"
        );
        all(self.rows::<OwedRecord>(sql, args![limit]).await?)
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
