//! The pure core as a state machine (goal R13): the rules of the clean-up and of the watch, between a store that fences and
//! load balancers that lose, delay, restart and remember. Whatever happens in whatever order, [`crate::invariants`] hold
//! after each move; and when everything is whole again the clean-up ends, and nothing of it is left anywhere.
//!
//! `UNSTICK_TORTURE_MODEL` says how many sequences (10,000 without it), `PROPTEST_RNG_SEED` replays a run, and a
//! failure prints the shortest sequence that fails.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::Config};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::{
    AccountId, Circumstances, Cleanup, CleanupId, Instant, Mode, Place, PlanHash, Policy, PoolName, Progress, Reading,
    Return, RouteKey, RouterKind, RouterName, Scope, ServerName, SessionId, Span, Stage, Status, Step, StepKind,
    Target, Watch, Work,
    invariants::{self, Facts},
    likely_way, next_work, rebased, status_of,
    view::count_steps,
};

const LEASE: Span = Span::from_secs(30);
const DRAIN: Span = Span::from_secs(3);
const WATCH: Span = Span::from_secs(600);
const DAY: i64 = 86_400;
const WORKERS: usize = 3;

/// What can happen.
#[derive(Debug, Clone)]
enum Move {
    /// Time goes by, everywhere.
    Pass { millis: u32 },
    /// The clock of the machines is set.
    Jump { seconds: i64 },
    /// A worker asks for the lease, does what is next, and writes it.
    Work { worker: usize, faults: u8 },
    /// A worker looks after the end, and writes what it saw.
    Watch { worker: usize, faults: u8 },
    /// A worker asks for the lease.
    Claim { worker: usize },
    /// A worker does what is next, and the routers fail as `faults` says, two bits each; it has written nothing yet.
    Act { worker: usize, faults: u8 },
    /// A worker writes what it did.
    Save { worker: usize },
    /// A worker dies.
    Crash { worker: usize },
    /// A worker reads everything again after the end.
    Look { worker: usize, faults: u8 },
    /// A worker writes what it saw.
    Saw { worker: usize },
    /// A request of the account begins at a place.
    Begin { place: usize, key: usize },
    /// A request ends, and writes its entry back.
    End { request: usize },
    /// A router goes away, or comes back.
    Switch { router: usize },
    /// A router starts again: without its table, or with the one that it saved once.
    Restart { router: usize, old: bool },
    /// A router saves its table.
    Snapshot { router: usize },
    /// A person asks to try again.
    Retry,
    /// The upkeep that looks for times further ahead than any wait.
    Mend,
}

/// The model needs to know nothing to draw the next move: every move is possible at any time.
struct Anything;

impl ReferenceStateMachine for Anything {
    type State = ();
    type Transition = Move;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Move> {
        let worker = 0..WORKERS;
        let faults = prop_oneof![5 => Just(0_u8), 1 => any::<u8>()];
        let seconds = prop_oneof![Just(-DAY), Just(DAY), Just(13 * 365 * DAY), -40_i64..40];
        prop_oneof![
            12 => prop_oneof![3 => 0_u32..5_000, 1 => Just(31_000), 1 => Just(61_000)].prop_map(|millis| Move::Pass { millis }),
            24 => (worker.clone(), faults.clone()).prop_map(|(worker, faults)| Move::Work { worker, faults }),
            8 => (worker.clone(), faults.clone()).prop_map(|(worker, faults)| Move::Watch { worker, faults }),
            1 => seconds.prop_map(|seconds| Move::Jump { seconds }),
            4 => worker.clone().prop_map(|worker| Move::Claim { worker }),
            6 => (worker.clone(), faults.clone()).prop_map(|(worker, faults)| Move::Act { worker, faults }),
            3 => worker.clone().prop_map(|worker| Move::Save { worker }),
            1 => worker.clone().prop_map(|worker| Move::Crash { worker }),
            3 => (worker.clone(), faults).prop_map(|(worker, faults)| Move::Look { worker, faults }),
            3 => worker.prop_map(|worker| Move::Saw { worker }),
            4 => (0..3_usize, 0..3_usize).prop_map(|(place, key)| Move::Begin { place, key }),
            3 => (0..8_usize).prop_map(|request| Move::End { request }),
            1 => (0..2_usize).prop_map(|router| Move::Switch { router }),
            1 => (0..2_usize, any::<bool>()).prop_map(|(router, old)| Move::Restart { router, old }),
            1 => (0..2_usize).prop_map(|router| Move::Snapshot { router }),
            1 => Just(Move::Retry),
            1 => Just(Move::Mend),
        ]
        .boxed()
    }

