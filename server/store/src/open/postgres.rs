//! Postgres: a pool for everything, and one for reads whose plan is settled; a statement that takes longer than 5 s is cut
//! off, except in imports.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{WAIT, indexes, migrate, migrations};
use crate::{Options, Result, StoreError, store::Pools};

/// Where a Postgres-wire database has no advisory locks.
const NO_LOCK: &str = "migration_lock=off";

/// How long the question why nobody answers may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the second pool's connections have: one plan for a statement, whatever it is asked with. Planning a search anew
/// takes longer than searching (0.8 ms and 0.4 ms). Such a plan is made without knowing how few rows are asked for, so it is
/// told not to read a table from end to end: those statements each have their index. What speaks the protocol and knows one of
/// these settings not goes on without it.
const SETTLED: [&str; 3] = ["SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off", "SET jit = off"];

/// Opens `url`.
pub(crate) async fn open(url: &str, options: &Options) -> Result<Pools> {
    let locking = !url.contains(NO_LOCK);
    let url = url
        .replace(&format!("&{NO_LOCK}"), "")
        .replace(&format!("?{NO_LOCK}&"), "?")
        .replace(&format!("?{NO_LOCK}"), "");
    let connect = PgConnectOptions::from_str(&url)
        .map_err(|_| StoreError::Config("a Postgres address looks like postgres://user@host/database".to_owned()))?;
    let mut connect = connect.application_name("unstick").statement_cache_capacity(256);
    if !options.bulk {
        connect = connect.options([("statement_timeout", "5000"), ("idle_in_transaction_session_timeout", "60000")]);
    }
    let pools = PgPoolOptions::new()
        .acquire_timeout(WAIT)
        // Asking each connection before each use costs a round trip; one that rested may have been cut, so ask that.
        .test_before_acquire(false)
        .before_acquire(|conn, rest| {
            Box::pin(async move { Ok(rest.idle_for < Duration::from_secs(1) || conn.ping().await.is_ok()) })
        });
    let (all, reads) = (options.readers.max(1) + 1, options.readers.max(1));
    let pool = match pools.clone().max_connections(all).connect_with(connect.clone()).await {
        // The pool tries again and again, for a database may start beside us, and in the end only says that time is up.
        Err(sqlx::Error::PoolTimedOut) => return Err(why_away(&connect).await),
        pool => pool?,
    };
    let mut migrator = Migrator { migrations: migrations::POSTGRES.migrations.clone(), ..Migrator::DEFAULT };
    migrator.set_locking(locking);
    // A schema change may take as long as it takes.
    let mut conn = pool.acquire().await?;
    sqlx::query("SET statement_timeout = 0").execute(&mut *conn).await?;
    migrate(&migrator, &mut *conn, options.migrate).await?;
    sqlx::query("RESET statement_timeout").execute(&mut *conn).await?;
    drop(conn);
    let settled =
        pools.max_connections(reads).after_connect(|conn, _| Box::pin(settle(conn))).connect_lazy_with(connect);
    let pools = Pools::Postgres { pool, settled };
    if options.migrate {
        indexes::make(&pools).await?;
    }
    Ok(pools)
}

/// Has `conn` keep one plan for a statement.
async fn settle(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in SETTLED {
        match conn.execute(setting).await {
            // It is refused where there is no such setting.
            Ok(_) | Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why no connection came about, found out by trying once more.
async fn why_away(connect: &PgConnectOptions) -> StoreError {
    let place = match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    };
    let away = |why: &str| {
        StoreError::Away(format!(
            "nobody answers at {place} ({why}): is PostgreSQL running there, and the address right?"
        ))
    };
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(connect)).await {
        Err(_) => away("no answer in time"),
        Ok(Err(sqlx::Error::Io(error))) => away(&error.to_string()),
        Ok(Err(error)) => error.into(),
        Ok(Ok(_)) => sqlx::Error::PoolTimedOut.into(),
    }
}
