//! From what was read to what is wrong: findings, and the verdict in one sentence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Account, Health, Instant, Mode, Place, Rich, Route, RouteKey, RouterName, Scope, ServerName, ServerStatus, Session,
    SessionId, SessionState,
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
    /// Its routes on every router that answered.
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
    /// The session called `id`, if it was read.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| &session.id == id)
    }

    /// The server `name` at `place`.
    pub fn server(&self, place: &Place, name: &ServerName) -> Option<&ServerStatus> {
        self.servers
            .iter()
            .find(|server| &server.place == place && &server.name == name)
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

    /// Whether `route` is left over: the session that it belongs to (or that made it) ended or does not exist, or, for an
    /// account route, its server is bad.
    pub fn is_left_over(&self, route: &Route) -> bool {
        let over = |id: &SessionId| self.session(id).is_none_or(|session| !session.state.is_live());
        match (route.scope, &route.session) {
            (Scope::Account, maker) => maker.as_ref().is_some_and(over) || self.health_of(route).is_bad(),
            (Scope::Session, Some(id)) => over(id),
            (Scope::Session, None) => !self.sessions.iter().any(|s| s.key == route.key && s.state.is_live()),
        }
    }

    fn complaint(&self, route: &Route) -> Option<String> {
        let name = route.server.as_ref()?;
        let known = self.server(&route.place, name).map(ServerStatus::complaint);
        known.unwrap_or_else(|| (self.health_of(route) == Health::Gone).then(|| "does not exist any more".to_owned()))
    }

    fn routes_of<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a Route> {
        self.routes
            .iter()
            .filter(|route| route.scope == Scope::Session && route.key == session.key)
    }

    fn ago(&self, at: Instant) -> String {
        at.relative_to(self.read_at)
    }
}

/// What is wrong with the account of `world`, worst first, and the verdict.
pub fn diagnose(world: &World) -> (Verdict, Vec<Finding>) {
    let mut findings = Vec::new();
    findings.extend(account_routes(world));
    findings.extend(live_on_bad(world));
    findings.extend(orphans(world));
    findings.extend(ownerless(world));
    findings.extend(splits(world));
    findings.extend(accumulation(world));
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)));
    (verdict(world, &findings), findings)
}

fn place_name(route: &Route) -> &str {
    route.place.router.as_str()
}

/// Account routes that are left over or lead to a bad server: one finding for each server that they name.
fn account_routes(world: &World) -> Vec<Finding> {
    let mut by_server: BTreeMap<&ServerName, Vec<&Route>> = BTreeMap::new();
    for route in world
        .routes
        .iter()
        .filter(|r| r.scope == Scope::Account && world.is_left_over(r))
    {
        if let Some(server) = &route.server {
            by_server.entry(server).or_default().push(route);
        }
    }
    by_server
        .into_iter()
        .filter_map(|(server, routes)| account_route(world, server, &routes))
        .collect()
}

fn account_route(world: &World, server: &ServerName, routes: &[&Route]) -> Option<Finding> {
    let first = *routes.first()?;
    let mut places: Vec<&str> = routes.iter().map(|route| place_name(route)).collect();
    places.sort_unstable();
    places.dedup();
    let complaint = world.complaint(first);
    let verb = if places.len() == 1 {
        " pins it to "
    } else {
        " pin it to "
    };
    let mut sentence = Rich::new()
        .text("The ")
        .strong("account")
        .text(" route on ")
        .names(&places, 3);
    sentence = sentence.text(verb).code(server.as_str());
    if let Some(complaint) = &complaint {
        sentence = sentence.text(format!(", which {complaint}"));
    }
    sentence = sentence
        .text(". ")
        .then(maker_words(world, first))
        .text(" New sign-ins follow it, on any device.");
    let over = first
        .session
        .as_ref()
        .is_some_and(|id| world.session(id).is_none_or(|s| !s.state.is_live()));
    Some(Finding {
        kind: if over {
            FindingKind::StaleRoute
        } else {
            FindingKind::DegradedRoute
        },
        severity: if complaint.is_some() {
            Severity::Critical
        } else {
            Severity::Notice
        },
        sentence,
        since: first.pinned_at,
        sessions: first.session.iter().cloned().collect(),
        count: i64::try_from(routes.len()).unwrap_or(i64::MAX),
    })
}

