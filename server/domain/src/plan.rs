//! What a clean-up would do, exactly, with a hash: applying it later fails if the world changed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    AccountId, Instant, Look, Mode, Place, Route, RouteKey, RouterKind, RouterName, Scope, ServerName, Session,
    SessionId, Step, StepKind, Target, World,
};

/// A pool as the plan needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolInfo {
    /// Where it is.
    pub place: Place,
    /// What its router is.
    pub kind: RouterKind,
    /// What its keys stand for.
    pub scope: Scope,
    /// How its router finds the key in a request, in the words of that router's own configuration, where they are known:
    /// `req.cook(sid),url_dec`. It is shown and computed nowhere, for Unstick is told keys as the router sees them.
    pub rule: Option<String>,
}

/// The hash of a plan: 132 bits of SHA-256 in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanHash(pub String);

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key to clear at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRoute {
    /// Where.
    pub place: Place,
    /// What the key stands for.
    pub scope: Scope,
    /// The key.
    pub key: RouteKey,
    /// The server it pins to now; `None` when there is no entry (it is read all the same, so that none appears).
    pub server: Option<ServerName>,
    /// The session it belongs to, or that made it, where known.
    pub session: Option<SessionId>,
    /// Whether even a fresh entry would be wrong.
    pub must_vanish: bool,
}

/// What a clean-up would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// To which account.
    pub account: AccountId,
    /// How much.
    pub mode: Mode,
    /// A live session that stays signed in although the mode ends every one; its routes are cleared like those of others,
    /// and it may have new ones on good servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<SessionId>,
    /// Live sessions that end.
    pub ends: Vec<SessionId>,
    /// Records of ended sessions that are cleaned (those of `ends` too).
    pub deletes: Vec<SessionId>,
    /// Keys that are cleared.
    pub routes: Vec<PlannedRoute>,
    /// Routers that could not be read: their part waits.
    pub unread: Vec<RouterName>,
    /// What the customer will notice, one sentence each.
    pub notices: Vec<String>,
}

/// The plan of a clean-up of `world.account` in `mode`, on `pools`.
pub fn plan(world: &World, mode: Mode, pools: &[PoolInfo]) -> Plan {
    plan_keeping(world, mode, pools, None)
}

/// The same, that leaves the session `keep` signed in if it is live.
pub fn plan_keeping(world: &World, mode: Mode, pools: &[PoolInfo], keep: Option<&SessionId>) -> Plan {
    let keep = keep.filter(|id| world.sessions.iter().any(|session| session.id == **id && session.state.is_live()));
    let kept = |session: &Session| keep == Some(&session.id);
    let picked: Vec<&Session> = world
        .sessions
        .iter()
        .filter(|session| match mode {
            Mode::Stale => session.state.is_left_over(),
            Mode::Unstick | Mode::Force => session.state.is_live() || session.state.is_left_over(),
        })
        .collect();
    let ends: Vec<SessionId> =
        picked.iter().filter(|s| mode == Mode::Force && s.state.is_live() && !kept(s)).map(|s| s.id.clone()).collect();
    let deletes: Vec<SessionId> =
        picked.iter().filter(|s| mode != Mode::Unstick && !kept(s)).map(|session| session.id.clone()).collect();
    let (mut routes, look) = (Vec::new(), world.look());
    let index: Index<'_> = world.routes.iter().map(|route| ((&route.place, &route.key), route)).collect();
    let open: HashSet<&RouteKey> =
        world.sessions.iter().filter(|s| s.state.is_live() || s.state.is_left_over()).map(|s| &s.key).collect();
    for pool in pools {
        match pool.scope {
            Scope::Account => routes.extend(account_route(&look, mode, pool)),
            Scope::Session => {
                routes.extend(picked.iter().map(|it| session_route(&index, mode, pool, (*it, kept(it)))));
                routes.extend(ownerless_routes(world, &open, pool));
            }
        }
    }
    let unread: BTreeSet<_> = world.unread.iter().map(|unread| unread.router.clone()).collect();
    let notices = notices(mode, &ends, &routes, &unread);
    Plan {
        account: world.account.id.clone(),
        mode,
        keep: keep.cloned(),
        ends,
        deletes,
        routes,
        unread: unread.into_iter().collect(),
        notices,
    }
}

fn account_route(world: &Look<'_>, mode: Mode, pool: &PoolInfo) -> Option<PlannedRoute> {
    let route = world.routes.iter().find(|r| r.place == pool.place && r.key == world.account.key);
    let unread = world.is_unread(&pool.place);
    let wanted = match mode {
        Mode::Unstick | Mode::Force => true,
        Mode::Stale => unread || route.is_some_and(|route| world.is_left_over(route)),
    };
    wanted.then(|| PlannedRoute {
        place: pool.place.clone(),
        scope: Scope::Account,
        key: world.account.key.clone(),
        server: route.and_then(|route| route.server.clone()),
        session: route.and_then(|route| route.session.clone()),
        must_vanish: false,
    })
}

