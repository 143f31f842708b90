//! How fast a clean-up with a ledger can be at all: the rows that a bulk clean-up left behind are put into an empty database of
//! the same schema, once, as they are in the end, by `INSERT … SELECT` in one transaction. Nothing is planned, no router is
//! asked, nothing is hashed, and no row is written a second time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sqlx::SqliteConnection;

use crate::{Outcome, world::World};

/// What a clean-up writes that is no session and no route. The list of the bulk clean-up is not among it: that is frozen before
/// it begins.
const LEDGER: [&str; 4] = [
    "cleanups SELECT * FROM s.cleanups WHERE id IN (SELECT cleanup_id FROM s.bulk_accounts)",
    "cleanup_steps SELECT * FROM s.cleanup_steps WHERE cleanup_id IN (SELECT cleanup_id FROM s.bulk_accounts)",
    "watches SELECT * FROM s.watches WHERE cleanup_id IN (SELECT cleanup_id FROM s.bulk_accounts)",
    "audit_events SELECT * FROM s.audit_events WHERE action IN ('cleanup.requested', 'cleanup.done')",
];

/// Rows of the ledger that the bulk clean-up in the database `file` left behind, and how long they take to be written.
pub async fn ledger(file: &Path) -> Outcome<(u64, Duration)> {
    let (store, folder) = World::empty("floor").await?;
    store.close().await;
    let pool = World::bare(&folder.join("unstick.db")).await?;
    let mut one = pool.acquire().await?;
    // What the rows refer to stays where it is.
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *one).await?;
    sqlx::query("ATTACH $1 AS s").bind(file.to_str().ok_or("a path that is no text")?).execute(&mut *one).await?;
    // The first time reads the source into memory, and is undone.
    write(&mut one, "ROLLBACK").await?;
    let written = write(&mut one, "COMMIT").await?;
    drop(one);
    pool.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(written)
}

async fn write(one: &mut SqliteConnection, end: &'static str) -> Outcome<(u64, Duration)> {
    let (mut rows, started) = (0, Instant::now());
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *one).await?;
    for rest in LEDGER {
        let sql = format!("INSERT INTO main.{rest}");
        rows += sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *one).await?.rows_affected();
    }
    sqlx::query(end).execute(&mut *one).await?;
    Ok((rows, started.elapsed()))
}
