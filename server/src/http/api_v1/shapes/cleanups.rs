//! Clean-ups: plan, ledger, evidence.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Account, At, AuditEvent, Mode, Place, Scope, Trouble, Unread, Verdict, Words};

/// A key to clear at a place.
#[derive(ToSchema)]
pub struct PlannedRoute {
    /// Where.
    place: Place,
    /// What the key stands for.
    scope: Scope,
    /// The key.
    key: String,
    /// The server it pins to now; null when there is no entry.
    server: Option<String>,
    /// The session it belongs to, where known.
    session: Option<String>,
    /// Whether even a fresh entry would be wrong.
    must_vanish: bool,
}

/// What a clean-up would do, exactly.
#[derive(ToSchema)]
pub struct Plan {
    /// To which account.
    account: String,
    /// How much.
    mode: Mode,
    /// Live sessions that end.
    ends: Vec<String>,
    /// Records of ended sessions that are cleaned.
    deletes: Vec<String>,
    /// Keys that are cleared.
    routes: Vec<PlannedRoute>,
    /// Routers that could not be read: their part waits.
    unread: Vec<String>,
    /// What the customer will notice.
    notices: Vec<String>,
}

/// What a clean-up would do, before it is asked for.
#[derive(ToSchema)]
pub struct PlanPage {
    /// The account.
    account: Account,
    /// The verdict that it answers.
    verdict: Verdict,
    /// The plan.
    plan: Plan,
    /// Its hash: send it with the request.
    #[schema(example = "kTz0Fz0Zk0m9vVqJ3sQ1xw")]
    hash: String,
    /// Routers that could not be read, with why.
    unread: Vec<Unread>,
    /// A clean-up of the account that is under way.
    under_way: Option<String>,
    /// Whether the token may clean up.
    may_clean_up: bool,
    /// When it was read.
    now: At,
}

/// Where a clean-up is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CleanupStatus {
    /// Steps are running, or wait for their time.
    Running,
    /// All that is left waits for a router that does not answer.
    Owed,
    /// A person must look.
    NeedsAttention,
    /// Everything was read back and is gone.
    Done,
}

/// A clean-up.
#[derive(ToSchema)]
pub struct Cleanup {
    /// Its id.
    #[schema(example = "c_5Jp0wLZk3x")]
    id: String,
    /// Whose account it cleans.
    account: String,
    /// How much.
    mode: Mode,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
    /// Who asked.
    #[schema(example = "token:t_x")]
    actor: String,
    /// The plan that is carried out.
    plan_hash: String,
    /// Where it is.
    status: CleanupStatus,
    /// When it was asked for.
    requested_at: At,
    /// When all was verified.
    finished_at: Option<At>,
    /// When a worker looks again.
    next_at: At,
}

/// Steps by how far they are.
#[derive(ToSchema)]
pub struct StepCounts {
    /// All.
    total: i64,
    /// Verified.
    verified: i64,
    /// Waiting for a router.
    owed: i64,
    /// Given up.
    failed: i64,
    /// Came back after they were verified.
    came_back: i64,
}

/// A clean-up in a list.
#[derive(ToSchema)]
pub struct CleanupRow {
    /// The clean-up.
    cleanup: Cleanup,
    /// What the account is called.
    title: String,
    /// Its steps, counted.
    counts: StepCounts,
}

/// Clean-ups that are not finished, counted.
#[derive(ToSchema)]
pub struct Unfinished {
    /// Under way.
    running: i64,
    /// Waiting for routers.
    owed: i64,
    /// Waiting for a person.
    needs_attention: i64,
    /// Of all these, those that were asked for more than 5 min ago.
    late: i64,
    /// When the oldest was asked for.
    oldest: Option<At>,
}

/// What a step does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Ends a session.
    Revoke,
    /// Clears a key on a router.
    Unroute,
    /// Marks a session's record cleaned.
    Delete,
}

/// How far a step is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was done yet.
    Pending,
    /// Cleared once and read back.
    Cleared,
    /// Cleared again and read back.
    ClearedAgain,
    /// Read once more: it is so.
    Verified,
}

