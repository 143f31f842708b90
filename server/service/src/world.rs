//! Reading everything about one account, from the database and from every router at once.

use std::collections::{HashMap, HashSet};

use domain::{
    Account, Place, Route, RouteKey, Scope, ServerStatus, Session, SessionId, Unread, World, view::SessionFilter,
};
use futures::future::join_all;
use routers::{Entry, RouterError};
use store::{ServerRecord, StoredRoute};

use crate::{Result, Unstick};

/// Open sessions that are read for a page; an account with more is shown as truncated.
pub(crate) const PAGE_SESSIONS: u32 = 2_000;
/// Open sessions that a plan may have. An account with 54,000 has been seen (mozilla/fxa#12086).
pub(crate) const PLAN_SESSIONS: u32 = 100_000;

impl Unstick {
    /// Reads the world of `account`: at most `limit` open sessions, and their routes on every router.
    pub(crate) async fn read_world(&self, account: Account, limit: u32) -> Result<World> {
        let ids = [account.id.clone()];
        let mut sessions = self.store().open_sessions(&account.id, limit + 1).await?;
        let stored = self.store().routes_of_accounts(&ids).await?;
        let records = self.store().servers().await?;
        let truncated = sessions.len() > limit as usize;
        sessions.truncate(limit as usize);
        if truncated {
            // The newest may all be live: what is left over is what a diagnosis is about.
            let seen: HashSet<SessionId> = sessions.iter().map(|session| session.id.clone()).collect();
            let ended = self.store().sessions_page(&account.id, SessionFilter::Ended, None, limit).await?;
            sessions.extend(ended.items.into_iter().filter(|session| !seen.contains(&session.id)));
        }
        let (routes, unread) = self.read_routes(&account, &sessions, &stored).await;
        let missing = missing_sessions(&routes, &sessions);
        if !missing.is_empty() {
            sessions.extend(self.store().sessions_by_ids(&missing).await?);
        }
        let servers = self.current_servers(records).await;
        let accumulation = self.settings().accumulation;
        Ok(World { account, sessions, truncated, routes, servers, unread, accumulation, read_at: self.now() })
    }

    async fn read_routes(
        &self,
        account: &Account,
        sessions: &[Session],
        stored: &[StoredRoute],
    ) -> (Vec<Route>, Vec<Unread>) {
        let places = self.fleet().iter().flat_map(|router| router.pools().iter().map(move |pool| (router, pool)));
        let readings = join_all(places.map(|(router, pool)| async move {
            let keys = keys_at(&pool.place, pool.scope, account, sessions, stored);
            let answer = if keys.is_empty() { Ok(Vec::new()) } else { router.read(&pool.place.pool, &keys).await };
            (pool, answer)
        }))
        .await;
        let (mut routes, mut unread) = (Vec::new(), Vec::new());
        let by_key: HashMap<(&Place, &RouteKey), &StoredRoute> =
            stored.iter().map(|known| ((&known.route.place, &known.route.key), known)).collect();
        let owners: HashMap<&RouteKey, &SessionId> = sessions.iter().map(|s| (&s.key, &s.id)).collect();
        for (pool, answer) in readings {
            match answer {
                Ok(entries) => routes.extend(entries.into_iter().map(|entry| {
                    let known = by_key.get(&(&pool.place, &entry.key)).copied();
                    let owner = owners.get(&entry.key).copied();
                    let is_void = entry.generation.is_some_and(|made| made < account.generation);
                    Route { is_void, ..self.route(&pool.place, pool.scope, entry, known, owner) }
                })),
                Err(error) => {
                    let answered = !matches!(error, RouterError::Unreachable(_));
                    let why = error.to_string();
                    // What it held when it was last read is more than nothing, and is told as that.
                    routes.extend(stored.iter().filter(|it| it.route.place == pool.place).map(|it| it.route.clone()));
                    let name = &pool.place.router;
                    if !unread.iter().any(|other: &Unread| &other.router == name) {
                        unread.push(Unread { router: name.clone(), why, answered });
                    }
                }
            }
        }
        (routes, unread)
    }

    /// An entry as a route: what the router says first, then what was observed before.
    fn route(
        &self,
        place: &Place,
        scope: Scope,
        entry: Entry,
        known: Option<&StoredRoute>,
        owner: Option<&SessionId>,
    ) -> Route {
        let known = known.filter(|known| known.route.server == entry.server);
        let observed = known.and_then(|known| known.route.session.clone());
        let session = match scope {
            Scope::Session => entry.session.or_else(|| owner.cloned()).or(observed),
            Scope::Account => entry.session.or(observed),
        };
        Route {
            place: place.clone(),
            scope,
            key: entry.key,
            server: entry.server,
            session,
            is_void: false,
            pinned_at: entry.pinned_at.or_else(|| known.and_then(|known| known.route.pinned_at)),
            expires_in: entry.expires_in,
            read_at: self.now(),
        }
    }

    /// The servers as last observed; where nobody observed them lately (a shell without a server beside it), as they
    /// are now.
    pub(crate) async fn current_servers(&self, records: Vec<ServerRecord>) -> Vec<ServerStatus> {
        let oldest = self.now() - domain::Span::from_micros(self.settings().observe_every.micros().saturating_mul(6));
        let fresh = !records.is_empty() && records.iter().any(|record| record.status.read_at > oldest);
        if fresh || self.fleet().is_empty() {
            return records.into_iter().map(|record| record.status).collect();
        }
        let read = self.read_servers(&records).await;
        let read_places: HashSet<_> = read.iter().map(|record| record.status.place.clone()).collect();
        let kept = records.into_iter().filter(|record| !read_places.contains(&record.status.place));
        let kept: Vec<_> = kept.map(|record| record.status).collect();
        read.into_iter().map(|record| record.status).chain(kept).collect()
    }
}

/// The keys of an account to ask a place for: those that its sessions have now, and those seen there before.
fn keys_at(
    place: &Place,
    scope: Scope,
    account: &Account,
    sessions: &[Session],
    stored: &[StoredRoute],
) -> Vec<RouteKey> {
    match scope {
        Scope::Account => vec![account.key.clone()],
        Scope::Session => {
            let now = sessions.iter().map(|session| &session.key);
            let before = stored.iter().filter(|known| &known.route.place == place).map(|known| &known.route.key);
            let mut seen = HashSet::new();
            now.chain(before).filter(|key| seen.insert(*key)).cloned().collect()
        }
    }
}

fn missing_sessions(routes: &[Route], sessions: &[Session]) -> Vec<SessionId> {
    let have: HashSet<&SessionId> = sessions.iter().map(|session| &session.id).collect();
    let mut seen = HashSet::new();
    let named = routes.iter().filter_map(|route| route.session.as_ref());
    named.filter(|id| !have.contains(id) && seen.insert(*id)).cloned().collect()
}
