//! Reading pins.

use domain::{Instant, PoolName, RouteKey, ServerName};

use super::{Pin, PinRecord};
use crate::{
    Result, Store,
    accounts::all,
    sql::{args, json_ids, rows},
};

impl Store {
    /// The unexpired pins of `keys` in `pool`, in the order of keys.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn pins(&self, pool: &PoolName, keys: &[RouteKey], now: Instant) -> Result<Vec<Pin>> {
        let sql = rows!(
            pin,
            "FROM embedded_pins WHERE pool = $2 AND route_key",
            among,
            " AND expires_at > $3 ORDER BY route_key"
        )
        .settled();
        all(self.rows::<PinRecord>(sql, args![json_ids(keys)?, pool, now]).await?)
    }

    /// At most `limit` unexpired pins of `pool` (to `server` alone, if one is named) whose keys come after `after`, in the
    /// order of keys.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn pins_page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<Pin>> {
        let sql = rows!(
            pin,
            "FROM embedded_pins WHERE pool = $1 AND route_key > $2 AND expires_at > $3 AND ($5 IS NULL OR server = $5) \
             ORDER BY route_key LIMIT $4"
        );
        let values = args![pool, after.map_or("", RouteKey::as_str), now, limit, server];
        all(self.rows::<PinRecord>(sql, values).await?)
    }
}
