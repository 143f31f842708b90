//! What is wrong, kind by kind, each with its evidence in words.

use std::collections::BTreeMap;

use super::{Finding, FindingKind, Look, Severity};
use crate::{Place, Rich, Route, RouteKey, Scope, ServerName, Session, SessionId, SessionState};

/// Every finding, worst first.
pub(super) fn all(world: &Look<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(account_routes(world));
    findings.extend(live_on_bad(world));
    findings.extend(orphans(world));
    findings.extend(ownerless(world));
    findings.extend(splits(world));
    findings.extend(accumulation(world));
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)));
    findings
}

fn place_name(route: &Route) -> &str {
    route.place.router.as_str()
}

/// Account routes that are left over or lead to a bad server: one finding for each server that they name.
fn account_routes(world: &Look<'_>) -> Vec<Finding> {
    let mut by_server: BTreeMap<&ServerName, Vec<&Route>> = BTreeMap::new();
    for route in world.routes.iter().filter(|r| r.scope == Scope::Account && world.is_left_over(r)) {
        if let Some(server) = &route.server {
            by_server.entry(server).or_default().push(route);
        }
    }
    by_server.into_iter().filter_map(|(server, routes)| account_route(world, server, &routes)).collect()
}

fn account_route(world: &Look<'_>, server: &ServerName, routes: &[&Route]) -> Option<Finding> {
    let first = *routes.first()?;
    let mut places: Vec<&str> = routes.iter().map(|route| place_name(route)).collect();
    places.sort_unstable();
    places.dedup();
    let complaint = world.complaint(first);
    let verb = if places.len() == 1 { " pins it to " } else { " pin it to " };
    let mut sentence = Rich::new().text("The ").strong("account").text(" route on ").names(&places, 3);
    sentence = sentence.text(verb).code(server.as_str());
    if let Some(complaint) = &complaint {
        sentence = sentence.text(format!(", which {complaint}"));
    }
    sentence = sentence.text(". ").then(maker_words(world, first)).text(" New sign-ins follow it, on any device.");
    Some(Finding {
        kind: if world.has_outlived(first) { FindingKind::StaleRoute } else { FindingKind::DegradedRoute },
        severity: if complaint.is_some() { Severity::Critical } else { Severity::Notice },
        sentence,
        since: first.pinned_at,
        sessions: first.session.iter().cloned().collect(),
        count: i64::try_from(routes.len()).unwrap_or(i64::MAX),
    })
}

fn maker_words(world: &Look<'_>, route: &Route) -> Rich {
    if route.is_void {
        return Rich::new().text(
            "It was made before the account’s last forced clean-up, which removed it: an old snapshot, a replica or an old \
             request brought it back.",
        );
    }
    let Some(id) = &route.session else {
        if world.is_signed_out() {
            return Rich::new().text("The account has no live session: nobody’s work needs it.");
        }
        return Rich::new().text("Which session made it is not known: it was there before Unstick watched.");
    };
    let words = Rich::new().text("It was made by ").code(id.as_str());
    match world.session(id).map(|session| session.state) {
        Some(SessionState::Active) => words.text(", which is live."),
        Some(SessionState::Ended { reason, at } | SessionState::Cleaned { reason, ended_at: at, .. }) => {
            words.text(format!(", {} {}.", reason.label(), world.ago(at)))
        }
        None => words.text(", which does not exist any more."),
    }
}

