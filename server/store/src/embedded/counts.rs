//! How many pins lead to each server. Asking for a route needs that number, so it is kept. Pins that expired count until
//! they are taken away; they are few (new pins take them away) and lie together in an index, so they are subtracted.

use std::collections::BTreeMap;

use domain::{Instant, PoolName, ServerName};

use super::{Pin, slot};
use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, cells, json, rows, sql},
};

/// Adds `by` to the counts for each of `pins`.
pub(crate) async fn count_pins(tx: &mut Tx, pins: impl IntoIterator<Item = (&Pin, i64)>) -> Result<()> {
    let mut counts: BTreeMap<(&PoolName, &ServerName, i64), i64> = BTreeMap::new();
    for (pin, by) in pins {
        *counts.entry((&pin.pool, &pin.server, slot(&pin.key))).or_default() += by;
    }
    let rows: Vec<_> = counts
        .iter()
        .filter(|(_, by)| **by != 0)
        .map(|((pool, server, slot), by)| cells![*pool, *server, *slot, *by])
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        "INSERT INTO embedded_counts (pool, server, slot, pins) \
         SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), CAST(value ->> 3 AS BIGINT) FROM ",
        each,
        any,
        " ON CONFLICT (pool, server, slot) DO UPDATE SET pins = embedded_counts.pins + excluded.pins"
    );
    tx.exec(sql, args![json(&rows)?]).await.map(|_| ())
}

impl Store {
    /// How many unexpired pins of `pool` lead to each server, where any do.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn pin_counts(&self, pool: &PoolName, now: Instant) -> Result<Vec<(ServerName, i64)>> {
        let sql = rows!(
            "server, pins" as
            "SELECT server, CAST(sum(pins) AS BIGINT) AS pins FROM (\
             SELECT server, pins FROM embedded_counts WHERE pool = $1 \
             UNION ALL SELECT server, CAST(-1 AS BIGINT) FROM embedded_pins WHERE pool = $1 AND expires_at <= $2\
             ) AS counted GROUP BY server HAVING sum(pins) > 0 ORDER BY server"
        );
        let counts: Vec<(String, i64)> = self.rows(sql, args![pool, now]).await?;
        let typed = |(server, pins): (String, i64)| Ok((ServerName::parse(server).map_err(StoreError::corrupt)?, pins));
        counts.into_iter().map(typed).collect()
    }
}
