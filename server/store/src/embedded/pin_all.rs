//! Pinning many at once: a batch of sessions costs a few statements, not a few for each.

use std::collections::{HashMap, HashSet};

use domain::{Instant, PoolName, RouteKey};

use super::{Pin, PinRecord, count_pins, insert_pins, slot};
use crate::{
    Engine, Result, StoreError, Tx,
    accounts::all,
    sql::{args, cells, json, json_ids, rows, sql},
};

impl Tx {
    /// [`Self::pin`] for each of `pins`, which are of one pool and of different keys. Returns what holds now, in their
    /// order.
    ///
    /// # Errors
    /// `Raced` when another process pinned one of them at this moment; else when the database could not.
    pub async fn pin_all(&mut self, pins: &[Pin], now: Instant) -> Result<Vec<Pin>> {
        let Some(first) = pins.first() else {
            return Ok(Vec::new());
        };
        let keys: Vec<&RouteKey> = pins.iter().map(|pin| &pin.key).collect();
        let stored = self.stored_pins(&first.pool, &keys).await?;
        let fenced = self.fenced(&keys, now).await?;
        let (mut held, mut new, mut expired, mut longer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for pin in pins {
            let is_fenced = fenced.contains(pin.key.as_str());
            let old = stored.get(pin.key.as_str());
            let Some(old) = old.filter(|old| old.expires_at > now) else {
                if !is_fenced {
                    expired.extend(old.map(|old| old.key.clone()));
                    new.push(pin.clone());
                }
                held.push(pin.clone());
                continue;
            };
            let mut old = old.clone();
            if old.expires_at < pin.expires_at && !is_fenced {
                old.expires_at = pin.expires_at;
                longer.push(old.clone());
            }
            held.push(old);
        }
        self.live_on(&longer).await?;
        if !expired.is_empty() {
            self.unpin(&first.pool, &expired).await?;
        }
        new.sort_unstable_by(|a: &Pin, b| a.key.cmp(&b.key));
        if let Some(first) = new.first() {
            self.sweep(first, now).await?;
            if usize::try_from(insert_pins(self, &new).await?) != Ok(new.len()) {
                return Err(StoreError::Raced);
            }
            count_pins(self, new.iter().map(|pin| (pin, 1))).await?;
        }
        Ok(held)
    }

    async fn stored_pins(&mut self, pool: &PoolName, keys: &[&RouteKey]) -> Result<HashMap<String, Pin>> {
        let sql = rows!(pin, "FROM embedded_pins WHERE pool = $2 AND route_key", among, " ORDER BY route_key", lock);
        let found: Vec<Pin> = all(self.rows::<PinRecord>(sql, args![json_ids(keys)?, pool]).await?)?;
        Ok(found.into_iter().map(|pin| (pin.key.as_str().to_owned(), pin)).collect())
    }

    /// Those of `keys` that are fenced; like `is_fenced`, with all their slots shared in one order.
    async fn fenced(&mut self, keys: &[&RouteKey], now: Instant) -> Result<HashSet<String>> {
        if self.engine() == Engine::Postgres {
            let mut slots: Vec<i64> = keys.iter().map(|key| slot(key)).collect();
            slots.sort_unstable();
            slots.dedup();
            let slots: Vec<_> = slots.into_iter().map(|slot| cells![slot]).collect();
            let sql = sql!(
                "SELECT slot FROM embedded_slots WHERE slot IN (SELECT CAST(value ->> 0 AS BIGINT) FROM ",
                each,
                ") ORDER BY slot",
                share
            );
            self.exec(sql, args![json(&slots)?]).await?;
        }
        let sql = rows!("route_key", "FROM embedded_fences WHERE until > $2 AND route_key", among);
        let found: Vec<(String,)> = self.rows(sql, args![json_ids(keys)?, now]).await?;
        Ok(found.into_iter().map(|(key,)| key).collect())
    }

    async fn live_on(&mut self, pins: &[Pin]) -> Result<()> {
        if pins.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "UPDATE embedded_pins SET expires_at = i.expires_at \
             FROM (SELECT value ->> 0 AS pool, value ->> 1 AS route_key, CAST(value ->> 2 AS BIGINT) AS expires_at FROM ",
            each,
            ") AS i WHERE embedded_pins.pool = i.pool AND embedded_pins.route_key = i.route_key"
        );
        let rows: Vec<_> = pins.iter().map(|pin| cells![&pin.pool, &pin.key, pin.expires_at]).collect();
        self.exec(sql, args![json(&rows)?]).await.map(|_| ())
    }
}