    fn apply((): (), _: &Move) {}
}

type Table = BTreeMap<(Place, RouteKey), ServerName>;

#[derive(Debug, Default)]
struct Lb {
    away: bool,
    table: Table,
    saved: Table,
    fences: BTreeSet<RouteKey>,
    started: Span,
}

#[derive(Debug)]
struct Request {
    place: Place,
    key: RouteKey,
    server: ServerName,
    /// A request that passed the fence writes nothing.
    fenced: bool,
    until: Span,
}

/// What a worker has in its memory, and loses when it dies.
#[derive(Debug, Default)]
struct Worker {
    held: Option<(i64, Instant, Vec<Step>)>,
    did: Option<(Vec<Step>, Option<Instant>)>,
    saw: Option<(Instant, Watch, Vec<Return>)>,
}

struct World {
    policy: Policy,
    /// What a clock on the wall adds to the true time.
    offset: Span,
    time: Span,
    facts: Facts,
    lease_until: Option<Instant>,
    watch: Option<Watch>,
    cleaned: BTreeSet<SessionId>,
    lbs: BTreeMap<RouterName, Lb>,
    requests: Vec<Request>,
    workers: Vec<Worker>,
    /// Whether the fences were lifted at the end of the watch.
    opened: bool,
    /// Whether a clock was set or a load balancer forgot its fences: then only the watch can promise anything.
    disturbed: bool,
    /// The facts after the move before, for what may not go backwards.
    before: Facts,
}

fn name(number: usize) -> RouterName {
    RouterName::parse(format!("lb-{}", number + 1)).unwrap()
}

/// Session keys on both load balancers, the account's key on the first.
fn places() -> [(Place, Scope); 3] {
    let place = |router, pool| Place { router: name(router), pool: PoolName::parse(pool).unwrap() };
    [(place(0, "app"), Scope::Session), (place(1, "app"), Scope::Session), (place(0, "acct"), Scope::Account)]
}

fn server(bad: bool) -> ServerName {
    ServerName::parse(if bad { "api-2" } else { "api-1" }).unwrap()
}

fn session(number: usize) -> SessionId {
    SessionId::parse(format!("s{number}")).unwrap()
}

fn key(scope: Scope, number: usize) -> RouteKey {
    RouteKey::parse(if scope == Scope::Account { "acct".to_owned() } else { format!("s{number}") }).unwrap()
}

fn plan() -> Vec<Step> {
    let (mut steps, now) = (Vec::new(), World::START);
    let mut add = |kind, target, had| {
        steps.push(Step::new(i64::try_from(steps.len()).unwrap() + 1, kind, target, had, now));
    };
    for (place, scope) in places() {
        let keys = if scope == Scope::Account { 1 } else { 2 };
        for number in 0..keys {
            let owner = (scope == Scope::Session).then(|| session(number));
            let must_vanish = scope == Scope::Session;
            let target =
                Target::Route { place: place.clone(), scope, key: key(scope, number), session: owner, must_vanish };
            add(StepKind::Unroute, target, Some(server(true)));
        }
    }
    for number in 0..2 {
        add(StepKind::Delete, Target::Session { session: session(number) }, None);
    }
    steps
}

