//! SQLite: one writer, some readers, one file that only its owner may read.

use std::{
    fs::{File, TryLockError},
    path::Path,
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Readers, WAIT, indexes, migrate, migrations};
use crate::{Options, Result, StoreError, store::Pools};

/// Versions up to 3.51.2 can lose commits when two connections write and checkpoint at once
/// (<https://sqlite.org/wal.html#the_wal_reset_bug>).
const OLDEST: (u32, u32, u32) = (3, 51, 3);

/// What one reader keeps of the file, in KiB: half of SQLite's default, for the system keeps the same pages once for all.
const READER_CACHE_KIB: u32 = 1_000;

/// Opens `url`, making the file and its folder when they are missing.
pub(crate) async fn open(url: &str, options: &Options) -> Result<Pools> {
    let connect = SqliteConnectOptions::from_str(url).map_err(|_| bad_address())?;
    if url.contains(":memory:") || url.contains("mode=memory") || connect.get_filename().as_os_str().is_empty() {
        return Err(bad_address());
    }
    make_file(connect.get_filename())?;
    // Imports touch indexes at random: there it pays to keep more pages, and to write each back into the file once rather
    // than after every transaction (1,000 pages of log are SQLite's default; 65,536 are 256 MB). Else little is kept, and
    // nothing mapped: the system keeps the file's pages once for all connections, each connection would keep its own.
    // What is sorted for an index of millions of rows goes to files then, too, and the log keeps its size from one
    // transaction to the next until it is emptied at the end.
    let (cache_kib, log_pages, log_kept) =
        if options.bulk { (1024 * 1024, "262144", "-1") } else { (2 * 1024, "1000", "67108864") };
    let connect = connect
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WAIT)
        .foreign_keys(true)
        .statement_cache_capacity(256)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", if options.bulk { "file" } else { "memory" })
        .pragma("wal_autocheckpoint", log_pages)
        .pragma("journal_size_limit", log_kept)
        .pragma("trusted_schema", "off");
    // Of two processes that open a new file at once, one makes the schema, and the other finds it made.
    let lock = lock(connect.get_filename()).await;
    // Where a disk is full SQLite undoes a transaction by itself, and sqlx goes on counting it as open: no other one could
    // ever begin on that connection («attempted to call begin_with at non-zero
    // transaction depth»).
    let healthy = pool().after_release(|conn, _| Box::pin(std::future::ready(Ok(!conn.is_in_transaction()))));
    let writer = healthy.connect_with(connect.clone()).await?;
    check_version(&writer).await?;
    migrate(&migrations::SQLITE, &mut *writer.acquire().await?, options.migrate).await?;
    let readers = Readers::open(connect.get_filename(), options.readers, READER_CACHE_KIB)?;
    let pools = Pools::Sqlite { writer, readers };
    if options.migrate {
        // Busy: whoever put them off is still loading, and makes them at its end.
        indexes::make(&pools).await.or_else(|error| if error.is_busy() { Ok(()) } else { Err(error) })?;
    }
    drop(lock);
    Ok(pools)
}

fn pool() -> SqlitePoolOptions {
    // A connection to a file does not break by itself: no need to ask it before each use, or to replace it.
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WAIT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn bad_address() -> StoreError {
    StoreError::Config("a SQLite address looks like sqlite://data/unstick.db and names a file".to_owned())
}

async fn check_version(writer: &SqlitePool) -> Result<()> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(writer).await?;
    if is_safe(&version) {
        return Ok(());
    }
    let (major, minor, patch) = OLDEST;
    Err(StoreError::Version(format!(
        "SQLite {version} can lose committed data (its WAL-reset bug); Unstick needs {major}.{minor}.{patch} or newer: \
         build it with libsqlite3-sys 0.37.0"
    )))
}

fn is_safe(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    (part(), part(), part()) >= OLDEST
}

/// Locks the folder of the file against others that open it; `None` where the file system cannot, or somebody takes longer
/// than any change of a schema. It is the folder because closing a second handle of the file itself would drop SQLite's
/// own locks on it (<https://sqlite.org/howtocorrupt.html>, 2.2).
async fn lock(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).ok()?;
    for _ in 0..600 {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// Makes the file with no rights for others before SQLite would make it with some; its log files inherit them.
fn make_file(path: &Path) -> Result<()> {
    let trouble = |error: std::io::Error| {
        StoreError::Config(format!("the database file {} could not be made: {error}", path.display()))
    };
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(trouble)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(trouble(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn an_sqlite_that_loses_commits_is_refused() {
        for safe in ["3.51.3", "3.52.0", "4.0.0"] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_one in ["3.51.2", "3.46.0", "3.7.17", "", "x"] {
            assert!(!is_safe(unsafe_one), "{unsafe_one}");
        }
    }
}
