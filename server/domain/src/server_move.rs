//! Moving everybody off one server, in waves: which of an account's routes are meant, where they may go, and when it stops by
//! itself because the other servers get worse.
//!
//! It is a bulk clean-up of mode [`Mode::Unstick`] that touches the routes to this one server alone, on every load balancer of
//! the fleet: with `peers` what is cleared on one comes back from the other. A route that leads to the server again counts as
//! still there, however well the server is.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{
    AccountFilter, Bulk, Counters, Health, Instant, Mode, Place, Plan, PoolInfo, RouteKey, RouterName, ServerName,
    World, plan::plan,
};

/// Requests since it began, below which nothing is concluded from their errors.
const ENOUGH: u64 = 20;
/// A mean time to answer that grew by less than this is noise.
const NOISE_MS: u32 = 50;

/// Which server is emptied, and how carefully.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMove {
    /// Where; every load balancer of the fleet is meant.
    pub place: Place,
    /// The server that everybody leaves.
    pub server: ServerName,
    /// The server to which all of them are pinned; `None`: the load balancer chooses.
    pub to: Option<ServerName>,
    /// When the other servers are too much worse.
    pub guard: Guard,
}

/// How much worse the other servers may get while it works. Zero switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The share of failed requests of a server may rise by so many percentage points, 0 to 100.
    pub errors: u32,
    /// A server's mean time to answer may become so many percent longer, 0 to 10,000.
    pub response: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self { errors: 3, response: 100 }
    }
}

impl Guard {
    /// What is wrong with it: a field and what to do.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.errors > 100 {
            return Some(("max_errors", "errors may rise by 0 to 100 percentage points"));
        }
        (self.response > 10_000).then_some(("max_response", "answers may take 0 to 10000 percent longer"))
    }

    /// What it says, as the end of «it stops by itself when …»; `None` when it says nothing.
    pub fn words(&self) -> Option<String> {
        let errors = (self.errors > 0).then(|| format!("fails {} % more of its requests", self.errors));
        let response = (self.response > 0).then(|| format!("takes {} % longer to answer", self.response));
        let parts: Vec<String> = [errors, response].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("another server {}, or is not well any more", parts.join(" or ")))
    }
}

/// A server as it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: ServerName,
    /// How it was.
    pub health: Health,
    /// Share of failed requests in thousandths, where known.
    pub error_permille: Option<u32>,
    /// Mean time to answer in milliseconds, where known.
    pub response_ms: Option<u32>,
    /// What its router had counted.
    pub counters: Counters,
}

/// The other servers as they were when it began, or went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// When they were measured.
    pub at: Instant,
    /// They.
    pub servers: Vec<Measured>,
}

impl Baseline {
    /// Why it must stop now that the servers are as `now` says; `None` when nothing got worse than `guard` allows. A server
    /// that was not there when it began is not judged: nobody knows how it was.
    pub fn worse(&self, guard: Guard, now: &[Measured]) -> Option<String> {
        now.iter().find_map(|now| {
            let before = self.servers.iter().find(|it| it.place == now.place && it.name == now.name)?;
            let what = worse(before, guard, now)?;
            Some(format!("{} on {} {what}", now.name, now.place.router))
        })
    }
}

fn worse(before: &Measured, guard: Guard, now: &Measured) -> Option<String> {
    if guard.errors > 0 {
        let (was, is) = (before.error_permille.unwrap_or(0), now.error_permille.unwrap_or(0));
        let is = is.max(errors_since(before.counters, now.counters).unwrap_or(0));
        if is > was.saturating_add(guard.errors.saturating_mul(10)) {
            return Some(format!("fails {} % of its requests, {} % when it began", tenths(is), tenths(was)));
        }
    }
    if let (Some(was), Some(is), true) = (before.response_ms, now.response_ms, guard.response > 0) {
        let more = (u64::from(was) * u64::from(guard.response) / 100).max(u64::from(NOISE_MS));
        if u64::from(is) > u64::from(was) + more {
            return Some(format!("takes {is} ms to answer, {was} ms when it began"));
        }
    }
    let watched = guard.errors > 0 || guard.response > 0;
    (watched && now.health.is_bad() && !before.health.is_bad())
        .then(|| format!("is {} now, and was {} when it began", now.health.as_str(), before.health.as_str()))
}

