//! A clean-up and its steps, as data. How they move is in [`crate::machine`].

use serde::{Deserialize, Serialize};

use crate::{AccountId, CleanupId, Instant, Place, PlanHash, RouteKey, Scope, ServerName, SessionId};

/// How much a clean-up cleans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Removes routes; everybody stays signed in.
    Unstick,
    /// Removes everything left over from ended sessions.
    #[default]
    Stale,
    /// Ends every session, live ones too, and removes all that they left.
    Force,
}

impl Mode {
    /// Every mode, gentlest first.
    pub const ALL: [Self; 3] = [Self::Unstick, Self::Stale, Self::Force];

    /// The word in the database, the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unstick => "unstick",
            Self::Stale => "stale",
            Self::Force => "force",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
    /// The words on a button.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unstick => "Un-stick only",
            Self::Stale => "Clean up left-overs",
            Self::Force => "Force",
        }
    }
}

/// Where a clean-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Steps are running, or wait for their time.
    Running,
    /// All that is left waits for a router that does not answer.
    Owed,
    /// A step failed too often; a person must look.
    NeedsAttention,
    /// Everything was read back and is gone.
    Done,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Owed, Self::NeedsAttention, Self::Done];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Owed => "owed",
            Self::NeedsAttention => "needs_attention",
            Self::Done => "done",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Owed => "owed",
            Self::NeedsAttention => "needs attention",
            Self::Done => "verified",
        }
    }
}

/// A clean-up: a plan being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleanup {
    /// Its id.
    pub id: CleanupId,
    /// Whose account it cleans.
    pub account: AccountId,
    /// How much.
    pub mode: Mode,
    /// Why, in the words of who asked.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// Who asked, as [`crate::Actor::label`].
    pub actor: String,
    /// The plan that is carried out.
    pub plan_hash: PlanHash,
    /// Where it is.
    pub status: Status,
    /// When it was asked for.
    pub requested_at: Instant,
    /// When all was verified.
    pub finished_at: Option<Instant>,
    /// When a worker should look again.
    pub next_at: Instant,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Ends a session; done in the transaction of the request.
    Revoke,
    /// Clears a key on a router until it is gone.
    Unroute,
    /// Marks an ended session's record cleaned, once its routes are gone.
    Delete,
}

impl StepKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Unroute => "unroute",
            Self::Delete => "delete",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Revoke, Self::Unroute, Self::Delete].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a step works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum Target {
    /// A session's record.
    Session {
        /// Which.
        session: SessionId,
    },
    /// A key at a place.
    Route {
        /// Where.
        place: Place,
        /// What the key stands for.
        scope: Scope,
        /// The key.
        key: RouteKey,
        /// The session it belongs to, where known.
        session: Option<SessionId>,
        /// Whether any entry for the key is wrong, or a fresh one on a good server is fine (the account goes on
        /// working while it is cleaned).
        must_vanish: bool,
    },
}

impl Target {
    /// The session that it concerns.
    pub const fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Session { session } => Some(session),
            Self::Route { session, .. } => session.as_ref(),
        }
    }
}

/// How far a step is. `Revoke` and `Delete` know only the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was done yet.
    Pending,
    /// Cleared once and read back empty.
    Cleared,
    /// Cleared again after the longest request could have ended, and read back.
    ClearedAgain,
    /// Read once more after the records were deleted: it is so.
    Verified,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Cleared, Self::ClearedAgain, Self::Verified];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Cleared => "cleared",
            Self::ClearedAgain => "cleared_again",
            Self::Verified => "verified",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

/// What stands in a step's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", content = "text", rename_all = "snake_case")]
pub enum Trouble {
    /// The router does not answer: the step is owed.
    Unreachable(String),
    /// It was cleared, and is there (again).
    StillThere(String),
    /// The router refused.
    Refused(String),
}

impl Trouble {
    /// The words for a person.
    pub fn text(&self) -> &str {
        match self {
            Self::Unreachable(text) | Self::StillThere(text) | Self::Refused(text) => text,
        }
    }
    /// The word in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::StillThere(_) => "still_there",
            Self::Refused(_) => "refused",
        }
    }
    /// Reads the word of [`Self::as_str`], with its text.
    pub fn parse(word: &str, text: String) -> Option<Self> {
        match word {
            "unreachable" => Some(Self::Unreachable(text)),
            "still_there" => Some(Self::StillThere(text)),
            "refused" => Some(Self::Refused(text)),
            _ => None,
        }
    }
}

/// One thing that a clean-up does to one target, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number in the clean-up, from 1.
    pub no: i64,
    /// What it does.
    pub kind: StepKind,
    /// To what.
    pub target: Target,
    /// How far it is.
    pub stage: Stage,
    /// Failed tries in a row that were not the router's absence.
    pub attempts: i64,
    /// Not before this instant.
    pub next_at: Instant,
    /// What stands in its way now.
    pub trouble: Option<Trouble>,
    /// The server that the entry named before anything was done.
    pub had: Option<ServerName>,
    /// The server of a fresh entry found at the end (a good one: the account was freed and went on working).
    pub now_on: Option<ServerName>,
    /// When it was first cleared and read back empty (or, for a record, done).
    pub cleared_at: Option<Instant>,
    /// When it was cleared again and read back.
    pub cleared_again_at: Option<Instant>,
    /// When it was verified.
    pub verified_at: Option<Instant>,
}

impl Step {
    /// A step to do from `now` on.
    pub const fn new(no: i64, kind: StepKind, target: Target, had: Option<ServerName>, now: Instant) -> Self {
        Self {
            no,
            kind,
            target,
            stage: Stage::Pending,
            attempts: 0,
            next_at: now,
            trouble: None,
            had,
            now_on: None,
            cleared_at: None,
            cleared_again_at: None,
            verified_at: None,
        }
    }

    /// Whether it waits for a router that does not answer.
    pub const fn is_owed(&self) -> bool {
        matches!(self.trouble, Some(Trouble::Unreachable(_))) && !matches!(self.stage, Stage::Verified)
    }
}
