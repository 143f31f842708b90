//! Servers as they were last read, with the window that tells how they are doing.

use domain::{Counters, Health, HealthWindow, Instant, Place, ServerName, ServerStatus};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    routes::place,
    sql::{Arg, args, cells, json, json_ids, rows, sql},
};

/// A server, and what is needed to carry its window on.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerRecord {
    /// As a person sees it.
    pub status: ServerStatus,
    /// Its window.
    pub window: HealthWindow,
}

/// The piece `server` as a row.
#[derive(Deserialize)]
struct Record {
    router: String,
    pool: String,
    name: String,
    health: String,
    failing: i64,
    error_permille: Option<i64>,
    response_ms: Option<i64>,
    since: i64,
    read_at: i64,
    pinned: Option<i64>,
    window_requests: f64,
    window_errors: f64,
    seen_requests: i64,
    seen_errors: i64,
    seen_response_ms: i64,
    seen_at: Option<i64>,
}

impl TryFrom<Record> for ServerRecord {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        let status = ServerStatus {
            place: place(record.router, record.pool)?,
            name: ServerName::parse(record.name).map_err(StoreError::corrupt)?,
            health: health(&record.health)?,
            failing: record.failing != 0,
            error_permille: record.error_permille.map(small),
            response_ms: record.response_ms.map(small),
            since: Instant::from_micros(record.since),
            read_at: Instant::from_micros(record.read_at),
            pinned: record.pinned,
        };
        let seen = counters(record.seen_requests, record.seen_errors, record.seen_response_ms);
        let at = record.seen_at.map(Instant::from_micros);
        let window = HealthWindow { requests: record.window_requests, errors: record.window_errors, seen, at };
        Ok(Self { status, window })
    }
}

/// Health from its word.
pub(crate) fn health(word: &str) -> Result<Health> {
    Health::parse(word).ok_or_else(|| StoreError::corrupt("a server's health is no known word"))
}

/// Counters from their columns.
pub(crate) fn counters(requests: i64, errors: i64, response_ms: i64) -> Counters {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Counters { requests: count(requests), errors: count(errors), response_ms: small(response_ms) }
}

/// A counter as a column: those that do not fit have been wrong for a while.
pub(crate) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn small(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(if n < 0 { 0 } else { u32::MAX })
}

impl Tx {
    /// Keeps servers as they were just read.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_servers(&mut self, items: &[ServerRecord]) -> Result<()> {
        let sql = sql!(
            "INSERT INTO servers (",
            server,
            ") SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS BIGINT), \
             CAST(value ->> 7 AS BIGINT), CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT), \
             CAST(value ->> 10 AS DOUBLE PRECISION), CAST(value ->> 11 AS DOUBLE PRECISION), \
             CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT), CAST(value ->> 14 AS BIGINT), \
             CAST(value ->> 15 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (router, pool, name) DO UPDATE SET health = excluded.health, failing = excluded.failing, \
             error_permille = excluded.error_permille, response_ms = excluded.response_ms, since = excluded.since, \
             read_at = excluded.read_at, pinned = excluded.pinned, window_requests = excluded.window_requests, \
             window_errors = excluded.window_errors, seen_requests = excluded.seen_requests, \
             seen_errors = excluded.seen_errors, seen_response_ms = excluded.seen_response_ms, \
             seen_at = excluded.seen_at"
        );
        // In the order of names, so that two observers do not wait for each other.
        let mut items: Vec<&ServerRecord> = items.iter().collect();
        items.sort_by_key(|item| (&item.status.place, &item.status.name));
        items.dedup_by_key(|item| (&item.status.place, &item.status.name));
        self.exec(sql, args![json(&items.into_iter().map(row).collect::<Vec<_>>())?]).await.map(|_| ())
    }

    /// Forgets the servers at `place` except `keep`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn forget_servers(&mut self, place: &Place, keep: &[ServerName]) -> Result<()> {
        let sql =
            sql!("DELETE FROM servers WHERE router = $2 AND pool = $3 AND name NOT IN (SELECT value FROM ", list, ")");
        self.exec(sql, args![json_ids(keep)?, &place.router, &place.pool]).await.map(|_| ())
    }
}

impl Store {
    /// Every server, by place and name. As many as the routers' configurations name.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn servers(&self) -> Result<Vec<ServerRecord>> {
        let sql = rows!(server, "FROM servers ORDER BY router, pool, name").settled();
        all(self.rows::<Record>(sql, &[]).await?)
    }
}

fn row(item: &ServerRecord) -> [Arg<'_>; 16] {
    let ServerRecord { status, window } = item;
    cells![
        &status.place.router,
        &status.place.pool,
        &status.name,
        status.health.as_str(),
        i64::from(status.failing),
        status.error_permille.map(i64::from),
        status.response_ms.map(i64::from),
        status.since,
        status.read_at,
        status.pinned,
        window.requests,
        window.errors,
        count(window.seen.requests),
        count(window.seen.errors),
        i64::from(window.seen.response_ms),
        window.at,
    ]
}