fn maker_words(world: &World, route: &Route) -> Rich {
    let Some(id) = &route.session else {
        return Rich::new().text("Which session made it is not known: it was there before Unstick watched.");
    };
    let words = Rich::new().text("It was made by ").code(id.as_str());
    match world.session(id).map(|session| session.state) {
        Some(SessionState::Active) => words.text(", which is live."),
        Some(
            SessionState::Ended { reason, at }
            | SessionState::Cleaned {
                reason, ended_at: at, ..
            },
        ) => words.text(format!(", {} {}.", reason.label(), world.ago(at))),
        None => words.text(", which does not exist any more."),
    }
}

/// Live sessions whose own route leads to a bad server.
fn live_on_bad(world: &World) -> Vec<Finding> {
    let mut by_server: BTreeMap<(&Place, &ServerName), Vec<(&Session, &Route)>> = BTreeMap::new();
    for session in world.sessions.iter().filter(|session| session.state.is_live()) {
        for route in world.routes_of(session).filter(|route| world.health_of(route).is_bad()) {
            if let Some(server) = &route.server {
                by_server
                    .entry((&route.place, server))
                    .or_default()
                    .push((session, route));
            }
        }
    }
    let finding = |((place, server), found): ((&Place, &ServerName), Vec<(&Session, &Route)>)| {
        let ids: Vec<_> = found.iter().map(|(session, _)| session.id.clone()).collect();
        let names: Vec<_> = ids.iter().map(SessionId::as_str).collect();
        let complaint = found
            .first()
            .and_then(|(_, route)| world.complaint(route))
            .unwrap_or_default();
        let (noun, verb) = if ids.len() == 1 {
            ("Live session ", " is")
        } else {
            ("Live sessions ", " are")
        };
        let sentence = Rich::new()
            .text(noun)
            .names(&names, 4)
            .text(verb)
            .text(" pinned to ")
            .code(server.as_str());
        let sentence = sentence
            .text(" on ")
            .code(place.router.as_str())
            .text(format!(", which {complaint}."));
        Finding {
            kind: FindingKind::DegradedRoute,
            severity: Severity::Critical,
            sentence,
            since: found.iter().filter_map(|(_, route)| route.pinned_at).min(),
            count: i64::try_from(ids.len()).unwrap_or(i64::MAX),
            sessions: ids,
        }
    };
    by_server.into_iter().map(finding).collect()
}

/// Ended sessions whose record remains, with the routes that they still hold.
fn orphans(world: &World) -> Vec<Finding> {
    let orphans: Vec<&Session> = world
        .sessions
        .iter()
        .filter(|session| session.state.is_left_over())
        .collect();
    let Some(oldest) = orphans.iter().min_by_key(|session| session.state.ended_at()) else {
        return Vec::new();
    };
    let routed: Vec<&Route> = orphans.iter().flat_map(|session| world.routes_of(session)).collect();
    let bad = routed.iter().find(|route| world.health_of(route).is_bad());
    let shown = bad.or_else(|| routed.first()).and_then(|route| {
        let owner = orphans.iter().find(|session| session.key == route.key)?;
        Some((*owner, *route))
    });
    let mut sentence = match orphans.len() {
        1 => Rich::new()
            .text("Session ")
            .code(oldest.id.as_str())
            .text(" ended, but its record"),
        n => Rich::new()
            .strong(n.to_string())
            .text(" sessions ended, but their records"),
    };
    sentence = match (routed.len(), orphans.len()) {
        (0, 1) => sentence.text(" remains."),
        (0, _) => sentence.text(" remain."),
        (1, _) => sentence.text(" and 1 route remain."),
        (n, _) => sentence.text(format!(" and {n} routes remain.")),
    };
    if let Some((owner, route)) = shown {
        sentence = sentence.text(" ").then(evidence(world, owner, route));
    }
    vec![Finding {
        kind: FindingKind::OrphanedSession,
        severity: if routed.is_empty() {
            Severity::Notice
        } else {
            Severity::Warning
        },
        sentence,
        since: oldest.state.ended_at(),
        count: i64::try_from(orphans.len()).unwrap_or(i64::MAX),
        sessions: orphans.iter().map(|session| session.id.clone()).collect(),
    }]
}

