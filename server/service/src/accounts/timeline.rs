//! The drawing «where each session went», from sessions, what routers hold now, and what was seen to change.

use domain::{
    Health, Instant, RouteKey, Scope, ServerName, Session, World,
    view::{Band, Stretch, Timeline, TimelineRow},
};
use store::RouteChange;

/// Rows that fit the drawing.
const ROWS: usize = 14;

/// The drawing from `from` until the world was read.
pub(super) fn timeline(world: &World, recent: &[Session], history: &[RouteChange], from: Instant) -> Timeline {
    let to = world.read_at;
    let mut sessions: Vec<&Session> = recent.iter().collect();
    // What matters first: live ones, then left-over ones, then the rest; the newest first among equals.
    sessions.sort_by_key(|s| (!s.state.is_live(), !s.state.is_left_over(), std::cmp::Reverse(s.created_at)));
    sessions.truncate(ROWS);
    let drawn = i64::try_from(sessions.len()).unwrap_or(i64::MAX);
    let hidden = world.account.total_sessions.saturating_sub(drawn).max(0);
    sessions.sort_by_key(|session| session.created_at);
    let earliest = sessions.iter().map(|session| session.created_at).min().unwrap_or(from).max(from);
    let from = if sessions.is_empty() { from } else { earliest };
    let window = Window { from, to };
    let mut rows = Vec::new();
    let account = window.stretches(world, history, &world.account.key, Scope::Account, world.account.created_at, None);
    if !account.is_empty() {
        rows.push(TimelineRow { session: None, live: world.account.live_sessions > 0, stretches: account });
    }
    rows.extend(sessions.into_iter().map(|session| TimelineRow {
        session: Some(session.id.clone()),
        live: session.state.is_live(),
        stretches: window.of_session(world, history, session),
    }));
    let bands = world.servers.iter().filter(|server| server.health.is_bad() && used(&rows, &server.name));
    let mut bands: Vec<Band> =
        bands.map(|s| Band { server: s.name.clone(), health: s.health, since: s.since.max(from) }).collect();
    bands.sort_by(|a, b| (&a.server, a.since).cmp(&(&b.server, b.since)));
    bands.dedup_by(|a, b| a.server == b.server);
    Timeline { from, to, rows, bands, hidden }
}

fn used(rows: &[TimelineRow], server: &ServerName) -> bool {
    rows.iter().flat_map(|row| &row.stretches).any(|stretch| stretch.server.as_ref() == Some(server))
}

struct Window {
    from: Instant,
    to: Instant,
}

impl Window {
    fn of_session(&self, world: &World, history: &[RouteChange], session: &Session) -> Vec<Stretch> {
        let ended = session.state.ended_at();
        let routed = self.stretches(world, history, &session.key, Scope::Session, session.created_at, ended);
        if !routed.is_empty() {
            return routed;
        }
        // No route was ever seen: the session lived, on a server that nobody knows.
        let (from, to) = (session.created_at.max(self.from), ended.unwrap_or(self.to).min(self.to));
        let lived = Stretch { from, to, server: None, health: Health::Unknown, left_over: false };
        (from <= to).then_some(lived).into_iter().collect()
    }

    /// Where `key` was, cut at `ended`: what comes after is left over.
    fn stretches(
        &self,
        world: &World,
        history: &[RouteChange],
        key: &RouteKey,
        scope: Scope,
        born: Instant,
        ended: Option<Instant>,
    ) -> Vec<Stretch> {
        let mut changes: Vec<&RouteChange> = history.iter().filter(|c| &c.key == key && c.scope == scope).collect();
        // One pool tells the story; where a key is in several, the one with the most changes does.
        if let Some(place) =
            changes.iter().map(|c| &c.place).max_by_key(|p| changes.iter().filter(|c| &&c.place == p).count())
        {
            let place = place.clone();
            changes.retain(|change| change.place == place);
        }
        changes.sort_by_key(|change| change.at);
        let now_route = world.routes.iter().find(|r| &r.key == key && r.scope == scope);
        let now_on = now_route.and_then(|route| route.server.as_ref());
        let mut at = born.max(self.from);
        let mut on = changes.first().and_then(|change| change.from.clone());
        if changes.is_empty() {
            on = now_on.cloned();
            at = now_route.and_then(|route| route.pinned_at).unwrap_or(at).max(self.from);
        }
        let mut found = Vec::new();
        for change in changes {
            self.push(world, &mut found, at, change.at, on.as_ref(), ended);
            at = change.at.max(self.from);
            on.clone_from(&change.to);
        }
        if on.is_some() {
            self.push(world, &mut found, at, self.to, on.as_ref(), ended);
        }
        found
    }

    fn push(
        &self,
        world: &World,
        found: &mut Vec<Stretch>,
        from: Instant,
        to: Instant,
        server: Option<&ServerName>,
        ended: Option<Instant>,
    ) {
        let (from, to) = (from.max(self.from), to.min(self.to));
        let Some(server) = server.filter(|_| from < to) else {
            return;
        };
        let health = world.servers.iter().find(|status| &status.name == server).map_or(Health::Unknown, |s| s.health);
        let cut = ended.unwrap_or(to).clamp(from, to);
        let stretch = |from, to, left_over| Stretch { from, to, server: Some(server.clone()), health, left_over };
        if from < cut {
            found.push(stretch(from, cut, false));
        }
        if cut < to {
            found.push(stretch(cut, to, true));
        }
    }
}
