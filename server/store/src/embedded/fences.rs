//! Fences: while a key is cleaned, no new pin is made for it.

use domain::{Instant, RouteKey};

use super::slot;
use crate::{
    Engine, Result, Tx,
    sql::{args, cells, json, json_ids, sql},
};

impl Tx {
    /// Fences `keys` until `until`; one that is fenced for longer stays so. Forgets a few fences that ended before the
    /// present (an hour before `until` at the latest).
    ///
    /// # Errors
    /// When the database could not.
    pub async fn fence_keys(&mut self, keys: &[RouteKey], until: Instant) -> Result<()> {
        let mut keys: Vec<&RouteKey> = keys.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        if self.engine() == Engine::Postgres {
            let mut slots: Vec<_> = keys.iter().map(|key| slot(key)).collect();
            slots.sort_unstable();
            slots.dedup();
            let slots: Vec<_> = slots.into_iter().map(|slot| cells![slot]).collect();
            let sql = sql!(
                "SELECT slot FROM embedded_slots WHERE slot IN (SELECT CAST(value ->> 0 AS BIGINT) FROM ",
                each,
                ") ORDER BY slot FOR UPDATE"
            );
            self.exec(sql, args![json(&slots)?]).await?;
        }
        let sql = sql!(
            "INSERT INTO embedded_fences (route_key, until) \
             SELECT value ->> 0, CAST(value ->> 1 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (route_key) DO UPDATE SET until = CASE WHEN embedded_fences.until > excluded.until \
             THEN embedded_fences.until ELSE excluded.until END"
        );
        let rows: Vec<_> = keys.iter().map(|key| cells![*key, until]).collect();
        self.exec(sql, args![json(&rows)?]).await?;
        // Fences are lifted by who made them; those that a crash left are swept here, long after they ended.
        let sql = sql!(
            "DELETE FROM embedded_fences WHERE route_key IN \
             (SELECT route_key FROM embedded_fences WHERE until < $1 ORDER BY until LIMIT 100)"
        );
        self.exec(sql, args![until - domain::Span::from_secs(3_600)]).await.map(|_| ())
    }

    /// Undoes [`Self::fence_keys`].
    ///
    /// # Errors
    /// When the database could not.
    pub async fn lift_keys(&mut self, keys: &[RouteKey]) -> Result<()> {
        let sql = sql!("DELETE FROM embedded_fences WHERE route_key", among);
        self.exec(sql, args![json_ids(keys)?]).await.map(|_| ())
    }
}
