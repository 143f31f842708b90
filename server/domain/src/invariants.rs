//! What always holds of a clean-up, written down once: the tests of faults look at it after every move, and `doctor` looks
//! at the database with it. Pure, like all rules: who asks brings the [`Facts`], read together.

use std::fmt;

use serde::Serialize;

use crate::{
    Cleanup, CleanupId, Place, Policy, RouteKey, SessionId, Stage, Status, Step, StepKind, Target,
    view::{StepCounts, count_steps},
};

/// What is known of a clean-up at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The clean-up.
    pub cleanup: Cleanup,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// The counts that are kept beside it.
    pub counts: StepCounts,
    /// Whether a worker has its lease (which may have run out).
    pub leased: bool,
    /// How often it was claimed: the fencing token of its lease.
    pub token: i64,
    /// The generation of its account.
    pub generation: i64,
    /// How often the audit log says that it was done.
    pub completed: i64,
    /// How often the audit log says that something came back.
    pub reopened: i64,
    /// Sessions whose record should be cleaned by a verified step, and is not.
    pub uncleaned: Vec<SessionId>,
}

/// A rule that always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It is done when every step is verified, and not before; then it has an end.
    DoneWhenVerified,
    /// No step goes on without the evidence of a reading.
    Evidence,
    /// Done is said once in the audit log, and once more each time that something came back.
    SaidOnce,
    /// Nobody holds the lease of what is finished.
    NoLeaseAtTheEnd,
    /// Only routes are owed, and what is owed waits for one at least.
    OwedByRouters,
    /// No record is cleaned before its routes were cleared twice.
    RoutesFirst,
    /// A person is asked only when a step was given up.
    GivenUp,
    /// The counts beside the clean-up are those of its steps.
    Counted,
    /// What a verified step cleaned is clean.
    Cleaned,
    /// What had to vanish is nowhere.
    Vanished,
    /// Nothing goes backwards but by what came back: tokens, generations, events, verified steps.
    Forward,
}

impl Rule {
    /// What is wrong when it does not hold, in words.
    pub const fn broken(self) -> &'static str {
        match self {
            Self::DoneWhenVerified => "its status does not fit its steps",
            Self::Evidence => "a step went on without evidence",
            Self::SaidOnce => "the audit log does not say once that it is done",
            Self::NoLeaseAtTheEnd => "it is finished and somebody holds its lease",
            Self::OwedByRouters => "it is owed, and to no router",
            Self::RoutesFirst => "a record was cleaned before its routes were",
            Self::GivenUp => "a person is asked for, and no step was given up",
            Self::Counted => "its counts are not those of its steps",
            Self::Cleaned => "a record that was cleaned is not clean",
            Self::Vanished => "what had to vanish is there",
            Self::Forward => "something went backwards",
        }
    }
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Of which clean-up.
    pub cleanup: CleanupId,
    /// Which.
    pub rule: Rule,
    /// What exactly.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.cleanup, self.rule.broken(), self.text)
    }
}

/// Every rule that does not hold at the moment of `facts`, where `policy` says after how many tries a step is given up.
pub fn broken(facts: &Facts, policy: &Policy) -> Vec<Broken> {
    let mut found = Found { id: &facts.cleanup.id, broken: Vec::new() };
    found.status(facts);
    for step in &facts.steps {
        found.evidence(step);
        found.routes_first(step, facts);
    }
    found.owed_and_given_up(facts, policy);
    let done = facts.cleanup.status == Status::Done;
    found.check(Rule::SaidOnce, facts.completed == facts.reopened + i64::from(done), || {
        format!("done {} times, came back {} times, status {}", facts.completed, facts.reopened, word(facts))
    });
    found.check(Rule::NoLeaseAtTheEnd, !(done && facts.leased), || format!("claim {}", facts.token));
    let counts =
        StepCounts { came_back: facts.counts.came_back, ..count_steps(&facts.steps, Policy::default().max_attempts) };
    found.check(Rule::Counted, facts.counts == counts, || format!("{:?}, counted {counts:?}", facts.counts));
    found.check(Rule::Cleaned, facts.uncleaned.is_empty(), || {
        facts.uncleaned.iter().take(5).map(SessionId::as_str).collect::<Vec<_>>().join(", ")
    });
    found.broken
}

/// Whether anything of what a finished clean-up had to remove is among `entries`, read at any place.
pub fn remains<'a>(facts: &Facts, entries: impl IntoIterator<Item = (&'a Place, &'a RouteKey)>) -> Vec<Broken> {
    let mut found = Found { id: &facts.cleanup.id, broken: Vec::new() };
    if facts.cleanup.status != Status::Done {
        return found.broken;
    }
    let vanished = |wanted: &RouteKey| {
        facts
            .steps
            .iter()
            .any(|step| matches!(&step.target, Target::Route { key, must_vanish: true, .. } if key == wanted))
    };
    for (place, key) in entries {
        found.check(Rule::Vanished, !vanished(key), || format!("{key} on {}/{}", place.router, place.pool));
    }
    found.broken
}

