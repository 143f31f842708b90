//! «Why is this account on that server?», in words: the rule, the key, since when, until when, the next request, and whether
//! drain would change that. What is said of HAProxy was measured on 2.6.12 (`routers/tests/live/states.rs`); what is said of
//! the embedded router is what `routing/ask.rs` does.

use domain::{Health, Instant, PoolInfo, Rich, Route, RouterKind, Scope, ServerName, ServerStatus, World};

/// The words for `route`, which is in `pool`.
pub(super) fn why(world: &World, route: &Route, pool: &PoolInfo) -> Rich {
    let status = route.server.as_ref().and_then(|server| world.server(&route.place, server));
    let complaint = status.and_then(ServerStatus::complaint);
    words(route, pool, world.health_of(route), complaint.as_deref(), world.read_at)
}

/// The same, of a server with this `health` and this `complaint`.
fn words(route: &Route, pool: &PoolInfo, health: Health, complaint: Option<&str>, now: Instant) -> Rich {
    let words = pinned(route, pool, now).then(ends(route, pool.kind));
    match &route.server {
        Some(server) => words.text(" Next request: ").then(next(server, health, complaint, route.scope, pool.kind)),
        None => words.text(" It names no server, so it pins nothing."),
    }
}

/// The rule, the key, by whom and since when.
fn pinned(route: &Route, pool: &PoolInfo, now: Instant) -> Rich {
    let mut words = Rich::new().text("Pool ").code(route.place.pool.as_str());
    words = words.text(format!(" sticks on the {}", route.scope.as_str()));
    if let Some(rule) = &pool.rule {
        words = words.text(" by the rule ").code(rule.as_str());
    }
    words = words.text(", here with the key ").code(route.key.as_str());
    match (&route.session, route.pinned_at) {
        (Some(session), Some(at)) if route.scope == Scope::Account => {
            words.text("; ").code(session.as_str()).text(format!(" pinned it {}.", at.relative_to(now)))
        }
        (_, Some(at)) => words.text(format!("; pinned {}.", at.relative_to(now))),
        (Some(session), None) if route.scope == Scope::Account => {
            words.text("; ").code(session.as_str()).text(" pinned it.")
        }
        _ => words.text("; since when is not known."),
    }
}

/// Until when, where the router tells.
fn ends(route: &Route, kind: RouterKind) -> Rich {
    match (route.expires_in, kind) {
        (None, RouterKind::Embedded) => Rich::new(),
        (None, RouterKind::Haproxy | RouterKind::Redis) => {
            Rich::new().text(" The entry has no end: it stays until somebody removes it.")
        }
        (Some(left), RouterKind::Redis) => {
            Rich::new().text(format!(" The entry goes in {left}, unless the proxy that keeps it renews it."))
        }
        (Some(left), RouterKind::Haproxy | RouterKind::Embedded) => {
            Rich::new().text(format!(" Without traffic the entry goes in {left}; each request starts that time again."))
        }
    }
}

/// Where the next request goes, and whether drain would change that.
fn next(server: &ServerName, health: Health, complaint: Option<&str>, scope: Scope, kind: RouterKind) -> Rich {
    let name = Rich::new().code(server.as_str());
    if let Some(state) = out_of_rotation(health) {
        return away(name, health, state, kind);
    }
    let but = match health {
        Health::Degraded => format!(", although it {}", complaint.unwrap_or("is degraded")),
        Health::Unknown if kind != RouterKind::Redis => ", whose health is not known".to_owned(),
        _ => String::new(),
    };
    let it = scope.as_str();
    name.text(match kind {
        RouterKind::Haproxy | RouterKind::Embedded => format!("{but}. Draining it would not move the {it}."),
        RouterKind::Redis => format!(
            "{but}, if the proxy that reads this map heeds the entry. Whether drain would move the {it}, that proxy \
             decides."
        ),
    })
}

