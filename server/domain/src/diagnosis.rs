//! From what was read to what is wrong: findings, and the verdict in one sentence.

mod findings;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
};

use serde::{Deserialize, Serialize};

use crate::{
    Account, Health, Instant, Mode, Place, Rich, Route, RouteKey, RouterName, Scope, ServerName, ServerStatus, Session,
    SessionId,
};

/// Everything that was read about one account, at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The account.
    pub account: Account,
    /// Its open sessions (live, and ended but not cleaned), and those that its routes name.
    pub sessions: Vec<Session>,
    /// Whether the account has more open sessions than were read.
    pub truncated: bool,
    /// Its routes: on every router that answered as they are, on the others as they were when last read.
    pub routes: Vec<Route>,
    /// The servers of every router.
    pub servers: Vec<ServerStatus>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// From how many open sessions an account counts as accumulating.
    pub accumulation: i64,
    /// When it was read.
    pub read_at: Instant,
}

/// A place that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Which router.
    pub router: RouterName,
    /// Why, for a person.
    pub why: String,
    /// Whether it answered, with an error: then it does not come back by itself.
    #[serde(default)]
    pub answered: bool,
}

impl Unread {
    /// What that means for a clean-up.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { router, why, answered } = self;
        if *answered {
            format!(
                "{router} answered with an error: {why}. Its part cannot be done before that is mended; then retry the clean-up"
            )
        } else {
            format!("{router} does not answer: its part will be owed, and is done by itself as soon as it answers")
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A route whose session ended or does not exist.
    StaleRoute,
    /// A live session pinned to a server that serves badly.
    DegradedRoute,
    /// An ended session whose record or routes remain.
    OrphanedSession,
    /// Routers disagree.
    SplitRoute,
    /// Far more sessions than accounts have.
    Accumulation,
}

impl FindingKind {
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StaleRoute => "stale route",
            Self::DegradedRoute => "degraded route",
            Self::OrphanedSession => "orphaned session",
            Self::SplitRoute => "split route",
            Self::Accumulation => "accumulation",
        }
    }
    /// The word in the API and the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StaleRoute => "stale_route",
            Self::DegradedRoute => "degraded_route",
            Self::OrphanedSession => "orphaned_session",
            Self::SplitRoute => "split_route",
            Self::Accumulation => "accumulation",
        }
    }
}

/// How much a finding matters to the customer, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Untidy; the customer does not feel it.
    Notice,
    /// It may hurt.
    Warning,
    /// It hurts now.
    Critical,
}

/// Something wrong, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The evidence in words.
    pub sentence: Rich,
    /// Since when, where known.
    pub since: Option<Instant>,
    /// The sessions that it is about.
    pub sessions: Vec<SessionId>,
    /// How many things it counts.
    pub count: i64,
}

/// The verdict's kind, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Sessions are not the cause.
    Clean,
    /// Nothing was found, but not everything could be read.
    Unsure,
    /// Something is left over and does not hurt.
    LeftOver,
    /// Some live sessions are badly served.
    PartlyStuck,
    /// Every sign-in is badly served.
    Stuck,
}

impl VerdictKind {
    /// The words on a badge.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unsure => "not sure",
            Self::LeftOver => "left-overs",
            Self::PartlyStuck => "partly stuck",
            Self::Stuck => "stuck",
        }
    }
}

/// An account's findings in one sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which.
    pub kind: VerdictKind,
    /// Its sentence, the first words strong.
    pub sentence: Rich,
    /// What would help; `None` when a clean-up would not.
    pub advice: Option<Mode>,
}

impl World {
    /// The same, with its sessions and routes by key: whoever asks for many of them asks this.
    pub fn look(&self) -> Look<'_> {
        let mut look = Look { world: self, by_id: HashMap::new(), by_key: HashMap::new(), live: HashSet::new() };
        for session in &self.sessions {
            look.by_id.insert(&session.id, session);
            if session.state.is_live() {
                look.live.insert(&session.key);
            }
        }
        for route in self.routes.iter().filter(|route| route.scope == Scope::Session) {
            look.by_key.entry(&route.key).or_default().push(route);
        }
        look
    }

    /// The server `name` at `place`.
    pub fn server(&self, place: &Place, name: &ServerName) -> Option<&ServerStatus> {
        self.servers.iter().find(|server| &server.place == place && &server.name == name)
    }

    /// How the server of `route` is doing. A server that its pool does not list is gone, if the pool lists any.
    pub fn health_of(&self, route: &Route) -> Health {
        let Some(name) = &route.server else {
            return Health::Unknown;
        };
        if let Some(server) = self.server(&route.place, name) {
            return server.health;
        }
        let knows_pool = self.servers.iter().any(|server| server.place == route.place);
        if knows_pool { Health::Gone } else { Health::Unknown }
    }

    /// Whether `place` could not be read.
    pub fn is_unread(&self, place: &Place) -> bool {
        self.unread.iter().any(|unread| unread.router == place.router)
    }

    fn complaint(&self, route: &Route) -> Option<String> {
        let name = route.server.as_ref()?;
        let known = self.server(&route.place, name).map(ServerStatus::complaint);
        known.unwrap_or_else(|| (self.health_of(route) == Health::Gone).then(|| "does not exist any more".to_owned()))
    }

    fn ago(&self, at: Instant) -> String {
        at.relative_to(self.read_at)
    }
}

/// A [`World`] with its sessions and routes by key. An account may have thousands.
#[derive(Debug)]
pub struct Look<'a> {
    world: &'a World,
    by_id: HashMap<&'a SessionId, &'a Session>,
    by_key: HashMap<&'a RouteKey, Vec<&'a Route>>,
    live: HashSet<&'a RouteKey>,
}

impl Deref for Look<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        self.world
    }
}

impl<'a> Look<'a> {
    /// The session called `id`, if it was read.
    pub fn session(&self, id: &SessionId) -> Option<&'a Session> {
        self.by_id.get(id).copied()
    }

    /// Whether `route` is left over: [`Self::has_outlived`] says so, or, for an account route, its server is bad.
    pub fn is_left_over(&self, route: &Route) -> bool {
        self.has_outlived(route) || (route.scope == Scope::Account && self.health_of(route).is_bad())
    }

    /// Whether nobody's work needs `route` any more: the session that it belongs to (or that made it) ended or does not exist,
    /// the account has no live session, or it was made before the account's last forced clean-up.
    pub fn has_outlived(&self, route: &Route) -> bool {
        let over = |id: &SessionId| self.session(id).is_none_or(|session| !session.state.is_live());
        route.is_void
            || match (route.scope, &route.session) {
                (_, Some(id)) => over(id),
                (Scope::Account, None) => self.is_signed_out(),
                (Scope::Session, None) => !self.live.contains(&route.key),
            }
    }

    /// Whether the account had sessions and none of them is live, also none that was not read because it has very many. Of one
    /// whose sessions nobody ever told nothing is known.
    pub fn is_signed_out(&self) -> bool {
        self.live.is_empty() && self.account.live_sessions == 0 && self.account.total_sessions > 0
    }

    fn routes_of(&self, session: &Session) -> impl Iterator<Item = &'a Route> {
        self.by_key.get(&session.key).into_iter().flatten().copied()
    }
}

/// What is wrong with the account of `world`, worst first, and the verdict.
pub fn diagnose(world: &World) -> (Verdict, Vec<Finding>) {
    let look = world.look();
    let findings = findings::all(&look);
    (verdict::verdict(&look, &findings), findings)
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
