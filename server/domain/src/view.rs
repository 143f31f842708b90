//! What pages, the shell and live updates are made of: plain data, ready to show, the same on both sides of the wire.

use serde::{Deserialize, Serialize};

use crate::{
    Account, AccountId, AuditEvent, Cleanup, CleanupId, Finding, Health, Instant, Mode, OwedList, Permission, Place,
    Plan, PlanHash, PoolName, Return, Rich, Role, Route, RouterKind, RouterName, Scope, ServerName, ServerStatus,
    Session, SessionId, Span, Spread, StaffId, StaffSessionId, Stage, Status, Step, StepKind, Target, Unread, Verdict,
    VerdictKind, Watch, census::Census,
};

/// A number that was counted up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// How many, at most the limit.
    pub n: i64,
    /// Whether there are more.
    pub more: bool,
}

/// One page of a list that goes on by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one. Opaque.
    pub next: Option<String>,
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The account.
    pub account: Account,
    /// The verdict's kind, from what is stored (no router is asked for a list).
    pub verdict: VerdictKind,
    /// The server that the verdict is about, if any.
    pub server: Option<ServerName>,
}

/// Which field of an account a search met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
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

impl Field {
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AccountId => "account id",
            Self::SessionId => "session",
            Self::Ip => "IP address",
            Self::Email => "e-mail",
            Self::Name => "name",
        }
    }
}

/// A hit of a search, with why it is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The account.
    pub row: AccountRow,
    /// What met the query.
    pub field: Field,
    /// Whether it met it exactly (not just in part).
    pub exact: bool,
    /// The text that met it: the session id, the address, the e-mail.
    pub text: String,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    /// What was asked, trimmed.
    pub query: String,
    /// The hits, exact ones first.
    pub hits: Vec<Hit>,
    /// How many there are.
    pub count: Count,
    /// Where the next page begins.
    pub next: Option<String>,
    /// When it was answered.
    pub now: Instant,
}

/// The first page: what needs a person now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HomePage {
    /// Some of the accounts that are pinned, as accounts, to a server that serves badly.
    pub stuck: Vec<AccountRow>,
    /// How many there are, by server.
    pub stuck_on: Vec<OnServer>,
    /// Accounts with the most left over, most first.
    pub accumulating: Vec<AccountRow>,
    /// The newest clean-ups.
    pub cleanups: Vec<CleanupRow>,
    /// Servers that serve badly.
    pub bad_servers: Vec<ServerStatus>,
    /// How many accounts there are, as the database estimates.
    pub accounts: i64,
    /// Whether any of it is sample data.
    pub sample: bool,
    /// When it was answered.
    pub now: Instant,
}

/// A server at a place, and what is pinned to it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnServer {
    /// Where.
    pub place: Place,
    /// The server.
    pub server: ServerName,
    /// Routes to it.
    pub pinned: i64,
}

/// Which of an account's sessions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionFilter {
    /// Live and left over: what matters now.
    #[default]
    Open,
    /// Live.
    Live,
    /// Ended, not cleaned.
    Ended,
    /// Cleaned.
    Cleaned,
    /// All.
    All,
}

impl SessionFilter {
    /// Every filter.
    pub const ALL: [Self; 5] = [Self::Open, Self::Live, Self::Ended, Self::Cleaned, Self::All];
    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Cleaned => "cleaned",
            Self::All => "all",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.as_str() == word)
    }
}

/// Where a session is routed, in a table's cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChip {
    /// On which router.
    pub router: RouterName,
    /// In which pool.
    pub pool: PoolName,
    /// To which server.
    pub server: Option<ServerName>,
    /// How that server is doing.
    pub health: Health,
    /// Whether it is left over.
    pub left_over: bool,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub session: Session,
    /// Its routes now.
    pub routes: Vec<RouteChip>,
}

/// An entry on a router, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The route.
    pub route: Route,
    /// How its server is doing.
    pub health: Health,
    /// Whether it is left over.
    pub left_over: bool,
    /// Why the traffic goes there, since when, until when, in words.
    pub why: Rich,
}

/// A stretch of a session's life on one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// From.
    pub from: Instant,
    /// To.
    pub to: Instant,
    /// On which server; `None` where not known.
    pub server: Option<ServerName>,
    /// How that server is doing now.
    pub health: Health,
    /// Whether the session was over and only its route remained.
    pub left_over: bool,
}

/// One row of the drawing «where each session went».
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRow {
    /// The session; `None` for the account's own route.
    pub session: Option<SessionId>,
    /// Whether it is live.
    pub live: bool,
    /// Where it was, in order of time.
    pub stretches: Vec<Stretch>,
}

