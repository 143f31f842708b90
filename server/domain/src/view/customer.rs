//! What customers see of their own sessions: devices and times, and plain words; nothing of servers, routers and keys.

use serde::{Deserialize, Serialize};

use crate::{Account, AccountId, CleanupId, Instant, PlanHash, SessionId, Span, Status, VerdictKind};

/// One of a customer's own sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSession {
    /// Its id.
    pub id: SessionId,
    /// The device in a few words; empty when unknown.
    pub client: String,
    /// When it was signed in.
    pub created_at: Instant,
    /// When it was last seen.
    pub last_seen_at: Instant,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// The page on which staff make a link for a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerLinkPage {
    /// The account.
    pub account: Account,
    /// Its sessions that are signed in, newest first, at most 50: the customer may be on one of them.
    pub sessions: Vec<OwnSession>,
    /// How long a link opens unless it is said.
    pub life: Span,
    /// What the service is called; empty when nobody said.
    pub service: String,
    /// Whether who asks may make one.
    pub may: bool,
    /// When it was read.
    pub now: Instant,
}

/// Who a customer is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPage {
    /// The account.
    pub account: AccountId,
    /// The customer's name; empty when unknown.
    pub name: String,
    /// Sessions that are signed in, newest first, at most 200; the one that asks first.
    pub sessions: Vec<OwnSession>,
    /// How many are signed in.
    pub signed_in: i64,
    /// How many ended and left something behind.
    pub left_over: i64,
    /// A clean-up of the account that is under way.
    pub under_way: Option<CleanupId>,
    /// When it was read.
    pub now: Instant,
}

/// Whether a customer's sessions are the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDiagnosis {
    /// In one word, for programs.
    pub verdict: VerdictKind,
    /// In one or two sentences.
    pub says: String,
    /// What was found, one sentence each.
    pub findings: Vec<String>,
    /// Whether a reset would help.
    pub reset_helps: bool,
    /// When it was read.
    pub now: Instant,
}

/// What a reset would do, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetPreview {
    /// Sessions that would end.
    pub ends: Vec<OwnSession>,
    /// The session that would stay signed in.
    pub keeps: Option<OwnSession>,
    /// Records of sessions that ended, that would be removed.
    pub removes: i64,
    /// The same in plain words, one sentence each.
    pub says: Vec<String>,
    /// Whether there is nothing to reset.
    pub nothing: bool,
    /// What the confirmation carries: a plan with another hash is another one.
    pub hash: PlanHash,
    /// A clean-up of the account that is under way; a reset waits for it or joins it.
    pub under_way: Option<CleanupId>,
    /// When it was read.
    pub now: Instant,
}

/// How far a reset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetState {
    /// Its id.
    pub id: CleanupId,
    /// Where it is, for programs.
    pub status: Status,
    /// Where it is, in plain words.
    pub says: String,
    /// Sessions that it ended.
    pub ended: i64,
    /// When it was asked for.
    pub requested_at: Instant,
    /// When all of it was done and read back.
    pub finished_at: Option<Instant>,
    /// When it was read.
    pub now: Instant,
}
