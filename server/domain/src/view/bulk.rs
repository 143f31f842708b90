//! Bulk clean-ups.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{Bulk, BulkAccount, BulkOutcome, Instant, MoveView, Place, ServerName, ServerStatus, Span, Unread};

/// A page of bulk clean-ups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BulksPage {
    /// The newest first.
    pub page: Page<Bulk>,
    /// Whether the person may make one.
    pub may_ask: bool,
    /// When it was answered.
    pub now: Instant,
}

/// A bulk clean-up, before, while and after it works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BulkPage {
    /// It.
    pub bulk: Bulk,
    /// A page of its accounts.
    pub accounts: Page<BulkAccount>,
    /// Only those, if asked for.
    pub outcome: Option<BulkOutcome>,
    /// How many routes of its accounts led to each server when its list was frozen.
    pub routes: Vec<(Place, ServerName, i64)>,
    /// When they were counted; `None` for a list from before that was done.
    pub routes_at: Option<Instant>,
    /// Routers that could not be read then: none of their routes is counted.
    pub unread: Vec<Unread>,
    /// Where they would go, when a whole server is un-stuck.
    pub targets: Vec<ServerStatus>,
    /// What it empties, when it moves everybody off a server.
    pub server_move: Option<MoveView>,
    /// How long it takes, about.
    pub takes: Span,
    /// Whether the person may pause, resume and end it.
    pub may_control: bool,
    /// Whether the person may ask for it: who made it.
    pub may_request: bool,
    /// Why the person cannot approve it; `None` when they can.
    pub not_approver: Option<String>,
    /// Whether a second admin must approve it.
    pub needs_approval: bool,
    /// The most accounts that need no approval.
    pub approval_above: u32,
    /// When it was answered.
    pub now: Instant,
}
