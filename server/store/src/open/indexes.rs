//! Indexes that are made after a load, at once, instead of with each of its rows: rows come in the order of accounts, and
//! an index by another order has most of its pages written anew by every transaction (15.7 GB in the first 80 of 144 seconds
//! that 3.8 million rows took, for a file of 1.2 GB).

use sqlx::{Connection, SqliteConnection, SqlitePool};

use crate::{Result, StoreError};

/// Those that nothing reads or checks while rows are loaded.
const DEFERRED: &str = "('sessions_by_ip', 'sessions_cleaned', 'embedded_pins_by_expiry', 'route_changes_by_time')";

/// Takes the indexes away that are in the way of a load, if there are no sessions yet; returns whether it did. The caller
/// has them made again with [`make`]; should it die, whoever opens the file next does.
pub(crate) async fn defer(writer: &SqlitePool) -> Result<bool> {
    let mut conn = writer.acquire().await?;
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    let is_used: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sessions)").fetch_one(&mut *tx).await?;
    if is_used {
        tx.rollback().await?;
        return Ok(false);
    }
    let keep = format!(
        "INSERT INTO deferred_indexes (name, sql) SELECT name, sql FROM sqlite_schema \
         WHERE type = 'index' AND name IN {DEFERRED}"
    );
    sqlx::query(sqlx::AssertSqlSafe(keep)).execute(&mut *tx).await?;
    for (name, _) in deferred(&mut tx).await? {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP INDEX IF EXISTS {name}"))).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Makes every index that a load put off, each in a transaction of its own.
pub(crate) async fn make(writer: &SqlitePool) -> Result<()> {
    let mut conn = writer.acquire().await?;
    for (name, sql) in deferred(&mut conn).await? {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        // Two who open the file at once both want to make it: the row tells who was first.
        let mine = sqlx::query("DELETE FROM deferred_indexes WHERE name = $1").bind(&name).execute(&mut *tx).await?;
        if mine.rows_affected() > 0 {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn deferred(conn: &mut SqliteConnection) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query_as("SELECT name, sql FROM deferred_indexes ORDER BY name");
    rows.fetch_all(conn).await.map_err(StoreError::from)
}
