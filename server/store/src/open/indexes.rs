//! Indexes that are made after a load, at once, instead of with each of its rows: rows come in the order of accounts, and
//! an index by another order has most of its pages written anew by every transaction (15.7 GB in the first 80 of 144 seconds
//! that 3.8 million rows took, for a file of 1.2 GB).

use sqlx::{Connection, SqliteConnection, SqlitePool};

use crate::{Result, StoreError};

/// Those that no load reads or checks. A search beside it takes longer for that while.
const DEFERRED: &str = "('accounts_by_email', 'accounts_by_name', 'sessions_by_ip', 'sessions_cleaned', \
                        'embedded_pins_by_expiry', 'route_changes_by_time')";

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

/// What is sorted in one go for an index, in KiB: as much as SQLite keeps of the file. Sorting 64 MB at a time takes two
/// thirds of the time that 512 MB at a time do (16 and 22 s for the addresses of eleven million sessions), and a second
/// thread a third less of that.
const SORTED_KIB: i64 = 64 * 1024;

/// Makes every index that a load put off, each in a transaction of its own.
pub(crate) async fn make(writer: &SqlitePool) -> Result<()> {
    let mut conn = writer.acquire().await?;
    let deferred = deferred(&mut conn).await?;
    if deferred.is_empty() {
        return Ok(());
    }
    let kept: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(&mut *conn).await?;
    set(&mut conn, "cache_size", -SORTED_KIB).await?;
    set(&mut conn, "threads", 1).await?;
    let made = make_each(&mut conn, deferred).await;
    set(&mut conn, "threads", 0).await?;
    set(&mut conn, "cache_size", kept).await?;
    made
}

async fn set(conn: &mut SqliteConnection, pragma: &str, value: i64) -> Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma} = {value}"))).execute(conn).await?;
    Ok(())
}

async fn make_each(conn: &mut SqliteConnection, deferred: Vec<(String, String)>) -> Result<()> {
    for (name, sql) in deferred {
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
