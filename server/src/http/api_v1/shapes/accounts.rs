//! Accounts, what is wrong with them, and their routes.

use serde::Serialize;
use utoipa::ToSchema;

use super::{At, Health, Place, Scope, Words};

/// An account as the console knows it.
#[derive(ToSchema)]
pub struct Account {
    /// The identity system's id.
    #[schema(example = "acc_7Q2mX0cVd4")]
    id: String,
    /// The key that pins all traffic of the account.
    key: String,
    /// E-mail address; empty when unknown.
    email: String,
    /// Display name; empty when unknown.
    name: String,
    /// Plan or tier; empty when unknown.
    plan: String,
    /// IANA time zone; empty when unknown.
    time_zone: String,
    /// When the customer joined.
    created_at: At,
    /// When any session was last seen.
    last_seen_at: Option<At>,
    /// Bumped by every forced clean-up.
    generation: i64,
    /// Sessions that are signed in.
    live_sessions: i64,
    /// Sessions that ended and were not cleaned.
    leftover_sessions: i64,
    /// All sessions that are kept.
    total_sessions: i64,
    /// Whether it is sample data.
    sample: bool,
}

/// An account in a list.
#[derive(ToSchema)]
pub struct AccountRow {
    /// The account.
    account: Account,
    /// The verdict's kind, from what is stored.
    verdict: VerdictKind,
    /// The server that the verdict is about.
    server: Option<String>,
}

/// How an account is doing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Sessions are not the cause.
    Clean,
    /// Not everything could be read.
    Unsure,
    /// Something is left over, and harms nobody now.
    LeftOver,
    /// Some sessions are stuck.
    PartlyStuck,
    /// It is stuck.
    Stuck,
}

/// A hit of a search.
#[derive(ToSchema)]
pub struct Hit {
    /// The account.
    row: AccountRow,
    /// What met the query.
    field: HitField,
    /// Whether it met it exactly.
    exact: bool,
    /// The text that met it.
    text: String,
}

/// Which field met a query.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitField {
    /// The account's id.
    AccountId,
    /// A session's id or fingerprint.
    SessionId,
    /// A session's address.
    Ip,
    /// The e-mail address.
    Email,
    /// The name.
    Name,
}

/// A number that was counted up to a limit.
#[derive(Serialize, ToSchema)]
pub struct Count {
    /// How many.
    n: i64,
    /// Whether there are more.
    more: bool,
}

/// The answer to a search.
#[derive(ToSchema)]
pub struct SearchPage {
    /// What was asked, trimmed.
    query: String,
    /// The hits, exact ones first.
    hits: Vec<Hit>,
    /// How many there are.
    count: Count,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// When it was answered.
    now: At,
}

/// How bad a finding is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// It will harm somebody.
    Warning,
    /// It harms somebody now.
    Critical,
}

/// How much a clean-up cleans.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Removes routes; everybody stays signed in.
    Unstick,
    /// Removes everything left over from ended sessions.
    Stale,
    /// Ends every session, live ones too, and removes all that they left.
    Force,
}

/// What kind of thing is wrong.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A route whose session ended or does not exist.
    StaleRoute,
    /// A live session on a server that serves badly.
    DegradedRoute,
    /// A session that ended and was cleaned up nowhere.
    OrphanedSession,
    /// Routers disagree.
    SplitRoute,
    /// Far more sessions than accounts have.
    Accumulation,
}

/// The verdict of an account.
#[derive(ToSchema)]
pub struct Verdict {
    /// How it is doing.
    kind: VerdictKind,
    /// The sentence.
    sentence: Words,
    /// The clean-up that would help.
    advice: Option<Mode>,
}

/// An entry of a router that pins a key to a server.
#[derive(ToSchema)]
pub struct Route {
    /// Where.
    place: Place,
    /// What the key stands for.
    scope: Scope,
    /// The key.
    key: String,
    /// The server.
    server: Option<String>,
    /// The session that it belongs to, or that made it, where known.
    session: Option<String>,
    /// Since when.
    pinned_at: Option<At>,
    /// Time left without traffic, in microseconds.
    expires_in: Option<i64>,
    /// When it was read.
    read_at: At,
}

/// A route, explained.
#[derive(ToSchema)]
pub struct RouteRow {
    /// The route.
    route: Route,
    /// How its server is doing.
    health: Health,
    /// Whether it is left over.
    left_over: bool,
    /// Why the traffic goes there.
    why: Words,
}

/// A stretch of a session's life on one server.
#[derive(ToSchema)]
pub struct Stretch {
    /// From.
    from: At,
    /// To.
    to: At,
    /// The server; null where not known.
    server: Option<String>,
    /// How it is doing now.
    health: Health,
    /// Whether only the route remained.
    left_over: bool,
}

/// Where one session, or the account's own route, went.
#[derive(ToSchema)]
pub struct TimelineRow {
    /// The session; null for the account's own route.
    session: Option<String>,
    /// Whether it is live.
    live: bool,
    /// Where it was, in order of time.
    stretches: Vec<Stretch>,
}

/// Since when a server serves badly.
#[derive(ToSchema)]
pub struct Band {
    /// The server.
    server: String,
    /// How it is doing.
    health: Health,
    /// Since when.
    since: At,
}

/// Where each session went.
#[derive(ToSchema)]
pub struct Timeline {
    /// Its beginning.
    from: At,
    /// Its end: now.
    to: At,
    /// The account's own route first, then the newest sessions.
    rows: Vec<TimelineRow>,
    /// Servers that serve badly.
    bands: Vec<Band>,
    /// Sessions that did not fit.
    hidden: i64,
}