/// What a step works on.
#[derive(Serialize, ToSchema)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum Target {
    /// A session's record.
    Session {
        /// Which.
        session: String,
    },
    /// A key at a place.
    Route {
        /// Where.
        #[schema(value_type = Place)]
        place: (),
        /// What the key stands for.
        scope: Scope,
        /// The key.
        key: String,
        /// The session it belongs to, where known.
        session: Option<String>,
        /// Whether even a fresh entry would be wrong.
        must_vanish: bool,
    },
}

/// One thing that a clean-up does to one target, with its evidence.
#[derive(ToSchema)]
pub struct Step {
    /// Its number in the clean-up.
    no: i64,
    /// What it does.
    kind: StepKind,
    /// To what.
    target: Target,
    /// How far it is.
    stage: Stage,
    /// Failed tries in a row.
    attempts: i64,
    /// When it is tried next.
    next_at: At,
    /// What stands in its way.
    trouble: Option<Trouble>,
    /// The server that the key led to.
    had: Option<String>,
    /// The server that it leads to now, where it may.
    now_on: Option<String>,
    /// When it was cleared and read back.
    cleared_at: Option<At>,
    /// When it was cleared again and read back.
    cleared_again_at: Option<At>,
    /// When it was verified.
    verified_at: Option<At>,
}

/// A step with its words.
#[derive(ToSchema)]
pub struct LedgerStep {
    /// The step.
    step: Step,
    /// What it does.
    words: Words,
}

/// A line of a clean-up's evidence.
#[derive(ToSchema)]
pub struct Milestone {
    /// What.
    #[schema(example = "Cleared on lb-1, read back")]
    what: String,
    /// When.
    at: At,
    /// How long after the request, in microseconds.
    after: i64,
}

/// The watch after a clean-up.
#[derive(ToSchema)]
pub struct Watch {
    /// Since when.
    since: At,
    /// Until when.
    until: At,
    /// The next look; null when it is over.
    next_at: Option<At>,
    /// The last look at everything.
    looked_at: Option<At>,
    /// How many looks.
    looks: i64,
    /// Whether the fences were lifted.
    lifted: bool,
    /// Routers that the last look could not read.
    unread: Vec<String>,
}

/// Something that came back after it was verified.
#[derive(ToSchema)]
pub struct Return {
    /// When it was seen.
    at: At,
    /// Which step it is of.
    step: i64,
    /// Where.
    place: Place,
    /// What the key stands for.
    scope: Scope,
    /// The key.
    key: String,
    /// The server it leads to.
    server: Option<String>,
    /// The way it probably came.
    #[schema(value_type = ReturnWay)]
    way: (),
}

/// The way something probably came back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnWay {
    /// The load balancer restarted.
    Restart,
    /// Another one taught it.
    Peer,
    /// A request in flight wrote it back.
    InFlight,
    /// A client with the old key.
    Traffic,
}

/// A clean-up, where it is, and what happened when.
#[derive(ToSchema)]
pub struct Ledger {
    /// The clean-up.
    cleanup: Cleanup,
    /// What the account is called.
    title: String,
    /// Where it is, in one sentence.
    headline: Words,
    /// Its steps, counted.
    counts: StepCounts,
    /// Steps that stand for themselves: those in trouble first; at most 200.
    steps: Vec<LedgerStep>,
    /// Steps that are not shown.
    hidden: i64,
    /// What happened when.
    milestones: Vec<Milestone>,
    /// The watch that follows when it is done.
    watch: Option<Watch>,
    /// What came back, newest first.
    returns: Vec<Return>,
    /// What to tell the customer, once done.
    reply: Option<String>,
    /// Whether the token may retry it, and there is something to retry.
    may_retry: bool,
    /// When it was read.
    now: At,
}

/// All that is known of a clean-up, for the ticket.
#[derive(ToSchema)]
pub struct Evidence {
    /// The clean-up.
    cleanup: Cleanup,
    /// What the account is called.
    title: String,
    /// Where it is.
    headline: String,
    /// Its steps, counted.
    counts: StepCounts,
    /// What happened when.
    milestones: Vec<Milestone>,
    /// Every step.
    steps: Vec<Step>,
    /// The watch that followed.
    watch: Option<Watch>,
    /// What came back.
    returns: Vec<Return>,
    /// Its events in the audit log; empty for a token without `audit:read`.
    events: Vec<AuditEvent>,
    /// When this was put together.
    made_at: At,
}
