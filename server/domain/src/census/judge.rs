//! What is wrong at one key, when everything that anybody has for it lies side by side.

use std::collections::{BTreeMap, HashMap};

use super::{CensusKind, Keyed, Seen};
use crate::{
    AccountId, Health, Instant, Place, PoolInfo, RouteKey, Scope, ServerName, ServerStatus, SessionId, Severity, Span,
};

/// A session, as far as a census needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusSession {
    /// The key that pins its traffic.
    pub key: RouteKey,
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// Whether its record was cleaned.
    pub cleaned: bool,
}

/// What is said of an account's route when nobody of the account is signed in.
const SIGNED_OUT: &str = "remains, though the account has no live session";

/// An account, as far as a census needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusAccount {
    /// The key of its traffic.
    pub key: RouteKey,
    /// Its id.
    pub id: AccountId,
    /// Live sessions, as they are kept count of.
    pub live: i64,
    /// Left-over ones.
    pub left_over: i64,
    /// All that it ever had and that are kept.
    pub total: i64,
}

/// An entry that a router has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusRoute {
    /// Its key.
    pub key: RouteKey,
    /// The server it pins to.
    pub server: Option<ServerName>,
    /// The session that it belongs to or that made it, where the router tells.
    pub session: Option<SessionId>,
    /// Since when, where the router tells.
    pub pinned_at: Option<Instant>,
}

/// A route as it was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRoute {
    /// Its key.
    pub key: RouteKey,
    /// The server it pinned to.
    pub server: Option<ServerName>,
    /// The session that it belongs to or that made it.
    pub session: Option<SessionId>,
    /// Whose it is.
    pub account: Option<AccountId>,
    /// Since when.
    pub pinned_at: Option<Instant>,
    /// When it was read.
    pub read_at: Instant,
}

macro_rules! keyed {
    ($($item:ty),+) => {$( impl Keyed for $item { fn key(&self) -> &RouteKey { &self.key } } )+};
}
keyed!(CensusSession, CensusAccount, CensusRoute, KnownRoute);

/// What one place has for the key now, and had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAt {
    /// The place's number in [`Around::pools`].
    pub pool: usize,
    /// What is there now.
    pub now: Option<CensusRoute>,
    /// What was read before.
    pub known: Option<KnownRoute>,
}

impl AtKey {
    /// Puts in what the place with the number `pool` has for the key, which was looked up there.
    pub fn put(&mut self, pool: usize, now: Option<CensusRoute>) {
        if let Some(route) = self.routes.iter_mut().find(|route| route.pool == pool) {
            route.now = now;
        } else if now.is_some() {
            let place = self.routes.partition_point(|route| route.pool < pool);
            self.routes.insert(place, RouteAt { pool, now, known: None });
        }
    }
}

impl RouteAt {
    /// What was read before, if the key still leads to the same server.
    fn still(&self) -> Option<&KnownRoute> {
        self.known.as_ref().filter(|known| self.now.as_ref().is_some_and(|now| now.server == known.server))
    }

    /// The session that the route belongs to or that made it.
    pub fn session(&self) -> Option<&SessionId> {
        let told = self.now.as_ref().and_then(|now| now.session.as_ref());
        told.or_else(|| self.still().and_then(|known| known.session.as_ref()))
    }

    /// Since when it leads to its server.
    pub fn pinned_at(&self) -> Option<Instant> {
        let told = self.now.as_ref().and_then(|now| now.pinned_at);
        told.or_else(|| self.still().and_then(|known| known.pinned_at))
    }
}

/// Everything that anybody has for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtKey {
    /// The key.
    pub key: RouteKey,
    /// Per place, in the order of places.
    pub routes: Vec<RouteAt>,
    /// The sessions that have it (more than one is hostile, and none of them is believed to own it alone).
    pub sessions: Vec<CensusSession>,
    /// The accounts that have it.
    pub accounts: Vec<CensusAccount>,
}

/// What became of a session that made a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// It is live.
    Live,
    /// It ended.
    Ended(Instant),
    /// There is none.
    Missing,
}

/// A server at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAt {
    /// How it is.
    pub health: Health,
    /// Since when.
    pub since: Instant,
}

/// What is known around all keys.
pub struct Around {
    /// The places, numbered.
    pub pools: Vec<PoolInfo>,
    servers: Vec<HashMap<ServerName, ServerAt>>,
    /// The present.
    pub now: Instant,
    /// What is younger does not count.
    pub grace: Span,
    /// From how many open sessions an account accumulates; 0 for never.
    pub accumulation: i64,
}

