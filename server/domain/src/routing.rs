//! How a pool's customers are spread over its servers, and what waits for routers that do not answer.

use serde::{Deserialize, Serialize};

use crate::{AccountId, CleanupId, Health, Instant, Place, ServerName, ServerStatus, Step};

/// How the routes of a pool are spread. Every server that is well counts the same: weights are not read from routers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Routes of the pool, those to servers that it does not have any more too.
    pub total: i64,
    /// What each server that is well would hold if all were spread evenly; `None` when no server is well.
    pub fair: Option<i64>,
    /// Routes to servers that the pool does not have any more.
    pub gone: Vec<(ServerName, i64)>,
}

impl Spread {
    /// The spread over `servers`, the servers of the pool, of the routes that are counted in `pinned`.
    pub fn of(servers: &[ServerStatus], pinned: &[(ServerName, i64)]) -> Self {
        let known = |name: &ServerName| servers.iter().any(|server| server.name == *name);
        let gone: Vec<(ServerName, i64)> =
            pinned.iter().filter(|(name, routes)| *routes > 0 && !known(name)).cloned().collect();
        let held = servers.iter().filter_map(|server| server.pinned);
        let total = held.chain(gone.iter().map(|(_, routes)| *routes)).fold(0, i64::saturating_add);
        let well = servers.iter().filter(|server| !server.health.is_bad()).count();
        let fair = i64::try_from(well).ok().filter(|well| *well > 0).map(|well| total.saturating_add(well / 2) / well);
        Self { total, fair, gone }
    }

    /// What `server` should hold: nothing when it serves badly; `None` when no server is well.
    pub fn fair_for(&self, server: &ServerStatus) -> Option<i64> {
        if server.health.is_bad() { self.fair.map(|_| 0) } else { self.fair }
    }

    /// What `server`, which holds `pinned`, holds against its fair share, as the end of «it holds …».
    pub fn words(&self, server: &ServerStatus, pinned: i64) -> String {
        match self.fair_for(server) {
            None => "no server is well, so there is no fair share".to_owned(),
            Some(0) if pinned == 0 => "as it should be".to_owned(),
            Some(0) => match server.health {
                Health::Degraded => "its fair share is none: it serves badly",
                Health::Draining => "its fair share is none: it is being drained",
                Health::Maintenance => "its fair share is none: it is in maintenance",
                Health::Down => "its fair share is none: it is down",
                Health::Healthy | Health::Unknown | Health::Gone => "its fair share is none",
            }
            .to_owned(),
            Some(fair) => {
                let tenths = pinned.saturating_mul(10).saturating_add(fair / 2) / fair;
                format!("{}.{} × its fair share", tenths / 10, tenths % 10)
            }
        }
    }
}

/// A step that waits for a router which does not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwedStep {
    /// Of which clean-up.
    pub cleanup: CleanupId,
    /// Of which account.
    pub account: AccountId,
    /// When that clean-up was asked for: the customer waits since then.
    pub asked_at: Instant,
    /// The step.
    pub step: Step,
}

impl OwedStep {
    /// Where it waits.
    pub const fn place(&self) -> Option<&Place> {
        match &self.step.target {
            crate::Target::Route { place, .. } => Some(place),
            crate::Target::Session { .. } => None,
        }
    }
}

/// What is owed to routers, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OwedList {
    /// The oldest.
    pub steps: Vec<OwedStep>,
    /// How many more there are.
    pub more: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PoolName, RouterName};

    fn server(name: &str, health: Health, pinned: i64) -> ServerStatus {
        ServerStatus {
            place: Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() },
            name: ServerName::parse(name).unwrap(),
            health,
            failing: false,
            error_permille: None,
            response_ms: None,
            since: Instant::from_secs(0),
            read_at: Instant::from_secs(0),
            pinned: Some(pinned),
        }
    }

    fn name(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    #[test]
    fn a_fair_share_is_of_all_routes_and_for_servers_that_are_well() {
        let servers =
            [server("a", Health::Healthy, 10), server("b", Health::Unknown, 30), server("c", Health::Draining, 50)];
        let counted = [(name("a"), 10), (name("c"), 50), (name("old"), 10), (name("older"), 0)];
        let spread = Spread::of(&servers, &counted);
        assert_eq!((spread.total, spread.fair), (100, Some(50)), "those that lead nowhere have to go somewhere too");
        assert_eq!(spread.gone, [(name("old"), 10)]);
        assert_eq!(spread.words(&servers[0], 10), "0.2 × its fair share");
        assert_eq!(spread.words(&servers[1], 75), "1.5 × its fair share");
        assert_eq!(spread.words(&servers[2], 50), "its fair share is none: it is being drained");
        assert_eq!(spread.words(&servers[2], 0), "as it should be");
    }

    #[test]
    fn where_no_server_is_well_nobody_is_blamed() {
        let servers = [server("a", Health::Down, 4)];
        let spread = Spread::of(&servers, &[]);
        assert_eq!((spread.fair, spread.fair_for(&servers[0])), (None, None));
        assert!(spread.words(&servers[0], 4).contains("no server is well"));
        let nothing = Spread::of(&[], &[]);
        assert_eq!(nothing, Spread::default());
        let idle = [server("a", Health::Healthy, 0)];
        assert_eq!(Spread::of(&idle, &[]).words(&idle[0], 0), "as it should be");
    }

    #[test]
    fn counts_beyond_all_reason_do_not_overflow() {
        let servers = [server("a", Health::Healthy, i64::MAX), server("b", Health::Healthy, i64::MAX)];
        let spread = Spread::of(&servers, &[]);
        assert_eq!(spread.total, i64::MAX);
        assert!(spread.words(&servers[0], i64::MAX).contains("fair share"));
    }
}
