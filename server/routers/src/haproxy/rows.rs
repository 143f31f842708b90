//! Reads the rows of keys.
//!
//! A key that is not there, a key that the table's type cannot hold and a wrong table all look alike or nearly so, so
//! each line asks for the overview too and its table must be one of text keys. A table cuts keys at its `len` when it
//! stores and when it looks up: a row that comes back under another key than the one asked for is somebody else's too,
//! and nothing is said or done about it.

use std::{collections::HashSet, sync::atomic::Ordering};

use domain::RouteKey;

use super::{
    Haproxy,
    answer::{Answer, Reply},
    command::{Command, batches},
    config::Pool,
    parse_table::{self, Row, Table},
};
use crate::RouterError;

/// Bytes of a line besides its keys: the setting of the severity, and `show table`.
pub(super) const LINE_HEAD: usize = 64;

impl Haproxy {
    /// The rows that exist for `keys`.
    pub(super) async fn rows<'k>(&self, pool: &'k Pool, keys: &'k [&'k RouteKey]) -> Result<Vec<Row>, RouterError> {
        let fixed = "show table  key ;".len() + pool.table.as_str().len();
        let commands = |keys: &[&'k RouteKey]| {
            let shows = keys.iter().map(|key| Command::Show(&pool.table, key));
            [Command::Tables].into_iter().chain(shows).collect()
        };
        let mut rows = Vec::new();
        let take = |keys: &[&RouteKey], answer: &Answer| {
            let mut replies = self.replies_after_overview(pool, answer)?;
            for key in keys {
                rows.extend(self.row(pool, key, replies.next())?);
            }
            Ok(())
        };
        self.transport.ask_each(&batches(keys, 1, fixed, LINE_HEAD), commands, take).await?;
        Ok(rows)
    }

    /// The replies after that to [`Command::Tables`], which must have this pool's table, with text keys.
    pub(super) fn replies_after_overview<'a>(
        &self,
        pool: &Pool,
        answer: &'a Answer,
    ) -> Result<impl Iterator<Item = Reply<'a>>, RouterError> {
        let mut replies = answer.replies();
        let overview = self.transport.data(replies.next(), pool.table.as_str())?;
        self.table(pool, overview)?;
        Ok(replies)
    }

    /// This pool's table in an overview.
    pub(super) fn table<'a>(&self, pool: &Pool, overview: &'a str) -> Result<Table<'a>, RouterError> {
        let name = pool.table.as_str();
        let Some(table) = parse_table::tables(overview).find(|table| table.name == name) else {
            let others: Vec<&str> = parse_table::tables(overview).map(|table| table.name).take(10).collect();
            let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
            return Err(self.transport.refused(&format!(
                "has no stick table called {name} (it has: {others}): correct `table` of pool {}",
                pool.name
            )));
        };
        let full_at = if table.used >= table.size { table.size } else { 0 };
        pool.full_at.store(full_at, Ordering::Relaxed);
        if table.kind == "string" {
            return Ok(table);
        }
        Err(self.transport.refused(&format!(
            "keeps keys of type {} in its table {name}: Unstick's keys need `stick-table type string len 64`",
            table.kind
        )))
    }

    /// The row in the reply to [`Command::Show`] for `key`.
    pub(super) fn row(
        &self,
        pool: &Pool,
        key: &RouteKey,
        reply: Option<Reply<'_>>,
    ) -> Result<Option<Row>, RouterError> {
        let text = self.transport.data(reply, pool.table.as_str())?;
        let Some(row) = parse_table::row_of_key(text).map_err(|()| self.transport.foreign())? else {
            return Ok(None);
        };
        if row.key == key.as_str() {
            pool.proven.fetch_max(row.key.len(), Ordering::Relaxed);
            return Ok(Some(row));
        }
        if !key.as_str().starts_with(&row.key) {
            return Err(self.transport.foreign());
        }
        Err(self.transport.refused(&format!(
            "keeps only the first {} characters of a key in its table {}, so that customers share entries: give its \
             stick-table `len 64`. Nothing was changed",
            row.key.len(),
            pool.table
        )))
    }
}

/// `keys` without repetitions.
pub(super) fn distinct(keys: &[RouteKey]) -> Vec<&RouteKey> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().filter(|key| seen.insert(*key)).collect()
}
