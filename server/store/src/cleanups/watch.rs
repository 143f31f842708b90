//! Watches over clean-ups that are done, and what came back.
//!
//! Whoever looks moves `next_at` on first, and names that value when writing what was seen: of two who look at once, one
//! writes.

use domain::{CleanupId, Instant, Return, RouteKey, RouterName, ServerName, Span, Step, Watch, Way};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    routes::{place, scope},
    sql::{args, cells, json, json_ids, rows, sql},
};

/// What is known to have come back is looked at before what only might have: it is that much longer due.
const FIRST: Span = Span::from_secs(60);

#[derive(Deserialize)]
struct WatchRecord {
    since: i64,
    until: i64,
    next_at: Option<i64>,
    looked_at: Option<i64>,
    looks: i64,
    lifted: i64,
    unread: String,
}

impl TryFrom<WatchRecord> for Watch {
    type Error = StoreError;

    fn try_from(record: WatchRecord) -> Result<Self> {
        let names = record.unread.split(',').filter(|name| !name.is_empty());
        Ok(Self {
            since: Instant::from_micros(record.since),
            until: Instant::from_micros(record.until),
            next_at: record.next_at.map(Instant::from_micros),
            looked_at: record.looked_at.map(Instant::from_micros),
            looks: record.looks,
            lifted: record.lifted != 0,
            unread: names.map(RouterName::parse).collect::<std::result::Result<_, _>>().map_err(StoreError::corrupt)?,
        })
    }
}

#[derive(Deserialize)]
struct ReturnRecord {
    at: i64,
    step: i64,
    router: String,
    pool: String,
    scope: String,
    route_key: String,
    server: Option<String>,
    way: String,
}

impl TryFrom<ReturnRecord> for Return {
    type Error = StoreError;

    fn try_from(record: ReturnRecord) -> Result<Self> {
        Ok(Self {
            at: Instant::from_micros(record.at),
            step: record.step,
            place: place(record.router, record.pool)?,
            scope: scope(&record.scope)?,
            key: RouteKey::parse(record.route_key).map_err(StoreError::corrupt)?,
            server: record.server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?,
            way: Way::parse(&record.way).ok_or_else(|| StoreError::corrupt("a return came in an unknown way"))?,
        })
    }
}

/// The names as one text: a router's name has no comma.
fn unread(watch: &Watch) -> String {
    watch.unread.iter().map(RouterName::as_str).collect::<Vec<_>>().join(",")
}

