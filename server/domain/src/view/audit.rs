//! The audit log.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{AccountId, AuditEvent, Instant};

/// What of the audit log to show. Empty texts mean «any»; a text that does not parse is an error where it is parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditFilter {
    /// Who, exactly as in the log.
    pub actor: Option<String>,
    /// Which account.
    pub account: Option<AccountId>,
    /// The action, or its beginning up to a dot.
    pub action: Option<String>,
    /// The ticket, exactly.
    pub ticket: Option<String>,
    /// Not before.
    pub from: Option<Instant>,
    /// Before.
    pub to: Option<Instant>,
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The events, newest first.
    pub page: Page<AuditEvent>,
    /// What was asked.
    pub filter: AuditFilter,
    /// The actions that exist, to choose from.
    pub actions: Vec<String>,
    /// Numbers of those events that are not as they were written: the log was tampered with.
    pub unproven: Vec<i64>,
    /// When it was answered.
    pub now: Instant,
}
