//! The observer: looks at every router now and then, and keeps the health of servers and the history of routes.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use async_recursion::async_recursion as boxed;
use domain::{
    Health, HealthWindow, Place, PoolInfo, Route, RouteKey, RouterName, Scope, ServerName, ServerStatus, SessionId,
    Span,
};
use futures::future::join_all;
use routers::{Entry, Listing, Router, RouterError, ServerReading};
use store::{KeyOwner, ServerRecord, StoredRoute};

use crate::{Result, Unstick};

/// Routes written in one transaction.
const BATCH: usize = 500;
/// How long an entry of a large table that leads to a bad server counts as read.
const FRESH: Span = Span::from_secs(60);
/// Routes held at once of a table that is read piece by piece.
const PAGE: u32 = 1_000;

/// What is stored of an entry.
pub(super) struct Seen {
    server: Option<ServerName>,
    /// Whether somebody was known whose it is.
    is_owned: bool,
}

impl Unstick {
    /// One pass over every router.
    ///
    /// # Errors
    /// Failures of the database; a router that does not answer is no error.
    #[boxed]
    pub async fn observe_once(&self) -> Result<()> {
        self.wake_returned().await?;
        let known = self.store().servers().await?;
        let records = self.read_servers(&known).await;
        if !records.is_empty() {
            transact!(self, tx => {
                tx.save_servers(&records).await?;
                let mut places: Vec<&Place> = records.iter().map(|record| &record.status.place).collect();
                places.dedup();
                for place in places {
                    let keep: Vec<ServerName> = records.iter().filter(|r| &r.status.place == place).map(|r| r.status.name.clone()).collect();
                    tx.forget_servers(place, &keep).await?;
                }
                Ok(())
            })?;
        }
        for router in self.fleet() {
            for pool in router.pools() {
                self.observe_pool(router, pool, &records).await?;
            }
        }
        Ok(())
    }

    /// Every server of every router that answers, its window carried on from `known`.
    pub(crate) async fn read_servers(&self, known: &[ServerRecord]) -> Vec<ServerRecord> {
        let answers =
            join_all(self.fleet().iter().map(async |router| (router.name().clone(), router.servers().await))).await;
        let mut records = Vec::new();
        for (router, answer) in answers {
            match answer {
                Ok(servers) => records.extend(servers.into_iter().map(|server| self.record(&router, server, known))),
                Err(error) => tracing::debug!(router.name = %router, %error, "servers could not be read"),
            }
        }
        records
    }

    fn record(&self, router: &RouterName, reading: ServerReading, known: &[ServerRecord]) -> ServerRecord {
        let (now, policy) = (self.now(), &self.settings().health);
        let place = Place { router: router.clone(), pool: reading.pool };
        let before = known.iter().find(|r| r.status.place == place && r.status.name == reading.name);
        let window = before.map_or_else(HealthWindow::default, |record| record.window);
        let window = window.advance(reading.counters, now, policy);
        let failing = window.health(policy) == Health::Degraded;
        let health = if failing { reading.state.max(Health::Degraded) } else { reading.state };
        let since = before.filter(|record| record.status.health == health).map_or(now, |record| record.status.since);
        let status = ServerStatus {
            place,
            name: reading.name,
            health,
            failing,
            error_permille: window.error_permille(policy),
            response_ms: (reading.counters.response_ms > 0).then_some(reading.counters.response_ms),
            since,
            read_at: now,
            pinned: None,
        };
        ServerRecord { status, window }
    }

    async fn observe_pool(&self, router: &Arc<dyn Router>, pool: &PoolInfo, servers: &[ServerRecord]) -> Result<()> {
        let limit = self.settings().observe_limit;
        match router.page(&pool.place.pool, None, None, PAGE).await {
            Ok(Some(first)) => {
                // It is not listed, only asked how much there is.
                return match router.list(&pool.place.pool, 0).await {
                    Ok(Listing::TooMany(n)) if n > limit => self.observe_bad(router, pool, servers).await,
                    _ => self.observe_pages(router, pool, first).await,
                };
            }
            Ok(None) => {}
            Err(error) => {
                unreadable(pool, &error);
                return Ok(());
            }
        }
        match router.list(&pool.place.pool, limit).await {
            Ok(Listing::All(entries)) => self.observe_table(pool, entries).await,
            Ok(Listing::TooMany(_)) => self.observe_bad(router, pool, servers).await,
            Err(error) => {
                unreadable(pool, &error);
                Ok(())
            }
        }
    }

