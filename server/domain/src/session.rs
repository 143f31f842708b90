//! Sessions: one signed-in client each, active, then ended, then cleaned.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AccountId, Instant, RouteKey, SessionId};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Ended by staff, by a clean-up or by the identity system.
    Revoked,
    /// Ended by time.
    Expired,
    /// Ended by the customer.
    SignedOut,
}

impl EndReason {
    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::SignedOut => "signed_out",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Revoked, Self::Expired, Self::SignedOut].into_iter().find(|reason| reason.as_str() == word)
    }

    /// The words for a person: `signed out`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::SignedOut => "signed out",
        }
    }
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionState {
    /// Signed in.
    Active,
    /// Over, but its record was not cleaned: left over.
    Ended {
        /// Why it ended.
        reason: EndReason,
        /// When it ended.
        at: Instant,
    },
    /// Over and cleaned up: history.
    Cleaned {
        /// Why it ended.
        reason: EndReason,
        /// When it ended.
        ended_at: Instant,
        /// When it was cleaned.
        at: Instant,
    },
}

impl SessionState {
    /// The word in the API: `active`, `ended` or `cleaned`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended { .. } => "ended",
            Self::Cleaned { .. } => "cleaned",
        }
    }

    /// When the session ended, if it did.
    pub const fn ended_at(self) -> Option<Instant> {
        match self {
            Self::Active => None,
            Self::Ended { at, .. } => Some(at),
            Self::Cleaned { ended_at, .. } => Some(ended_at),
        }
    }

    /// Whether the session is signed in.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether the session is over and its record remains.
    pub const fn is_left_over(self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// One signed-in client of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its opaque id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The key that pins this session's traffic.
    pub key: RouteKey,
    /// The client in a few words: `CLI 2.4 · Linux`; empty when unknown.
    pub client: String,
    /// The raw user agent; empty when unknown.
    pub user_agent: String,
    /// The client's address; empty when unknown.
    pub ip: String,
    /// When it was signed in.
    pub created_at: Instant,
    /// When it was last seen.
    pub last_seen_at: Instant,
    /// Where it is in its life.
    pub state: SessionState,
    /// The account's generation when it was made.
    pub generation: i64,
}

/// The fingerprint of a bearer secret: 132 bits of its SHA-256 in base64url, good as a session id where the real one
/// must not be kept.
pub fn fingerprint(secret: &str) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()));
    text.truncate(22);
    text
}
