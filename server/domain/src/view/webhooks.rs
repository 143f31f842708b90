//! Webhooks.

use serde::{Deserialize, Serialize};

use super::{Count, Page};
use crate::{Delivery, DeliveryFilter, Instant, Span, Webhook};

/// A webhook in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// It.
    #[serde(flatten)]
    pub hook: Webhook,
    /// Events that wait for it.
    pub waiting: Count,
    /// Events that were given up.
    pub failed: Count,
    /// When the first of those that wait happened.
    pub oldest: Option<Instant>,
    /// When it was answered.
    pub now: Instant,
}

/// A webhook with what was sent to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookPage {
    /// It.
    pub row: WebhookRow,
    /// A page of the log, the newest first.
    pub log: Page<Delivery>,
    /// Which of it.
    pub filter: DeliveryFilter,
    /// How long what was delivered is kept.
    pub keep: Span,
}
