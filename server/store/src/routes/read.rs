//! Reading what was last read from routers.

use domain::{AccountId, Place, RouteKey};

use super::{RouteRecord, StoredRoute};
use crate::{
    Result, Store,
    accounts::all,
    sql::{args, json_ids, rows},
};

/// Routes of one account that are looked at; more than it can have sessions in a plan.
const MOST: u32 = 20_000;

impl Store {
    /// The routes of these accounts, at most 20,000.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn routes_of_accounts(&self, ids: &[AccountId]) -> Result<Vec<StoredRoute>> {
        let sql = rows!(
            route,
            "FROM routes WHERE account_id IS NOT NULL AND account_id IN (SELECT value FROM ",
            list,
            ") ORDER BY account_id, router, pool, route_key LIMIT $2"
        );
        all(self.rows::<RouteRecord>(sql, args![json_ids(ids)?, MOST]).await?)
    }

    /// At most `limit` routes at `place` whose keys come after `after`, in the order of keys.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn routes_at(&self, place: &Place, after: Option<&RouteKey>, limit: u32) -> Result<Vec<StoredRoute>> {
        let sql =
            rows!(route, "FROM routes WHERE router = $1 AND pool = $2 AND route_key > $3 ORDER BY route_key LIMIT $4");
        let values = args![&place.router, &place.pool, after.map_or("", RouteKey::as_str), limit];
        all(self.rows::<RouteRecord>(sql, values).await?)
    }
}
