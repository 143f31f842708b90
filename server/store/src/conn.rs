//! A connection of either engine, and the three things that are done with one: execute, read rows, write and read back.
//!
//! Here sqlx ends, and its futures are boxes: what is `async` would be compiled anew, with all that it awaits, in each crate
//! that awaits it.

use async_recursion::async_recursion as boxed;
use domain::Instant;
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection, postgres::PgArguments, sqlite::SqliteArguments};

use crate::{
    Result, StoreError,
    sql::{Arg, Sql, bound},
    values::Values,
};

/// A connection, borrowed for one statement.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// Executes and returns how many rows changed.
    #[boxed]
    pub async fn exec(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<i64> {
        let changed = match self {
            Self::Sqlite(conn) => {
                let arguments: SqliteArguments = bound(values)?;
                sqlx::query_with(AssertSqlSafe(sql.sqlite), arguments).execute(&mut **conn).await?.rows_affected()
            }
            Self::Postgres(conn) => {
                let arguments: PgArguments = bound(values)?;
                sqlx::query_with(AssertSqlSafe(sql.postgres), arguments).execute(&mut **conn).await?.rows_affected()
            }
        };
        Ok(i64::try_from(changed).unwrap_or(i64::MAX))
    }

    /// Reads the rows of a [`crate::sql::rows!`] statement. The order of a record's fields is the order of the columns.
    pub async fn rows<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Vec<T>> {
        self.values(sql, values).await?.rows()
    }

    #[boxed]
    async fn values(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Values> {
        match self {
            Self::Sqlite(conn) => {
                let arguments: SqliteArguments = bound(values)?;
                let query = sqlx::query_scalar_with(AssertSqlSafe(sql.sqlite_json), arguments);
                let text: String = query.fetch_one(&mut **conn).await?;
                Values::of_json(&text)
            }
            Self::Postgres(_) => self.returned_values(sql, values).await,
        }
    }

    /// The first row of [`Self::rows`].
    pub async fn row<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Option<T>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Executes a statement that ends in RETURNING and reads its one row, if it changed one.
    pub async fn returned<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Option<T>> {
        Ok(self.all_returned(sql, values).await?.into_iter().next())
    }

    /// Executes a statement that ends in RETURNING and reads the rows that it changed.
    pub async fn all_returned<T: DeserializeOwned>(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Vec<T>> {
        self.returned_values(sql, values).await?.rows()
    }

    #[boxed]
    pub async fn returned_values(&mut self, sql: Sql, values: &[Arg<'_>]) -> Result<Values> {
        match self {
            Self::Sqlite(conn) => {
                let arguments: SqliteArguments = bound(values)?;
                let query = sqlx::query_with(AssertSqlSafe(sql.sqlite), arguments);
                Values::of_sqlite(&query.fetch_all(&mut **conn).await?)
            }
            Self::Postgres(conn) => {
                let arguments: PgArguments = bound(values)?;
                let query = sqlx::query_with(AssertSqlSafe(sql.postgres), arguments);
                Values::of_postgres(&query.fetch_all(&mut **conn).await?)
            }
        }
    }
}

/// Where a page ended: an instant and an id, which no two rows share.
pub(crate) struct Cursor<'a> {
    pub at: Instant,
    pub id: &'a str,
}

impl<'a> Cursor<'a> {
    /// Reads what [`Self::text`] wrote.
    pub fn parse(text: &'a str) -> Result<Self> {
        let (at, id) = text.split_once('.').ok_or(StoreError::Cursor)?;
        let at = at.parse().map_err(|_| StoreError::Cursor)?;
        if id.is_empty() { Err(StoreError::Cursor) } else { Ok(Self { at: Instant::from_micros(at), id }) }
    }

    /// The opaque text of the cursor.
    pub fn text(at: Instant, id: &str) -> String {
        format!("{}.{id}", at.micros())
    }
}

/// Cuts the one row too many that was read off, and makes the cursor of the next page where there was one.
pub(crate) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> domain::view::Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    domain::view::Page { items, next }
}
