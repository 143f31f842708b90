//! Audit events and the chain that binds them: each event's hash covers the one before, under a key that is not in the
//! database, so that an edit, a deletion, an insertion or a swap shows. A cut tail shows against a checkpoint that was
//! written outside the database.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Instant};

/// The hash before the first event: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// The actor may not.
    Denied,
    /// It was tried and failed.
    Failed,
}

impl AuditOutcome {
    /// The word in the database and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Done, Self::Denied, Self::Failed].into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// An event before it has a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDraft {
    /// When.
    pub at: Instant,
    /// Who, as [`crate::Actor::label`].
    pub actor: String,
    /// What: a dotted verb, `cleanup.requested`.
    pub action: String,
    /// On what: an id, or empty.
    pub target: String,
    /// Which account it concerns.
    pub account: Option<AccountId>,
    /// Why, in the actor's words; empty when none was asked for.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// More, as a JSON object; never a secret.
    pub detail: serde_json::Value,
}

/// An event in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// What happened.
    #[serde(flatten)]
    pub draft: AuditDraft,
    /// The hash of the event before, in lower-case hex; [`GENESIS`] for the first.
    pub prev_hash: String,
    /// This event's hash: HMAC-SHA-256 over `prev_hash` and [`AuditLink::canonical`], in lower-case hex.
    pub hash: String,
}

/// What an event's hash covers.
#[derive(Debug, Clone, Copy)]
pub struct AuditLink<'a> {
    /// The event's place.
    pub seq: i64,
    /// The event.
    pub draft: &'a AuditDraft,
    /// `detail` exactly as it is stored: JSON text is compared as text, so that a stored event verifies for ever.
    pub detail_text: &'a str,
}

impl AuditLink<'_> {
    /// The bytes under the hash: every field with its length before it, so that no two events have the same bytes.
    pub fn canonical(&self) -> Vec<u8> {
        let seq = self.seq.to_string();
        let at = self.draft.at.micros().to_string();
        let account = self.draft.account.as_ref().map_or("", |id| id.as_str());
        let fields = [
            "v1",
            &seq,
            &at,
            &self.draft.actor,
            &self.draft.action,
            &self.draft.target,
            account,
            &self.draft.reason,
            &self.draft.ticket,
            self.draft.outcome.as_str(),
            self.detail_text,
        ];
        let mut bytes = Vec::with_capacity(256);
        for field in fields {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(actor: &str, action: &str) -> AuditDraft {
        AuditDraft {
            at: Instant::from_secs(1),
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: String::new(),
            account: None,
            reason: String::new(),
            ticket: String::new(),
            outcome: AuditOutcome::Done,
            detail: serde_json::json!({}),
        }
    }

    #[test]
    fn fields_cannot_be_shifted_into_each_other() {
        let (a, b) = (draft("ab", "c"), draft("a", "bc"));
        let bytes = |draft| AuditLink { seq: 1, draft, detail_text: "{}" }.canonical();
        assert_ne!(bytes(&a), bytes(&b));
    }
}
