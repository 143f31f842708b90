//! After a router restarted: whether it has again what was cleaned there, also where nobody watches any more. A peer, a snapshot
//! or a backup may be older than any watch is long. Many keys are read at once, so that a restart after ten thousand
//! clean-ups costs one pass over them; what is there again is looked at first, and that look says so and has it cleaned.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, CleanupId, Health, Instant, Place, Route, RouteKey, RouterName, ServerStatus, Span, Step, StepKind,
    Target,
};

use super::perform::{Readings, key_of, must_vanish};
use crate::{Result, Unstick};

/// Clean-ups whose steps are held at once.
const PAGE: u32 = 500;
/// Pages of one pass: 250,000 clean-ups.
const PAGES: usize = 500;
/// How far it looks back. Snapshots and backups that somebody restores are rarely older; for those that are there is the census.
const BACK: Span = Span::from_days(1);

impl Unstick {
    /// Looks whether `name` has again what lately was removed from it for good, and has the watches over it look at once.
    /// Returns of how many clean-ups something is back.
    ///
    /// # Errors
    /// Failures of the database; a router that does not answer is no error.
    pub(crate) async fn recheck(&self, name: &RouterName) -> Result<i64> {
        if self.settings().watch <= Span::ZERO || self.router(name).is_none() {
            return Ok(0);
        }
        let servers = self.servers_to_judge_by().await?;
        let since = self.now() - BACK;
        let (mut before, mut back) = (None, 0);
        for pages in 0.. {
            let page = self.store().done_since(since, before.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            if pages == PAGES {
                let reached = last.0.as_str();
                tracing::warn!(router.name = %name, cleanup.id = reached, "a router restarted after more clean-ups than are looked at again; older ones are left to the census");
                break;
            }
            before = Some(last.clone());
            let ids: Vec<CleanupId> = page.into_iter().map(|(id, _)| id).collect();
            let found = self.back_on(name, &ids, &servers).await?;
            if !found.is_empty() {
                let now = self.now();
                back += transact!(self, tx => { Ok(tx.look_again(&found, now).await?) })?;
            }
            tokio::task::yield_now().await;
        }
        Ok(back)
    }

    /// The servers as they are now. One that somebody drains or maintains counts as well: whoever is there by right leaves when
    /// they are told to, and not because a load balancer restarted.
    async fn servers_to_judge_by(&self) -> Result<Vec<ServerStatus>> {
        let mut servers = self.current_servers(self.store().servers().await?).await;
        for server in &mut servers {
            if matches!(server.health, Health::Draining | Health::Maintenance) {
                server.health = Health::Healthy;
            }
        }
        Ok(servers)
    }

    /// Those of the clean-ups `ids` of which `name` has something again. An account's route may come again by right: it counts
    /// where it leads to the bad server that it had, as it does for the watch, unless it was there before the restart too.
    async fn back_on(&self, name: &RouterName, ids: &[CleanupId], servers: &[ServerStatus]) -> Result<Vec<CleanupId>> {
        let Some(router) = self.router(name) else { return Ok(Vec::new()) };
        let mut by_place: BTreeMap<Place, Vec<Cleared>> = BTreeMap::new();
        for (cleanup, steps) in self.store().cleanups_with_steps(ids).await? {
            for step in steps.into_iter().filter(|step| step.kind == StepKind::Unroute) {
                if let Target::Route { place, .. } = &step.target
                    && place.router == *name
                {
                    let (cleanup, account) = (cleanup.id.clone(), cleanup.account.clone());
                    by_place.entry(place.clone()).or_default().push(Cleared { cleanup, account, step });
                }
            }
        }
        let mut back = Vec::new();
        for (place, steps) in by_place {
            let keys: Vec<RouteKey> = steps.iter().filter_map(|it| key_of(&it.step)).cloned().collect();
            let readings = Readings::after_done(router.read(&place.pool, &keys).await, &place, servers);
            let is_back = |step: &Step| key_of(step).is_some_and(|key| step.has_come_back(&readings.reading(key)));
            back.extend(steps.into_iter().filter(|it| is_back(&it.step)));
        }
        let known = self.known_routes(&back).await?;
        let restarted = self.0.observer.changed_at(name).unwrap_or_else(|| self.now());
        let found: BTreeSet<CleanupId> =
            back.into_iter().filter(|it| !it.was_there_before(restarted, &known)).map(|it| it.cleanup).collect();
        Ok(found.into_iter().collect())
    }

    /// The routes of the accounts whose own routes are in `back`, as they were last seen.
    async fn known_routes(&self, back: &[Cleared]) -> Result<Vec<Route>> {
        let of_accounts = back.iter().filter(|it| !must_vanish(&it.step));
        let accounts: BTreeSet<AccountId> = of_accounts.map(|it| it.account.clone()).collect();
        let (accounts, mut known) = (Vec::from_iter(accounts), Vec::new());
        for some in accounts.chunks(100) {
            known.extend(self.store().routes_of_accounts(some).await?.into_iter().map(|it| it.route));
        }
        Ok(known)
    }
}

/// An entry that a clean-up cleared.
struct Cleared {
    cleanup: CleanupId,
    account: AccountId,
    step: Step,
}

impl Cleared {
    /// Whether an account's entry was seen, after it was cleaned and before the router `restarted`, on the server where it is now:
    /// then the account had signed in again and had been sent there.
    fn was_there_before(&self, restarted: Instant, known: &[Route]) -> bool {
        let Target::Route { place, key, must_vanish: false, .. } = &self.step.target else { return false };
        let between = |at| self.step.verified_at.is_some_and(|verified| at > verified) && at < restarted;
        let same = |route: &&Route| (&route.place, &route.key) == (place, key) && route.server == self.step.had;
        known.iter().filter(same).any(|route| route.pinned_at.is_some_and(between))
    }
}
