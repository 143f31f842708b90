//! The clean-up's state machine. Given the steps and the present, [`next_work`] says what to do; given what came of it,
//! [`Step::after`] says where the step now is. Both are pure, so the whole of «clear → read back → drain → clear again →
//! read back → delete → verify» is tested without a load balancer, and a worker that takes over needs only the rows.
//!
//! Invariants:
//! - A step reaches [`Stage::Verified`] only by a reading; an empty answer to a command moves nothing.
//! - A record is deleted only when every route of its session, and every route of the account, was cleared twice: a record
//!   that went first would leave nobody to clean up the route.
//! - A router that does not answer costs no attempts: its steps are owed for as long as it is away.
//! - A clean-up is done when every step is verified, and not before.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Instant, Place, RouterName, Scope, ServerName, SessionId, Span, Stage, Status, Step, StepKind, Target, Trouble,
};

/// The times of a clean-up.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The longest request, by router: how long to wait between the two clearings.
    pub drain: BTreeMap<RouterName, Span>,
    /// Failed tries after which a person must look.
    pub max_attempts: i64,
    /// Wait after the first failed try; doubled each time.
    pub backoff: Span,
    /// Longest wait between two tries.
    pub max_backoff: Span,
    /// The same while the router does not answer. Whoever sees it answer again wakes what it is owed at once; thousands that
    /// ask in vain several times a minute only wear the database out.
    pub max_backoff_away: Span,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            drain: BTreeMap::new(),
            max_attempts: 10,
            backoff: Span::from_millis(250),
            max_backoff: Span::from_secs(15),
            max_backoff_away: Span::from_secs(300),
        }
    }
}

impl Policy {
    fn drain_of(&self, router: &RouterName) -> Span {
        self.drain.get(router).copied().unwrap_or(Span::ZERO)
    }

    /// The longest request of all routers.
    pub fn longest_drain(&self) -> Span {
        self.drain.values().copied().max().unwrap_or(Span::ZERO)
    }

    /// The longest time that anything of a clean-up waits on purpose; what lies further ahead was written by a clock that
    /// has been set back since.
    pub fn longest_wait(&self) -> Span {
        let drain = self.longest_drain();
        let (usual, away) = (self.max_backoff.micros(), self.max_backoff_away.micros());
        let wait = Span::from_micros(usual.saturating_add(usual / 4).max(away.saturating_mul(2)));
        drain + wait.max(crate::watch::LONGEST)
    }

    /// How long to wait after `tries` failed ones: doubled each time up to the limit, then plus up to a quarter by
    /// `jitter` (any number), so that many steps do not come back at once.
    pub fn wait_after(&self, tries: i64, jitter: u64) -> Span {
        self.wait(self.max_backoff, tries, jitter, 4)
    }

    /// [`Self::wait_after`], where the router did not answer: a moment, some seconds, then the limit, and up to as much again by
    /// `jitter`, so that thousands do not ask at once when their time comes. An absence that is too short for the observer to
    /// notice is over by the third try; what lasts longer is noticed.
    pub fn wait_away(&self, tries: i64, jitter: u64) -> Span {
        self.wait(self.max_backoff_away, tries.saturating_mul(5), jitter, 1)
    }

    fn wait(&self, longest: Span, doublings: i64, jitter: u64, part: i64) -> Span {
        let doublings = u32::try_from(doublings.clamp(0, 20)).unwrap_or(0);
        let wait = self.backoff.micros().saturating_mul(1_i64 << doublings).min(longest.micros());
        let most = u64::try_from(wait / part).unwrap_or(0).max(1);
        Span::from_micros(wait.saturating_add(i64::try_from(jitter % most).unwrap_or(0)))
    }
}

/// Something to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Clear the keys of these steps at this place, then read each back.
    Clear {
        /// Where.
        place: Place,
        /// The steps' numbers.
        steps: Vec<i64>,
    },
    /// Only read the keys of these steps.
    Verify {
        /// Where.
        place: Place,
        /// The steps' numbers.
        steps: Vec<i64>,
    },
    /// Mark the records of these steps cleaned.
    Delete {
        /// The steps' numbers.
        steps: Vec<i64>,
    },
}

/// What is to be done about a clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All of this, now; its parts do not depend on each other.
    Work(Vec<Work>),
    /// Nothing before this instant.
    Wait(Instant),
    /// Nothing until a person looks.
    Attention,
    /// Everything is verified.
    Finished,
}

/// What came of a try at a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The place has no entry for the key.
    Gone,
    /// The place has one.
    Found {
        /// The server it pins to.
        server: Option<ServerName>,
        /// Whether a customer is badly served there.
        bad: bool,
    },
    /// The place did not answer.
    Unreachable(String),
    /// The place answered with an error.
    Refused(String),
}

