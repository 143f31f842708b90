//! What can go wrong with a database, told apart only as far as somebody acts on it.

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached; what it said is only in the source, for the log.
    #[error("the database could not do it")]
    Database(#[from] sqlx::Error),
    /// The same, said by SQLite to whoever reads.
    #[error("the database could not do it")]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored does not fit what this version of Unstick writes.
    #[error("the database holds something that Unstick did not write: {0}")]
    Corrupt(String),
    /// The database, or its schema, has a version that this Unstick cannot use.
    #[error("{0}")]
    Version(String),
    /// The lease was lost: another worker, or a person, took the clean-up over.
    #[error("the lease was lost to somebody else")]
    Fenced,
    /// The address or the options of the database are wrong.
    #[error("{0}")]
    Config(String),
    /// Nobody answers where the database should be; where, and what came of it.
    #[error("{0}")]
    Away(String),
    /// The text of a page's beginning was not made by this package.
    #[error("that page does not exist")]
    Cursor,
    /// Another transaction was faster in a way that only running this one again can settle.
    #[error("another change came between")]
    Raced,
}

/// The result of everything here.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// Whether the same may well work in a moment: the database was busy, full, away, or chose another transaction.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Raced | Self::Away(_) => true,
            Self::Database(error) => match error {
                sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
                sqlx::Error::Database(error) => error.code().is_some_and(|code| is_busy_code(&code)),
                _ => false,
            },
            Self::Sqlite(error) => {
                error.sqlite_error().is_some_and(|error| is_busy_code(&error.extended_code.to_string()))
            }
            _ => false,
        }
    }

    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }
}

/// SQLite tells numbers (sqlite.org/rescode.html: the lowest byte is the primary code), Postgres five characters
/// (postgresql.org/docs/current/errcodes-appendix.html).
fn is_busy_code(code: &str) -> bool {
    const BUSY: i64 = 5;
    const LOCKED: i64 = 6;
    /// A write or a sync that failed: a full disk, a limit, a storage that is away for a moment.
    const IOERR: i64 = 10;
    const FULL: i64 = 13;
    const CANTOPEN: i64 = 14;
    match code.parse::<i64>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, BUSY | LOCKED | IOERR | FULL | CANTOPEN),
        // Class 40: transaction rollback (serialization failure, deadlock). Class 53: out of connections, memory, disk.
        // Class 57: cancelled (statement time-out), shutting down, not up yet. Class 08: connection lost.
        _ => ["40", "53", "57", "08"].iter().any(|class| code.starts_with(class)) || code == "55P03",
    }
}

#[cfg(test)]
mod tests {
    use super::is_busy_code;

    #[test]
    fn busy_is_told_from_broken() {
        for busy in [
            "5", "6", "261", "517", "773", "10", "778", "13", "14", "40001", "40P01", "55P03", "57014", "53300",
            "53100",
        ] {
            assert!(is_busy_code(busy), "{busy}");
        }
        for broken in ["1", "11", "19", "2067", "1555", "787", "1811", "23505", "42601", "P0001"] {
            assert!(!is_busy_code(broken), "{broken}");
        }
    }
}
