//! Routers, pools and servers.

use serde::Serialize;
use utoipa::ToSchema;

use super::{At, Census, Health, Place, Scope, Step, Trouble};

/// A server of a pool.
#[derive(ToSchema)]
pub struct ServerStatus {
    /// Where.
    place: Place,
    /// Its name.
    name: String,
    /// How it is doing.
    health: Health,
    /// Whether it fails too much or is too slow.
    failing: bool,
    /// Failed requests in a thousand; null when too few to tell.
    error_permille: Option<u32>,
    /// Mean time to answer, in milliseconds.
    response_ms: Option<u32>,
    /// Since when.
    since: At,
    /// When it was read.
    read_at: At,
    /// Keys pinned to it; null when not known.
    pinned: Option<i64>,
}

/// How a pool's routes are spread.
#[derive(ToSchema)]
pub struct Spread {
    /// Routes in all.
    total: i64,
    /// The fair share of a server that is well; null when none is.
    fair: Option<i64>,
    /// Servers that are gone, and their routes.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    gone: Vec<(String, i64)>,
}

/// A pool.
#[derive(ToSchema)]
pub struct PoolCard {
    /// Its name.
    pool: String,
    /// What its keys stand for.
    scope: Scope,
    /// How its router finds the key in a request, in that router's own words; null where nobody wrote it down.
    rule: Option<String>,
    /// Its servers.
    servers: Vec<ServerStatus>,
    /// How its routes are spread.
    spread: Spread,
}

/// What a router is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouterKind {
    /// A routing table in Unstick's own database.
    Embedded,
    /// HAProxy's stick tables.
    Haproxy,
    /// An affinity map in Redis.
    Redis,
}

/// A router.
#[derive(ToSchema)]
pub struct RouterCard {
    /// Its name.
    name: String,
    /// What it is.
    kind: RouterKind,
    /// Why it does not answer; null when it does.
    trouble: Option<String>,
    /// What cannot be promised as it is configured or runs, with what to do about it.
    caveats: Vec<String>,
    /// What it says of itself.
    about: String,
    /// Its pools.
    pools: Vec<PoolCard>,
    /// Steps that wait for it.
    owed: i64,
}

/// A step that waits for a router.
#[derive(ToSchema)]
pub struct OwedStep {
    /// Of which clean-up.
    cleanup: String,
    /// Of which account.
    account: String,
    /// When the clean-up was asked for.
    asked_at: At,
    /// The step.
    step: Step,
}

/// What is owed to routers, oldest first.
#[derive(ToSchema)]
pub struct OwedList {
    /// The oldest steps.
    steps: Vec<OwedStep>,
    /// Steps that are not shown.
    more: i64,
}

/// Routers, pools and servers.
#[derive(ToSchema)]
pub struct Routing {
    /// The routers.
    routers: Vec<RouterCard>,
    /// States that were set and are lost.
    lost: Vec<SetState>,
    /// What is owed to routers.
    owed: OwedList,
    /// The last census that came to its end.
    census: Option<Census>,
    /// When it was read.
    now: At,
}

/// What an operator sets a server to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatedState {
    /// It takes everybody.
    Ready,
    /// It keeps who is pinned and takes nobody else.
    Drain,
    /// It takes nobody, and who is pinned goes elsewhere.
    Maint,
}

/// What a load balancer said when the state of a server was read.
#[derive(ToSchema)]
pub struct StateReading {
    /// The state.
    state: OperatedState,
    /// How the server is doing, all in all.
    health: Health,
}

/// What one load balancer answered.
#[derive(ToSchema)]
pub struct StateAnswer {
    /// Which.
    router: String,
    /// What it was asked for.
    asked: OperatedState,
    /// What was read back.
    read: Option<StateReading>,
    /// What stood in the way.
    trouble: Option<Trouble>,
    /// When.
    at: At,
}

/// A state that was set.
#[derive(ToSchema)]
pub struct SetState {
    /// Where.
    place: Place,
    /// Of which server.
    server: String,
    /// The state.
    state: OperatedState,
    /// Who set it.
    actor: String,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
    /// When.
    asked_at: At,
    /// What the load balancer answered; null when not known.
    answer: Option<StateAnswer>,
}

/// How a server is on one load balancer.
#[derive(ToSchema)]
pub struct StateAt {
    /// Which.
    router: String,
    /// What was read: `{"Ok": {state, health}}` or `{"Err": why}`.
    #[schema(value_type = Object)]
    now: (),
    /// Keys pinned to it.
    pinned: Option<i64>,
    /// What was last asked for.
    asked: Option<SetState>,
}

/// How a server is on each load balancer of its fleet.
#[derive(ToSchema)]
pub struct StatePlan {
    /// Where.
    place: Place,
    /// Which.
    server: String,
    /// What its router is.
    kind: RouterKind,
    /// Each load balancer.
    fleet: Vec<StateAt>,
    /// Whether no other server takes anybody.
    last_one: bool,
    /// Whether the token may set it.
    may_set: bool,
    /// When it was read.
    now: At,
}

/// What was asked for.
#[derive(ToSchema)]
pub struct StateRequest {
    /// Where.
    place: Place,
    /// Which server.
    server: String,
    /// The state.
    state: OperatedState,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
}

/// What came of setting a state.
#[derive(ToSchema)]
pub struct StateSet {
    /// What was asked for.
    request: StateRequest,
    /// What each load balancer answered.
    answers: Vec<StateAnswer>,
}

/// Where a key is pinned on each load balancer of a fleet.
#[derive(ToSchema)]
pub struct PinPage {
    /// Where.
    place: Place,
    /// What the key stands for.
    scope: Scope,
    /// The key.
    key: String,
    /// Whose it is.
    account: String,
    /// Each load balancer and what was read: `{"Ok": server}` or `{"Err": why}`.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    fleet: Vec<(String, String)>,
    /// Servers of the pool.
    servers: Vec<ServerStatus>,
    /// Whether the token may pin.
    may_pin: bool,
    /// When it was read.
    now: At,
}

/// What was asked for.
#[derive(ToSchema)]
pub struct PinRequest {
    /// Where.
    place: Place,
    /// The key.
    key: String,
    /// The server.
    server: String,
    /// Why.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
}

/// What one load balancer answered.
#[derive(ToSchema)]
pub struct PinAnswer {
    /// Which.
    router: String,
    /// Where the key leads there, read back.
    read: Option<String>,
    /// What stood in the way.
    trouble: Option<Trouble>,
}

/// What came of pinning a key.
#[derive(ToSchema)]
pub struct Pinned {
    /// What was asked for.
    request: PinRequest,
    /// Whose key it is.
    account: String,
    /// What each load balancer answered.
    answers: Vec<PinAnswer>,
}
