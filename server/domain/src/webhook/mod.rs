//! Webhooks: what Unstick tells others when something happened, to whom, how often it tries, and what it never connects to.
//!
//! - **At least once.** An event is kept in the transaction of the change that it tells of, and is tried until a receiver
//!   took it or it is given up, where a person sees it and can send it again.
//! - **In order per account.** Events stand in *lanes*, one an account. Of a lane the first alone is under way; the next one
//!   goes when it was taken or given up. Other lanes go on meanwhile.
//! - **The same id each time.** An event's id follows from what happened, so a receiver that keeps ids does nothing twice.

mod caep;
mod event;
mod retry;
mod target;

use serde::{Deserialize, Serialize};

pub use self::{
    caep::{CAEP_SESSION_REVOKED, security_event},
    event::WebhookEvent,
    retry::{Answered, Verdict, WebhookPace, verdict},
    target::{Refusal, refusal},
};
use crate::{AccountId, EventId, Instant, WebhookId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A session ended, whoever ended it.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// A clean-up is done: every place was read again.
    #[serde(rename = "cleanup.done")]
    CleanupDone,
    /// Something that was cleaned is there again; it is cleaned again.
    #[serde(rename = "cleanup.came_back")]
    CleanupCameBack,
    /// A census believes something that it found.
    #[serde(rename = "finding.opened")]
    FindingOpened,
    /// Nothing: a person wants to see whether it arrives.
    #[serde(rename = "webhook.test")]
    Test,
}

impl EventKind {
    /// Those that can be chosen. A test is sent when somebody asks for it.
    pub const CHOICES: [Self; 4] = [Self::SessionEnded, Self::CleanupDone, Self::CleanupCameBack, Self::FindingOpened];

    /// The word in events, the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionEnded => "session.ended",
            Self::CleanupDone => "cleanup.done",
            Self::CleanupCameBack => "cleanup.came_back",
            Self::FindingOpened => "finding.opened",
            Self::Test => "webhook.test",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Test].into_iter().chain(Self::CHOICES).find(|kind| kind.as_str() == word)
    }

    /// What it tells, for a person who chooses.
    pub const fn about(self) -> &'static str {
        match self {
            Self::SessionEnded => "a session ended: signed out, expired or revoked",
            Self::CleanupDone => "a clean-up is done, and was read back",
            Self::CleanupCameBack => "something that was cleaned is there again",
            Self::FindingOpened => "a census found something, and saw it twice",
            Self::Test => "somebody tried whether events arrive",
        }
    }
}

/// How events look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// JSON of Unstick's own, signed as the Standard Webhooks specification says.
    #[default]
    Unstick,
    /// A security event token (RFC 8417) with CAEP's `session-revoked`, pushed as RFC 8935 says.
    Caep,
}

impl WebhookFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Unstick, Self::Caep];

    /// The word in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unstick => "unstick",
            Self::Caep => "caep",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Whether it has a form for events of `kind`.
    pub const fn has(self, kind: EventKind) -> bool {
        match self {
            Self::Unstick => true,
            Self::Caep => matches!(kind, EventKind::SessionEnded | EventKind::Test),
        }
    }
}

/// Whether a webhook is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is.
    Active,
    /// It failed for too long: events are kept for it, and sent when a person says so.
    Paused,
    /// By a person, or because the receiver said that it is gone: no events are kept for it.
    Disabled,
    /// By a person, for good: what was sent to it can be read for a while yet.
    Deleted,
}

impl WebhookState {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Disabled, Self::Deleted].into_iter().find(|state| state.as_str() == word)
    }
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The address of the receiver.
    pub url: String,
    /// What it wants to know.
    pub kinds: Vec<EventKind>,
    /// How events look.
    pub format: WebhookFormat,
    /// Whether it is served.
    pub state: WebhookState,
    /// Why it is not; empty while it is.
    pub why: String,
    /// Which secret it has: grows with each rotation.
    pub generation: i64,
    /// The beginning of the secret's SHA-256: whether both sides have the same one.
    pub fingerprint: String,
    /// Until when the secret before this one signs too.
    pub old_until: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// Failures since the last success.
    pub failures: i64,
    /// Since when it fails.
    pub failing_since: Option<Instant>,
    /// Until when nothing is sent to it, for it failed.
    pub retry_at: Option<Instant>,
    /// When it last took something, to the minute.
    pub succeeded_at: Option<Instant>,
    /// When it was deleted.
    pub deleted_at: Option<Instant>,
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, now or later, or behind another one.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// Given up; a person can send it again.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// The word in the database and the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An event on its way to a webhook, or there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's id: the header `webhook-id` of every try.
    pub event: EventId,
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub account: Option<AccountId>,
    /// When it happened.
    pub at: Instant,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next; `None` when it is over, or waits behind an earlier event of its account.
    pub next_at: Option<Instant>,
    /// When it was last tried.
    pub tried_at: Option<Instant>,
    /// What the receiver answered: an HTTP status.
    pub status: Option<i64>,
    /// How long the last try took, in milliseconds.
    pub took_ms: Option<i64>,
    /// The beginning of the answer, or why there is none.
    pub said: String,
}

/// Which deliveries; what is not said does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this kind.
    pub kind: Option<EventKind>,
    /// About this account.
    pub account: Option<AccountId>,
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