/// A time at which a server began to serve badly, for the drawing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The server.
    pub server: ServerName,
    /// What it is.
    pub health: Health,
    /// Since when.
    pub since: Instant,
}

/// The drawing «where each session went».
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Its left edge.
    pub from: Instant,
    /// Its right edge: now.
    pub to: Instant,
    /// Its rows, the account's own first, then the newest sessions.
    pub rows: Vec<TimelineRow>,
    /// Servers that serve badly, and since when.
    pub bands: Vec<Band>,
    /// Sessions that did not fit.
    pub hidden: i64,
}

/// The account page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountPage {
    /// The account.
    pub account: Account,
    /// The verdict.
    pub verdict: Verdict,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// Routers that could not be read.
    pub unread: Vec<Unread>,
    /// Whether the account has more open sessions than were looked at.
    pub truncated: bool,
    /// Sessions, by the filter.
    pub sessions: Page<SessionRow>,
    /// The filter.
    pub filter: SessionFilter,
    /// Routes now.
    pub routes: Vec<RouteRow>,
    /// Where each session went.
    pub timeline: Timeline,
    /// The servers of the pools that the account's routes are in.
    pub servers: Vec<ServerStatus>,
    /// Newest clean-ups of the account.
    pub cleanups: Vec<CleanupRow>,
    /// Newest audit events of the account.
    pub events: Vec<AuditEvent>,
    /// Whether who asks may clean up.
    pub may_clean_up: bool,
    /// When it was read.
    pub now: Instant,
}

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
    /// When it was answered.
    pub now: Instant,
}

/// A pool on the routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolCard {
    /// Its name.
    pub pool: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// Its servers.
    pub servers: Vec<ServerStatus>,
    /// How its routes are spread over them.
    pub spread: Spread,
}

/// A router on the routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterCard {
    /// Its name.
    pub name: RouterName,
    /// What it is.
    pub kind: RouterKind,
    /// Why it does not answer; `None` when it does.
    pub trouble: Option<String>,
    /// What it says of itself: `HAProxy 2.6.12, up 3 h`.
    pub about: String,
    /// Its pools.
    pub pools: Vec<PoolCard>,
    /// Steps that wait for it.
    pub owed: i64,
}

/// The routing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutingPage {
    /// The routers.
    pub routers: Vec<RouterCard>,
    /// What is owed to them, oldest first.
    pub owed: OwedList,
    /// The last census that came to its end.
    pub census: Option<Census>,
    /// When it was read.
    pub now: Instant,
}

/// What of the audit log to show. Empty texts mean «any»; a text that does not parse is an error where it is parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditFilter {
    /// Who, exactly as in the log.
    pub actor: Option<String>,
    /// Which account.
    pub account: Option<AccountId>,
    /// The action, or its beginning up to a dot.
    pub action: Option<String>,
    /// The ticket, exactly.
    pub ticket: Option<String>,
    /// Not before.
    pub from: Option<Instant>,
    /// Before.
    pub to: Option<Instant>,
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The events, newest first.
    pub page: Page<AuditEvent>,
    /// What was asked.
    pub filter: AuditFilter,
    /// The actions that exist, to choose from.
    pub actions: Vec<String>,
    /// Numbers of those events that are not as they were written: the log was tampered with.
    pub unproven: Vec<i64>,
    /// When it was answered.
    pub now: Instant,
}

/// One of a staff member's console sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffSessionRow {
    /// Its public handle.
    pub id: StaffSessionId,
    /// The browser, shortened.
    pub user_agent: String,
    /// The address.
    pub ip: String,
    /// When it began.
    pub created_at: Instant,
    /// When it was last used.
    pub last_seen_at: Instant,
    /// When it ends unless it is used before; when its last hour came, in any case.
    pub expires_at: Instant,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Who is signed in, for the frame of every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Who.
    pub id: StaffId,
    /// The name to show.
    pub name: String,
    /// In what role.
    pub role: Role,
    /// What the role may do.
    pub may: Vec<Permission>,
}

impl Me {
    /// Whether the person has `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.may.contains(&permission)
    }
}

/// The page of one's own sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MePage {
    /// Who.
    pub me: Me,
    /// One's console sessions, the newest first.
    pub sessions: Vec<StaffSessionRow>,
    /// When it was answered.
    pub now: Instant,
}

/// A staff member in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRow {
    /// The sign-in name.
    pub id: StaffId,
    /// The name to show.
    pub name: String,
    /// The role.
    pub role: Role,
    /// When it was added.
    pub created_at: Instant,
    /// When it was disabled.
    pub disabled_at: Option<Instant>,
    /// When it last signed in.
    pub last_sign_in_at: Option<Instant>,
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