/// What to do next about `steps` at `now`.
pub fn next_work(steps: &[Step], now: Instant, policy: &Policy) -> Progress {
    let open: Vec<&Step> = steps.iter().filter(|step| step.stage != Stage::Verified).collect();
    if open.is_empty() {
        return Progress::Finished;
    }
    let graph = Graph::of(steps);
    let (mut clear, mut verify) = (BTreeMap::<&Place, Vec<i64>>::new(), BTreeMap::<&Place, Vec<i64>>::new());
    let (mut delete, mut wake): (Vec<i64>, Option<Instant>) = (Vec::new(), None);
    for step in &open {
        let Some(due) = graph.due(step, policy) else { continue };
        if due > now {
            wake = Some(wake.map_or(due, |at| at.min(due)));
            continue;
        }
        match (&step.target, step.stage) {
            (Target::Session { .. }, _) => delete.push(step.no),
            (Target::Route { place, .. }, Stage::ClearedAgain) => verify.entry(place).or_default().push(step.no),
            (Target::Route { place, .. }, _) => clear.entry(place).or_default().push(step.no),
        }
    }
    let mut work: Vec<Work> =
        clear.into_iter().map(|(place, steps)| Work::Clear { place: place.clone(), steps }).collect();
    work.extend(verify.into_iter().map(|(place, steps)| Work::Verify { place: place.clone(), steps }));
    if !delete.is_empty() {
        work.push(Work::Delete { steps: delete });
    }
    match wake {
        _ if !work.is_empty() => Progress::Work(work),
        Some(at) => Progress::Wait(at),
        None => Progress::Attention,
    }
}

/// The status that `steps` amount to.
pub fn status_of(steps: &[Step], policy: &Policy) -> Status {
    let graph = Graph::of(steps);
    let open: Vec<&Step> = steps.iter().filter(|step| step.stage != Stage::Verified).collect();
    if open.is_empty() {
        return Status::Done;
    }
    if open.iter().any(|step| graph.due(step, policy).is_some() && !step.is_owed()) {
        Status::Running
    } else if open.iter().any(|step| step.is_owed()) {
        // Before `needs_attention`, for owed steps run by themselves; what was given up is still there afterwards.
        Status::Owed
    } else {
        Status::NeedsAttention
    }
}

/// Those of `steps` whose times lie further ahead of `now` than any wait, as they should be: the clock was set back since
/// they were written, and nobody shall wait for the old one. What drains drains anew, for how long it did is not known.
pub fn rebased(steps: &[Step], now: Instant, policy: &Policy) -> Vec<Step> {
    let far = now + policy.longest_wait();
    let ahead = |step: &&Step| {
        let drains = step.stage == Stage::Cleared && step.cleared_at.is_some_and(|at| at > now);
        step.stage != Stage::Verified && (step.next_at > far || drains)
    };
    let earlier = |mut step: Step| {
        step.next_at = step.next_at.min(now);
        if step.stage == Stage::Cleared {
            step.cleared_at = step.cleared_at.map(|at| at.min(now));
        }
        step
    };
    steps.iter().filter(ahead).cloned().map(earlier).collect()
}

const fn given_up(step: &Step, policy: &Policy) -> bool {
    step.attempts >= policy.max_attempts && !step.is_owed()
}

/// Which sessions' routes still stand in the way of their record, and which records are still there.
struct Graph<'a> {
    routed: BTreeSet<&'a SessionId>,
    account_routed: bool,
    recorded: BTreeSet<&'a SessionId>,
}

impl<'a> Graph<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let mut graph = Self { routed: BTreeSet::new(), account_routed: false, recorded: BTreeSet::new() };
        for step in steps {
            let of_account = matches!(step.target, Target::Route { scope: Scope::Account, .. });
            graph.account_routed |= of_account && step.stage < Stage::ClearedAgain;
            let Some(session) = step.target.session() else { continue };
            match step.kind {
                StepKind::Unroute if step.stage < Stage::ClearedAgain => graph.routed.insert(session),
                StepKind::Delete if step.stage != Stage::Verified => graph.recorded.insert(session),
                _ => false,
            };
        }
        graph
    }

    /// Whether a route that is not cleared twice stands in the way of the record of `session`.
    fn blocked(&self, session: &SessionId) -> bool {
        self.account_routed || self.routed.contains(session)
    }

    /// When `step` may be tried; `None` while another step or a person must come first.
    fn due(&self, step: &Step, policy: &Policy) -> Option<Instant> {
        if given_up(step, policy) {
            return None;
        }
        let session = step.target.session();
        match (&step.target, step.stage) {
            (_, Stage::Verified) => None,
            (Target::Session { session }, _) => (!self.blocked(session)).then_some(step.next_at),
            (Target::Route { place, .. }, Stage::Cleared) => {
                let drained = step.cleared_at.map_or(step.next_at, |at| at + policy.drain_of(&place.router));
                Some(drained.max(step.next_at))
            }
            (Target::Route { scope, .. }, Stage::ClearedAgain) => {
                // What is verified while a record goes could be found back too late to keep the record.
                let goes = |session: &SessionId| self.recorded.contains(session) && !self.blocked(session);
                let waits = match scope {
                    Scope::Account => self.recorded.iter().any(|session| goes(session)),
                    Scope::Session => session.is_some_and(goes),
                };
                (!waits).then_some(step.next_at)
            }
            (Target::Route { .. }, Stage::Pending) => Some(step.next_at),
        }
    }
}

