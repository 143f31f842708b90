//! Deleting a webhook. From that moment nothing is sent to it and nothing new is kept for it; what waited is given up, a
//! bounded piece at a time. Its log stays for as long as any other, and it goes with the last of it.

use std::collections::BTreeSet;

use domain::{Instant, Webhook, WebhookId};

use super::WebhookRecord;
use crate::{
    Result, Store, Tx,
    accounts::all,
    sql::{args, json_ids, rows, sql},
};

impl Tx {
    /// Deletes a webhook, and says why. Returns whether this did: not when it was deleted before.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn delete_webhook(&mut self, id: &WebhookId, why: &str, now: Instant) -> Result<bool> {
        let sql = sql!(
            "UPDATE webhooks SET state = 'deleted', why = $2, deleted_at = $3, failures = 0, failing_since = NULL, \
             retry_at = NULL WHERE id = $1 AND deleted_at IS NULL"
        );
        Ok(self.exec(sql, args![id, why, now]).await? == 1)
    }

    /// Gives up at most `limit` events that wait for a webhook, the oldest first; a try that is under way settles nothing
    /// any more. `why` stands where the receiver's answer would. Returns how many: fewer than `limit` when none is left.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn give_up_deliveries(&mut self, hook: &WebhookId, why: &str, limit: u32) -> Result<i64> {
        let sql = rows!(
            "event_id, lane",
            "FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'waiting' ORDER BY at, event_id LIMIT $2"
        );
        let waiting: Vec<(String, String)> = self.rows(sql, args![hook, limit]).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let (events, lanes): (Vec<String>, BTreeSet<String>) = waiting.into_iter().unzip();
        // As whoever settles does: so two never wait for each other. No lane is freed, for all of it is given up.
        self.lock_lanes(&lanes.into_iter().collect::<Vec<_>>()).await?;
        let sql = sql!(
            "UPDATE webhook_deliveries SET state = 'failed', next_at = NULL, said = $3, lease_holder = NULL, \
             lease_until = NULL WHERE webhook_id = $2 AND state = 'waiting' AND event_id",
            among
        );
        self.exec(sql, args![json_ids(&events)?, hook, why]).await
    }

    /// Forgets a webhook that was deleted before `before`, if nothing that was sent to it is kept any more. Returns whether
    /// it is gone.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn forget_webhook(&mut self, id: &WebhookId, before: Instant) -> Result<bool> {
        let sql = sql!(
            "DELETE FROM webhooks WHERE id = $1 AND deleted_at IS NOT NULL AND deleted_at < $2 \
             AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.webhook_id = $1)"
        );
        Ok(self.exec(sql, args![id, before]).await? == 1)
    }
}

impl Store {
    /// Webhooks that were deleted and not forgotten yet, the oldest first; at most 1,000.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn deleted_webhooks(&self) -> Result<Vec<Webhook>> {
        let sql = rows!(webhook, "FROM webhooks WHERE deleted_at IS NOT NULL ORDER BY deleted_at, id LIMIT 1000");
        all(self.rows::<WebhookRecord>(sql, &[]).await?)
    }
}
