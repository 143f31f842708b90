//! Indexes that are made after a load, at once, instead of with each of its rows: rows come in the order of accounts, and
//! an index by another order has most of its pages written anew by every transaction (15.7 GB in the first 80 of 144 seconds
//! that 3.8 million rows took, for a file of 1.2 GB).

use sqlx::{Connection, PgConnection, PgPool, SqliteConnection, SqlitePool};

use crate::{Result, StoreError, store::Pools};

/// Those that no load reads or checks. A search beside it takes longer for that while.
const DEFERRED: &str = "('accounts_by_email', 'accounts_by_name', 'sessions_by_ip', 'sessions_cleaned', \
                        'embedded_pins_by_expiry', 'route_changes_by_time')";

const IS_USED: &str = "SELECT EXISTS (SELECT 1 FROM sessions)";

/// What is owed, in an order that all who make it have in common.
const OWED: &str = "SELECT name, sql FROM deferred_indexes ORDER BY name";

const PAID: &str = "DELETE FROM deferred_indexes WHERE name = $1";

/// Takes the indexes away that are in the way of a load, if there are no sessions yet; returns whether there are none. The
/// caller has them made again with [`make`]; should it die, whoever opens the database next does.
pub(crate) async fn defer(pools: &Pools) -> Result<bool> {
    match pools {
        Pools::Sqlite { writer, .. } => defer_sqlite(writer).await,
        Pools::Postgres { pool, .. } => {
            if sqlx::query_scalar(IS_USED).fetch_one(pool).await? {
                return Ok(false);
            }
            match defer_postgres(pool).await {
                // Somebody reads for long, or what speaks the protocol does this otherwise: then they stay.
                Err(StoreError::Database(sqlx::Error::Database(_))) => Ok(true),
                done => done.map(|()| true),
            }
        }
    }
}

/// Makes every index that a load put off, each in a transaction of its own.
pub(crate) async fn make(pools: &Pools) -> Result<()> {
    match pools {
        Pools::Sqlite { writer, .. } => make_sqlite(writer).await,
        Pools::Postgres { pool, .. } => make_postgres(pool).await,
    }
}

async fn defer_sqlite(writer: &SqlitePool) -> Result<bool> {
    let mut conn = writer.acquire().await?;
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    if sqlx::query_scalar(IS_USED).fetch_one(&mut *tx).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let keep = format!(
        "INSERT INTO deferred_indexes (name, sql) SELECT name, sql FROM sqlite_schema \
         WHERE type = 'index' AND name IN {DEFERRED}"
    );
    sqlx::query(sqlx::AssertSqlSafe(keep)).execute(&mut *tx).await?;
    for (name, _) in owed_sqlite(&mut tx).await? {
        sqlx::query(drop_index(&name)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn defer_postgres(pool: &PgPool) -> Result<()> {
    let mut tx = pool.begin().await?;
    // Whoever waits for such a lock keeps all waiting that come after.
    sqlx::query("SET LOCAL lock_timeout = '2s'").execute(&mut *tx).await?;
    let keep = format!(
        "INSERT INTO deferred_indexes (name, sql) SELECT indexname, indexdef FROM pg_indexes \
         WHERE schemaname = current_schema() AND indexname IN {DEFERRED}"
    );
    sqlx::query(sqlx::AssertSqlSafe(keep)).execute(&mut *tx).await?;
    for (name, _) in owed_postgres(&mut tx).await? {
        sqlx::query(drop_index(&name)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn drop_index(name: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("DROP INDEX IF EXISTS {name}"))
}

/// What is sorted in one go for an index, in KiB: as much as SQLite keeps of the file. Sorting 64 MB at a time takes two
/// thirds of the time that 512 MB at a time do (16 and 22 s for the addresses of eleven million sessions), and a second
/// thread a third less of that.
const SORTED_KIB: i64 = 64 * 1024;

async fn make_sqlite(writer: &SqlitePool) -> Result<()> {
    let mut conn = writer.acquire().await?;
    let owed = owed_sqlite(&mut conn).await?;
    if owed.is_empty() {
        return Ok(());
    }
    let kept: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(&mut *conn).await?;
    set(&mut conn, "cache_size", -SORTED_KIB).await?;
    set(&mut conn, "threads", 1).await?;
    let made = make_each(&mut conn, owed).await;
    set(&mut conn, "threads", 0).await?;
    set(&mut conn, "cache_size", kept).await?;
    made
}

async fn set(conn: &mut SqliteConnection, pragma: &str, value: i64) -> Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma} = {value}"))).execute(conn).await?;
    Ok(())
}

async fn make_each(conn: &mut SqliteConnection, owed: Vec<(String, String)>) -> Result<()> {
    for (name, sql) in owed {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        // Two who open the file at once both want to make it: the row tells who was first.
        let mine = sqlx::query(PAID).bind(&name).execute(&mut *tx).await?;
        if mine.rows_affected() > 0 {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn make_postgres(pool: &PgPool) -> Result<()> {
    let mut conn = pool.acquire().await?;
    for (name, sql) in owed_postgres(&mut conn).await? {
        let mut tx = conn.begin().await?;
        sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *tx).await?;
        // As above; the second one waits here until the first one has made it.
        let mine = sqlx::query(PAID).bind(&name).execute(&mut *tx).await?;
        if mine.rows_affected() > 0 {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn owed_sqlite(conn: &mut SqliteConnection) -> Result<Vec<(String, String)>> {
    sqlx::query_as(OWED).fetch_all(conn).await.map_err(StoreError::from)
}

async fn owed_postgres(conn: &mut PgConnection) -> Result<Vec<(String, String)>> {
    sqlx::query_as(OWED).fetch_all(conn).await.map_err(StoreError::from)
}
