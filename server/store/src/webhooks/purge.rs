//! Forgetting what was sent long ago, a bounded piece at a time.

use domain::{DeliveryState, Instant, WebhookId};

use crate::{
    Result, Tx,
    sql::{args, json_ids, rows, sql},
};

impl Tx {
    /// Deletes at most `limit` events of a webhook that happened before `before` and are in `state`. Of a lane from which one
    /// that waited is deleted, the next one goes. Returns how many were deleted.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn purge_deliveries(
        &mut self,
        hook: &WebhookId,
        state: DeliveryState,
        before: Instant,
        limit: u32,
    ) -> Result<i64> {
        let sql = rows!(
            "event_id, lane",
            "FROM webhook_deliveries WHERE webhook_id = $1 AND state = $2 AND at < $3 ORDER BY at, event_id LIMIT $4"
        );
        let old: Vec<(String, String)> = self.rows(sql, args![hook, state.as_str(), before, limit]).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let (events, lanes): (Vec<String>, std::collections::BTreeSet<String>) = old.into_iter().unzip();
        let lanes: Vec<String> = lanes.into_iter().collect();
        if state == DeliveryState::Waiting {
            self.lock_lanes(&lanes).await?;
        }
        let sql = sql!("DELETE FROM webhook_deliveries WHERE webhook_id = $2 AND state = $3 AND event_id", among);
        let deleted = self.exec(sql, args![json_ids(&events)?, hook, state.as_str()]).await?;
        if state == DeliveryState::Waiting {
            for lane in &lanes {
                self.free_lane(hook, lane, before).await?;
            }
        }
        Ok(deleted)
    }
}