/// The same for a server that takes no new customers, for it is in `state`.
fn away(name: Rich, health: Health, state: &str, kind: RouterKind) -> Rich {
    let because = |words: &str| Rich::new().text(format!("{words}, as ")).then(name.clone()).text(format!(" {state}."));
    match (kind, health) {
        (RouterKind::Redis, _) => because("the proxy that reads this map decides"),
        (_, Health::Draining) => name.text(": draining does not move customers who are pinned."),
        (RouterKind::Haproxy, Health::Maintenance | Health::Down) => because("another server")
            .text(" Not so where HAProxy’s configuration has ")
            .code("option persist")
            .text(": there it is still sent to ")
            .then(name)
            .text("."),
        (RouterKind::Embedded, Health::Down | Health::Gone) => name.text(format!(
            ", although it {state}: the embedded router moves customers who are pinned off a server in maintenance only."
        )),
        (RouterKind::Haproxy | RouterKind::Embedded, _) => because("another server"),
    }
}

/// Why a server takes no new customers, as the end of «as it …»; `None` when it takes them.
const fn out_of_rotation(health: Health) -> Option<&'static str> {
    match health {
        Health::Healthy | Health::Unknown | Health::Degraded => None,
        Health::Draining => Some("is being drained"),
        Health::Maintenance => Some("is in maintenance"),
        Health::Down => Some("is down"),
        Health::Gone => Some("does not exist any more"),
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        Health::{Degraded, Down, Draining, Gone, Healthy, Maintenance, Unknown},
        Piece, Place, PoolName, RouteKey, RouterName, SessionId, Span,
    };

    use super::*;

    /// What is said of the next request, by kind and health. «{it}» is the account, or the session.
    const NEXT: [(RouterKind, [(Health, &str); 7]); 3] = [
        (
            RouterKind::Haproxy,
            [
                (Healthy, "`api-2`. Draining it would not move the {it}."),
                (Unknown, "`api-2`, whose health is not known. Draining it would not move the {it}."),
                (Degraded, "`api-2`, although it fails 16 % of its requests. Draining it would not move the {it}."),
                (Draining, "`api-2`: draining does not move customers who are pinned."),
                (
                    Maintenance,
                    "another server, as `api-2` is in maintenance. Not so where HAProxy’s configuration has `option persist`: \
                     there it is still sent to `api-2`.",
                ),
                (
                    Down,
                    "another server, as `api-2` is down. Not so where HAProxy’s configuration has `option persist`: there it \
                     is still sent to `api-2`.",
                ),
                (Gone, "another server, as `api-2` does not exist any more."),
            ],
        ),
        (
            RouterKind::Embedded,
            [
                (Healthy, "`api-2`. Draining it would not move the {it}."),
                (Unknown, "`api-2`, whose health is not known. Draining it would not move the {it}."),
                (Degraded, "`api-2`, although it fails 16 % of its requests. Draining it would not move the {it}."),
                (Draining, "`api-2`: draining does not move customers who are pinned."),
                (Maintenance, "another server, as `api-2` is in maintenance."),
                (
                    Down,
                    "`api-2`, although it is down: the embedded router moves customers who are pinned off a server in \
                     maintenance only.",
                ),
                (
                    Gone,
                    "`api-2`, although it does not exist any more: the embedded router moves customers who are pinned off a \
                     server in maintenance only.",
                ),
            ],
        ),
        (
            RouterKind::Redis,
            [
                (
                    Healthy,
                    "`api-2`, if the proxy that reads this map heeds the entry. Whether drain would move the {it}, that \
                     proxy decides.",
                ),
                (
                    Unknown,
                    "`api-2`, if the proxy that reads this map heeds the entry. Whether drain would move the {it}, that \
                     proxy decides.",
                ),
                (
                    Degraded,
                    "`api-2`, although it fails 16 % of its requests, if the proxy that reads this map heeds the entry. \
                     Whether drain would move the {it}, that proxy decides.",
                ),
                (Draining, "the proxy that reads this map decides, as `api-2` is being drained."),
                (Maintenance, "the proxy that reads this map decides, as `api-2` is in maintenance."),
                (Down, "the proxy that reads this map decides, as `api-2` is down."),
                (Gone, "the proxy that reads this map decides, as `api-2` does not exist any more."),
            ],
        ),
    ];

    fn now() -> Instant {
        Instant::from_secs(100_000)
    }

    fn place() -> Place {
        Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() }
    }

    fn pool(kind: RouterKind, scope: Scope) -> PoolInfo {
        PoolInfo { place: place(), kind, scope, rule: Some("req.cook(sid),url_dec".to_owned()) }
    }

    fn route(scope: Scope) -> Route {
        Route {
            place: place(),
            scope,
            key: RouteKey::parse("k_1").unwrap(),
            server: Some(ServerName::parse("api-2").unwrap()),
            session: Some(SessionId::parse("s_1").unwrap()),
            is_void: false,
            pinned_at: Some(now() - Span::from_secs(7_200)),
            expires_in: Some(Span::from_secs(1_700)),
            read_at: now(),
        }
    }

    /// The plain text, with what is code between backticks.
    fn marked(words: &Rich) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Code(text) => format!("`{text}`"),
            other => other.as_str().to_owned(),
        };
        words.0.iter().map(piece).collect()
    }

    fn told(route: &Route, pool: &PoolInfo, health: Health) -> String {
        let complaint = (health == Degraded).then_some("fails 16 % of its requests");
        marked(&words(route, pool, health, complaint, now()))
    }

    #[test]
    fn every_health_is_told_in_both_scopes_on_every_kind_of_router() {
        for (kind, healths) in NEXT {
            let ends = match kind {
                RouterKind::Redis => "The entry goes in 28 min, unless the proxy that keeps it renews it.",
                RouterKind::Haproxy | RouterKind::Embedded => {
                    "Without traffic the entry goes in 28 min; each request starts that time again."
                }
            };
            for health in Health::ALL {
                let (_, next) = healths.into_iter().find(|(told, _)| *told == health).unwrap();
                for (scope, begins) in [
                    (
                        Scope::Account,
                        "Pool `app` sticks on the account by the rule `req.cook(sid),url_dec`, here with the key `k_1`; `s_1` \
                         pinned it 2 h ago.",
                    ),
                    (
                        Scope::Session,
                        "Pool `app` sticks on the session by the rule `req.cook(sid),url_dec`, here with the key `k_1`; \
                         pinned 2 h ago.",
                    ),
                ] {
                    let next = next.replace("{it}", scope.as_str());
                    let all = format!("{begins} {ends} Next request: {next}");
                    assert_eq!(told(&route(scope), &pool(kind, scope), health), all, "{kind:?} {health:?} {scope:?}");
                }
            }
        }
    }

    #[test]
    fn an_entry_without_an_end_is_told_as_such() {
        for kind in [RouterKind::Haproxy, RouterKind::Redis] {
            let ever = Route { expires_in: None, ..route(Scope::Session) };
            let told = told(&ever, &pool(kind, Scope::Session), Healthy);
            assert!(
                told.contains(" The entry has no end: it stays until somebody removes it. Next request:"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let bare = |scope| Route { session: None, pinned_at: None, expires_in: None, ..route(scope) };
        let unruled = |scope| PoolInfo { rule: None, ..pool(RouterKind::Embedded, scope) };
        for scope in [Scope::Account, Scope::Session] {
            let it = scope.as_str();
            let begins = format!("Pool `app` sticks on the {it}, here with the key `k_1`; since when is not known.");
            let all = format!("{begins} Next request: `api-2`. Draining it would not move the {it}.");
            assert_eq!(told(&bare(scope), &unruled(scope), Healthy), all);
            let nowhere = Route { server: None, ..bare(scope) };
            let all = format!("{begins} It names no server, so it pins nothing.");
            assert_eq!(told(&nowhere, &unruled(scope), Unknown), all);
        }
        let by = Route { pinned_at: None, ..route(Scope::Account) };
        let told_by = told(&by, &unruled(Scope::Account), Healthy);
        assert!(
            told_by.starts_with("Pool `app` sticks on the account, here with the key `k_1`; `s_1` pinned it. "),
            "{told_by}"
        );
        let vague = marked(&words(&by, &unruled(Scope::Account), Degraded, None, now()));
        assert!(vague.contains("Next request: `api-2`, although it is degraded. "), "{vague}");
    }
}
