//! Webhooks, and the events on their way to them.
//!
//! What happened and that it is to be told are one transaction ([`crate::Tx::emit`]). Events stand in lanes, one an account:
//! - whoever keeps an event or ends one holds the row of its lane until the transaction ends, so a lane's numbers are in the
//!   order of commits and nobody misses that the way is free;
//! - of a lane and a webhook only the first event that waits has a time (`next_at`); when it ends, the next one gets one;
//! - a lease has a token, as a clean-up's has: who lost it changes nothing.

mod claim;
mod delete;
mod emit;
mod log;
mod purge;
mod replay;
mod settle;
mod subscriptions;

use domain::{
    AccountId, Delivery, DeliveryState, EventId, EventKind, Instant, Webhook, WebhookFormat, WebhookId, WebhookState,
};
use serde::Deserialize;

pub use self::{claim::DeliveryLease, settle::Settled, subscriptions::NewSecret};
use crate::{Result, StoreError};

/// The piece `webhook` as a row.
#[derive(Deserialize)]
struct WebhookRecord {
    id: String,
    url: String,
    kinds: String,
    format: String,
    state: String,
    why: String,
    generation: i64,
    fingerprint: String,
    old_until: Option<i64>,
    created_at: i64,
    created_by: String,
    failures: i64,
    failing_since: Option<i64>,
    retry_at: Option<i64>,
    succeeded_at: Option<i64>,
    deleted_at: Option<i64>,
}

impl TryFrom<WebhookRecord> for Webhook {
    type Error = StoreError;

    fn try_from(record: WebhookRecord) -> Result<Self> {
        let word = || StoreError::corrupt("a webhook has an unknown format or state");
        Ok(Self {
            id: webhook_id(record.id)?,
            url: record.url,
            kinds: kinds(&record.kinds)?,
            format: WebhookFormat::parse(&record.format).ok_or_else(word)?,
            state: WebhookState::parse(&record.state).ok_or_else(word)?,
            why: record.why,
            generation: record.generation,
            fingerprint: record.fingerprint,
            old_until: record.old_until.map(Instant::from_micros),
            created_at: Instant::from_micros(record.created_at),
            created_by: record.created_by,
            failures: record.failures,
            failing_since: record.failing_since.map(Instant::from_micros),
            retry_at: record.retry_at.map(Instant::from_micros),
            succeeded_at: record.succeeded_at.map(Instant::from_micros),
            deleted_at: record.deleted_at.map(Instant::from_micros),
        })
    }
}

/// The piece `delivery` as a row.
#[derive(Deserialize)]
struct DeliveryRecord {
    event_id: String,
    kind: String,
    account_id: Option<String>,
    at: i64,
    state: String,
    attempts: i64,
    next_at: Option<i64>,
    tried_at: Option<i64>,
    status: Option<i64>,
    took_ms: Option<i64>,
    said: String,
}

impl TryFrom<DeliveryRecord> for Delivery {
    type Error = StoreError;

    fn try_from(record: DeliveryRecord) -> Result<Self> {
        let state = DeliveryState::parse(&record.state);
        Ok(Self {
            event: event_id(record.event_id)?,
            kind: kind(&record.kind)?,
            account: record.account_id.map(AccountId::parse).transpose().map_err(StoreError::corrupt)?,
            at: Instant::from_micros(record.at),
            state: state.ok_or_else(|| StoreError::corrupt("a delivery is in no known state"))?,
            attempts: record.attempts,
            next_at: record.next_at.map(Instant::from_micros),
            tried_at: record.tried_at.map(Instant::from_micros),
            status: record.status,
            took_ms: record.took_ms,
            said: record.said,
        })
    }
}

fn webhook_id(text: String) -> Result<WebhookId> {
    WebhookId::parse(text).map_err(StoreError::corrupt)
}

fn event_id(text: String) -> Result<EventId> {
    EventId::parse(text).map_err(StoreError::corrupt)
}

fn kind(word: &str) -> Result<EventKind> {
    EventKind::parse(word).ok_or_else(|| StoreError::corrupt("an event is of no known kind"))
}

/// Kinds are kept as words with blanks between.
fn kinds(words: &str) -> Result<Vec<EventKind>> {
    words.split_whitespace().map(kind).collect()
}

fn words(kinds: &[EventKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")
}