/// «Session S3, signed out 3 d ago, is still pinned to api-2 on lb-1, and api-2 fails 16 % of its requests.»
fn evidence(world: &World, owner: &Session, route: &Route) -> Rich {
    let mut words = Rich::new().text("Session ").code(owner.id.as_str());
    if let SessionState::Ended { reason, at } = owner.state {
        words = words.text(format!(", {} {},", reason.label(), world.ago(at)));
    }
    let server = route.server.as_ref().map_or("no server", ServerName::as_str);
    words = words
        .text(" is still pinned to ")
        .code(server)
        .text(" on ")
        .code(place_name(route));
    match world.complaint(route) {
        Some(complaint) => words.text(", and ").code(server).text(format!(" {complaint}.")),
        None => words.text("."),
    }
}

/// Session routes that no open session owns.
fn ownerless(world: &World) -> Vec<Finding> {
    let lost: Vec<&Route> = world
        .routes
        .iter()
        .filter(|r| r.scope == Scope::Session)
        .filter(|r| {
            !world
                .sessions
                .iter()
                .any(|s| s.key == r.key && !matches!(s.state, SessionState::Cleaned { .. }))
        })
        .collect();
    let Some(first) = lost.first() else { return Vec::new() };
    let names: Vec<_> = lost.iter().map(|route| route.key.as_str()).collect();
    let noun = if lost.len() == 1 {
        "The route of "
    } else {
        "The routes of "
    };
    let verb = if lost.len() == 1 { " remains" } else { " remain" };
    let sentence = Rich::new()
        .text(noun)
        .names(&names, 4)
        .text(verb)
        .text(" on ")
        .code(place_name(first));
    vec![Finding {
        kind: FindingKind::StaleRoute,
        severity: Severity::Warning,
        sentence: sentence.text(", though the session was cleaned up or never existed."),
        since: lost.iter().filter_map(|route| route.pinned_at).min(),
        sessions: lost.iter().filter_map(|route| route.session.clone()).collect(),
        count: i64::try_from(lost.len()).unwrap_or(i64::MAX),
    }]
}

/// Keys that routers of one pool pin to different servers.
fn splits(world: &World) -> Vec<Finding> {
    let mut by_key: BTreeMap<(&str, &RouteKey), Vec<&Route>> = BTreeMap::new();
    for route in world.routes.iter().filter(|route| route.server.is_some()) {
        by_key
            .entry((route.place.pool.as_str(), &route.key))
            .or_default()
            .push(route);
    }
    let mut findings = Vec::new();
    for ((pool, key), routes) in by_key {
        let Some(first) = routes.first() else { continue };
        let Some(other) = routes.iter().find(|route| route.server != first.server) else {
            continue;
        };
        let name = |route: &Route| route.server.as_ref().map_or("no server", ServerName::as_str).to_owned();
        let words = Rich::new()
            .text("Routers disagree in pool ")
            .code(pool)
            .text(": ")
            .code(key.as_str());
        let words = words
            .text(" is on ")
            .code(name(first))
            .text(" at ")
            .code(place_name(first));
        findings.push(Finding {
            kind: FindingKind::SplitRoute,
            severity: Severity::Warning,
            sentence: words
                .text(" and on ")
                .code(name(other))
                .text(" at ")
                .code(place_name(other))
                .text("."),
            since: routes.iter().filter_map(|route| route.pinned_at).max(),
            sessions: first.session.iter().cloned().collect(),
            count: i64::try_from(routes.len()).unwrap_or(i64::MAX),
        });
    }
    findings
}

fn accumulation(world: &World) -> Option<Finding> {
    let open = world
        .account
        .live_sessions
        .saturating_add(world.account.leftover_sessions);
    (world.accumulation > 0 && open >= world.accumulation).then(|| Finding {
        kind: FindingKind::Accumulation,
        severity: Severity::Warning,
        sentence: Rich::new().strong(open.to_string()).text(format!(
            " open sessions ({} live, {} left over); {} and more are far more than accounts have.",
            world.account.live_sessions, world.account.leftover_sessions, world.accumulation
        )),
        since: None,
        sessions: Vec::new(),
        count: open,
    })
}

