//! The census, its findings, and repairs.

use serde::Serialize;
use utoipa::ToSchema;

use super::{At, Place, PlannedRoute, Severity};

/// What a census found wrong.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CensusKind {
    /// A session that ended and was cleaned up nowhere.
    OrphanedSession,
    /// A route whose session ended or does not exist.
    StaleRoute,
    /// A server that serves badly and has customers.
    DegradedRoute,
    /// Routers disagree.
    SplitRoute,
    /// Far more sessions than accounts have.
    Accumulation,
    /// A counter is not what counting gives.
    CounterDrift,
    /// The audit log does not verify.
    Chain,
    /// Rows about a router that is gone.
    DanglingRow,
}

/// How far a finding is believed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Seen once.
    Suspected,
    /// It counts.
    Open,
    /// It is gone.
    Gone,
}

/// How many findings of a kind were open at the end of a census.
#[derive(ToSchema)]
pub struct TrendPoint {
    /// When.
    at: At,
    /// Of what kind.
    kind: CensusKind,
    /// How many.
    open: i64,
}

/// Something that a census saw.
#[derive(ToSchema)]
pub struct CensusFinding {
    /// Its id.
    id: String,
    /// What is wrong.
    kind: CensusKind,
    /// Where, if it is about a place.
    place: Option<Place>,
    /// The session, key, server or account that it is about.
    subject: String,
    /// The server.
    server: Option<String>,
    /// The account.
    account: Option<String>,
    /// The session.
    session: Option<String>,
    /// How bad it is.
    severity: Severity,
    /// Since when it is so.
    since: Option<At>,
    /// How many things it stands for.
    count: i64,
    /// What is wrong, as the end of a sentence.
    detail: String,
    /// How far it is believed.
    state: FindingState,
    /// First seen.
    first_seen: At,
    /// Last seen.
    last_seen: At,
    /// In how many censuses.
    looks: i64,
    /// The last census that saw it.
    census: i64,
    /// When it was gone.
    gone_at: Option<At>,
}

/// What a census read.
#[derive(ToSchema)]
pub struct CensusRead {
    /// Accounts.
    accounts: i64,
    /// Sessions.
    sessions: i64,
    /// Routes.
    routes: i64,
    /// Audit events.
    events: i64,
}

/// A place that could not be read, whole or in part.
#[derive(ToSchema)]
pub struct UnreadPlace {
    /// Where.
    place: Place,
    /// Servers of it that were read.
    but: Vec<String>,
    /// Why.
    why: String,
}

/// Findings of one kind, counted.
#[derive(ToSchema)]
pub struct CensusTally {
    /// The kind.
    kind: CensusKind,
    /// Open.
    open: i64,
    /// Seen once.
    suspected: i64,
    /// Gone in this census.
    gone: i64,
}

/// What a census read and found.
#[derive(ToSchema)]
pub struct CensusNote {
    /// What it read.
    read: CensusRead,
    /// What it could not read.
    unread: Vec<UnreadPlace>,
    /// What it found, by kind.
    tallies: Vec<CensusTally>,
}

/// How a census ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CensusOutcome {
    /// It runs.
    Running,
    /// It came to its end.
    Done,
    /// It failed.
    Failed,
    /// Its process died.
    Abandoned,
}

/// A census.
#[derive(ToSchema)]
pub struct Census {
    /// Its number.
    no: i64,
    /// Who asked for it.
    actor: String,
    /// When it began.
    started_at: At,
    /// When it ended.
    ended_at: Option<At>,
    /// How.
    outcome: CensusOutcome,
    /// What it read and found.
    note: CensusNote,
}

/// Which findings are meant, as it was understood.
#[derive(ToSchema)]
pub struct FindingFilter {
    /// Of this kind.
    kind: Option<CensusKind>,
    /// On this router.
    router: Option<String>,
    /// About this server.
    server: Option<String>,
    /// First seen so long ago: `any`, `hour`, `day` or `week`.
    age: FindingAge,
}

/// How long ago a finding was first seen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingAge {
    /// At any time.
    Any,
    /// An hour ago or before.
    Hour,
    /// A day ago or before.
    Day,
    /// A week ago or before.
    Week,
}

/// An account of a repair, and exactly what is removed of it.
#[derive(ToSchema)]
pub struct RepairItem {
    /// The account.
    account: String,
    /// The hash of its clean-up's plan.
    plan: String,
    /// Records that are cleaned.
    records: Vec<String>,
    /// Routes that are cleared.
    routes: Vec<PlannedRoute>,
    /// Routers whose part waits.
    unread: Vec<String>,
}

/// Something that a repair leaves alone.
#[derive(ToSchema)]
pub struct Unrepairable {
    /// What.
    what: String,
    /// Why.
    why: String,
}

/// What a repair would do, exactly. Send it back as it is to apply it.
#[derive(ToSchema)]
pub struct RepairPlan {
    /// The version of its form.
    version: u32,
    /// The census that it is made of.
    census: i64,
    /// When.
    made_at: At,
    /// Which findings.
    filter: FindingFilter,
    /// Accounts at most.
    limit: u32,
    /// The accounts.
    items: Vec<RepairItem>,
    /// What is left alone.
    left_alone: Vec<Unrepairable>,
    /// Whether more accounts have open findings.
    more: bool,
    /// The hash over all that would be removed.
    hash: String,
}

/// What became of an account of a repair.
#[derive(ToSchema)]
pub struct RepairMade {
    /// The account.
    account: String,
    /// Whether its clean-up was asked for.
    outcome: RepairOutcome,
    /// Its clean-up.
    cleanup: Option<String>,
}

/// Whether a clean-up of an account was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// Not yet.
    Waiting,
    /// Yes.
    Requested,
    /// The account changed meanwhile.
    Changed,
    /// It could not be.
    Failed,
}

/// A repair.
#[derive(ToSchema)]
pub struct Repair {
    /// Its id.
    #[schema(example = "r_5Jp0wLZk3x")]
    id: String,
    /// Who asked for it.
    actor: String,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
    /// The plan.
    plan_hash: String,
    /// When.
    requested_at: At,
    /// Its accounts.
    made: Vec<RepairMade>,
}