impl Step {
    /// The step after a clearing was read back as `reading` at `now`.
    #[must_use]
    pub fn after_clear(self, reading: Reading, now: Instant, policy: &Policy, jitter: u64) -> Self {
        let fresh = self.is_fine(&reading);
        match reading {
            Reading::Gone => self.cleared(None, now),
            Reading::Found { server, .. } if fresh && self.stage == Stage::Cleared => self.cleared(server, now),
            Reading::Found { server, .. } => {
                let on = server.map_or_else(String::new, |server| format!(" on {server}"));
                self.stuck(
                    Trouble::StillThere(format!("cleared, but the entry is there again{on}")),
                    now,
                    policy,
                    jitter,
                )
            }
            Reading::Unreachable(text) => self.stuck(Trouble::Unreachable(text), now, policy, jitter),
            Reading::Refused(text) => self.stuck(Trouble::Refused(text), now, policy, jitter),
        }
    }

    /// The step after the place was read once more, as `reading`, at `now`.
    #[must_use]
    pub fn after_verify(mut self, reading: Reading, now: Instant, policy: &Policy, jitter: u64) -> Self {
        let fresh = self.is_fine(&reading);
        match reading {
            Reading::Gone => self.verified(None, now),
            Reading::Found { server, .. } if fresh => self.verified(server, now),
            Reading::Found { server, .. } => {
                self.stage = Stage::Pending;
                let on = server.map_or_else(String::new, |server| format!(" on {server}"));
                self.stuck(
                    Trouble::StillThere(format!("it came back{on} after it was cleared twice")),
                    now,
                    policy,
                    jitter,
                )
            }
            Reading::Unreachable(text) => self.stuck(Trouble::Unreachable(text), now, policy, jitter),
            Reading::Refused(text) => self.stuck(Trouble::Refused(text), now, policy, jitter),
        }
    }

    /// The step after its record was marked and read back.
    #[must_use]
    pub fn after_delete(mut self, now: Instant) -> Self {
        self.cleared_at = self.cleared_at.or(Some(now));
        self.verified(None, now)
    }

    /// The step after a person asked to try again.
    #[must_use]
    pub fn retried(mut self, now: Instant) -> Self {
        if self.stage != Stage::Verified {
            self.attempts = 0;
            self.next_at = now;
        }
        self
    }

    /// An entry that is not the one we cleared: the account goes on working, on a good server.
    fn is_fine(&self, reading: &Reading) -> bool {
        matches!(reading, Reading::Found { bad: false, .. })
            && matches!(self.target, Target::Route { must_vanish: false, .. })
    }

    fn cleared(mut self, now_on: Option<ServerName>, now: Instant) -> Self {
        if self.stage == Stage::Pending {
            self.stage = Stage::Cleared;
            self.cleared_at = Some(now);
        } else {
            self.stage = Stage::ClearedAgain;
            self.cleared_again_at = Some(now);
        }
        self.now_on = now_on;
        self.calm(now)
    }

    fn verified(mut self, now_on: Option<ServerName>, now: Instant) -> Self {
        self.stage = Stage::Verified;
        self.verified_at = Some(now);
        self.now_on = now_on;
        self.calm(now)
    }

    fn calm(mut self, now: Instant) -> Self {
        self.attempts = 0;
        self.trouble = None;
        self.next_at = now;
        self
    }

    fn stuck(mut self, trouble: Trouble, now: Instant, policy: &Policy, jitter: u64) -> Self {
        self.attempts = self.attempts.saturating_add(1);
        let away = matches!(trouble, Trouble::Unreachable(_));
        let was_away = matches!(self.trouble, Some(Trouble::Unreachable(_)));
        if away != was_away {
            // Another trouble begins, and so do its waits.
            self.attempts = 1;
        }
        if away {
            // Absence is the router's, not the step's: it grows the wait, never the way to `needs_attention`.
            self.attempts = self.attempts.min(policy.max_attempts - 1);
        }
        let tries = self.attempts - 1;
        self.next_at = now + if away { policy.wait_away(tries, jitter) } else { policy.wait_after(tries, jitter) };
        self.trouble = Some(trouble);
        self
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
