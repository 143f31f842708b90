//! How many routes lead to each server: kept, because counting them reads the whole table.

use std::collections::BTreeMap;

use domain::{Place, ServerName};

use super::place;
use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, cells, json, rows, sql},
};

/// What the counts change by.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(Place, ServerName), i64>);

impl Counts {
    /// A route leads, or does not lead any more, to `server`.
    pub fn add(&mut self, place: &Place, server: Option<&ServerName>, by: i64) {
        if let Some(server) = server {
            *self.0.entry((place.clone(), server.clone())).or_default() += by;
        }
    }

    pub async fn write(self, tx: &mut Tx) -> Result<()> {
        let changed = self.0.iter().filter(|(_, by)| **by != 0);
        let rows: Vec<_> =
            changed.map(|((place, server), by)| cells![&place.router, &place.pool, server, *by]).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "INSERT INTO route_counts (router, pool, server, pinned) \
             SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (router, pool, server) DO UPDATE SET pinned = route_counts.pinned + excluded.pinned"
        );
        tx.exec(sql, args![json(&rows)?]).await.map(|_| ())
    }
}

impl Store {
    /// How many routes lead to each server, where any do.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn pinned_counts(&self) -> Result<Vec<(Place, ServerName, i64)>> {
        let sql =
            rows!("router, pool, server, pinned", "FROM route_counts WHERE pinned > 0 ORDER BY router, pool, server");
        let counts: Vec<(String, String, String, i64)> = self.rows(sql, &[]).await?;
        let typed = |(router, pool, server, pinned): (String, String, String, i64)| {
            Ok((place(router, pool)?, ServerName::parse(server).map_err(StoreError::corrupt)?, pinned))
        };
        counts.into_iter().map(typed).collect()
    }
}
