//! One piece of a clean-up's work against a router: do it, read it back, say where each step now is.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{Away, Place, Reading, RouteKey, ServerName, ServerStatus, Span, Stage, Step, Target};
use routers::{Entry, Router, RouterError};

use super::run::{Held, Job};
use crate::{Unstick, crash};

/// A step of one of a team: the place in the team, and the step.
type Own<'a> = (usize, &'a Step);

impl Unstick {
    /// Does `job` and answers the steps as they then are. Deletions are not here: they are rows of our own.
    ///
    /// Of a team that a router refuses each one is asked for alone: one key that it cannot take holds nobody else up.
    pub(super) async fn perform(&self, team: &[Held], job: &Job, servers: &[ServerStatus]) -> Vec<(usize, Step)> {
        let mut all: Vec<Vec<Own<'_>>> = Vec::with_capacity(job.steps.len());
        for (at, numbers) in &job.steps {
            let numbers: HashSet<i64> = numbers.iter().copied().collect();
            let own = team[*at].steps.iter().filter(|step| numbers.contains(&step.no));
            all.push(own.map(|step| (*at, step)).collect());
        }
        let together: Vec<Own<'_>> = all.iter().flatten().copied().collect();
        let answer = self.ask_router(job, &together).await;
        if all.len() == 1 || !matches!(answer, Err(RouterError::Refused(_))) {
            return self.after_all(job, &together, answer, servers).await;
        }
        let mut after = Vec::with_capacity(together.len());
        for own in all {
            let answer = self.ask_router(job, &own).await;
            after.extend(self.after_all(job, &own, answer, servers).await);
        }
        after
    }