impl World {
    const START: Instant = Instant::from_secs(1_800_000_000);

    fn new() -> Self {
        let steps = plan();
        let cleanup = Cleanup {
            id: CleanupId::parse("c1").unwrap(),
            account: AccountId::parse("a1").unwrap(),
            mode: Mode::Force,
            reason: "model".into(),
            ticket: String::new(),
            actor: "test".into(),
            plan_hash: PlanHash("h".into()),
            status: Status::Running,
            requested_at: Self::START,
            finished_at: None,
            next_at: Self::START,
        };
        let counts = count_steps(&steps, 10);
        let (uncleaned, leased) = (Vec::new(), false);
        let facts =
            Facts { cleanup, steps, counts, leased, token: 0, generation: 1, completed: 0, reopened: 0, uncleaned };
        let mut lbs: BTreeMap<RouterName, Lb> = (0..2).map(|number| (name(number), Lb::default())).collect();
        for (place, scope) in places() {
            for number in 0..2 {
                let lb = lbs.get_mut(&place.router).unwrap();
                lb.table.insert((place.clone(), key(scope, number)), server(true));
            }
        }
        let drain = (0..2).map(|number| (name(number), DRAIN)).collect();
        Self {
            policy: Policy { drain, ..Policy::default() },
            offset: Span::ZERO,
            time: Span::ZERO,
            opened: false,
            disturbed: false,
            before: facts.clone(),
            facts,
            lease_until: None,
            watch: None,
            cleaned: BTreeSet::new(),
            lbs,
            requests: Vec::new(),
            workers: (0..WORKERS).map(|_| Worker::default()).collect(),
        }
    }

    fn now(&self) -> Instant {
        Self::START + self.time + self.offset
    }

    fn pass(&mut self, span: Span) {
        self.time = self.time + span;
        // No request takes longer than the longest one.
        while let Some(at) = self.requests.iter().position(|request| request.until <= self.time) {
            self.end(at);
        }
    }

    /// Sets the clock. Waits that a clock ahead cuts short are not seen by who goes by the clock: a request that is open
    /// meanwhile is the census's to find, and none is here.
    fn jump(&mut self, span: Span) {
        while span > Span::ZERO && !self.requests.is_empty() {
            self.end(0);
        }
        self.offset = self.offset + span;
        self.disturbed = true;
    }

    // ── load balancers ──────────────────────────────────────────────────────────────────────────────────────────

    fn begin(&mut self, place: usize, number: usize) {
        let (place, scope) = places()[place].clone();
        let key = key(scope, number % 2);
        let lb = &self.lbs[&place.router];
        // When the fences are lifted, minutes after the end, no back end serves the ended sessions any more (README).
        let refused = scope == Scope::Session && self.opened;
        if lb.away || refused {
            return;
        }
        let server = lb.table.get(&(place.clone(), key.clone())).cloned().unwrap_or_else(|| server(false));
        let fenced = lb.fences.contains(&key);
        self.requests.push(Request { place, key, server, fenced, until: self.time + DRAIN });
    }

    fn end(&mut self, at: usize) {
        let request = self.requests.remove(at);
        let lb = self.lbs.get_mut(&request.place.router).unwrap();
        if !request.fenced {
            lb.table.insert((request.place, request.key), request.server);
        }
    }

    fn restart(&mut self, router: usize, old: bool) {
        let time = self.time;
        // What an old table brings back after the watch is the census's to find.
        let old = old && !self.watch.as_ref().is_some_and(Watch::is_over);
        let lb = self.lbs.get_mut(&name(router)).unwrap();
        lb.table = if old { lb.saved.clone() } else { Table::new() };
        lb.fences.clear();
        lb.started = time;
        self.disturbed = true;
        // Its connections are cut, and what came through them writes nothing.
        self.requests.retain(|request| request.place.router != name(router));
    }