/// The share of failed requests since `before`, in thousandths; `None` when there were too few, or the router began anew.
fn errors_since(before: Counters, now: Counters) -> Option<u32> {
    let (requests, errors) = (now.requests.checked_sub(before.requests)?, now.errors.checked_sub(before.errors)?);
    let share = errors.saturating_mul(1_000).checked_div(requests)?.min(1_000);
    (requests >= ENOUGH).then(|| u32::try_from(share).unwrap_or(1_000))
}

fn tenths(permille: u32) -> String {
    format!("{}.{}", permille / 10, permille % 10)
}

impl ServerMove {
    /// The filter of accounts that says nearly the same, for lists.
    pub fn filter(&self) -> AccountFilter {
        AccountFilter { server: Some((self.place.clone(), self.server.clone())), ..AccountFilter::default() }
    }

    /// Whether `place` is one of those that are meant, where the load balancers `fleet` belong together.
    pub fn is_at(&self, place: &Place, fleet: &[RouterName]) -> bool {
        place.pool == self.place.pool && fleet.contains(&place.router)
    }

    /// What is to be done about one account: the plan of [`Mode::Unstick`] with nothing in it but its routes to the server. On
    /// load balancers of the fleet that hold no entry for the same key it is read and cleared too, so that none appears; an
    /// entry that leads elsewhere stays, unless a server was chosen for all.
    pub fn plan(&self, world: &World, pools: &[PoolInfo], fleet: &[RouterName]) -> Plan {
        let mut plan = plan(world, Mode::Unstick, pools);
        let leads_here = |server: &Option<ServerName>| server.as_ref() == Some(&self.server);
        plan.routes.retain(|route| self.is_at(&route.place, fleet));
        let keys: HashSet<RouteKey> =
            plan.routes.iter().filter(|route| leads_here(&route.server)).map(|route| route.key.clone()).collect();
        plan.routes.retain(|route| {
            keys.contains(&route.key) && (self.to.is_some() || route.server.is_none() || leads_here(&route.server))
        });
        plan.unread.retain(|router| fleet.contains(router));
        plan.notices = vec!["Nobody is signed out.".to_owned()];
        if plan.routes.iter().any(|route| !route.must_vanish) {
            let next = match &self.to {
                Some(to) => format!("The next request goes to {to}"),
                None => "The next request goes to another server".to_owned(),
            };
            plan.notices.push(format!("{next}; what only {} remembered may be lost.", self.server));
        }
        plan
    }

    /// What it is, in a line.
    pub fn words(&self) -> String {
        let to = self.to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
        format!("everybody off {} of {} on {}{to}", self.server, self.place.pool, self.place.router)
    }
}

/// The server that a clean-up moves its account away from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Which.
    pub from: ServerName,
    /// Where to; `None`: where the load balancer chooses.
    pub to: Option<ServerName>,
}

/// A server, before everybody is moved off it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovePage {
    /// Where, as it was asked.
    pub place: Place,
    /// Which server.
    pub server: ServerName,
    /// Routes that lead to it, by load balancer of the fleet, as they were last read.
    pub held: Vec<(RouterName, i64)>,
    /// Whether the router sends nobody new to it.
    pub is_closed: bool,
    /// The other servers of the pool that are well, by name.
    pub others: Vec<ServerName>,
    /// Bulk clean-ups that move everybody off it, the newest first.
    pub jobs: Vec<Bulk>,
    /// Whether the person may begin one.
    pub may_ask: bool,
    /// When it was read.
    pub now: Instant,
}

