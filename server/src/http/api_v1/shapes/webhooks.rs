//! Webhooks.

use serde::Serialize;
use utoipa::ToSchema;

use super::{At, Count};

/// What is told.
#[derive(Serialize, ToSchema)]
pub enum EventKind {
    /// A session ended.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// A clean-up is done, and was read back.
    #[serde(rename = "cleanup.done")]
    CleanupDone,
    /// Something that was cleaned is there again.
    #[serde(rename = "cleanup.came_back")]
    CleanupCameBack,
    /// A census found something, and saw it twice.
    #[serde(rename = "finding.opened")]
    FindingOpened,
    /// Somebody tried whether events arrive.
    #[serde(rename = "webhook.test")]
    Test,
}

/// How events look.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// JSON of Unstick's own, signed as the Standard Webhooks specification says.
    Unstick,
    /// Security event tokens with CAEP's `session-revoked`.
    Caep,
}

/// Whether a webhook is served.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is.
    Active,
    /// It failed for too long: events are kept for it.
    Paused,
    /// It is switched off, or its receiver said that it is gone: no events are kept for it.
    Disabled,
    /// It is gone for good; what was sent to it can be read for a while.
    Deleted,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    #[schema(example = "wh_7EXRlZb3iqhwmY3E")]
    id: String,
    /// The address of the receiver.
    #[schema(example = "https://receiver.example/unstick")]
    url: String,
    /// What it is told.
    kinds: Vec<EventKind>,
    /// How events look.
    format: WebhookFormat,
    /// Whether it is served.
    state: WebhookState,
    /// Why it is not; empty while it is.
    why: String,
    /// Which secret it has: grows with each new one.
    generation: i64,
    /// The first 12 hexadecimal digits of the SHA-256 of its secret.
    #[schema(example = "9f86d081884c")]
    fingerprint: String,
    /// Until when the secret before this one signs too.
    old_until: Option<At>,
    /// When it was made.
    created_at: At,
    /// Who made it.
    created_by: String,
    /// Failures since the last success.
    failures: i64,
    /// Since when it fails.
    failing_since: Option<At>,
    /// Until when nothing is sent to it, for it failed.
    retry_at: Option<At>,
    /// When it last took something, to the minute.
    succeeded_at: Option<At>,
    /// When it was deleted.
    deleted_at: Option<At>,
}

/// A webhook with what waits for it.
#[derive(Serialize, ToSchema)]
pub struct WebhookRow {
    /// It.
    #[serde(flatten)]
    hook: Webhook,
    /// Events that wait for it.
    waiting: Count,
    /// Events that were given up.
    failed: Count,
    /// When the first of those that wait happened.
    oldest: Option<At>,
    /// When it was answered.
    now: At,
}

/// Where an event is on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, now or later, or behind another one.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It was given up; it can be sent again.
    Failed,
}

/// An event on its way to a webhook, or there.
#[derive(ToSchema)]
pub struct Delivery {
    /// The event's id: the header `webhook-id` of every try.
    #[schema(example = "evt_jEGqHHHFV8O2L5oncqnsZ-ro")]
    event: String,
    /// What happened.
    kind: EventKind,
    /// To which account, if to one.
    account: Option<String>,
    /// When it happened.
    at: At,
    /// Where it is.
    state: DeliveryState,
    /// How often it was tried.
    attempts: i64,
    /// When it is tried next; null when it is over, or waits behind an earlier event of its account.
    next_at: Option<At>,
    /// When it was last tried.
    tried_at: Option<At>,
    /// What the receiver answered: an HTTP status.
    status: Option<i64>,
    /// How long the last try took, in milliseconds.
    took_ms: Option<i64>,
    /// The beginning of the answer, or why there is none.
    said: String,
}

/// A page of what was sent to a webhook.
#[derive(ToSchema)]
pub struct Deliveries {
    /// The newest first.
    items: Vec<Delivery>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
}