/// What was judged of a key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is wrong.
    pub seen: Vec<Seen>,
    /// Places and servers, bad ones, to which something leads that should not suffer.
    pub degraded: Vec<(usize, ServerName)>,
}

impl Around {
    /// With the servers of `pools`.
    pub fn new(pools: Vec<PoolInfo>, servers: &[ServerStatus], now: Instant, grace: Span, accumulation: i64) -> Self {
        let of = |pool: &PoolInfo| {
            let mine = servers.iter().filter(|server| server.place == pool.place);
            mine.map(|server| (server.name.clone(), ServerAt { health: server.health, since: server.since })).collect()
        };
        Self { servers: pools.iter().map(of).collect(), pools, now, grace, accumulation }
    }

    /// How `server` of place number `pool` is. One that its pool does not list is gone, if the pool lists any.
    pub fn health(&self, pool: usize, server: &ServerName) -> Health {
        match self.servers.get(pool) {
            Some(servers) if !servers.is_empty() => servers.get(server).map_or(Health::Gone, |at| at.health),
            _ => Health::Unknown,
        }
    }

    fn is_bad(&self, route: &RouteAt) -> bool {
        let server = route.now.as_ref().and_then(|now| now.server.as_ref());
        server.is_some_and(|server| self.health(route.pool, server).is_bad())
    }

    fn place(&self, pool: usize) -> Option<Place> {
        self.pools.get(pool).map(|info| info.place.clone())
    }

    /// What is wrong at `at`, a key of scope `scope`. `makers` tells what became of the sessions that made account
    /// routes. What is too young is left out.
    pub fn judge(&self, at: &AtKey, scope: Scope, makers: &HashMap<SessionId, Maker>) -> Judged {
        let mut judged = Judged::default();
        match scope {
            Scope::Session => self.session_key(at, &mut judged),
            Scope::Account => self.account_key(at, makers, &mut judged),
        }
        self.split(at, &mut judged);
        judged.seen.retain(|seen| seen.is_ripe(self.now, self.grace));
        judged
    }

    fn session_key(&self, at: &AtKey, judged: &mut Judged) {
        let routed = at.routes.iter().any(|route| route.now.is_some());
        for session in at.sessions.iter().filter(|session| session.ended_at.is_some() && !session.cleaned) {
            judged.seen.push(Seen {
                kind: CensusKind::OrphanedSession,
                place: None,
                subject: session.id.to_string(),
                server: None,
                account: Some(session.account.clone()),
                session: Some(session.id.clone()),
                severity: if routed { Severity::Warning } else { Severity::Notice },
                since: session.ended_at,
                count: 1,
                detail: if routed {
                    "ended, but its record and a route remain"
                } else {
                    "ended, but its record remains"
                }
                .to_owned(),
            });
        }
        let live = at.sessions.iter().any(|session| session.ended_at.is_none());
        for route in at.routes.iter().filter(|route| route.now.is_some()) {
            if live {
                self.degraded(route, judged);
                continue;
            }
            let newest = at.sessions.iter().max_by_key(|session| session.ended_at);
            let detail = match newest {
                Some(session) if session.cleaned => "remains, though its session was cleaned up",
                Some(_) => "remains, though its session ended",
                None => "remains, though no session has its key",
            };
            let ended_at = newest.and_then(|session| session.ended_at);
            let mut seen = self.stale(route, &at.key, ended_at, Severity::Warning, detail);
            if let Some(session) = newest {
                seen.account = Some(session.account.clone());
                seen.session = Some(session.id.clone());
            }
            judged.seen.push(seen);
        }
    }

    fn account_key(&self, at: &AtKey, makers: &HashMap<SessionId, Maker>, judged: &mut Judged) {
        let account = at.accounts.first();
        for route in at.routes.iter().filter(|route| route.now.is_some()) {
            let maker = route.session().and_then(|id| makers.get(id));
            let severity = if self.is_bad(route) { Severity::Critical } else { Severity::Notice };
            let stale = match (account, maker) {
                (None, _) => Some((None, Severity::Notice, "remains, though no account has its key")),
                (_, Some(Maker::Ended(at))) => {
                    Some((Some(*at), severity, "remains, though the session that made it ended"))
                }
                (_, Some(Maker::Missing)) => {
                    Some((None, severity, "remains, though the session that made it does not exist"))
                }
                (_, None) if at.accounts.iter().all(|account| account.live == 0 && account.total > 0) => {
                    Some((None, severity, SIGNED_OUT))
                }
                (_, Some(Maker::Live) | None) => None,
            };
            match stale {
                None => self.degraded(route, judged),
                Some((ended_at, severity, detail)) => {
                    let mut seen = self.stale(route, &at.key, ended_at, severity, detail);
                    seen.account = account.map(|account| account.id.clone()).or(seen.account);
                    if detail == SIGNED_OUT {
                        // Nobody says since when: the grace time runs from the first look.
                        seen.since = None;
                    }
                    judged.seen.push(seen);
                }
            }
        }
        for account in &at.accounts {
            judged.seen.extend(self.accumulation(account));
        }
    }