    async fn ask_router(&self, job: &Job, own: &[Own<'_>]) -> Result<Vec<Entry>, RouterError> {
        let Job { place, clears, away, .. } = job;
        let keys: Vec<RouteKey> = own.iter().filter_map(|(_, step)| key_of(step)).cloned().collect();
        crash::point(if *clears { "clear:before" } else { "verify:before" });
        let answer = match self.router(&place.router) {
            None => Err(RouterError::Refused(format!("{} is not in the configuration any more", place.router))),
            Some(router) if *clears => clear(router, place, &keys).await,
            Some(router) => verify(router, place, own, &keys, away.as_ref()).await,
        };
        crash::point(if *clears { "clear:done" } else { "verify:done" });
        answer
    }

    async fn after_all(
        &self,
        Job { place, clears, away, .. }: &Job,
        own: &[Own<'_>],
        answer: Result<Vec<Entry>, RouterError>,
        servers: &[ServerStatus],
    ) -> Vec<(usize, Step)> {
        let readings = Readings::of(answer, place, servers).away(away.as_ref(), *clears);
        let steps: Vec<&Step> = own.iter().map(|(_, step)| *step).collect();
        let after = steps.iter().map(|step| self.after(step, &readings, *clears)).collect();
        let after = if *clears { after } else { self.lift(place, &steps, after).await };
        own.iter().map(|(at, _)| *at).zip(after).collect()
    }

    fn after(&self, step: &Step, readings: &Readings, clears: bool) -> Step {
        let reading = key_of(step).map_or(Reading::Gone, |key| readings.reading(key));
        let (now, policy, jitter) = (self.now(), self.policy(), self.jitter());
        let step = step.clone();
        if clears {
            step.after_clear(reading, now, policy, jitter)
        } else {
            step.after_verify(reading, now, policy, jitter)
        }
    }

    /// Lifts the fence of what was verified and is needed again: an account's key. The keys of ended sessions stay fenced
    /// while they are watched. Where lifting fails the step is not verified after all: a key that stays
    /// fenced for ever would be a clean-up that breaks stickiness.
    async fn lift(&self, place: &Place, before: &[&Step], steps: Vec<Step>) -> Vec<Step> {
        let verified = |step: &Step| step.stage == Stage::Verified;
        let watched = self.settings().watch > Span::ZERO;
        let over = |step: &&Step| verified(step) && !(watched && must_vanish(step));
        let keys: Vec<RouteKey> = steps.iter().filter(over).filter_map(key_of).cloned().collect();
        let Some(router) = self.router(&place.router).filter(|router| router.can_fence() && !keys.is_empty()) else {
            return steps;
        };
        let Err(error) = router.lift(&keys).await else {
            return steps;
        };
        let (now, policy) = (self.now(), self.policy());
        // From the step as it was: its failed tries count on, so that a fence that never lifts comes before a person.
        let undo = |(step, before): (Step, &&Step)| {
            if verified(&step) {
                (*before).clone().after_verify(refusal(error.clone()), now, policy, self.jitter())
            } else {
                step
            }
        };
        steps.into_iter().zip(before).map(undo).collect()
    }

    pub(crate) fn jitter(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.entropy().fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Fences, then clears and reads back; each time, for a load balancer that was restarted in between has forgotten the
/// fence.
async fn clear(router: &Arc<dyn Router>, place: &Place, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
    if router.can_fence() && !keys.is_empty() {
        router.fence(keys).await?;
    }
    router.clear(&place.pool, keys).await
}

/// Reads the keys. Where a server was chosen for them, those that are needed again are pinned to it first: by now they were
/// cleared twice, and no request that began before can pin them elsewhere.
async fn verify(
    router: &Arc<dyn Router>,
    place: &Place,
    own: &[Own<'_>],
    keys: &[RouteKey],
    away: Option<&Away>,
) -> Result<Vec<Entry>, RouterError> {
    if let Some(to) = away.and_then(|away| away.to.as_ref()) {
        for key in own.iter().filter(|(_, step)| !must_vanish(step)).filter_map(|(_, step)| key_of(step)) {
            router.pin(&place.pool, key, to).await?;
        }
    }
    router.read(&place.pool, keys).await
}

pub(super) const fn key_of(step: &Step) -> Option<&RouteKey> {
    match &step.target {
        Target::Route { key, .. } => Some(key),
        Target::Session { .. } => None,
    }
}

pub(super) const fn must_vanish(step: &Step) -> bool {
    matches!(step.target, Target::Route { must_vanish: true, .. })
}

fn refusal(error: RouterError) -> Reading {
    match error {
        RouterError::Unreachable(text) | RouterError::NotNow(text) => Reading::Unreachable(text),
        RouterError::Refused(text) => Reading::Refused(text),
    }
}

/// Whether `entry` leads to a server that is bad, or not there any more.
fn is_bad(entry: &Entry, place: &Place, servers: &[ServerStatus]) -> bool {
    let mut pool = servers.iter().filter(|server| &server.place == place).peekable();
    let is_known = pool.peek().is_some();
    let on = |name: &ServerName| pool.find(|server| &server.name == name).map_or(is_known, |it| it.health.is_bad());
    entry.server.as_ref().is_some_and(on)
}

/// What a place answered, by key.
pub(super) enum Readings {
    Entries(HashMap<RouteKey, (Option<ServerName>, bool)>),
    None(RouterError),
}

impl Readings {
    /// While a clean-up runs: an entry that is still in use is the old one, however good its server.
    pub(super) fn of(answer: Result<Vec<Entry>, RouterError>, place: &Place, servers: &[ServerStatus]) -> Self {
        Self::judged(answer, |entry| entry.in_use || is_bad(entry, place, servers))
    }

    /// After it: an entry that is in use may be a new one, of an account that just goes on working.
    pub(super) fn after_done(answer: Result<Vec<Entry>, RouterError>, place: &Place, servers: &[ServerStatus]) -> Self {
        Self::judged(answer, |entry| is_bad(entry, place, servers))
    }

    fn judged(answer: Result<Vec<Entry>, RouterError>, bad: impl Fn(&Entry) -> bool) -> Self {
        let judge = |entry: Entry| {
            let bad = bad(&entry);
            (entry.key, (entry.server, bad))
        };
        match answer {
            Ok(entries) => Self::Entries(entries.into_iter().map(judge).collect()),
            Err(error) => Self::None(error),
        }
    }

    /// The same for an account that leaves a server: an entry that leads there is bad, however well the server is; after the
    /// keys were pinned to a chosen server, any other one is.
    fn away(mut self, away: Option<&Away>, clears: bool) -> Self {
        if let (Self::Entries(entries), Some(away)) = (&mut self, away) {
            let chosen = away.to.as_ref().filter(|_| !clears);
            for (server, bad) in entries.values_mut() {
                let leaves = server.as_ref() == Some(&away.from);
                *bad |= leaves || chosen.is_some_and(|to| server.as_ref() != Some(to));
            }
        }
        self
    }

    pub(super) fn reading(&self, key: &RouteKey) -> Reading {
        match self {
            Self::Entries(entries) => match entries.get(key) {
                Some((server, bad)) => Reading::Found { server: server.clone(), bad: *bad },
                None => Reading::Gone,
            },
            Self::None(error) => refusal(error.clone()),
        }
    }
}
