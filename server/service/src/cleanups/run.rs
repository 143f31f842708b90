//! Carrying clean-ups out. Any worker in any process may: it takes the lease, does what the steps say is next, and
//! writes what it read back, each time checking that the lease is still its own.
//!
//! Those of a bulk clean-up go side by side, as a team: one call to a router for the keys of all of them, and one transaction
//! for what came of it, for a commit costs milliseconds however little is in it. Each keeps its own lease and its own steps;
//! one whose lease is gone drops out, and what it would have written is not written. A single one is a team of one.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Away, Cleanup, CleanupId, Instant, Place, Progress, RouteKey, RouterName, Span, Status, Step, Target, Work,
    next_work, rebased,
};
use futures::future::join_all;
use store::Lease;

use super::save::Save;
use crate::{Result, Unstick, crash};

/// A wait that is sat out with the lease in hand; longer ones give it back.
const SHORT_WAIT: Span = Span::from_millis(300);

/// A clean-up under this worker's lease.
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) cleanup: Cleanup,
    pub(super) steps: Vec<Step>,
    /// The server that the account leaves, whatever its health.
    away: Option<Away>,
}

/// Steps of a team: the place in it of whose they are, with their numbers.
pub(super) type Numbered = Vec<(usize, Vec<i64>)>;

/// Keys to clear, or to read, at one place: those of these steps.
pub(super) struct Job {
    pub(super) place: Place,
    pub(super) clears: bool,
    /// The server that these accounts leave, where they leave one.
    pub(super) away: Option<Away>,
    pub(super) steps: Numbered,
}

/// What a team does next.
#[derive(Default)]
struct Round {
    jobs: Vec<Job>,
    /// Records that are marked cleaned.
    deletes: Numbered,
    /// Those that give their lease back, until when, and whether that is a wait.
    leave: Vec<(usize, Instant, bool)>,
    /// Those whose lease ran out.
    late: Vec<usize>,
    /// When the first of those that wait for a moment goes on.
    nap: Option<Instant>,
}

impl Unstick {
    /// Works on a clean-up until it is done, must wait, or another worker has it. Answers its status, or `None` when
    /// there is nothing for this worker to do.
    pub(crate) async fn run_cleanup(&self, id: &CleanupId) -> Result<Option<Status>> {
        let now = self.now();
        let until = now + self.settings().lease;
        let lease = transact!(self, tx => { Ok(tx.claim_cleanup(id, &self.settings().instance, now, until).await?) })?;
        let Some(lease) = lease else { return Ok(None) };
        Ok(self.run_team(vec![lease]).await?.pop().map(|(_, status)| status))
    }

    /// Works on the clean-ups of these leases until each is done, must wait, or another worker has it. Answers the status of
    /// those that were this worker's until then.
    pub(crate) async fn run_team(&self, leases: Vec<Lease>) -> Result<Vec<(CleanupId, Status)>> {
        crash::point("claim:committed");
        let mut team = self.read_team(leases).await?;
        let mut left = Vec::with_capacity(team.len());
        self.bring_back_times(&mut team).await?;
        while !team.is_empty() {
            let round = self.next_round(&team);
            if !round.leave.is_empty() || !round.late.is_empty() {
                self.leave(&mut team, round, &mut left).await?;
            } else if round.jobs.is_empty() && round.deletes.is_empty() {
                let until = round.nap.unwrap_or_else(|| self.now());
                tokio::time::sleep(until.since(self.now()).to_std()).await;
            } else {
                self.work(&mut team, round, &mut left).await?;
            }
        }
        Ok(left)
    }

    /// What there is to do under `leases`.
    async fn read_team(&self, leases: Vec<Lease>) -> Result<Vec<Held>> {
        let mut leases: HashMap<CleanupId, Lease> =
            leases.into_iter().map(|lease| (lease.cleanup.clone(), lease)).collect();
        let ours: Vec<CleanupId> = leases.keys().cloned().collect();
        let (read, mut aways) = tokio::try_join!(self.store().cleanups_with_steps(&ours), self.store().aways(&ours))?;
        let held = |(cleanup, steps): (Cleanup, Vec<Step>)| {
            let lease = leases.remove(&cleanup.id)?;
            let away = aways.remove(&cleanup.id);
            Some(Held { lease, cleanup, steps, away })
        };
        Ok(read.into_iter().filter_map(held).collect())
    }

    /// What a clock put off that was set back since is due now.
    async fn bring_back_times(&self, team: &mut Vec<Held>) -> Result<()> {
        let mut saves = Vec::new();
        for (at, held) in team.iter_mut().enumerate() {
            let back = rebased(&held.steps, self.now(), self.policy());
            if !back.is_empty() {
                put(&mut held.steps, &back);
                saves.push(Save { at, changed: back, release: None });
            }
        }
        let fenced = self.save(team, saves).await?;
        self.drop_out(team, fenced).await
    }

    fn next_round(&self, team: &[Held]) -> Round {
        let (now, mut round) = (self.now(), Round::default());
        for (at, held) in team.iter().enumerate() {
            match next_work(&held.steps, now, self.policy()) {
                // Not past the end of the lease: what a worker does on a router when another one has finished is undone by
                // nobody.
                Progress::Work(_) if held.lease.until <= now => round.late.push(at),
                Progress::Work(work) => round.add(at, held.away.as_ref(), work),
                Progress::Wait(until) if held.cleanup.status == Status::Running && until.since(now) <= SHORT_WAIT => {
                    round.nap = Some(round.nap.map_or(until, |nap| nap.min(until)));
                }
                Progress::Wait(until) => round.leave.push((at, until, true)),
                Progress::Attention | Progress::Finished => round.leave.push((at, now, false)),
            }
        }
        round
    }

