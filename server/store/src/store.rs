//! The database, open: one writer and some readers on SQLite, two pools on Postgres.

use std::{fmt, sync::Arc, time::Duration};

use async_recursion::async_recursion as boxed;
use serde::de::DeserializeOwned;
use sqlx::{PgPool, SqlitePool};

use crate::{
    Result, StoreError, Tx,
    conn::Conn,
    open::{self, Readers},
    sql::{Arg, Sql, args, rows},
    tx::Longest,
    values::Values,
};

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// One file, one machine.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol.
    Postgres,
}

/// The keys of the audit chain. `Debug` prints none of them.
#[derive(Clone)]
pub struct AuditKeys {
    current: [u8; 32],
    older: Vec<[u8; 32]>,
}

impl AuditKeys {
    /// New events are signed with `current`; those signed with `older` ones still verify.
    pub const fn new(current: [u8; 32], older: Vec<[u8; 32]>) -> Self {
        Self { current, older }
    }

    pub(crate) const fn current(&self) -> &[u8; 32] {
        &self.current
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for AuditKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKeys").finish_non_exhaustive()
    }
}

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that only read, at least 1. SQLite has one more, which writes; Postgres has one more than as many again.
    pub readers: u32,
    /// The keys of the audit chain.
    pub audit: AuditKeys,
    /// Whether to bring the schema up to date.
    pub migrate: bool,
    /// For imports and sample data: a bigger cache and no time-out of statements.
    pub bulk: bool,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) keys: Arc<AuditKeys>,
    longest: Longest,
}

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite {
        writer: SqlitePool,
        readers: Readers,
    },
    /// `settled` only reads, statements whose plan does not depend on what they are asked with.
    Postgres {
        pool: PgPool,
        settled: PgPool,
    },
}

impl Store {
    /// Opens `sqlite://path` (made when it is missing) or `postgres://…`. A Postgres-wire database without advisory
    /// locks takes `?migration_lock=off`; then only one process may migrate at a time.
    ///
    /// # Errors
    /// `Config` when the address is wrong, `Version` when SQLite is too old or the schema does not fit, else `Database`.
    #[boxed]
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let keys = Arc::new(options.audit.clone());
        let pools = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => open::sqlite(url, &options).await?,
            Some("postgres" | "postgresql") => open::postgres(url, &options).await?,
            _ => {
                return Err(StoreError::Config("a database address begins with sqlite: or postgres:".to_owned()));
            }
        };
        Ok(Self { pools, keys, longest: Longest::default() })
    }

    /// Which database it is.
    pub const fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Closes every connection, once what runs on it is done.
    #[boxed]
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool, settled } => {
                settled.close().await;
                pool.close().await;
            }
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        self.row::<(i64,)>(rows!("one" as "SELECT CAST(1 AS BIGINT) AS one"), &[]).await.map(|_| ())
    }

    /// Begins a transaction. On SQLite it holds the one writer from the start, so it never has to be given up later.
    ///
    /// # Errors
    /// Busy after 5 s without the writer.
    #[boxed]
    pub async fn begin(&self) -> Result<Tx> {
        let (keys, longest) = (Arc::clone(&self.keys), self.longest.clone());
        Ok(match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.give_way().await;
                Tx::sqlite(writer.begin_with("BEGIN IMMEDIATE").await?, keys, longest)
            }
            Pools::Postgres { pool, .. } => Tx::postgres(pool.begin().await?, keys, longest),
        })
    }

    /// How long the longest transaction took that was committed since this was opened: on SQLite everybody else's writing
    /// waited so long.
    pub fn longest_write(&self) -> Duration {
        self.longest.get()
    }

    /// Writes SQLite's log back into the file and empties it; nothing on Postgres.
    ///
    /// # Errors
    /// When the database could not.
    #[boxed]
    pub async fn checkpoint_wal(&self) -> Result<()> {
        if let Pools::Sqlite { writer, .. } = &self.pools {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(writer).await?;
        }
        Ok(())
    }

    /// What the database says of itself: `SQLite 3.51.3`, `PostgreSQL 15.14`.
    ///
    /// # Errors
    /// When it does not answer.
    #[boxed]
    pub async fn version(&self) -> Result<String> {
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                let version: Vec<(String,)> = readers.rows("SELECT sqlite_version()", &[]).await?;
                version.first().map_or_else(|| "SQLite".to_owned(), |(number,)| format!("SQLite {number}"))
            }
            Pools::Postgres { pool, .. } => {
                let version: String = sqlx::query_scalar("SELECT version()").fetch_one(pool).await?;
                version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
            }
        })
    }

    /// How many accounts there are: exactly while they are few, then as the database estimates.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn estimated_accounts(&self) -> Result<i64> {
        const FEW: i64 = 10_000;
        let sql = rows!("n" as "SELECT count(*) AS n FROM (SELECT 1 FROM accounts LIMIT $1) AS few");
        let counted = self.row::<(i64,)>(sql, args![FEW + 1]).await?.map_or(0, |(n,)| n);
        if counted <= FEW {
            return Ok(counted);
        }
        // Rows are numbered on SQLite, and accounts are never deleted.
        let estimate = Sql::fixed(
            "SELECT max(row_no) AS n FROM accounts",
            "SELECT CAST(reltuples AS BIGINT) AS n FROM pg_class WHERE oid = 'accounts'::regclass",
        );
        Ok(self.row::<(i64,)>(estimate, &[]).await?.map_or(counted, |(n,)| n.max(counted)))
    }

    pub(crate) async fn rows<T: DeserializeOwned>(&self, sql: Sql, values: &[Arg<'_>]) -> Result<Vec<T>> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => readers.rows(&sql.sqlite, values).await,
            Pools::Postgres { pool, settled } => {
                let pool = if sql.settled { settled } else { pool };
                returned(pool, sql, values).await?.rows()
            }
        }
    }

    /// Executes one statement that ends in RETURNING as a transaction of its own, and reads the rows that it changed.
    pub(crate) async fn all_returned<T: DeserializeOwned>(&self, sql: Sql, values: &[Arg<'_>]) -> Result<Vec<T>> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => written(writer, sql, values).await?.rows(),
            Pools::Postgres { pool, .. } => returned(pool, sql, values).await?.rows(),
        }
    }

    pub(crate) async fn row<T: DeserializeOwned>(&self, sql: Sql, values: &[Arg<'_>]) -> Result<Option<T>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}

/// What a statement answers on a connection of Postgres.
#[boxed]
async fn returned(pool: &PgPool, sql: Sql, values: &[Arg<'_>]) -> Result<Values> {
    Conn::Postgres(&mut *pool.acquire().await?).returned_values(sql, values).await
}

/// What a statement that writes answers on SQLite.
#[boxed]
async fn written(writer: &SqlitePool, sql: Sql, values: &[Arg<'_>]) -> Result<Values> {
    Conn::Sqlite(&mut *writer.acquire().await?).returned_values(sql, values).await
}