    /// Asks a load balancer: 0 it answers, 1 the question is lost, 2 the answer is lost, 3 it refuses.
    fn ask<T>(&mut self, router: &RouterName, fault: u8, work: impl FnOnce(&mut Lb) -> T) -> Result<T, Reading> {
        let lb = self.lbs.get_mut(router).unwrap();
        match fault {
            _ if lb.away => Err(Reading::Unreachable("away".into())),
            1 => Err(Reading::Unreachable("lost".into())),
            2 => {
                work(lb);
                Err(Reading::Unreachable("no answer".into()))
            }
            3 => Err(Reading::Refused("not now".into())),
            _ => Ok(work(lb)),
        }
    }

    fn reading(lb: &Lb, place: &Place, key: &RouteKey) -> Reading {
        match lb.table.get(&(place.clone(), key.clone())) {
            None => Reading::Gone,
            Some(found) => Reading::Found { server: Some(found.clone()), bad: *found == server(true) },
        }
    }

    // ── a worker ────────────────────────────────────────────────────────────────────────────────────────────────

    fn claim(&mut self, worker: usize) {
        let now = self.now();
        let free = self.lease_until.is_none_or(|until| until <= now);
        if self.facts.cleanup.finished_at.is_some() || !free {
            return;
        }
        self.facts.token += 1;
        self.facts.leased = true;
        self.lease_until = Some(now + LEASE);
        let mut steps = self.facts.steps.clone();
        for step in rebased(&steps, now, &self.policy) {
            let at = steps.iter().position(|it| it.no == step.no).unwrap();
            steps[at] = step;
        }
        self.workers[worker] = Worker { held: Some((self.facts.token, now + LEASE, steps)), did: None, saw: None };
    }

    fn act(&mut self, worker: usize, faults: u8) {
        let Some((_, until, steps)) = self.workers[worker].held.clone() else { return };
        let now = self.now();
        if self.workers[worker].did.is_some() || until <= now {
            // Its lease ran out: whoever has it now does the work.
            return;
        }
        let did = match next_work(&steps, now, &self.policy) {
            Progress::Work(work) => {
                let mut changed = Vec::new();
                for (turn, work) in work.iter().enumerate() {
                    changed.extend(self.perform(&steps, work, faults >> (2 * (turn % 4)) & 3));
                }
                (changed, None)
            }
            Progress::Wait(at) => (rebased(&self.facts.steps, now, &self.policy), Some(at)),
            Progress::Attention | Progress::Finished => (Vec::new(), Some(now)),
        };
        self.workers[worker].did = Some(did);
    }

    fn perform(&mut self, steps: &[Step], work: &Work, fault: u8) -> Vec<Step> {
        let (now, policy) = (self.now(), self.policy.clone());
        let picked = |numbers: &[i64]| -> Vec<Step> {
            steps.iter().filter(|step| numbers.contains(&step.no)).cloned().collect()
        };
        let (place, mine, clears) = match work {
            Work::Delete { steps } => return picked(steps).into_iter().map(|step| step.after_delete(now)).collect(),
            Work::Clear { place, steps } => (place, picked(steps), true),
            Work::Verify { place, steps } => (place, picked(steps), false),
        };
        let keys: Vec<RouteKey> = mine.iter().map(|step| key_of(step).clone()).collect();
        let answer = self.ask(&place.router, fault, |lb| {
            if clears {
                lb.fences.extend(keys.iter().cloned());
                lb.table.retain(|(at, key), _| at != place || !keys.contains(key));
            }
            let readings: Vec<Reading> = keys.iter().map(|key| Self::reading(lb, place, key)).collect();
            if !clears {
                // The account's key is needed again; those of ended sessions stay fenced while they are watched.
                lb.fences.retain(|key| *key != self::key(Scope::Account, 0) || !keys.contains(key));
            }
            readings
        });
        let reading = |at: usize| answer.as_ref().map_or_else(Clone::clone, |readings| readings[at].clone());
        let after = |(at, step): (usize, Step)| {
            if clears {
                step.after_clear(reading(at), now, &policy, 7)
            } else {
                step.after_verify(reading(at), now, &policy, 7)
            }
        };
        mine.into_iter().enumerate().map(after).collect()
    }

