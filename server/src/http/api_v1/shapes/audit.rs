//! The audit log.

use serde::Serialize;
use utoipa::ToSchema;

use super::At;

/// How what an event tells ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused.
    Denied,
    /// It failed.
    Failed,
}

/// An event of the audit log, with its place in the chain.
#[derive(ToSchema)]
pub struct AuditEvent {
    /// Its number.
    seq: i64,
    /// When.
    at: At,
    /// Who.
    #[schema(example = "token:t_x")]
    actor: String,
    /// What.
    #[schema(example = "cleanup.requested")]
    action: String,
    /// To what.
    target: String,
    /// To which account, if to one.
    account: Option<String>,
    /// Why; empty when nobody had to say.
    reason: String,
    /// The ticket; empty when none.
    ticket: String,
    /// How it ended.
    outcome: AuditOutcome,
    /// More of it.
    detail: serde_json::Value,
    /// The hash of the event before.
    prev_hash: String,
    /// The hash over this one and the one before, under a key that is not in the database.
    hash: String,
}

/// What of the log was asked for.
#[derive(ToSchema)]
pub struct AuditFilter {
    /// Who.
    actor: Option<String>,
    /// Which account.
    account: Option<String>,
    /// The action, or its beginning up to a dot.
    action: Option<String>,
    /// The ticket.
    ticket: Option<String>,
    /// Not before.
    from: Option<At>,
    /// Before.
    to: Option<At>,
}
