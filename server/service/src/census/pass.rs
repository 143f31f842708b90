//! One pass of a census: everything that has a key of one scope, joined by key. The streams are, for each place, its
//! entries and what was read of it before; then what the keys stand for, by their two kinds of key.

use std::collections::{BTreeMap, HashMap};

use domain::{
    EventKind, Place, PoolInfo, Route, RouteKey, Scope, ServerName, ServerStatus, SessionId, WebhookEvent,
    census::{
        Around, AtKey, CensusAccount, CensusFinding, CensusKind, CensusPhase, CensusRoute, CensusSession, FindingState,
        Keyed, KnownRoute, Maker, Merge, Next, RouteAt, Seen, UnreadPlace,
    },
};
use futures::future::join_all;
use store::{FindingKey, StoredRoute};

use super::{
    BATCH, LEASE, PAGE,
    run::Run,
    source::{HOLD, Opened, Source},
};
use crate::{Result, Unstick};

/// Something that is joined.
enum Item {
    Route(CensusRoute),
    Known(KnownRoute),
    Session(CensusSession),
    Account(CensusAccount),
}

impl Keyed for Item {
    fn key(&self) -> &RouteKey {
        match self {
            Self::Route(it) => it.key(),
            Self::Known(it) => it.key(),
            Self::Session(it) => it.key(),
            Self::Account(it) => it.key(),
        }
    }
}

/// A pass under way.
pub(super) struct Pass {
    scope: Scope,
    phase: CensusPhase,
    around: Around,
    sources: Vec<Source>,
    /// By place: what is not known of it.
    unread: Vec<Option<UnreadPlace>>,
    merge: Merge<Item>,
    /// Where the two streams of owners go on; `None` once they ended.
    owners: [Option<String>; 2],
    batch: Vec<AtKey>,
    degraded: BTreeMap<(usize, ServerName), i64>,
    /// Findings, routes to be remembered and routes to be forgotten, that wait to be written.
    seen: Vec<Seen>,
    stale: Vec<StoredRoute>,
    forgotten: Vec<(Place, RouteKey)>,
}

impl Pass {
    /// Opens every place of `scope`.
    pub(super) async fn open(
        run: &Run<'_>,
        scope: Scope,
        phase: CensusPhase,
        servers: &[ServerStatus],
    ) -> Result<Self> {
        let (unstick, settings) = (run.unstick, run.unstick.settings());
        let pools: Vec<PoolInfo> = unstick.pools().into_iter().filter(|pool| pool.scope == scope).collect();
        let (mut sources, mut unread, mut room) = (Vec::new(), Vec::new(), HOLD);
        for pool in &pools {
            let opened = match unstick.router(&pool.place.router) {
                Some(router) => Opened::open(router, pool, servers, settings.observe_limit, room).await,
                None => Opened::nothing(pool, "it is not configured any more"),
            };
            room = room.saturating_sub(opened.source.held());
            sources.push(opened.source);
            unread.push(opened.unread);
        }
        let accumulation = settings.accumulation;
        let around = Around::new(pools, servers, unstick.now(), settings.census_grace, accumulation);
        let merge = Merge::new(sources.len() * 2 + 2);
        let owners = [Some(String::new()), Some(String::new())];
        Ok(Self {
            scope,
            phase,
            around,
            sources,
            unread,
            merge,
            owners,
            batch: Vec::new(),
            degraded: BTreeMap::new(),
            seen: Vec::new(),
            stale: Vec::new(),
            forgotten: Vec::new(),
        })
    }

    /// Joins everything and writes what it finds.
    pub(super) async fn carry_out(mut self, run: &mut Run<'_>) -> Result<()> {
        loop {
            match self.merge.advance() {
                Next::Need(stream) => {
                    run.tick(self.phase).await?;
                    self.feed(run, stream).await?;
                }
                Next::Group(key, items) => {
                    let at = self.at_key(key, items);
                    self.batch.push(at);
                    if self.batch.len() >= BATCH {
                        self.judge(run).await?;
                    }
                }
                Next::End => break,
            }
        }
        self.judge(run).await?;
        self.seen.extend(self.around.degraded_servers(&self.degraded));
        self.write(run, 1).await?;
        run.note.unread.extend(self.unread.into_iter().flatten());
        Ok(())
    }

    async fn feed(&mut self, run: &mut Run<'_>, stream: usize) -> Result<()> {
        let place = stream / 2;
        let Some(pool) = self.around.pools.get(place).cloned() else {
            return self.feed_owners(run, stream).await;
        };
        let (items, ended) = if stream.is_multiple_of(2) {
            match self.read_router(place, &pool).await {
                Ok((routes, ended)) => {
                    run.note.read.routes += len(&routes);
                    (routes.into_iter().map(Item::Route).collect(), ended)
                }
                Err(why) => {
                    self.lose(place, &pool, why);
                    (Vec::new(), true)
                }
            }
        } else {
            let known = run.unstick.store().routes_at(&pool.place, self.merge.last(stream), PAGE).await?;
            let ended = known.len() < PAGE as usize;
            (known.into_iter().map(known_route).map(Item::Known).collect(), ended)
        };
        if self.merge.feed(stream, items, ended).is_err() {
            self.lose(place, &pool, "its entries do not come in the order of their keys".to_owned());
        }
        Ok(())
    }