    fn save(&mut self, worker: usize) {
        let Worker { held: Some((token, _, mut steps)), did: Some((changed, release)), .. } =
            std::mem::take(&mut self.workers[worker])
        else {
            return;
        };
        let now = self.now();
        // The condition of the UPDATE in `store/src/cleanups/progress.rs`.
        if token != self.facts.token || !self.facts.leased || self.facts.cleanup.finished_at.is_some() {
            return self.lift_stale();
        }
        put(&mut steps, &changed);
        put(&mut self.facts.steps, &changed);
        let status = status_of(&steps, &self.policy);
        let done = status == Status::Done;
        let over = done || status == Status::NeedsAttention;
        self.facts.cleanup.status = status;
        self.facts.cleanup.finished_at = done.then_some(now);
        self.facts.cleanup.next_at = release.unwrap_or(now);
        self.facts.leased = release.is_none() && !over;
        self.lease_until = self.facts.leased.then(|| now + LEASE);
        let cleaned = changed.iter().filter(|step| step.kind == StepKind::Delete);
        self.cleaned.extend(cleaned.filter_map(|step| step.target.session().cloned()));
        if done {
            let late = self.requests.iter().any(|it| !it.fenced && it.key != key(Scope::Account, 0));
            assert!(!late || self.disturbed, "done, and a request that passed no fence is still open");
            self.facts.completed += 1;
            self.watch = Some(Watch::begin(now, WATCH));
            self.opened = false;
        }
        if self.facts.leased {
            self.workers[worker].held = Some((token, now + LEASE, steps));
        }
    }

    /// One that was too late fenced keys, and nobody else would lift them any more.
    fn lift_stale(&mut self) {
        if self.facts.cleanup.status != Status::Done {
            return;
        }
        let over = self.watch.as_ref().is_none_or(Watch::is_over);
        for lb in self.lbs.values_mut() {
            lb.fences.retain(|key| !over && *key != self::key(Scope::Account, 0));
        }
    }

    /// A worker dies. One that was too late may have fenced keys that nobody lifts.
    fn crash(&mut self, worker: usize) {
        let dead = std::mem::take(&mut self.workers[worker]);
        self.disturbed |= dead.did.is_some() && dead.held.is_some_and(|(token, ..)| token != self.facts.token);
    }

    // ── the watch ───────────────────────────────────────────────────────────────────────────────────────────────

    fn look(&mut self, worker: usize, faults: u8) {
        let now = self.now();
        let Some(mut watch) = self.watch.clone().filter(|watch| watch.next_at.is_some_and(|at| at <= now)) else {
            return;
        };
        let (due, claimed) = (watch.next_at.unwrap(), now + LEASE);
        self.watch.as_mut().unwrap().next_at = Some(claimed);
        if self.facts.cleanup.status != Status::Done {
            watch.next_at = None;
            self.workers[worker].saw = Some((claimed, watch, Vec::new()));
            return;
        }
        let (mut unread, mut found) = (Vec::new(), Vec::new());
        for step in self.facts.steps.clone().iter().filter(|step| step.kind == StepKind::Unroute) {
            let Target::Route { place, scope, key, .. } = &step.target else { continue };
            let fault = if place.router == name(0) { faults & 3 } else { faults >> 2 & 3 };
            let reading = self.ask(&place.router, fault, |lb| (Self::reading(lb, place, key), lb.started));
            let Ok((reading, started)) = reading else {
                unread.push(place.router.clone());
                continue;
            };
            if step.has_come_back(&reading) {
                let Reading::Found { server, .. } = reading else { continue };
                let since = step.verified_at.map_or(Span::ZERO, |at| now.since(at));
                let uptime = Some(Span::from_micros(self.time.micros() - started.micros()));
                let way = likely_way(Circumstances {
                    kind: RouterKind::Haproxy,
                    uptime,
                    is_another: false,
                    since,
                    drain: DRAIN,
                    elsewhere: false,
                });
                found.push(Return {
                    at: now,
                    step: step.no,
                    place: place.clone(),
                    scope: *scope,
                    key: key.clone(),
                    server,
                    way,
                });
            }
        }
        if found.is_empty() {
            watch.put_off(due, now);
            let lifted = watch.lifted || (watch.is_due_to_end(now) && unread.is_empty());
            self.opened |= lifted;
            if lifted {
                self.lbs.values_mut().for_each(|lb| lb.fences.clear());
            }
            watch = watch.after_look(now, unread, lifted, DRAIN);
        }
        self.workers[worker].saw = Some((claimed, watch, found));
    }

