//! Inserting many rows. As one JSON parameter, which the database takes apart, and on SQLite, where that takes as long as all
//! else that an insertion does, each value by itself as long as there are enough rows left.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteArguments};

use crate::{
    Result, Tx,
    conn::Conn,
    sql::{Arg, Sql, args, bound, json},
};

/// Rows of a statement in which each value is a parameter. With 50 at once a million sessions took SQLite 3.51.1 8.6 s, with 500
/// as long and with 1,000 longer (one JSON parameter for 10,000: 15.9 s); and a statement for more is larger to keep.
const ROWS: usize = 64;

/// Rows of one JSON parameter: some 2 MB. What SQLite makes of it stays in the processor's cache.
const CHUNK: usize = 10_000;

/// A statement that inserts rows of `N` columns. Made by [`insert!`].
#[derive(Debug, Clone)]
pub(crate) struct Insert<const N: usize> {
    /// With a JSON array of rows as its parameter.
    pub json: Sql,
    /// `INSERT … INTO table (columns)`, in the words of SQLite.
    pub into: &'static str,
    /// What follows the rows.
    pub end: &'static str,
}

/// [`Insert`]: the table with its columns, as pieces; how each is taken out of a JSON array; what follows the rows.
macro_rules! insert {
    ([$($into:tt),+ $(,)?], $values:literal, $end:literal) => {
        $crate::insert::Insert {
            json: $crate::sql::sql!(insert, $($into),+, " SELECT ", $values, " FROM ", each, any, $end),
            into: concat!($crate::sql::piece!(sqlite insert), $($crate::sql::piece!(sqlite $into)),+),
            end: $end,
        }
    };
}
pub(crate) use insert;

impl<const N: usize> Insert<N> {
    /// The statement for [`ROWS`] rows.
    fn of_rows(&self) -> Arc<str> {
        let row = format!("({})", ["?"; N].join(", "));
        format!("{} VALUES {}{}", self.into, vec![row; ROWS].join(", "), self.end).into()
    }
}

impl Tx {
    /// Inserts all `items`, of which `row` makes the columns, in their order; the parameters of the next ones are made while the
    /// database takes these. Returns how many rows changed.
    ///
    /// # Errors
    /// When the database could not; then the transaction must not be committed.
    pub(crate) async fn insert_all<T, const N: usize>(
        &mut self,
        insert: &Insert<N>,
        items: &[T],
        row: impl for<'a> Fn(&'a T) -> [Arg<'a>; N],
    ) -> Result<i64> {
        let mut conn = self.conn();
        let (many, few) = match &conn {
            Conn::Sqlite(_) => items.as_chunks(),
            Conn::Postgres(_) => (&[][..], items),
        };
        let mut changed = 0;
        if let Conn::Sqlite(conn) = &mut conn {
            changed += insert_each(conn, insert, many, &row).await?;
        }
        let mut lists = few.chunks(CHUNK).map(|some| {
            let rows: Vec<_> = some.iter().map(&row).collect();
            json(&rows.iter().map(<[_; N]>::as_slice).collect::<Vec<_>>())
        });
        let mut next = lists.next();
        while let Some(now) = next.transpose()? {
            let values = args![now];
            let (executed, made) = tokio::join!(conn.exec(insert.json.clone(), values), async { lists.next() });
            changed += executed?;
            next = made;
        }
        Ok(changed)
    }
}

/// Inserts `items`, [`ROWS`] at a time.
async fn insert_each<T, const N: usize>(
    conn: &mut SqliteConnection,
    insert: &Insert<N>,
    items: &[[T; ROWS]],
    row: impl for<'a> Fn(&'a T) -> [Arg<'a>; N],
) -> Result<i64> {
    let mut parts = items.iter().map(|some| bound::<SqliteArguments>(some.iter().flat_map(&row)));
    let mut next = parts.next();
    if next.is_none() {
        return Ok(0);
    }
    let (sql, mut changed) = (insert.of_rows(), 0);
    while let Some(now) = next.transpose()? {
        let query = sqlx::query_with(AssertSqlSafe(Arc::clone(&sql)), now);
        let (executed, made) = tokio::join!(query.execute(&mut *conn), async { parts.next() });
        changed += executed?.rows_affected();
        next = made;
    }
    Ok(i64::try_from(changed).unwrap_or(i64::MAX))
}