    /// A table that can be read piece by piece, beside what is stored of it: nothing has to be remembered.
    async fn observe_pages(&self, router: &Arc<dyn Router>, pool: &PoolInfo, first: Vec<Entry>) -> Result<()> {
        let (mut page, mut after) = (first, None);
        loop {
            let end = (page.len() >= PAGE as usize).then(|| page.last().map(|entry| entry.key.clone())).flatten();
            self.observe_stretch(pool, page, after.as_ref(), end.as_ref()).await?;
            let Some(end) = end else { return Ok(()) };
            page = match router.page(&pool.place.pool, None, Some(&end), PAGE).await {
                Ok(next) => next.unwrap_or_default(),
                Err(error) => {
                    unreadable(pool, &error);
                    return Ok(());
                }
            };
            after = Some(end);
        }
    }

    /// What the router has after the key `after`, up to `end` (`None`: to the last), beside what is stored.
    async fn observe_stretch(
        &self,
        pool: &PoolInfo,
        entries: Vec<Entry>,
        after: Option<&RouteKey>,
        end: Option<&RouteKey>,
    ) -> Result<()> {
        let mut stored: HashMap<RouteKey, Seen> = HashMap::new();
        let mut gone: Vec<(Place, RouteKey)> = Vec::new();
        let kept: HashSet<&RouteKey> = entries.iter().map(|entry| &entry.key).collect();
        let mut from = after.cloned();
        loop {
            let page = self.store().routes_at(&pool.place, from.as_ref(), PAGE).await?;
            let whole = page.len() >= PAGE as usize;
            from = page.last().map(|stored| stored.route.key.clone());
            let within = page.into_iter().take_while(|stored| end.is_none_or(|end| stored.route.key <= *end));
            for StoredRoute { route, account } in within {
                if kept.contains(&route.key) {
                    stored.insert(route.key, Seen { server: route.server, is_owned: account.is_some() });
                } else {
                    gone.push((pool.place.clone(), route.key));
                }
            }
            let past = end.is_some_and(|end| from.as_ref().is_none_or(|from| from >= end));
            if !whole || past {
                break;
            }
            // Many went at once: they are forgotten as they are found, so that no more than a page is held.
            self.forget_gone(&mut gone).await?;
        }
        self.forget_gone(&mut gone).await?;
        self.save_news(pool, entries, &stored).await?;
        Ok(())
    }

    /// Writes those of `entries` that were not stored so before, and those whose owner has become known since: a load balancer
    /// pins a key before its session is reported. Answers the keys that nobody is known to own.
    async fn save_news(
        &self,
        pool: &PoolInfo,
        entries: Vec<Entry>,
        before: &HashMap<RouteKey, Seen>,
    ) -> Result<HashSet<RouteKey>> {
        let (mut news, mut nobodys) = (Vec::new(), Vec::new());
        for entry in entries {
            match before.get(&entry.key) {
                Some(seen) if seen.server != entry.server => news.push(entry),
                Some(seen) if seen.is_owned => {}
                Some(_) => nobodys.push(entry),
                None => news.push(entry),
            }
        }
        let mut unowned = HashSet::new();
        for batch in nobodys.chunks(BATCH) {
            let known = self.owners(pool, batch).await?;
            let (owned, rest): (Vec<&Entry>, Vec<_>) = batch.iter().partition(|entry| known.contains_key(&entry.key));
            news.extend(owned.into_iter().cloned());
            unowned.extend(rest.into_iter().map(|entry| entry.key.clone()));
        }
        unowned.extend(self.save_entries(pool, news).await?);
        Ok(unowned)
    }

