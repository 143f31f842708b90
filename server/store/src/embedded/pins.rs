//! Pinning and unpinning.

use std::collections::BTreeMap;

use domain::{Instant, PoolName, RouteKey};

use super::{Pin, PinRecord, count_pins, slot};
use crate::{
    Engine, Result, Tx,
    accounts::all,
    insert::insert,
    sql::{Arg, args, cells, json_ids, rows, sql},
};

/// Expired pins that a new pin takes away.
const SWEPT: u32 = 4;

impl Tx {
    /// Pins a key where no unexpired pin is; one that is there is kept, and lives on until `pin` would expire. Returns
    /// what holds now. For a fenced key nothing is made or changed: what is returned holds for this one request.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn pin(&mut self, pin: &Pin, now: Instant) -> Result<Pin> {
        let existing = self.stored_pin(pin).await?;
        if let Some(existing) = existing.as_ref().filter(|existing| existing.expires_at > now) {
            return self.slide(existing, pin, now).await;
        }
        if self.is_fenced(&pin.key, now).await? {
            return Ok(pin.clone());
        }
        if let Some(expired) = existing {
            self.unpin(&pin.pool, std::slice::from_ref(&expired.key)).await?;
        }
        self.sweep(pin, now).await?;
        if insert_pins(self, std::slice::from_ref(pin)).await? == 0 {
            // Another process pinned it at this moment.
            return Ok(self.stored_pin(pin).await?.unwrap_or_else(|| pin.clone()));
        }
        count_pins(self, [(pin, 1)]).await?;
        Ok(pin.clone())
    }

    async fn stored_pin(&mut self, pin: &Pin) -> Result<Option<Pin>> {
        let sql = rows!(pin, "FROM embedded_pins WHERE pool = $1 AND route_key = $2", lock);
        self.row::<PinRecord>(sql, args![&pin.pool, &pin.key]).await?.map(Pin::try_from).transpose()
    }

    async fn slide(&mut self, existing: &Pin, pin: &Pin, now: Instant) -> Result<Pin> {
        if existing.expires_at >= pin.expires_at || self.is_fenced(&pin.key, now).await? {
            return Ok(existing.clone());
        }
        let sql = sql!("UPDATE embedded_pins SET expires_at = $3 WHERE pool = $1 AND route_key = $2");
        self.exec(sql, args![&pin.pool, &pin.key, pin.expires_at]).await?;
        Ok(Pin { expires_at: pin.expires_at, ..existing.clone() })
    }

    /// Whether `key` is fenced. On Postgres its slot is shared until this transaction ends: a fence waits for that, so
    /// it never misses a pin that was under way.
    async fn is_fenced(&mut self, key: &RouteKey, now: Instant) -> Result<bool> {
        if self.engine() == Engine::Postgres {
            let sql = sql!("SELECT slot FROM embedded_slots WHERE slot = $1", share);
            self.exec(sql, args![slot(key)]).await?;
        }
        let sql = rows!("until", "FROM embedded_fences WHERE route_key = $1 AND until > $2");
        Ok(self.row::<(i64,)>(sql, args![key, now]).await?.is_some())
    }

    /// Takes a few expired pins of the pool away.
    pub(super) async fn sweep(&mut self, pin: &Pin, now: Instant) -> Result<()> {
        let sql =
            rows!("route_key", "FROM embedded_pins WHERE pool = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3");
        let expired: Vec<(String,)> = self.rows(sql, args![&pin.pool, now, SWEPT]).await?;
        let expired: Vec<RouteKey> = expired.into_iter().filter_map(|(key,)| RouteKey::parse(key).ok()).collect();
        if !expired.is_empty() {
            self.unpin(&pin.pool, &expired).await?;
        }
        Ok(())
    }

    /// Removes the pins of `keys` from `pool`. Returns how many there were.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn unpin(&mut self, pool: &PoolName, keys: &[RouteKey]) -> Result<i64> {
        let keys = json_ids(keys)?;
        let sql = rows!(pin, "FROM embedded_pins WHERE pool = $2 AND route_key", among, " ORDER BY route_key", lock);
        let found: Vec<Pin> = all(self.rows::<PinRecord>(sql, args![&keys, pool]).await?)?;
        if found.is_empty() {
            return Ok(0);
        }
        let sql = sql!("DELETE FROM embedded_pins WHERE pool = $2 AND route_key", among);
        self.exec(sql, args![&keys, pool]).await?;
        count_pins(self, found.iter().map(|pin| (pin, -1))).await?;
        Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
    }

    /// Puts pins in as they are, in place of those that are there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn import_pins(&mut self, pins: &[Pin]) -> Result<()> {
        let mut by_pool: BTreeMap<&PoolName, BTreeMap<&RouteKey, &Pin>> = BTreeMap::new();
        for pin in pins {
            by_pool.entry(&pin.pool).or_default().insert(&pin.key, pin);
        }
        for (pool, pins) in by_pool {
            let keys: Vec<RouteKey> = pins.keys().map(|key| (*key).clone()).collect();
            self.unpin(pool, &keys).await?;
            let pins: Vec<Pin> = pins.into_values().cloned().collect();
            insert_pins(self, &pins).await?;
            count_pins(self, pins.iter().map(|pin| (pin, 1))).await?;
        }
        Ok(())
    }
}

/// Inserts `pins`, except where one is, in the order of their keys, so that two who insert the same never wait each for the
/// other. Returns how many were inserted. Counts nothing.
pub(crate) async fn insert_pins(tx: &mut Tx, pins: &[Pin]) -> Result<i64> {
    let insert = insert!(
        ["embedded_pins (", pin, ")"],
        "value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, CAST(value ->> 6 AS BIGINT), \
         CAST(value ->> 7 AS BIGINT)",
        " ON CONFLICT (pool, route_key) DO NOTHING"
    );
    let mut pins: Vec<&Pin> = pins.iter().collect();
    pins.sort_by_key(|pin| (&pin.pool, &pin.key));
    tx.insert_all(&insert, &pins, |pin| row(pin)).await
}

fn row(pin: &Pin) -> [Arg<'_>; 8] {
    cells![
        &pin.pool,
        &pin.key,
        pin.scope.as_str(),
        &pin.server,
        pin.account.as_ref(),
        pin.session.as_ref(),
        pin.pinned_at,
        pin.expires_at,
    ]
}
