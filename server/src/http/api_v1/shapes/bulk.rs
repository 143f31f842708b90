//! Bulk clean-ups.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{At, Mode, Place, ServerStatus, Unread};

/// Where a bulk clean-up is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    /// Its list is being written down.
    Freezing,
    /// Not asked for yet.
    Draft,
    /// It waits for a second admin, in the console.
    AwaitingApproval,
    /// Nobody approved it in time.
    Expired,
    /// It works.
    Running,
    /// It begins nothing new.
    Paused,
    /// It stopped by itself: too many failures.
    Stopped,
    /// It was ended.
    Cancelled,
    /// It is over.
    Done,
}

/// Where an account of a bulk clean-up is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkOutcome {
    /// Its turn has not come.
    Waiting,
    /// Its clean-up works.
    Running,
    /// Its clean-up waits for a router.
    Owed,
    /// Everything was read back and is gone.
    Done,
    /// There was nothing to clean up.
    Nothing,
    /// Another clean-up of it was under way.
    UnderWay,
    /// Its clean-up needs a person.
    NeedsAttention,
    /// No clean-up could be asked for.
    Failed,
}

/// Which accounts are meant, as it was understood.
#[derive(ToSchema)]
pub struct AccountFilter {
    /// A part of id, e-mail or name, folded.
    text: Option<String>,
    /// The kind of an open finding.
    kind: Option<String>,
    /// A place and a server that a route leads to.
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    server: Option<()>,
    /// So many sessions are left over, or more.
    leftover: Option<i64>,
    /// It was last seen before.
    seen_before: Option<At>,
    /// The plan.
    plan: Option<String>,
}

/// A line of a list that names no account.
#[derive(ToSchema)]
pub struct ListProblem {
    /// Its number, from 1.
    line: i64,
    /// What stands there, shortened.
    text: String,
    /// What is wrong with it.
    why: String,
}

/// What a list of ids had in it.
#[derive(ToSchema)]
pub struct ListReport {
    /// Lines with an id.
    lines: i64,
    /// Ids that no account has.
    unknown: i64,
    /// Ids that came before.
    duplicates: i64,
    /// Lines that are no id.
    malformed: i64,
    /// The first of all these.
    problems: Vec<ListProblem>,
}

/// How the accounts were chosen: one of the two.
#[derive(ToSchema)]
pub struct BulkSelection {
    /// By a filter.
    filter: Option<AccountFilter>,
    /// By a list of ids.
    list: Option<ListReport>,
}

/// How a bulk clean-up is to be carried out.
#[derive(ToSchema)]
pub struct BulkOrder {
    /// How much of each account.
    mode: Mode,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
    /// Accounts under way at once.
    wave: u32,
    /// Accounts begun a second, at most.
    rate: u32,
    /// It stops by itself when more accounts than this are in trouble.
    failure_limit: u32,
}

/// A bulk clean-up.
#[derive(ToSchema)]
pub struct Bulk {
    /// Its id.
    #[schema(example = "b_5Jp0wLZk3x")]
    id: String,
    /// How its accounts were chosen.
    selection: BulkSelection,
    /// How it is to be carried out.
    order: BulkOrder,
    /// Who made it.
    actor: String,
    /// The same, where it is a staff member.
    staff: Option<String>,
    /// The hash over mode and list: what is asked for and approved.
    hash: String,
    /// Where it is.
    status: BulkStatus,
    /// When its list was frozen.
    created_at: At,
    /// When it was asked for.
    requested_at: Option<At>,
    /// Until when it can be approved.
    approve_until: Option<At>,
    /// Who approved it.
    approved_by: Option<String>,
    /// When it began.
    started_at: Option<At>,
    /// When it ended.
    finished_at: Option<At>,
    /// Why it stopped by itself; empty when it did not.
    stopped_why: String,
    /// Live sessions of its accounts when the list was frozen.
    live_sessions: i64,
    /// Left-over sessions of its accounts then.
    leftover_sessions: i64,
    /// Its accounts by where they are; an outcome that none has is not there.
    counts: BTreeMap<String, i64>,
}

/// An account of a bulk clean-up.
#[derive(ToSchema)]
pub struct BulkAccount {
    /// Its number in the list, from 1.
    no: i64,
    /// Which account.
    account: String,
    /// Where it is.
    outcome: BulkOutcome,
    /// Its clean-up, once there is one.
    cleanup: Option<String>,
    /// What went wrong; empty when nothing.
    note: String,
}

/// A page of a bulk clean-up's accounts.
#[derive(ToSchema)]
pub struct BulkAccounts {
    /// The rows.
    items: Vec<BulkAccount>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// When a move off a server stops by itself: 0 switches a limit off.
#[derive(ToSchema)]
pub struct Guard {
    /// The share of failed requests of another server rose by so many percentage points.
    errors: u32,
    /// Another server's mean time to answer became so many percent longer.
    response: u32,
}

/// A server that everybody is moved off.
#[derive(ToSchema)]
pub struct ServerMove {
    /// Where; every load balancer of the fleet is meant.
    place: Place,
    /// The server that everybody leaves.
    #[schema(example = "api-2")]
    server: String,
    /// The server that all of them are pinned to; null: the load balancer chooses.
    to: Option<String>,
    /// When it stops by itself.
    guard: Guard,
}

/// A bulk clean-up that moves everybody off a server.
#[derive(ToSchema)]
pub struct MoveView {
    /// Which server, and how carefully.
    order: ServerMove,
    /// Routes that lead to it, as they were last read: load balancer, number.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    held: Vec<(String, i64)>,
    /// Routes to it that belong to nobody known: they stay.
    unknown: i64,
    /// Whether the router sends nobody new to it.
    is_closed: bool,
}

/// A server, before everybody is moved off it.
#[derive(ToSchema)]
pub struct MovePage {
    /// Where, as it was asked.
    place: Place,
    /// Which server.
    server: String,
    /// Routes that lead to it, as they were last read: load balancer, number.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    held: Vec<(String, i64)>,
    /// Whether the router sends nobody new to it.
    is_closed: bool,
    /// The other servers of the pool that are well.
    others: Vec<String>,
    /// The newest bulk clean-ups that move everybody off it.
    jobs: Vec<Bulk>,
    /// Whether the token may begin one.
    may_ask: bool,
    /// When it was read.
    now: At,
}

/// A bulk clean-up with its preview and the first of its accounts.
#[derive(ToSchema)]
pub struct BulkPage {
    /// It.
    bulk: Bulk,
    /// The first of its accounts.
    accounts: BulkAccounts,
    /// Only those, if asked for.
    outcome: Option<BulkOutcome>,
    /// How many routes of its accounts led to each server when its list was frozen, as every router said: place, server, number.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    routes: Vec<(Place, String, i64)>,
    /// When they were counted.
    routes_at: Option<At>,
    /// Routers that could not be read then: none of their routes is counted.
    unread: Vec<Unread>,
    /// Where they would go, when a whole server is un-stuck.
    targets: Vec<ServerStatus>,
    /// Which server it empties, if it does.
    server_move: Option<MoveView>,
    /// How long it takes, about, in microseconds.
    takes: i64,
    /// Whether the token may pause, resume and end it.
    may_control: bool,
    /// Whether the token may ask for it: who made it.
    may_request: bool,
    /// Why the token cannot approve it: no token can.
    not_approver: Option<String>,
    /// Whether a second admin must approve it.
    needs_approval: bool,
    /// The most accounts that need no approval.
    approval_above: u32,
    /// When it was answered.
    now: At,
}
