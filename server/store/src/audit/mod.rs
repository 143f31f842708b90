//! The audit log: appended in the transaction of what it records, chained under a key that is not in the database.
//!
//! An event's hash is HMAC-SHA-256, under the key, over the 64 hex characters of the hash before and
//! `domain::AuditLink::canonical`. The number and hash of the last event stand in a table of one row, which whoever
//! appends takes first: so numbers have no gaps, and on Postgres two appenders wait for each other.

mod append;
mod chain;
mod checkpoint;
mod read;
mod verify;

use domain::{AccountId, AuditDraft, AuditEvent, AuditOutcome, Instant};
use serde::Deserialize;

pub use self::{checkpoint::Checkpoint, verify::Verification};
use crate::{Result, StoreError};

/// The piece `event` as a row.
#[derive(Deserialize)]
struct EventRecord {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    target: String,
    account_id: Option<String>,
    reason: String,
    ticket: String,
    outcome: String,
    detail: String,
    prev_hash: String,
    hash: String,
}

impl TryFrom<EventRecord> for AuditEvent {
    type Error = StoreError;

    fn try_from(record: EventRecord) -> Result<Self> {
        let (seq, prev_hash, hash) = (record.seq, record.prev_hash.clone(), record.hash.clone());
        let (draft, _) = record.draft()?;
        Ok(Self { seq, draft, prev_hash, hash })
    }
}

impl EventRecord {
    /// The event, and its detail exactly as it is stored.
    fn draft(self) -> Result<(AuditDraft, String)> {
        let outcome = AuditOutcome::parse(&self.outcome);
        let draft = AuditDraft {
            at: Instant::from_micros(self.at),
            actor: self.actor,
            action: self.action,
            target: self.target,
            account: self.account_id.map(AccountId::parse).transpose().map_err(StoreError::corrupt)?,
            reason: self.reason,
            ticket: self.ticket,
            outcome: outcome.ok_or_else(|| StoreError::corrupt("an audit event has no known outcome"))?,
            detail: serde_json::from_str(&self.detail).map_err(StoreError::corrupt)?,
        };
        Ok((draft, self.detail))
    }
}