    async fn forget_gone(&self, gone: &mut Vec<(Place, RouteKey)>) -> Result<()> {
        let now = self.now();
        for batch in gone.chunks(BATCH) {
            transact!(self, tx => { Ok(tx.forget_routes(batch, now, "no longer on the router").await?) })?;
        }
        gone.clear();
        Ok(())
    }

    /// Of a table that is too large to list, what leads to bad servers, and to those that everybody is moved off: that is
    /// what lists show.
    async fn observe_bad(&self, router: &Arc<dyn Router>, pool: &PoolInfo, servers: &[ServerRecord]) -> Result<()> {
        let left = self.store().servers_being_left().await?;
        let is_left = |name: &ServerName| left.iter().any(|(of, server)| *of == pool.place.pool && server == name);
        let bad = servers
            .iter()
            .filter(|r| r.status.place == pool.place && (r.status.health.is_bad() || is_left(&r.status.name)));
        for record in bad {
            self.observe_server(router, pool, &record.status.name).await?;
        }
        Ok(())
    }

    /// What leads to `server`: piece by piece where the router can, so that no more than a page is held.
    async fn observe_server(&self, router: &Arc<dyn Router>, pool: &PoolInfo, server: &ServerName) -> Result<()> {
        let (table, limit) = (&pool.place.pool, self.settings().observe_limit);
        let mut after: Option<RouteKey> = None;
        loop {
            let page = match router.page(table, Some(server), after.as_ref(), PAGE).await {
                Ok(Some(page)) => page,
                Ok(None) => {
                    return match router.of_server(table, server, limit).await {
                        Ok(Listing::All(entries)) => self.save_changed(pool, entries).await,
                        Ok(Listing::TooMany(_)) => Ok(()),
                        Err(error) => {
                            unreadable(pool, &error);
                            Ok(())
                        }
                    };
                }
                Err(error) => {
                    unreadable(pool, &error);
                    return Ok(());
                }
            };
            let end = page.last().filter(|_| page.len() >= PAGE as usize).map(|entry| entry.key.clone());
            if after.is_none() && end.is_some() {
                // Of such a router it is not listed, only asked how much there is.
                if matches!(router.of_server(table, server, 0).await, Ok(Listing::TooMany(n)) if n > limit) {
                    return Ok(());
                }
            }
            self.save_changed(pool, page).await?;
            after = end;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Writes those of `entries` that are stored otherwise.
    async fn save_changed(&self, pool: &PoolInfo, entries: Vec<Entry>) -> Result<()> {
        let changed = self.changed(pool, entries).await?;
        self.save_entries(pool, changed).await?;
        Ok(())
    }

    /// Those of `entries` that are stored otherwise, without an owner (one may be known by now), long ago, or not at all: most
    /// have not changed since the last look.
    async fn changed(&self, pool: &PoolInfo, entries: Vec<Entry>) -> Result<Vec<Entry>> {
        let (mut stored, since) = (HashMap::new(), self.now() - FRESH);
        for batch in entries.chunks(BATCH) {
            let keys: Vec<RouteKey> = batch.iter().map(|entry| entry.key.clone()).collect();
            stored.extend(self.store().servers_of_routes(&pool.place, &keys, since).await?);
        }
        Ok(entries.into_iter().filter(|entry| stored.get(&entry.key) != Some(&entry.server)).collect())
    }

    async fn observe_table(&self, pool: &PoolInfo, entries: Vec<Entry>) -> Result<()> {
        let before = self.remembered(&pool.place).await?;
        let mut table: HashMap<RouteKey, Seen> = entries
            .iter()
            .map(|entry| (entry.key.clone(), Seen { server: entry.server.clone(), is_owned: true }))
            .collect();
        let mut gone: Vec<(Place, RouteKey)> = before
            .keys()
            .filter(|key| !table.contains_key(*key))
            .map(|key| (pool.place.clone(), key.clone()))
            .collect();
        for key in self.save_news(pool, entries, &before).await? {
            table.entry(key).and_modify(|seen| seen.is_owned = false);
        }
        self.forget_gone(&mut gone).await?;
        let mut tables = self.0.observer.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.insert(pool.place.clone(), table);
        Ok(())
    }

    /// The table as last seen; after a start, as stored.
    async fn remembered(&self, place: &Place) -> Result<HashMap<RouteKey, Seen>> {
        if let Some(table) = self.0.observer.tables.lock().unwrap_or_else(PoisonError::into_inner).remove(place) {
            return Ok(table);
        }
        let (mut table, mut after) = (HashMap::new(), None);
        loop {
            let page = self.store().routes_at(place, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(table) };
            after = Some(last.route.key.clone());
            table.extend(page.into_iter().map(|StoredRoute { route, account }| {
                (route.key, Seen { server: route.server, is_owned: account.is_some() })
            }));
        }
    }

    /// Writes `entries` as they were seen; answers the keys that nobody is known to own.
    ///
    /// # Errors
    /// When the database could not.
    pub(crate) async fn save_entries(&self, pool: &PoolInfo, entries: Vec<Entry>) -> Result<HashSet<RouteKey>> {
        let mut unowned = HashSet::new();
        for batch in entries.chunks(BATCH) {
            let owners = self.owners(pool, batch).await?;
            let makers = self.makers(pool, &owners).await?;
            let seen: Vec<StoredRoute> =
                batch.iter().map(|entry| self.seen(pool, entry, owners.get(&entry.key), &makers)).collect();
            transact!(self, tx => { Ok(tx.save_routes(&seen).await?) })?;
            unowned.extend(seen.into_iter().filter(|seen| seen.account.is_none()).map(|seen| seen.route.key));
        }
        Ok(unowned)
    }

    /// Whose the keys of a batch of `entries` are, where somebody is known.
    async fn owners(&self, pool: &PoolInfo, entries: &[Entry]) -> Result<HashMap<RouteKey, KeyOwner>> {
        let keys: Vec<RouteKey> = entries.iter().map(|entry| entry.key.clone()).collect();
        let owners = self.store().owners_of_keys(&keys).await?;
        Ok(owners.into_iter().filter(|it| it.scope == pool.scope).map(|it| (it.key.clone(), it)).collect())
    }

    /// For account routes: the session that most likely made each, which is the one that was seen last.
    async fn makers(
        &self,
        pool: &PoolInfo,
        owners: &HashMap<RouteKey, KeyOwner>,
    ) -> Result<HashMap<RouteKey, SessionId>> {
        let mut makers = HashMap::new();
        if pool.scope == Scope::Session {
            return Ok(makers);
        }
        for (key, owner) in owners {
            let open = self.store().open_sessions(&owner.account, 50).await?;
            let last = open.into_iter().filter(|s| s.state.is_live()).max_by_key(|s| (s.last_seen_at, s.created_at));
            if let Some(session) = last {
                makers.insert(key.clone(), session.id);
            }
        }
        Ok(makers)
    }

    fn seen(
        &self,
        pool: &PoolInfo,
        entry: &Entry,
        owner: Option<&KeyOwner>,
        makers: &HashMap<RouteKey, SessionId>,
    ) -> StoredRoute {
        let session = entry.session.clone().or_else(|| match pool.scope {
            Scope::Session => owner.and_then(|owner| owner.session.clone()),
            Scope::Account => makers.get(&entry.key).cloned(),
        });
        let route = Route {
            place: pool.place.clone(),
            scope: pool.scope,
            key: entry.key.clone(),
            server: entry.server.clone(),
            session,
            is_void: false,
            pinned_at: Some(entry.pinned_at.unwrap_or_else(|| self.now())),
            expires_in: entry.expires_in,
            read_at: self.now(),
        };
        StoredRoute { route, account: owner.map(|owner| owner.account.clone()) }
    }
}

/// Says that a table could not be read; the next pass tries again.
fn unreadable(pool: &PoolInfo, error: &RouterError) {
    let place = &pool.place;
    tracing::debug!(router.name = %place.router, pool = %place.pool, %error, "a table could not be read");
}
