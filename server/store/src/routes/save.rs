//! Keeping what was read from routers, and writing down what changed.

use std::collections::{BTreeMap, HashMap};

use domain::{AccountId, Instant, Place, Route, RouteKey, Span};

use super::{RouteChange, RouteRecord, StoredRoute, counts::Counts, insert_changes};
use crate::{
    Result, Tx,
    accounts::all,
    sql::{Arg, args, cells, json, rows, sql},
};

/// A route that did not change is written again only after this time: a large table is read every few seconds.
const FRESH: Span = Span::from_secs(60);

type Key = (Place, RouteKey);

impl Tx {
    /// Keeps routes as they were just read. One that stays on its server keeps the time at which it was pinned there; one
    /// that leads elsewhere than before writes history.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_routes(&mut self, seen: &[StoredRoute]) -> Result<()> {
        let mut known = self.known_routes(seen.iter().map(|stored| (&stored.route.place, &stored.route.key))).await?;
        let (mut counts, mut changes) = (Counts::default(), Vec::new());
        // In the order of the keys, as everybody writes them: two that write the same routes wait for each other, and never
        // each for the other.
        let mut written: BTreeMap<Key, StoredRoute> = BTreeMap::new();
        for stored in seen {
            let key = (stored.route.place.clone(), stored.route.key.clone());
            let before = known.get(&key);
            let mut after = stored.clone();
            after.route.pinned_at = pinned_at(before, &stored.route);
            if before.is_some_and(|before| same(before, &after)) {
                continue;
            }
            let from = before.and_then(|before| before.route.server.as_ref());
            if from != after.route.server.as_ref() {
                counts.add(&after.route.place, from, -1);
                counts.add(&after.route.place, after.route.server.as_ref(), 1);
                changes.extend(change(before, &after));
            }
            known.insert(key.clone(), after.clone());
            written.insert(key, after);
        }
        write(self, written.values()).await?;
        counts.write(self).await?;
        insert_changes(self, &changes).await
    }

    /// Forgets routes that are gone from their router, and writes history of `why`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn forget_routes(&mut self, gone: &[(Place, RouteKey)], at: Instant, why: &str) -> Result<()> {
        let known = self.known_routes(gone.iter().map(|(place, key)| (place, key))).await?;
        let (mut counts, mut changes) = (Counts::default(), Vec::new());
        for StoredRoute { route, account } in known.into_values() {
            counts.add(&route.place, route.server.as_ref(), -1);
            if let (Some(account), Some(server)) = (account, route.server) {
                let Route { place, key, scope, session, .. } = route;
                let why = why.to_owned();
                changes
                    .push((account, RouteChange { place, key, scope, session, from: Some(server), to: None, at, why }));
            }
        }
        let rows: Vec<_> = gone.iter().map(|(place, key)| cells![&place.router, &place.pool, key]).collect();
        let sql = sql!(
            "DELETE FROM routes WHERE (router, pool, route_key) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2 FROM ",
            each,
            ")"
        );
        self.exec(sql, args![json(&rows)?]).await?;
        counts.write(self).await?;
        insert_changes(self, &changes).await
    }

    async fn known_routes<'a>(
        &mut self,
        keys: impl Iterator<Item = (&'a Place, &'a RouteKey)>,
    ) -> Result<HashMap<Key, StoredRoute>> {
        let rows: Vec<_> = keys.map(|(place, key)| cells![&place.router, &place.pool, key]).collect();
        let sql = rows!(
            route,
            "FROM routes WHERE (router, pool, route_key) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2 FROM ",
            each,
            ") ORDER BY router, pool, route_key",
            lock
        );
        let known: Vec<StoredRoute> = all(self.rows::<RouteRecord>(sql, args![json(&rows)?]).await?)?;
        Ok(known.into_iter().map(|s| ((s.route.place.clone(), s.route.key.clone()), s)).collect())
    }
}

/// When the route was first seen on the server that it leads to now.
fn pinned_at(before: Option<&StoredRoute>, now: &Route) -> Option<Instant> {
    let stays = before.filter(|before| before.route.server == now.server).and_then(|before| before.route.pinned_at);
    stays.or(now.pinned_at).or(Some(now.read_at))
}

/// Whether nothing is to be written.
fn same(before: &StoredRoute, after: &StoredRoute) -> bool {
    let (old, new) = (&before.route, &after.route);
    before.account == after.account
        && (old.server.as_ref(), old.session.as_ref(), old.scope, old.pinned_at)
            == (new.server.as_ref(), new.session.as_ref(), new.scope, new.pinned_at)
        && new.read_at.since(old.read_at) < FRESH
}

/// The history row of a route that leads elsewhere now; of a key that belongs to nobody there is none.
fn change(before: Option<&StoredRoute>, after: &StoredRoute) -> Option<(AccountId, RouteChange)> {
    let account = after.account.clone().or_else(|| before.and_then(|before| before.account.clone()))?;
    let route = &after.route;
    let from = before.and_then(|before| before.route.server.clone());
    let why = if from.is_some() { "leads elsewhere" } else { "first seen" };
    let change = RouteChange {
        place: route.place.clone(),
        key: route.key.clone(),
        scope: route.scope,
        session: route.session.clone(),
        from,
        to: route.server.clone(),
        at: route.pinned_at.unwrap_or(route.read_at),
        why: why.to_owned(),
    };
    Some((account, change))
}

async fn write(tx: &mut Tx, routes: impl Iterator<Item = &StoredRoute>) -> Result<()> {
    let rows: Vec<_> = routes.map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        "INSERT INTO routes (router, pool, route_key, scope, server, session_id, account_id, pinned_at, expires_in, \
         read_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
         CAST(value ->> 7 AS BIGINT), CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT) FROM ",
        each,
        any,
        " ON CONFLICT (router, pool, route_key) DO UPDATE SET scope = excluded.scope, server = excluded.server, \
         session_id = excluded.session_id, account_id = excluded.account_id, pinned_at = excluded.pinned_at, \
         expires_in = excluded.expires_in, read_at = excluded.read_at"
    );
    tx.exec(sql, args![json(&rows)?]).await.map(|_| ())
}

fn row(stored: &StoredRoute) -> [Arg<'_>; 10] {
    let route = &stored.route;
    cells![
        &route.place.router,
        &route.place.pool,
        &route.key,
        route.scope.as_str(),
        route.server.as_ref(),
        route.session.as_ref(),
        stored.account.as_ref(),
        route.pinned_at,
        route.expires_in.map(Span::micros),
        route.read_at,
    ]
}