impl Tx {
    /// Begins the watch over a clean-up, or begins it anew.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn begin_watch(&mut self, id: &CleanupId, watch: &Watch) -> Result<()> {
        self.begin_watches(std::slice::from_ref(id), watch).await
    }

    /// Begins the same watch over many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn begin_watches(&mut self, ids: &[CleanupId], watch: &Watch) -> Result<()> {
        let sql = sql!(
            "INSERT INTO watches (cleanup_id, since, until, next_at, looked_at, looks, lifted, unread) \
             SELECT value, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), \
             CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS TEXT) FROM ",
            list,
            any,
            " ON CONFLICT (cleanup_id) DO UPDATE SET since = excluded.since, \
             until = excluded.until, next_at = excluded.next_at, looked_at = excluded.looked_at, \
             looks = excluded.looks, lifted = excluded.lifted, unread = excluded.unread"
        );
        let values = args![
            json_ids(ids)?,
            watch.since,
            watch.until,
            watch.next_at,
            watch.looked_at,
            watch.looks,
            i64::from(watch.lifted),
            unread(watch)
        ];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Takes the look that was due at `due`, so that nobody else looks before `until`. Returns whether it was there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_watch(&mut self, id: &CleanupId, due: Instant, until: Instant) -> Result<bool> {
        let sql = sql!("UPDATE watches SET next_at = $3 WHERE cleanup_id = $1 AND next_at = $2");
        Ok(self.exec(sql, args![id, due, until]).await? == 1)
    }

    /// Writes what a look that was claimed until `claimed` came to. Returns whether the claim still held.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_watch(&mut self, id: &CleanupId, claimed: Instant, watch: &Watch) -> Result<bool> {
        let sql = sql!(
            "UPDATE watches SET until = $8, next_at = $3, looked_at = $4, looks = $5, lifted = $6, unread = $7 \
             WHERE cleanup_id = $1 AND next_at = $2"
        );
        let lifted = i64::from(watch.lifted);
        let values =
            args![id, claimed, watch.next_at, watch.looked_at, watch.looks, lifted, unread(watch), watch.until];
        Ok(self.exec(sql, values).await? == 1)
    }

    /// Has every watch look at `now`: a router restarted. Returns how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn wake_watches(&mut self, now: Instant) -> Result<i64> {
        self.exec(sql!("UPDATE watches SET next_at = $1 WHERE next_at > $1"), args![now]).await
    }

    /// Has the watches over `ids` look at once, before all others that are due at `now`, also those that are over. Returns
    /// how many.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn look_again(&mut self, ids: &[CleanupId], now: Instant) -> Result<i64> {
        let sql = sql!("UPDATE watches SET next_at = $2 WHERE (next_at IS NULL OR next_at > $2) AND cleanup_id", among);
        self.exec(sql, args![json_ids(ids)?, now - FIRST]).await
    }

    /// Puts a clean-up that was done back to work, with `steps` to be done again. Returns whether it did: not when
    /// another one of the same account is under way, which will see what came back for itself.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn reopen_cleanup(&mut self, id: &CleanupId, steps: &[Step], now: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE cleanups SET status = 'running', finished_at = NULL, next_at = $2 \
             WHERE id = $1 AND finished_at IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM cleanups AS o WHERE o.account_id = cleanups.account_id AND o.finished_at IS NULL)"
        );
        if self.exec(sql, args![id, now]).await? != 1 {
            return Ok(false);
        }
        self.move_steps(id, steps).await?;
        Ok(true)
    }

    /// Writes down what came back.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn add_returns(&mut self, id: &CleanupId, found: &[Return]) -> Result<()> {
        let sql = sql!(
            "INSERT INTO returns (cleanup_id, at, step, router, pool, scope, route_key, server, way) \
             SELECT $2, CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4, \
             value ->> 5, value ->> 6, value ->> 7 FROM ",
            each,
            any,
            " ON CONFLICT (cleanup_id, at, step) DO NOTHING"
        );
        let row = |it: &Return| {
            let cells: [_; 8] = cells![
                it.at,
                it.step,
                it.place.router.as_str(),
                it.place.pool.as_str(),
                it.scope.as_str(),
                it.key.as_str(),
                it.server.as_ref().map(ServerName::as_str),
                it.way.as_str()
            ];
            serde_json::to_value(cells)
        };
        let rows: Vec<_> = found.iter().map(row).collect::<std::result::Result<_, _>>().map_err(StoreError::corrupt)?;
        self.exec(sql, args![json(&rows)?, id]).await.map(|_| ())
    }
}

impl Store {
    /// At most `limit` watches that want a look at `now`, with when they wanted it, the one that waits longest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn due_watches(&self, now: Instant, limit: u32) -> Result<Vec<(CleanupId, Instant)>> {
        let sql =
            rows!("cleanup_id, next_at", "FROM watches WHERE next_at <= $1 ORDER BY next_at, cleanup_id LIMIT $2");
        let due: Vec<(String, i64)> = self.rows(sql, args![now, limit]).await?;
        let typed = |(id, at): (String, i64)| {
            Ok((CleanupId::parse(id).map_err(StoreError::corrupt)?, Instant::from_micros(at)))
        };
        due.into_iter().map(typed).collect()
    }

    /// The watch over a clean-up.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn watch(&self, id: &CleanupId) -> Result<Option<Watch>> {
        let sql =
            rows!("since, until, next_at, looked_at, looks, lifted, unread", "FROM watches WHERE cleanup_id = $1");
        self.row::<WatchRecord>(sql, args![id]).await?.map(Watch::try_from).transpose()
    }

    /// At most `limit` of what came back after a clean-up, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn returns(&self, id: &CleanupId, limit: u32) -> Result<Vec<Return>> {
        let sql = rows!(
            "at, step, router, pool, scope, route_key, server, way",
            "FROM returns WHERE cleanup_id = $1 ORDER BY at DESC, step LIMIT $2"
        );
        all(self.rows::<ReturnRecord>(sql, args![id, limit]).await?)
    }
}