    fn stale(
        &self,
        route: &RouteAt,
        key: &RouteKey,
        ended_at: Option<Instant>,
        severity: Severity,
        detail: &str,
    ) -> Seen {
        Seen {
            kind: CensusKind::StaleRoute,
            place: self.place(route.pool),
            subject: key.to_string(),
            server: route.now.as_ref().and_then(|now| now.server.clone()),
            account: route.known.as_ref().and_then(|known| known.account.clone()),
            session: route.session().cloned(),
            severity,
            since: route.pinned_at().max(ended_at),
            count: 1,
            detail: detail.to_owned(),
        }
    }

    fn degraded(&self, route: &RouteAt, judged: &mut Judged) {
        if self.is_bad(route)
            && let Some(server) = route.now.as_ref().and_then(|now| now.server.clone())
        {
            judged.degraded.push((route.pool, server));
        }
    }

    fn accumulation(&self, account: &CensusAccount) -> Option<Seen> {
        let open = account.live.saturating_add(account.left_over);
        (self.accumulation > 0 && open >= self.accumulation).then(|| Seen {
            kind: CensusKind::Accumulation,
            place: None,
            subject: account.id.to_string(),
            server: None,
            account: Some(account.id.clone()),
            session: None,
            severity: Severity::Warning,
            since: None,
            count: open,
            detail: format!("has {open} open sessions ({} live, {} left over)", account.live, account.left_over),
        })
    }

    /// Routers of one pool that pin the key to different servers.
    fn split(&self, at: &AtKey, judged: &mut Judged) {
        let mut by_pool: BTreeMap<&str, Vec<(&Place, &ServerName, &RouteAt)>> = BTreeMap::new();
        for route in &at.routes {
            let info = self.pools.get(route.pool);
            if let (Some(info), Some(server)) = (info, route.now.as_ref().and_then(|now| now.server.as_ref())) {
                by_pool.entry(info.place.pool.as_str()).or_default().push((&info.place, server, route));
            }
        }
        for found in by_pool.into_values() {
            let Some((place, server, _)) = found.first() else { continue };
            if found.iter().all(|(_, other, _)| other == server) {
                continue;
            }
            let words: Vec<String> =
                found.iter().take(4).map(|(place, server, _)| format!("on {server} at {}", place.router)).collect();
            let owner = at.sessions.first().map(|session| session.account.clone());
            judged.seen.push(Seen {
                kind: CensusKind::SplitRoute,
                place: Some((*place).clone()),
                subject: at.key.to_string(),
                server: None,
                account: owner.or_else(|| at.accounts.first().map(|account| account.id.clone())),
                session: at.sessions.first().map(|session| session.id.clone()),
                severity: Severity::Warning,
                since: found.iter().filter_map(|(.., route)| route.pinned_at()).max(),
                count: i64::try_from(found.len()).unwrap_or(i64::MAX),
                detail: format!("is {}", words.join(" and ")),
            });
        }
    }

    /// One finding for each bad server that routes lead to: `counts` by place and server.
    pub fn degraded_servers(&self, counts: &BTreeMap<(usize, ServerName), i64>) -> Vec<Seen> {
        let finding = |((pool, server), count): (&(usize, ServerName), &i64)| {
            let at = self.servers.get(*pool).and_then(|servers| servers.get(server));
            let health = self.health(*pool, server);
            Seen {
                kind: CensusKind::DegradedRoute,
                place: self.place(*pool),
                subject: server.to_string(),
                server: Some(server.clone()),
                account: None,
                session: None,
                severity: Severity::Critical,
                since: at.map(|at| at.since),
                count: *count,
                detail: format!(
                    "is {}, and {count} {} to it",
                    health.as_str(),
                    if *count == 1 { "route leads" } else { "routes lead" }
                ),
            }
        };
        counts.iter().map(finding).filter(|seen| seen.is_ripe(self.now, self.grace)).collect()
    }
}