/// What went backwards between two moments of one clean-up.
pub fn backwards(before: &Facts, after: &Facts) -> Vec<Broken> {
    let mut found = Found { id: &after.cleanup.id, broken: Vec::new() };
    for (what, was, is) in [
        ("claim", before.token, after.token),
        ("generation", before.generation, after.generation),
        ("done", before.completed, after.completed),
        ("came back", before.reopened, after.reopened),
    ] {
        found.check(Rule::Forward, was <= is, || format!("{what}: {was}, then {is}"));
    }
    let same = before.steps.len() == after.steps.len()
        && before.steps.iter().zip(&after.steps).all(|(was, is)| (was.no, &was.target) == (is.no, &is.target));
    found.check(Rule::Forward, same, || "other steps than before".to_owned());
    if before.reopened == after.reopened {
        for (was, is) in before.steps.iter().zip(&after.steps) {
            let kept = was.stage != Stage::Verified || is.stage == Stage::Verified;
            found.check(Rule::Forward, kept, || format!("step {} was verified, and nothing came back", is.no));
        }
        let finished = before.cleanup.finished_at.is_none() || after.cleanup.finished_at == before.cleanup.finished_at;
        found.check(Rule::Forward, finished, || "its end moved".to_owned());
    }
    found.broken
}

fn word(facts: &Facts) -> &'static str {
    facts.cleanup.status.as_str()
}

struct Found<'a> {
    id: &'a CleanupId,
    broken: Vec<Broken>,
}

impl Found<'_> {
    fn check(&mut self, rule: Rule, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(Broken { cleanup: self.id.clone(), rule, text: text() });
        }
    }

    fn status(&mut self, facts: &Facts) {
        let verified = facts.steps.iter().all(|step| step.stage == Stage::Verified);
        let (done, ended) = (facts.cleanup.status == Status::Done, facts.cleanup.finished_at.is_some());
        self.check(Rule::DoneWhenVerified, done == ended && done == verified, || {
            format!("status {}, ended {ended}, every step verified {verified}", word(facts))
        });
    }

    fn evidence(&mut self, step: &Step) {
        let route = step.kind == StepKind::Unroute;
        let missing = [
            (step.stage >= Stage::Cleared, step.cleared_at, "cleared"),
            (route && step.stage >= Stage::ClearedAgain, step.cleared_again_at, "cleared again"),
            (step.stage == Stage::Verified, step.verified_at, "verified"),
        ];
        for (due, at, what) in missing {
            self.check(Rule::Evidence, !due || at.is_some(), || {
                format!("step {}: {what}, and nobody says when", step.no)
            });
        }
        let vanishes = matches!(step.target, Target::Route { must_vanish: true, .. });
        self.check(Rule::Evidence, !(vanishes && step.now_on.is_some()), || {
            format!("step {}: it had to vanish and went to a server", step.no)
        });
    }

    /// What came back after it was cleared twice may be cleared again while the record is gone.
    fn routes_first(&mut self, record: &Step, facts: &Facts) {
        if record.kind != StepKind::Delete || record.stage != Stage::Verified || facts.reopened > 0 {
            return;
        }
        for route in facts.steps.iter().filter(|step| step.kind == StepKind::Unroute) {
            let of_account = matches!(route.target, Target::Route { scope: crate::Scope::Account, .. });
            let concerns = of_account || route.target.session() == record.target.session();
            self.check(Rule::RoutesFirst, !concerns || route.cleared_again_at.is_some(), || {
                format!("step {} before step {}", record.no, route.no)
            });
        }
    }

    fn owed_and_given_up(&mut self, facts: &Facts, policy: &Policy) {
        let owed: Vec<&Step> = facts.steps.iter().filter(|step| step.is_owed()).collect();
        let status = facts.cleanup.status;
        self.check(
            Rule::OwedByRouters,
            owed.iter().all(|step| step.kind == StepKind::Unroute) && (status != Status::Owed || !owed.is_empty()),
            || format!("{} steps wait for a router, status {}", owed.len(), word(facts)),
        );
        let most = facts.steps.iter().map(|step| step.attempts).max().unwrap_or(0);
        let fits = most <= policy.max_attempts && (status != Status::NeedsAttention || most == policy.max_attempts);
        self.check(Rule::GivenUp, fits, || format!("{most} tries at most, status {}", word(facts)));
    }
}

#[cfg(test)]
#[path = "invariants_tests.rs"]
mod tests;
