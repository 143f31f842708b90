//! Clean-ups: the plan before, the ledger during and after, and lists of them.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    Account, AccountId, Cleanup, CleanupId, Instant, Mode, Plan, PlanHash, Return, Rich, Scope, Span, Stage, Status,
    Step, StepKind, Target, Unread, Verdict, Watch,
};

/// Steps by how far they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepCounts {
    /// All.
    pub total: i64,
    /// Verified.
    pub verified: i64,
    /// Waiting for a router.
    pub owed: i64,
    /// Given up.
    pub failed: i64,
    /// Came back after they were verified, each time counted.
    pub came_back: i64,
}

/// Clean-ups that are not finished, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unfinished {
    /// Under way.
    pub running: i64,
    /// Waiting for routers.
    pub owed: i64,
    /// Waiting for a person.
    pub needs_attention: i64,
    /// Of all these, those that were asked for more than 5 min ago.
    pub late: i64,
    /// When the oldest was asked for.
    pub oldest: Option<Instant>,
}

/// A clean-up in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CleanupRow {
    /// The clean-up.
    pub cleanup: Cleanup,
    /// What the account is called.
    pub title: String,
    /// Its steps, counted.
    pub counts: StepCounts,
}

/// What a clean-up would do, before it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanPage {
    /// The account.
    pub account: Account,
    /// The verdict that it answers.
    pub verdict: Verdict,
    /// The plan.
    pub plan: Plan,
    /// Its hash.
    pub hash: PlanHash,
    /// The routers of [`Plan::unread`], with why.
    pub unread: Vec<Unread>,
    /// A clean-up of the account that is under way; there is never a second one.
    pub under_way: Option<CleanupId>,
    /// Whether who asks may clean up.
    pub may_clean_up: bool,
    /// When it was read.
    pub now: Instant,
}

/// A step as the ledger shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerStep {
    /// The step.
    pub step: Step,
    /// What it does, in words.
    pub words: Rich,
}

/// A line of a clean-up's evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// What: `Cleared on lb-1`.
    pub what: String,
    /// When.
    pub at: Instant,
    /// How long after the request.
    pub after: Span,
}

/// A clean-up's page and live update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerView {
    /// The clean-up.
    pub cleanup: Cleanup,
    /// What the account is called.
    pub title: String,
    /// Where it is, in one sentence.
    pub headline: Rich,
    /// Its steps, counted.
    pub counts: StepCounts,
    /// Steps that stand for themselves: in trouble first, then those that had something to clear; at most 200.
    pub steps: Vec<LedgerStep>,
    /// Steps that are not shown.
    pub hidden: i64,
    /// What happened when.
    pub milestones: Vec<Milestone>,
    /// The watch that follows when it is done.
    pub watch: Option<Watch>,
    /// What came back after it was verified, newest first; at most 20.
    pub returns: Vec<Return>,
    /// What to tell the customer, once done.
    pub reply: Option<String>,
    /// Whether who asks may retry.
    pub may_retry: bool,
    /// When it was read.
    pub now: Instant,
}

/// A page of clean-ups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CleanupsPage {
    /// The clean-ups, newest first.
    pub page: Page<CleanupRow>,
    /// Only these, if asked for.
    pub status: Option<Status>,
    /// Clean-ups that are not finished.
    pub unfinished: Unfinished,
    /// When it was answered.
    pub now: Instant,
}

/// What was asked when somebody asked for a clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanupRequest {
    /// Of which account.
    pub account: AccountId,
    /// How much.
    pub mode: Mode,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// The plan that was shown; `None` takes the plan of the moment (the shell after its own preview).
    pub hash: Option<PlanHash>,
}

/// Counts `steps`.
pub fn count_steps(steps: &[Step], max_attempts: i64) -> StepCounts {
    let mut counts = StepCounts { total: i64::try_from(steps.len()).unwrap_or(i64::MAX), ..StepCounts::default() };
    for step in steps {
        if step.stage == Stage::Verified {
            counts.verified += 1;
        } else if step.is_owed() {
            counts.owed += 1;
        } else if step.attempts >= max_attempts {
            counts.failed += 1;
        }
    }
    counts
}

/// What `step` does, in words.
pub fn step_words(step: &Step) -> Rich {
    match (&step.target, step.kind) {
        (Target::Session { session }, StepKind::Revoke) => Rich::new().text("End session ").code(session.as_str()),
        (Target::Session { session }, _) => Rich::new().text("Clean the record of ").code(session.as_str()),
        (Target::Route { place, scope, key, .. }, _) => {
            let what = match scope {
                Scope::Account => "Clear the account’s route ",
                Scope::Session => "Clear route ",
            };
            let words = Rich::new().text(what).code(key.as_str()).text(" on ").code(place.router.as_str());
            words.text(" / ").code(place.pool.as_str())
        }
    }
}
