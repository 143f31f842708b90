//! «Why is this account on that server?», in words: the rule, the key, since when, until when, the next request.

use domain::{Health, Rich, Route, Scope, World};

/// The words for `route`.
pub(super) fn why(world: &World, route: &Route) -> Rich {
    let now = world.read_at;
    let mut words = Rich::new().text("Pool ").code(route.place.pool.as_str()).text(match route.scope {
        Scope::Account => " sticks on the account",
        Scope::Session => " sticks on the session",
    });
    words = match (&route.session, route.pinned_at) {
        (Some(session), Some(at)) if route.scope == Scope::Account => {
            words.text("; ").code(session.as_str()).text(format!(" pinned it {}.", at.relative_to(now)))
        }
        (_, Some(at)) => words.text(format!("; pinned {}.", at.relative_to(now))),
        (Some(session), None) if route.scope == Scope::Account => {
            words.text("; ").code(session.as_str()).text(" pinned it.")
        }
        _ => words.text("; since when is not known."),
    };
    if let Some(left) = route.expires_in {
        words = words.text(format!(" Without traffic the entry goes in {left}; each request starts that time again."));
    }
    let Some(server) = &route.server else {
        return words.text(" It names no server, so it pins nothing.");
    };
    words = words.text(" Next request: ");
    match world.health_of(route) {
        Health::Down | Health::Maintenance => {
            words.text("another server, as ").code(server.as_str()).text(" takes none.")
        }
        Health::Gone => words.text("another server, as ").code(server.as_str()).text(" does not exist any more."),
        Health::Draining => words.code(server.as_str()).text(": draining does not move customers who are pinned."),
        Health::Healthy | Health::Degraded | Health::Unknown => words.code(server.as_str()).text("."),
    }
}