    async fn read_router(
        &mut self,
        place: usize,
        pool: &PoolInfo,
    ) -> std::result::Result<(Vec<CensusRoute>, bool), String> {
        match self.sources.get_mut(place) {
            Some(source) => source.next(pool).await,
            None => Ok((Vec::new(), true)),
        }
    }

    /// From here on it is not known what the place has.
    fn lose(&mut self, place: usize, pool: &PoolInfo, why: String) {
        if let Some(unread) = self.unread.get_mut(place) {
            *unread = Some(UnreadPlace { place: pool.place.clone(), but: Vec::new(), by_key: false, why });
        }
    }

    /// Looks up the keys of the batch at the places that are read key by key, all places at once.
    async fn look_up(&mut self, run: &mut Run<'_>) {
        let keys: Vec<RouteKey> = self.batch.iter().map(|at| at.key.clone()).collect();
        let asked = self.sources.iter().zip(&self.around.pools).enumerate();
        let answers = join_all(asked.map(async |(place, (source, pool))| (place, source.look_up(pool, &keys).await)));
        for (place, answer) in answers.await {
            match answer {
                None => {}
                Some(Ok(found)) => {
                    run.note.read.routes += len(&found);
                    let mut found: HashMap<RouteKey, CensusRoute> =
                        found.into_iter().map(|route| (route.key.clone(), route)).collect();
                    for at in &mut self.batch {
                        at.put(place, found.remove(&at.key));
                    }
                }
                Some(Err(error)) => {
                    for at in &mut self.batch {
                        at.routes.retain(|route| route.pool != place);
                    }
                    let pool = self.around.pools.get(place).cloned();
                    if let (Some(source), Some(pool)) = (self.sources.get_mut(place), pool) {
                        *source = Source::Over;
                        self.lose(place, &pool, error.to_string());
                    }
                }
            }
        }
    }

    async fn feed_owners(&mut self, run: &mut Run<'_>, stream: usize) -> Result<()> {
        let first = self.around.pools.len() * 2;
        let which = stream.saturating_sub(first).min(1);
        let store = run.unstick.store();
        let Some(after) = self.owners[which].take() else {
            return self.fed(stream, Vec::new(), None, which);
        };
        match self.scope {
            Scope::Session => {
                let (page, next) = match which {
                    0 => store.census_sessions(&after, PAGE).await?,
                    _ => store.census_keyed_sessions(&after, PAGE).await?,
                };
                run.note.read.sessions += len(&page);
                self.fed(stream, page.into_iter().map(Item::Session).collect(), next, which)
            }
            Scope::Account => {
                let (page, next) = match which {
                    0 => store.census_accounts(&after, PAGE).await?,
                    _ => store.census_keyed_accounts(&after, PAGE).await?,
                };
                run.note.read.accounts += len(&page);
                self.fed(stream, page.into_iter().map(Item::Account).collect(), next, which)
            }
        }
    }

    fn fed(&mut self, stream: usize, items: Vec<Item>, next: Option<String>, which: usize) -> Result<()> {
        let ended = next.is_none();
        self.owners[which] = next;
        self.merge.feed(stream, items, ended).map_err(crate::Error::internal)
    }

    fn at_key(&self, key: RouteKey, items: Vec<(usize, Item)>) -> AtKey {
        let mut at = AtKey { key, routes: Vec::new(), sessions: Vec::new(), accounts: Vec::new() };
        for (stream, item) in items {
            let pool = stream / 2;
            match item {
                Item::Route(route) => at.routes.push(RouteAt { pool, now: Some(route), known: None }),
                Item::Known(known) => match at.routes.last_mut().filter(|route| route.pool == pool) {
                    Some(route) => route.known = Some(known),
                    // What a place that was not read whole may or may not have is not judged.
                    None if self.is_unread(pool) => {}
                    None => at.routes.push(RouteAt { pool, now: None, known: Some(known) }),
                },
                Item::Session(session) => at.sessions.push(session),
                Item::Account(account) => at.accounts.push(account),
            }
        }
        at
    }

    fn is_unread(&self, pool: usize) -> bool {
        self.unread.get(pool).is_some_and(|unread| unread.as_ref().is_some_and(|unread| !unread.by_key))
    }

    async fn judge(&mut self, run: &mut Run<'_>) -> Result<()> {
        self.look_up(run).await;
        let batch = std::mem::take(&mut self.batch);
        let makers = self.makers(run.unstick, &batch).await?;
        for at in &batch {
            let judged = self.around.judge(at, self.scope, &makers);
            for place in judged.degraded {
                *self.degraded.entry(place).or_default() += 1;
            }
            for seen in &judged.seen {
                self.stale.extend(self.to_remember(at, seen));
            }
            for route in at.routes.iter().filter(|route| route.now.is_none()) {
                let old = route.known.as_ref().is_some_and(|known| known.read_at < run.lease.started_at);
                if let Some(info) = self.around.pools.get(route.pool).filter(|_| old) {
                    self.forgotten.push((info.place.clone(), at.key.clone()));
                }
            }
            self.seen.extend(judged.seen);
        }
        self.write(run, BATCH).await
    }

