//! What a census read, what it found, and what its page shows.

use serde::{Deserialize, Serialize};

use super::{CensusFinding, CensusKind};
use crate::{Instant, Place, RouterName, ServerName, Span, view::Page};

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CensusRead {
    /// Accounts.
    pub accounts: i64,
    /// Sessions.
    pub sessions: i64,
    /// Entries of routers.
    pub routes: i64,
    /// Audit events.
    pub events: i64,
}

/// A place that could not be read, or not whole: what it has is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadPlace {
    /// Where.
    pub place: Place,
    /// The servers whose entries were read all the same.
    pub but: Vec<ServerName>,
    /// Whether every key that is known was looked up all the same: what is not known then are entries of nobody's keys.
    #[serde(default)]
    pub by_key: bool,
    /// Why, for a person.
    pub why: String,
}

/// How many findings of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusTally {
    /// Of what kind.
    pub kind: CensusKind,
    /// That count.
    pub open: i64,
    /// Seen once.
    pub suspected: i64,
    /// Gone since the census before.
    pub gone: i64,
}

/// What a census wrote down at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CensusNote {
    /// What was read.
    pub read: CensusRead,
    /// What could not be read.
    pub unread: Vec<UnreadPlace>,
    /// What was found, by kind.
    pub tallies: Vec<CensusTally>,
}

impl CensusNote {
    /// How many findings are open.
    pub fn open(&self) -> i64 {
        self.tallies.iter().map(|tally| tally.open).sum()
    }
    /// How many were seen once.
    pub fn suspected(&self) -> i64 {
        self.tallies.iter().map(|tally| tally.suspected).sum()
    }
}

/// How a census ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CensusOutcome {
    /// It is under way.
    Running,
    /// It came to its end.
    Done,
    /// It broke off.
    Failed,
    /// Its process was gone, and the next one took over.
    Abandoned,
}

impl CensusOutcome {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Done, Self::Failed, Self::Abandoned].into_iter().find(|it| it.as_str() == word)
    }
}

/// A census.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Its number, from 1.
    pub no: i64,
    /// Who asked for it.
    pub actor: String,
    /// When it began.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// How.
    pub outcome: CensusOutcome,
    /// What it read and found.
    pub note: CensusNote,
}

/// What a census does at the moment, for who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CensusPhase {
    /// Joins accounts with account routes.
    Accounts,
    /// Joins sessions with session routes.
    Sessions,
    /// Recounts its own database.
    Counters,
    /// Proves the audit log.
    Chain,
    /// Decides what is gone.
    Closing,
}

impl CensusPhase {
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accounts => "joining accounts with their routes",
            Self::Sessions => "joining sessions with their routes",
            Self::Counters => "recounting",
            Self::Chain => "proving the audit log",
            Self::Closing => "looking for what is gone",
        }
    }
}

/// How old a finding must be to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingAge {
    /// Any.
    #[default]
    Any,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
}

impl FindingAge {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Any, Self::Hour, Self::Day, Self::Week];

    /// The word in the URL; empty for any.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "7d",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|age| age.as_str() == word)
    }

    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Any => "any age",
            Self::Hour => "over an hour",
            Self::Day => "over a day",
            Self::Week => "over a week",
        }
    }

    /// The span itself.
    pub const fn span(self) -> Span {
        match self {
            Self::Any => Span::ZERO,
            Self::Hour => Span::from_secs(3_600),
            Self::Day => Span::from_days(1),
            Self::Week => Span::from_days(7),
        }
    }
}

/// Which open findings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FindingFilter {
    /// Of this kind.
    pub kind: Option<CensusKind>,
    /// On this router.
    pub router: Option<RouterName>,
    /// About this server.
    pub server: Option<ServerName>,
    /// At least so old.
    pub age: FindingAge,
}

/// How many were open at the end of a census, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// When.
    pub at: Instant,
    /// Of what kind.
    pub kind: CensusKind,
    /// How many.
    pub open: i64,
}

/// The page of findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingsPage {
    /// The last census that came to its end.
    pub last: Option<Census>,
    /// The newest census, if it is not that one: under way, failed or given up.
    pub newest: Option<Census>,
    /// The filter.
    pub filter: FindingFilter,
    /// Open findings, the oldest first.
    pub page: Page<CensusFinding>,
    /// When past censuses ended, oldest first.
    pub ends: Vec<Instant>,
    /// How many were open then, of the kinds of which any were.
    pub trend: Vec<TrendPoint>,
    /// The routers there are.
    pub routers: Vec<RouterName>,
    /// Whether the actor may run a census.
    pub may_run: bool,
    /// Whether the actor may repair.
    pub may_repair: bool,
    /// How often one runs by itself; zero for never.
    pub every: Span,
    /// When it was answered.
    pub now: Instant,
}
