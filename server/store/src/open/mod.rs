//! Opening a database so that it is safe to use.

mod front;
pub(crate) mod indexes;
mod migrations;
mod postgres;
mod readers;
mod sqlite;

use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migrator};

pub use self::front::{behind, is_behind};
pub(crate) use self::{postgres::open as postgres, readers::Readers, sqlite::open as sqlite};
use crate::{Result, StoreError};

/// How long anybody waits for a connection or for SQLite's write lock.
const WAIT: Duration = Duration::from_secs(5);

/// Brings the schema up to date, or checks that it is.
async fn migrate<C: Migrate>(migrator: &Migrator, conn: &mut C, run: bool) -> Result<()> {
    if run {
        return migrator.run_direct(None, conn, false).await.map_err(schema_error);
    }
    let applied = conn.list_applied_migrations(&migrator.table_name).await.map_err(|_| outdated())?;
    let newest = |versions: &mut dyn Iterator<Item = i64>| versions.max();
    let (have, want) = (
        newest(&mut applied.iter().map(|migration| migration.version)),
        newest(&mut migrator.iter().map(|migration| migration.version)),
    );
    if have == want { Ok(()) } else { Err(outdated()) }
}

fn outdated() -> StoreError {
    StoreError::Version("the database's schema is not the one of this version: run `admin-tool migrate`".to_owned())
}

fn schema_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::Database(error),
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => StoreError::Version(format!(
            "the database was written by another version of Unstick: its schema change {version} is unknown here"
        )),
        other => StoreError::Version(format!("the database's schema could not be brought up to date: {other}")),
    }
}