    fn saw(&mut self, worker: usize) {
        let Some((claimed, watch, found)) = self.workers[worker].saw.take() else { return };
        let (now, ours) = (self.now(), self.watch.as_ref().is_some_and(|it| it.next_at == Some(claimed)));
        if !ours {
            return;
        }
        self.watch = Some(watch);
        if found.is_empty() || self.facts.cleanup.finished_at.is_none() {
            return;
        }
        self.watch.as_mut().unwrap().next_at = None;
        let steps = self.facts.steps.clone();
        let again: Vec<Step> = found
            .iter()
            .filter_map(|it| steps.iter().find(|step| step.no == it.step).map(|step| step.clone().reopened(it, now)))
            .collect();
        put(&mut self.facts.steps, &again);
        self.facts.cleanup.status = Status::Running;
        self.facts.cleanup.finished_at = None;
        self.facts.cleanup.next_at = now;
        self.facts.reopened += 1;
    }

    fn retry(&mut self) {
        if !matches!(self.facts.cleanup.status, Status::NeedsAttention | Status::Owed) {
            return;
        }
        let now = self.now();
        self.facts.steps = std::mem::take(&mut self.facts.steps).into_iter().map(|step| step.retried(now)).collect();
        self.facts.cleanup.status = Status::Running;
        self.facts.cleanup.next_at = now;
        self.facts.token += 1;
        self.facts.leased = false;
        self.lease_until = None;
    }

    fn mend(&mut self) {
        let now = self.now();
        let far = now + self.policy.longest_wait();
        if self.facts.cleanup.next_at > far {
            self.facts.cleanup.next_at = now;
        }
        if self.lease_until.is_some_and(|until| until > now + LEASE + LEASE) {
            self.lease_until = Some(now);
        }
        if let Some(watch) = &mut self.watch {
            watch.mend(now, far, DRAIN, WATCH);
        }
    }

    // ── what must hold ──────────────────────────────────────────────────────────────────────────────────────────

    fn check(&mut self) {
        self.facts.counts = count_steps(&self.facts.steps, 10);
        let gone = |step: &&Step| step.kind == StepKind::Delete && step.stage == Stage::Verified;
        let gone = self.facts.steps.iter().filter(gone).filter_map(|step| step.target.session());
        self.facts.uncleaned = gone.filter(|session| !self.cleaned.contains(session)).cloned().collect();
        let broken = invariants::broken(&self.facts, &self.policy);
        assert!(broken.is_empty(), "{broken:?}\n{:#?}", self.facts);
        let back = invariants::backwards(&self.before, &self.facts);
        assert!(back.is_empty(), "{back:?}");
        self.before = self.facts.clone();
    }