    /// What became of the sessions that made the account routes of `batch`.
    async fn makers(&self, unstick: &Unstick, batch: &[AtKey]) -> Result<HashMap<SessionId, Maker>> {
        if self.scope == Scope::Session {
            return Ok(HashMap::new());
        }
        let routes = batch.iter().flat_map(|at| &at.routes);
        let ids: Vec<SessionId> = routes.filter_map(|route| route.session().cloned()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut makers: HashMap<SessionId, Maker> = unstick.store().makers(&ids).await?.into_iter().collect();
        for id in ids {
            makers.entry(id).or_insert(Maker::Missing);
        }
        Ok(makers)
    }

    /// A stale route that nobody remembers, though it is known whose it is: remembered, so that its account's page shows it
    /// and its account's clean-up removes it.
    fn to_remember(&self, at: &AtKey, seen: &Seen) -> Option<StoredRoute> {
        let (CensusKind::StaleRoute, Some(account), Some(place)) = (seen.kind, &seen.account, &seen.place) else {
            return None;
        };
        let place_of = |route: &&RouteAt| self.around.pools.get(route.pool).is_some_and(|pool| &pool.place == place);
        let route = at.routes.iter().find(place_of)?;
        if route.known.as_ref().is_some_and(|known| known.account.is_some()) {
            return None;
        }
        let route = Route {
            place: place.clone(),
            scope: self.scope,
            key: at.key.clone(),
            server: seen.server.clone(),
            session: seen.session.clone(),
            is_void: false,
            pinned_at: route.pinned_at(),
            expires_in: None,
            read_at: self.around.now,
        };
        Some(StoredRoute { route, account: Some(account.clone()) })
    }

    /// Writes what waits, in batches, as long as there is `least` of it.
    async fn write(&mut self, run: &Run<'_>, least: usize) -> Result<()> {
        let (unstick, now) = (run.unstick, run.unstick.now());
        while self.seen.len() >= least.max(1) {
            let batch: Vec<Seen> = self.seen.drain(..self.seen.len().min(BATCH)).collect();
            run.look(batch).await?;
        }
        while self.stale.len() >= least.max(1) {
            let batch: Vec<StoredRoute> = self.stale.drain(..self.stale.len().min(BATCH)).collect();
            transact!(unstick, tx => { Ok(tx.save_routes(&batch).await?) })?;
        }
        while self.forgotten.len() >= least.max(1) {
            let batch: Vec<_> = self.forgotten.drain(..self.forgotten.len().min(BATCH)).collect();
            transact!(unstick, tx => { Ok(tx.forget_routes(&batch, now, "no longer on the router").await?) })?;
            // The observer must not go on believing that these are written down.
            for (place, _) in &batch {
                unstick.0.observer.forget(place);
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Writes what was seen, as a look at each.
    pub(super) async fn look(&self, mut batch: Vec<Seen>) -> Result<()> {
        let (unstick, lease, now) = (self.unstick, self.lease, self.unstick.now());
        let grace = unstick.settings().census_grace;
        batch.sort_by_cached_key(FindingKey::of);
        batch.dedup_by_key(|seen| FindingKey::of(seen));
        let keys: Vec<FindingKey> = batch.iter().map(FindingKey::of).collect();
        transact!(unstick, tx => {
            tx.keep_census(lease, now + LEASE).await?;
            let known = tx.known_findings(&keys).await?;
            let known: HashMap<FindingKey, CensusFinding> =
                known.into_iter().map(|finding| (FindingKey::of(&finding.seen), finding)).collect();
            let after = |(seen, key): (&Seen, &FindingKey)| {
                CensusFinding::after_look(known.get(key), seen.clone(), lease.no, now, grace)
            };
            let findings: Vec<CensusFinding> = batch.iter().zip(&keys).map(after).collect();
            let opened = |(finding, key): &(&CensusFinding, &FindingKey)| {
                let open = |it: &CensusFinding| it.state == FindingState::Open;
                open(finding) && !known.get(*key).is_some_and(open)
            };
            let opened = findings.iter().zip(&keys).filter(opened).map(|(finding, _)| finding);
            let opened: Vec<WebhookEvent> = opened.map(WebhookEvent::finding_opened).collect();
            if !opened.is_empty() {
                tx.emit(EventKind::FindingOpened, now, || opened).await?;
            }
            Ok(tx.save_findings(&findings).await?)
        })
    }
}

fn known_route(stored: StoredRoute) -> KnownRoute {
    let Route { key, server, session, pinned_at, read_at, .. } = stored.route;
    KnownRoute { key, server, session, account: stored.account, pinned_at, read_at }
}

fn len<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}