/// Routes by where they are and their key.
type Index<'a> = HashMap<(&'a Place, &'a RouteKey), &'a Route>;

fn session_route(index: &Index<'_>, mode: Mode, pool: &PoolInfo, (session, kept): (&Session, bool)) -> PlannedRoute {
    let route = index.get(&(&pool.place, &session.key));
    PlannedRoute {
        place: pool.place.clone(),
        scope: Scope::Session,
        key: session.key.clone(),
        server: route.and_then(|route| route.server.clone()),
        session: Some(session.id.clone()),
        must_vanish: (mode == Mode::Force && !kept) || !session.state.is_live(),
    }
}

/// Session routes of this account that no open session owns: their session was cleaned, or never was.
fn ownerless_routes<'a>(
    world: &'a World,
    open: &'a HashSet<&RouteKey>,
    pool: &'a PoolInfo,
) -> impl Iterator<Item = PlannedRoute> + 'a {
    world
        .routes
        .iter()
        .filter(|r| r.place == pool.place && r.scope == Scope::Session)
        .filter(|r| !open.contains(&r.key))
        .map(|r| PlannedRoute {
            place: r.place.clone(),
            scope: Scope::Session,
            key: r.key.clone(),
            server: r.server.clone(),
            session: r.session.clone(),
            must_vanish: true,
        })
}

fn notices(mode: Mode, ends: &[SessionId], routes: &[PlannedRoute], unread: &BTreeSet<RouterName>) -> Vec<String> {
    let mut notices = Vec::new();
    match (mode, ends.len()) {
        (Mode::Force, 1) => notices.push("One client is signed out and must sign in again.".to_owned()),
        (Mode::Force, n) if n > 1 => notices.push(format!("{n} clients are signed out and must sign in again.")),
        _ => notices.push("Nobody is signed out.".to_owned()),
    }
    let moves = routes.iter().any(|r| r.server.is_some() && (r.scope == Scope::Account || !r.must_vanish));
    if moves {
        notices.push(
            "The next request may be served by another server; what only the old server remembered (an \
                      upload in progress, an unsaved draft) may be lost."
                .to_owned(),
        );
    } else if mode != Mode::Force && unread.is_empty() {
        notices.push("Nothing else: what is removed belongs to sessions that are over.".to_owned());
    }
    notices
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
            && self.deletes.is_empty()
            && self.unread.is_empty()
            && self.routes.iter().all(|route| route.server.is_none())
    }

    /// The hash over everything that the plan would do: two plans with one hash do the same.
    pub fn hash(&self) -> PlanHash {
        let mut hasher = Sha256::new();
        let mut field = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        field("plan v1");
        field(self.account.as_str());
        field(self.mode.as_str());
        if let Some(keep) = &self.keep {
            field("keep");
            field(keep.as_str());
        }
        for (name, sessions) in [("ends", &self.ends), ("deletes", &self.deletes)] {
            let mut ids: Vec<_> = sessions.iter().map(SessionId::as_str).collect();
            ids.sort_unstable();
            field(name);
            ids.into_iter().for_each(&mut field);
        }
        let mut routes: Vec<_> = self.routes.iter().map(|r| (&r.place, &r.key, r.server.as_ref())).collect();
        routes.sort();
        for (place, key, server) in routes {
            field("route");
            field(place.router.as_str());
            field(place.pool.as_str());
            field(key.as_str());
            field(server.map_or("", ServerName::as_str));
        }
        for router in &self.unread {
            field("unread");
            field(router.as_str());
        }
        let mut text = URL_SAFE_NO_PAD.encode(hasher.finalize());
        text.truncate(22);
        PlanHash(text)
    }

    /// The steps that carry the plan out, to be done from `now` on. Those of [`StepKind::Revoke`] are done in the same
    /// transaction that stores them.
    pub fn steps(&self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.ends.len() + self.deletes.len() + self.routes.len());
        let mut add = |kind, target, had| {
            let no = i64::try_from(steps.len()).unwrap_or(i64::MAX).saturating_add(1);
            let step = Step::new(no, kind, target, had, now);
            steps.push(if kind == StepKind::Revoke { step.after_delete(now) } else { step });
        };
        for session in &self.ends {
            add(StepKind::Revoke, Target::Session { session: session.clone() }, None);
        }
        for route in &self.routes {
            let target = Target::Route {
                place: route.place.clone(),
                scope: route.scope,
                key: route.key.clone(),
                session: route.session.clone(),
                must_vanish: route.must_vanish,
            };
            add(StepKind::Unroute, target, route.server.clone());
        }
        for session in &self.deletes {
            add(StepKind::Delete, Target::Session { session: session.clone() }, None);
        }
        steps
    }
}