    /// Everything is whole again and nobody writes anything back: then it must end, by itself but for a person's retry.
    fn heal(&mut self) {
        self.pass(DRAIN);
        self.lbs.values_mut().for_each(|lb| lb.away = false);
        (0..WORKERS).for_each(|worker| self.crash(worker));
        for _ in 0..400 {
            self.mend();
            if self.facts.cleanup.status == Status::NeedsAttention {
                self.retry();
            }
            if self.facts.cleanup.next_at <= self.now() {
                self.claim(0);
            }
            self.act(0, 0);
            self.save(0);
            self.look(1, 0);
            self.saw(1);
            self.check();
            if self.facts.cleanup.status == Status::Done && self.watch.as_ref().is_some_and(Watch::is_over) {
                break;
            }
            self.pass(Span::from_secs(4));
        }
        assert_eq!(self.facts.cleanup.status, Status::Done, "it did not end\n{:#?}", self.facts);
        assert!(self.watch.as_ref().is_some_and(Watch::is_over), "the watch did not end: {:?}", self.watch);
        let entries: Vec<_> = self.lbs.values().flat_map(|lb| lb.table.keys()).collect();
        let left = invariants::remains(&self.facts, entries.iter().map(|(place, key)| (place, key)));
        assert!(left.is_empty(), "{left:?}");
        assert!(self.disturbed || self.lbs.values().all(|lb| lb.fences.is_empty()), "a fence is left");
    }
}

const fn key_of(step: &Step) -> &RouteKey {
    match &step.target {
        Target::Route { key, .. } => key,
        Target::Session { .. } => panic!("a record has no key"),
    }
}

fn put(steps: &mut [Step], changed: &[Step]) {
    for step in changed {
        let at = steps.iter().position(|it| it.no == step.no).unwrap();
        steps[at] = step.clone();
    }
}

struct Model;

impl StateMachineTest for Model {
    type SystemUnderTest = World;
    type Reference = Anything;

    fn init_test((): &()) -> World {
        World::new()
    }

    fn apply(mut world: World, (): &(), next: Move) -> World {
        match next {
            Move::Pass { millis } => world.pass(Span::from_millis(millis.into())),
            Move::Jump { seconds } => world.jump(Span::from_secs(seconds)),
            Move::Work { worker, faults } => {
                world.claim(worker);
                world.act(worker, faults);
                world.save(worker);
            }
            Move::Watch { worker, faults } => {
                world.look(worker, faults);
                world.saw(worker);
            }
            Move::Claim { worker } => world.claim(worker),
            Move::Act { worker, faults } => world.act(worker, faults),
            Move::Save { worker } => world.save(worker),
            Move::Crash { worker } => world.crash(worker),
            Move::Look { worker, faults } => world.look(worker, faults),
            Move::Saw { worker } => world.saw(worker),
            Move::Begin { place, key } => world.begin(place, key),
            Move::End { request } if request < world.requests.len() => world.end(request),
            Move::End { .. } => {}
            Move::Switch { router } => {
                let lb = world.lbs.get_mut(&name(router)).unwrap();
                lb.away = !lb.away;
            }
            Move::Restart { router, old } => world.restart(router, old),
            Move::Snapshot { router } => {
                let lb = world.lbs.get_mut(&name(router)).unwrap();
                lb.saved = lb.table.clone();
            }
            Move::Retry => world.retry(),
            Move::Mend => world.mend(),
        }
        world.check();
        world
    }

    fn teardown(mut world: World, (): ()) {
        world.heal();
    }
}

/// How many sequences: 10,000, or as `make torture` says.
fn sequences() -> u32 {
    std::env::var("UNSTICK_TORTURE_MODEL").ok().map_or(10_000, |text| text.parse().unwrap())
}

#[test]
fn no_sequence_of_faults_breaks_an_invariant() {
    let cases = sequences();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config.clone());
    let strategy = Anything::sequential_strategy(1..120_usize);
    let outcome = runner.run(&strategy, |(state, moves, seen)| {
        Model::test_sequential(config.clone(), state, moves, seen);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    if cases > 10_000 {
        println!("R13  {cases} sequences of up to 120 moves on the pure core: 0 break an invariant, all end clean");
    }
}