    /// Gives leases back, and drops those that ran out.
    async fn leave(&self, team: &mut Vec<Held>, round: Round, left: &mut Vec<(CleanupId, Status)>) -> Result<()> {
        let waits = round.leave.iter().any(|(.., waits)| *waits);
        let going: Vec<usize> = round.leave.iter().map(|(at, ..)| *at).collect();
        let save = |(at, until, _): (usize, Instant, bool)| Save { at, changed: Vec::new(), release: Some(until) };
        if waits {
            crash::point("drain:before-release");
        }
        let mut fenced = self.save(team, round.leave.into_iter().map(save).collect()).await?;
        if waits {
            crash::point("drain:released");
        }
        left.extend(
            going
                .iter()
                .filter(|at| !fenced.contains(at))
                .map(|at| (team[*at].cleanup.id.clone(), team[*at].cleanup.status)),
        );
        fenced.extend(round.late);
        self.lift_of(team, &fenced).await?;
        remove(team, |at| going.contains(&at) || fenced.contains(&at));
        Ok(())
    }

    /// Does what is next, all places at once, and writes what came of it.
    async fn work(&self, team: &mut Vec<Held>, round: Round, left: &mut Vec<(CleanupId, Status)>) -> Result<()> {
        let records = self.store().servers().await?;
        let servers = self.current_servers(records).await;
        let outcomes = join_all(round.jobs.iter().map(|job| self.perform(team, job, &servers))).await;
        let mut changed: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
        for (at, step) in outcomes.into_iter().flatten() {
            changed.entry(at).or_default().push(step);
        }
        let now = self.now();
        for (at, numbers) in round.deletes {
            let records = team[at].steps.iter().filter(|step| numbers.contains(&step.no));
            changed.entry(at).or_default().extend(records.cloned().map(|step| step.after_delete(now)));
        }
        for (at, steps) in &changed {
            put(&mut team[*at].steps, steps);
        }
        let saves = changed.into_iter().map(|(at, changed)| Save { at, changed, release: None }).collect();
        let fenced = self.save(team, saves).await?;
        let done = |held: &Held| held.cleanup.status == Status::Done;
        let ended: Vec<usize> = (0..team.len()).filter(|at| done(&team[*at]) && !fenced.contains(at)).collect();
        if !ended.is_empty() {
            crash::point("finish:committed");
        }
        left.extend(ended.iter().map(|at| (team[*at].cleanup.id.clone(), Status::Done)));
        self.lift_of(team, &fenced).await?;
        remove(team, |at| ended.contains(&at) || fenced.contains(&at));
        Ok(())
    }

    async fn drop_out(&self, team: &mut Vec<Held>, fenced: Vec<usize>) -> Result<()> {
        self.lift_of(team, &fenced).await?;
        remove(team, |at| fenced.contains(&at));
        Ok(())
    }

    async fn lift_of(&self, team: &[Held], fenced: &[usize]) -> Result<()> {
        for at in fenced {
            let held = &team[*at];
            tracing::warn!(cleanup.id = %held.lease.cleanup, "another worker took this clean-up over; what it finds is what counts");
            self.lift_stale(held).await?;
        }
        Ok(())
    }

    /// A worker that was too late may have fenced keys after the one that finished lifted them. What is needed again is
    /// lifted here; the keys of ended sessions stay fenced while they are watched.
    async fn lift_stale(&self, held: &Held) -> Result<()> {
        let (cleanup, watch) =
            tokio::try_join!(self.store().cleanup(&held.lease.cleanup), self.store().watch(&held.lease.cleanup))?;
        if cleanup.is_none_or(|cleanup| cleanup.status != Status::Done) {
            // Whoever works on it lifts them at the end.
            return Ok(());
        }
        let over = watch.is_none_or(|watch| watch.is_over());
        let mut keys: HashMap<&RouterName, Vec<RouteKey>> = HashMap::new();
        for step in &held.steps {
            if let Target::Route { place, key, must_vanish, .. } = &step.target
                && (over || !must_vanish)
            {
                keys.entry(&place.router).or_default().push(key.clone());
            }
        }
        for (name, keys) in keys {
            if let Some(router) = self.router(name).filter(|router| router.can_fence())
                && let Err(error) = router.lift(&keys).await
            {
                tracing::warn!(router.name = %name, %error, "a fence that came too late could not be lifted");
            }
        }
        Ok(())
    }
}

impl Round {
    fn add(&mut self, at: usize, away: Option<&Away>, work: Vec<Work>) {
        for work in work {
            let (place, clears, steps) = match work {
                Work::Clear { place, steps } => (place, true, steps),
                Work::Verify { place, steps } => (place, false, steps),
                Work::Delete { steps } => {
                    self.deletes.push((at, steps));
                    continue;
                }
            };
            let same = |job: &&mut Job| job.place == place && job.clears == clears && job.away.as_ref() == away;
            match self.jobs.iter_mut().find(same) {
                Some(job) => job.steps.push((at, steps)),
                None => self.jobs.push(Job { place, clears, away: away.cloned(), steps: vec![(at, steps)] }),
            }
        }
    }
}

/// Removes those of a team whose places are `gone`.
fn remove(team: &mut Vec<Held>, gone: impl Fn(usize) -> bool) {
    let mut at = 0;
    team.retain(|_| {
        at += 1;
        !gone(at - 1)
    });
}

/// Puts `changed` in the place of those of `steps` with the same numbers.
fn put(steps: &mut [Step], changed: &[Step]) {
    let mut places: HashMap<i64, &mut Step> = steps.iter_mut().map(|step| (step.no, step)).collect();
    for step in changed {
        if let Some(place) = places.get_mut(&step.no) {
            **place = step.clone();
        }
    }
}
