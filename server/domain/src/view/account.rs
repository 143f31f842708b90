//! One account: what is wrong with it, its sessions, its routes now and before.

use serde::{Deserialize, Serialize};

use super::{CleanupRow, Page};
use crate::{
    Account, AuditEvent, Finding, Health, Instant, PoolName, Rich, Route, RouterName, ServerName, ServerStatus,
    Session, SessionId, Unread, Verdict,
};

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