/// A bulk clean-up that moves everybody off a server, as its page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoveView {
    /// Which server, and how carefully.
    pub order: ServerMove,
    /// Routes that lead to it, by load balancer of the fleet, as they were last read.
    pub held: Vec<(RouterName, i64)>,
    /// Routes to it that belonged to nobody known when the list was frozen: they stay.
    pub unknown: i64,
    /// Whether the router sends nobody new to it.
    pub is_closed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PoolName, RouterName};

    fn measured(permille: u32, ms: u32, requests: u64, errors: u64) -> Measured {
        Measured {
            place: Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() },
            name: ServerName::parse("api-3").unwrap(),
            health: Health::Healthy,
            error_permille: Some(permille),
            response_ms: Some(ms),
            counters: Counters { requests, errors, response_ms: ms },
        }
    }

    fn judged(before: &Measured, now: &Measured, guard: Guard) -> Option<String> {
        Baseline { at: Instant::from_secs(1), servers: vec![before.clone()] }.worse(guard, std::slice::from_ref(now))
    }

    #[test]
    fn it_goes_on_while_the_others_are_as_they_were() {
        let (before, guard) = (measured(10, 100, 1_000, 10), Guard::default());
        for now in [
            measured(10, 100, 1_000, 10),
            measured(40, 200, 1_100, 12),
            // Faster and better.
            measured(0, 20, 2_000, 10),
            // A single failure of a few says nothing.
            measured(10, 100, 1_005, 13),
            // A load balancer that was restarted counts from nothing.
            measured(10, 100, 30, 2),
        ] {
            assert_eq!(judged(&before, &now, guard), None, "{now:?}");
        }
    }

    #[test]
    fn it_stops_when_one_of_them_gets_worse_than_allowed_and_says_which() {
        let (before, guard) = (measured(10, 100, 1_000, 10), Guard::default());
        for (now, part) in [
            (measured(41, 100, 1_000, 10), "fails 4.1 % of its requests, 1.0 % when it began"),
            // The window is slow; what failed since it began is not.
            (measured(10, 100, 1_100, 20), "fails 10.0 %"),
            (measured(10, 201, 1_000, 10), "takes 201 ms to answer, 100 ms"),
            (Measured { health: Health::Down, ..before.clone() }, "is down now, and was healthy"),
        ] {
            let why = judged(&before, &now, guard).unwrap();
            assert!(why.starts_with("api-3 on lb-1 ") && why.contains(part), "{why}");
        }
        let quick = measured(0, 2, 0, 0);
        assert_eq!(judged(&quick, &measured(0, 52, 0, 0), guard), None, "50 ms more are noise");
        assert!(judged(&quick, &measured(0, 53, 0, 0), guard).is_some());
    }

    #[test]
    fn what_is_switched_off_or_not_known_stops_nothing() {
        let before = measured(0, 100, 0, 0);
        let off = Guard { errors: 0, response: 0 };
        let bad = Measured { health: Health::Degraded, ..measured(900, 9_000, 1_000, 900) };
        assert_eq!(judged(&before, &bad, off), None);
        assert!(judged(&before, &bad, Guard { errors: 0, response: 1 }).unwrap().contains("9000 ms"));
        let other = Measured { name: ServerName::parse("api-9").unwrap(), ..bad.clone() };
        assert_eq!(judged(&before, &other, Guard::default()), None, "it was not there when it began");
        let unknown = Measured { error_permille: None, response_ms: None, ..before.clone() };
        assert_eq!(judged(&unknown, &measured(20, 9_000, 10, 9), Guard::default()), None);
        // Who was bad before is no news.
        let was_bad = Measured { health: Health::Draining, ..before };
        assert_eq!(judged(&was_bad, &Measured { health: Health::Down, ..was_bad.clone() }, Guard::default()), None);
        assert!(Guard { errors: 101, response: 0 }.problem().is_some() && off.problem().is_none());
        assert_eq!(off.words(), None);
    }
}