/// Live sessions whose own route leads to a bad server.
fn live_on_bad(world: &Look<'_>) -> Vec<Finding> {
    let mut by_server: BTreeMap<(&Place, &ServerName), Vec<(&Session, &Route)>> = BTreeMap::new();
    for session in world.sessions.iter().filter(|session| session.state.is_live()) {
        for route in world.routes_of(session).filter(|route| world.health_of(route).is_bad()) {
            if let Some(server) = &route.server {
                by_server.entry((&route.place, server)).or_default().push((session, route));
            }
        }
    }
    let finding = |((place, server), found): ((&Place, &ServerName), Vec<(&Session, &Route)>)| {
        let ids: Vec<_> = found.iter().map(|(session, _)| session.id.clone()).collect();
        let names: Vec<_> = ids.iter().map(SessionId::as_str).collect();
        let complaint = found.first().and_then(|(_, route)| world.complaint(route)).unwrap_or_default();
        let (noun, verb) = if ids.len() == 1 { ("Live session ", " is") } else { ("Live sessions ", " are") };
        let sentence = Rich::new().text(noun).names(&names, 4).text(verb).text(" pinned to ").code(server.as_str());
        let sentence = sentence.text(" on ").code(place.router.as_str()).text(format!(", which {complaint}."));
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
fn orphans(world: &Look<'_>) -> Vec<Finding> {
    let orphans: Vec<&Session> = world.sessions.iter().filter(|session| session.state.is_left_over()).collect();
    let Some(oldest) = orphans.iter().min_by_key(|session| session.state.ended_at()) else {
        return Vec::new();
    };
    let routed: Vec<&Route> = orphans.iter().flat_map(|session| world.routes_of(session)).collect();
    let bad = routed.iter().find(|route| world.health_of(route).is_bad());
    let shown = bad.or_else(|| routed.first()).and_then(|route| {
        let owner = orphans.iter().find(|session| session.key == route.key)?;
        Some((*owner, *route))
    });
    // Of an account with very many sessions only some are read; how many are left over is counted all the same.
    let counted = usize::try_from(world.account.leftover_sessions).unwrap_or(0);
    let all = if world.truncated { orphans.len().max(counted) } else { orphans.len() };
    let mut sentence = match all {
        1 => Rich::new().text("Session ").code(oldest.id.as_str()).text(" ended, but its record"),
        n => Rich::new().strong(n.to_string()).text(" sessions ended, but their records"),
    };
    sentence = match (routed.len(), all) {
        (0, 1) => sentence.text(" remains."),
        (0, _) => sentence.text(" remain."),
        (n, _) if world.truncated => sentence.text(format!(" and at least {n} routes remain.")),
        (1, _) => sentence.text(" and 1 route remain."),
        (n, _) => sentence.text(format!(" and {n} routes remain.")),
    };
    if let Some((owner, route)) = shown {
        sentence = sentence.text(" ").then(evidence(world, owner, route));
    }
    vec![Finding {
        kind: FindingKind::OrphanedSession,
        severity: if routed.is_empty() { Severity::Notice } else { Severity::Warning },
        sentence,
        since: oldest.state.ended_at(),
        count: i64::try_from(all).unwrap_or(i64::MAX),
        sessions: orphans.iter().map(|session| session.id.clone()).collect(),
    }]
}

/// «Session S3, signed out 3 d ago, is still pinned to api-2 on lb-1, and api-2 fails 16 % of its requests.»
fn evidence(world: &Look<'_>, owner: &Session, route: &Route) -> Rich {
    let mut words = Rich::new().text("Session ").code(owner.id.as_str());
    if let SessionState::Ended { reason, at } = owner.state {
        words = words.text(format!(", {} {},", reason.label(), world.ago(at)));
    }
    let server = route.server.as_ref().map_or("no server", ServerName::as_str);
    words = words.text(" is still pinned to ").code(server).text(" on ").code(place_name(route));
    match world.complaint(route) {
        Some(complaint) => words.text(", and ").code(server).text(format!(" {complaint}.")),
        None => words.text("."),
    }
}

/// Session routes that no open session owns.
fn ownerless(world: &Look<'_>) -> Vec<Finding> {
    let lost: Vec<&Route> = world
        .routes
        .iter()
        .filter(|r| r.scope == Scope::Session)
        .filter(|r| !world.sessions.iter().any(|s| s.key == r.key && !matches!(s.state, SessionState::Cleaned { .. })))
        .collect();
    let Some(first) = lost.first() else { return Vec::new() };
    let names: Vec<_> = lost.iter().map(|route| route.key.as_str()).collect();
    let noun = if lost.len() == 1 { "The route of " } else { "The routes of " };
    let verb = if lost.len() == 1 { " remains" } else { " remain" };
    let sentence = Rich::new().text(noun).names(&names, 4).text(verb).text(" on ").code(place_name(first));
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
fn splits(world: &Look<'_>) -> Vec<Finding> {
    let mut by_key: BTreeMap<(&str, &RouteKey), Vec<&Route>> = BTreeMap::new();
    for route in world.routes.iter().filter(|route| route.server.is_some()) {
        by_key.entry((route.place.pool.as_str(), &route.key)).or_default().push(route);
    }
    let mut findings = Vec::new();
    for ((pool, key), routes) in by_key {
        let Some(first) = routes.first() else { continue };
        let Some(other) = routes.iter().find(|route| route.server != first.server) else {
            continue;
        };
        let name = |route: &Route| route.server.as_ref().map_or("no server", ServerName::as_str).to_owned();
        let words = Rich::new().text("Routers disagree in pool ").code(pool).text(": ").code(key.as_str());
        let words = words.text(" is on ").code(name(first)).text(" at ").code(place_name(first));
        findings.push(Finding {
            kind: FindingKind::SplitRoute,
            severity: Severity::Warning,
            sentence: words.text(" and on ").code(name(other)).text(" at ").code(place_name(other)).text("."),
            since: routes.iter().filter_map(|route| route.pinned_at).max(),
            sessions: first.session.iter().cloned().collect(),
            count: i64::try_from(routes.len()).unwrap_or(i64::MAX),
        });
    }
    findings
}

fn accumulation(world: &Look<'_>) -> Option<Finding> {
    let open = world.account.live_sessions.saturating_add(world.account.leftover_sessions);
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