fn verdict(world: &World, findings: &[Finding]) -> Verdict {
    let bad_account_route = world
        .routes
        .iter()
        .find(|route| route.scope == Scope::Account && world.complaint(route).is_some());
    if let Some(route) = bad_account_route {
        return stuck(world, route);
    }
    if let Some(finding) = findings.iter().find(|finding| finding.severity == Severity::Critical) {
        let words = Rich::new()
            .strong("Partly stuck.")
            .text(" ")
            .then(finding.sentence.clone());
        let words = words.text(" Un-sticking moves them; nobody is signed out.");
        return Verdict {
            kind: VerdictKind::PartlyStuck,
            sentence: words,
            advice: Some(Mode::Unstick),
        };
    }
    if let Some(finding) = findings.first() {
        return left_over(world, finding);
    }
    if world.unread.is_empty() {
        clean(world)
    } else {
        unsure(world)
    }
}

fn stuck(world: &World, route: &Route) -> Verdict {
    let server = route
        .server
        .as_ref()
        .map_or("a server that is gone", ServerName::as_str);
    let complaint = world.complaint(route).unwrap_or_default();
    let maker = route
        .session
        .as_ref()
        .and_then(|id| world.session(id))
        .map(|session| session.state);
    let cause = match maker.and_then(SessionState::ended_at) {
        Some(at) => format!("left behind by a session that ended {}", world.ago(at)),
        None => match route.pinned_at {
            Some(at) => format!("pinned there {}", world.ago(at)),
            None => "pinned there before Unstick watched".to_owned(),
        },
    };
    let draining = world.health_of(route) == Health::Draining;
    let stays = if draining { " Draining does not move customers who are pinned." } else { "" };
    let sentence = Rich::new()
        .strong("Stuck on a bad server.")
        .text(" Every sign-in, on any device, lands on ")
        .code(server)
        .text(format!(
            ", which {complaint}: the account’s route was {cause}. Cleaning up the left-overs frees the "
        ))
        .text("account; nobody is signed out.");
    Verdict {
        kind: VerdictKind::Stuck,
        sentence,
        advice: Some(Mode::Stale),
    }
}

fn left_over(world: &World, worst: &Finding) -> Verdict {
    let left = world.account.leftover_sessions;
    let advice = match worst.kind {
        FindingKind::SplitRoute => Mode::Unstick,
        FindingKind::Accumulation if left == 0 => Mode::Force,
        _ => Mode::Stale,
    };
    let words = Rich::new()
        .strong("Left-overs, but not stuck.")
        .text(" ")
        .then(worst.sentence.clone());
    let live = world.routes.iter().filter(|route| !world.is_left_over(route)).count();
    let words = match live {
        0 => words.text(" No live session is on a bad server."),
        _ => words.text(" What is live is on good servers."),
    };
    Verdict {
        kind: VerdictKind::LeftOver,
        sentence: words,
        advice: Some(advice),
    }
}

fn clean(world: &World) -> Verdict {
    let mut words = Rich::new().strong("Sessions are not the cause.").text(" ");
    words = match (world.account.live_sessions, world.routes.len()) {
        (0, 0) => words.text("The account has no live session and no route, and nothing is left over."),
        (1, _) => words.text("Its one live session is on a good server, and nothing is left over."),
        (n, 0) => words.text(format!(
            "Its {n} live sessions are pinned nowhere, and nothing is left over."
        )),
        (n, _) => words.text(format!(
            "Its {n} live sessions are on good servers, and nothing is left over."
        )),
    };
    Verdict {
        kind: VerdictKind::Clean,
        sentence: words.text(" Look elsewhere: a clean-up would change nothing."),
        advice: None,
    }
}

fn unsure(world: &World) -> Verdict {
    let names: Vec<_> = world.unread.iter().map(|unread| unread.router.as_str()).collect();
    let words = Rich::new()
        .strong("Not sure.")
        .text(" Nothing wrong was found, but ")
        .names(&names, 3);
    let words = words.text(" could not be read. What it holds is not known.");
    Verdict {
        kind: VerdictKind::Unsure,
        sentence: words,
        advice: None,
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
