//! Reading what was last read from routers.

use domain::{AccountId, Instant, Place, RouteKey, ServerName};

use super::{BadRecord, BadRoutes, RouteRecord, StoredRoute};
use crate::{
    Result, Store, StoreError,
    accounts::all,
    sql::{args, json_ids, rows},
};

/// Routes that are looked at; twice as many as one account can have sessions in a plan.
const MOST: u32 = 200_000;

/// The statement that finds bad routes of some accounts.
macro_rules! bad_routes {
    ($($whose:tt),+) => {
        rows!(
            "account_id, scope, live, server" as
            "SELECT account_id, scope, live, min(server) AS server FROM (SELECT r.account_id, r.scope, r.server, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM sessions s WHERE s.id = r.session_id AND s.ended_at IS NULL) \
             THEN 1 ELSE 0 END AS BIGINT) AS live FROM routes r WHERE r.account_id IS NOT NULL AND ",
            $($whose),+,
            " AND r.server IS NOT NULL AND NOT EXISTS (SELECT 1 FROM servers v WHERE v.router = r.router \
             AND v.pool = r.pool AND v.name = r.server AND v.health IN ('healthy', 'unknown')) \
             AND EXISTS (SELECT 1 FROM servers v WHERE v.router = r.router AND v.pool = r.pool)) AS bad \
             GROUP BY account_id, scope, live ORDER BY account_id, scope, live"
        )
    };
}

impl Store {
    /// The routes of these accounts, at most 200,000.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn routes_of_accounts(&self, ids: &[AccountId]) -> Result<Vec<StoredRoute>> {
        let sql = rows!(
            route,
            "FROM routes WHERE account_id IS NOT NULL AND account_id",
            among,
            " ORDER BY account_id, router, pool, route_key LIMIT $2"
        )
        .settled();
        all(self.rows::<RouteRecord>(sql, args![json_ids(ids)?, MOST]).await?)
    }

    /// Which of these accounts have routes to bad servers: to one that is not well, or that its router does not have any
    /// more. At most four rows an account. Servers of a place that was never read are not known to be bad.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bad_routes(&self, ids: &[AccountId]) -> Result<Vec<BadRoutes>> {
        let sql = bad_routes!("r.account_id", among).settled();
        all(self.rows::<BadRecord>(sql, args![json_ids(ids)?]).await?)
    }

    /// [`Self::bad_routes`] of all accounts from `first` to `last`: a stretch of one index, where single accounts are a place
    /// each.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bad_routes_between(&self, first: &AccountId, last: &AccountId) -> Result<Vec<BadRoutes>> {
        let sql = bad_routes!("r.account_id >= $1 AND r.account_id <= $2").settled();
        all(self.rows::<BadRecord>(sql, args![first, last]).await?)
    }

    /// Where the routes of `keys` at `place` lead that belong to an account and were read since `since`, in the order of keys.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn servers_of_routes(
        &self,
        place: &Place,
        keys: &[RouteKey],
        since: Instant,
    ) -> Result<Vec<(RouteKey, Option<ServerName>)>> {
        let sql = rows!(
            "route_key, server",
            "FROM routes WHERE router = $2 AND pool = $3 AND account_id IS NOT NULL AND read_at >= $4 \
             AND route_key",
            among,
            " ORDER BY route_key"
        );
        let rows: Vec<(String, Option<String>)> =
            self.rows(sql, args![json_ids(keys)?, &place.router, &place.pool, since]).await?;
        let named = |(key, server): (String, Option<String>)| {
            let server = server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?;
            Ok((RouteKey::parse(key).map_err(StoreError::corrupt)?, server))
        };
        rows.into_iter().map(named).collect()
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

#[cfg(test)]
mod tests {
    use domain::Health;

    use super::*;

    #[test]
    fn the_statement_knows_who_is_well() {
        let well: Vec<&str> = Health::ALL.into_iter().filter(|health| !health.is_bad()).map(Health::as_str).collect();
        let words = format!("v.health IN ('{}')", well.join("', '"));
        let sql = bad_routes!("true");
        assert!(sql.sqlite.contains(&words) && sql.postgres.contains(&words), "{words}");
    }
}
