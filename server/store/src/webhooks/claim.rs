//! Who sends what, until when.

use domain::{AccountId, EventId, EventKind, Instant, WebhookId};
use serde::Deserialize;

use super::{event_id, kind, webhook_id};
use crate::{
    Result, Store, StoreError, Tx,
    sql::{args, rows, sql},
};

/// The right to send an event to a webhook, with all that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLease {
    /// To which webhook.
    pub webhook: WebhookId,
    /// Which event.
    pub event: EventId,
    /// Its lane.
    pub lane: String,
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub account: Option<AccountId>,
    /// What the receiver gets.
    pub body: String,
    /// How often it was tried before.
    pub attempts: i64,
    /// Which claim of it this is: grows by one each time.
    pub token: i64,
    /// Until when nobody else may claim it.
    pub until: Instant,
}

#[derive(Deserialize)]
struct LeaseRecord {
    event_id: String,
    lane: String,
    kind: String,
    account_id: Option<String>,
    body: String,
    attempts: i64,
    lease_token: i64,
}

impl Store {
    /// Webhooks that are served, have something due at `now`, and are not left alone, with how often they failed.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn due_webhooks(&self, now: Instant) -> Result<Vec<(WebhookId, i64)>> {
        let sql = rows!(
            "id, failures",
            "FROM webhooks AS w WHERE state = 'active' AND (retry_at IS NULL OR retry_at <= $1) AND EXISTS \
             (SELECT 1 FROM webhook_deliveries AS d WHERE d.webhook_id = w.id AND d.next_at IS NOT NULL AND d.next_at <= $1 \
             AND (d.lease_until IS NULL OR d.lease_until <= $1)) ORDER BY id"
        );
        let due: Vec<(String, i64)> = self.rows(sql, args![now]).await?;
        due.into_iter().map(|(id, failures)| Ok((webhook_id(id)?, failures))).collect()
    }
}

impl Tx {
    /// Claims at most `limit` events that are due at `now` for `claim`, a text that no other claim has, until `until`. Each is
    /// the first of its lane. Those that wait longest come first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn claim_deliveries(
        &mut self,
        hook: &WebhookId,
        claim: &str,
        now: Instant,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryLease>> {
        // The conditions stand twice: whoever waited for another claim's end looks at the row as it then is.
        let sql = sql!(
            "UPDATE webhook_deliveries SET lease_token = lease_token + 1, lease_holder = $4, lease_until = $3 \
             WHERE webhook_id = $1 AND next_at IS NOT NULL AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) \
             AND event_id IN (SELECT event_id FROM webhook_deliveries WHERE webhook_id = $1 AND next_at IS NOT NULL \
             AND next_at <= $2 AND (lease_until IS NULL OR lease_until <= $2) ORDER BY next_at, event_id LIMIT $5)"
        );
        if self.exec(sql, args![hook, now, until, claim, limit]).await? == 0 {
            return Ok(Vec::new());
        }
        let sql = rows!(
            "event_id, lane, kind, account_id, body, attempts, lease_token",
            "FROM webhook_deliveries WHERE webhook_id = $1 AND next_at IS NOT NULL AND next_at <= $2 AND lease_holder = $3 \
             AND lease_until = $4 ORDER BY next_at, event_id"
        );
        let claimed: Vec<LeaseRecord> = self.rows(sql, args![hook, now, claim, until]).await?;
        let lease = |record: LeaseRecord| {
            Ok(DeliveryLease {
                webhook: hook.clone(),
                event: event_id(record.event_id)?,
                lane: record.lane,
                kind: kind(&record.kind)?,
                account: record.account_id.map(AccountId::parse).transpose().map_err(StoreError::corrupt)?,
                body: record.body,
                attempts: record.attempts,
                token: record.lease_token,
                until,
            })
        };
        claimed.into_iter().map(lease).collect()
    }
}
