//! Sending again what was sent or given up. An event that is sent again stands in its lane where it stood: before what
//! happened later and still waits.

use std::collections::BTreeSet;

use domain::{EventId, Instant, WebhookId};

use crate::{
    Result, Tx,
    sql::{args, json_ids, rows, sql},
};

impl Tx {
    /// Sends an event again. One that waits for its next try is tried now. Returns whether there is such an event.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn replay_delivery(&mut self, hook: &WebhookId, event: &EventId, now: Instant) -> Result<bool> {
        let sql = rows!("lane", "FROM webhook_deliveries WHERE webhook_id = $1 AND event_id = $2");
        let Some((lane,)) = self.row::<(String,)>(sql, args![hook, event]).await? else { return Ok(false) };
        self.again(hook, vec![(event.as_str().to_owned(), lane)], now).await?;
        // Neither its own wait nor the receiver's is sat out: somebody looks.
        let sql =
            sql!("UPDATE webhook_deliveries SET next_at = $3 WHERE webhook_id = $1 AND event_id = $2 AND next_at > $3");
        self.exec(sql, args![hook, event, now]).await?;
        self.exec(sql!("UPDATE webhooks SET retry_at = NULL WHERE id = $1"), args![hook]).await?;
        Ok(true)
    }

    /// Sends again at most `limit` of those events that happened at `from` or later, before `to`, and do not wait; those that
    /// were given up alone, if `failed`. `after` is where the last call ended. Returns where this one ended, and how many it
    /// were: fewer than `limit` when nothing is left.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn replay_deliveries(
        &mut self,
        hook: &WebhookId,
        (from, to): (Instant, Instant),
        failed: bool,
        after: Option<&(Instant, EventId)>,
        now: Instant,
        limit: u32,
    ) -> Result<(Option<(Instant, EventId)>, usize)> {
        let (at, id) = after.map_or((from.micros(), ""), |(at, id)| (at.micros(), id.as_str()));
        let sql = rows!(
            "at, event_id, lane",
            "FROM webhook_deliveries WHERE webhook_id = $1 AND (at, event_id) > ($2, $3) AND at < $4 AND state <> 'waiting' \
             AND ($6 = 0 OR state = 'failed') ORDER BY at, event_id LIMIT $5"
        );
        let values = args![hook, at, id, to, limit, i64::from(failed)];
        let found: Vec<(i64, String, String)> = self.rows(sql, values).await?;
        let last = match found.last() {
            Some((at, id, _)) => Some((Instant::from_micros(*at), super::event_id(id.clone())?)),
            None => None,
        };
        let count = found.len();
        self.again(hook, found.into_iter().map(|(_, event, lane)| (event, lane)).collect(), now).await?;
        Ok((last, count))
    }

    /// Puts events that are over back into their lanes.
    async fn again(&mut self, hook: &WebhookId, events: Vec<(String, String)>, now: Instant) -> Result<()> {
        let (events, lanes): (Vec<String>, BTreeSet<String>) = events.into_iter().unzip();
        let lanes: Vec<String> = lanes.into_iter().collect();
        self.lock_lanes(&lanes).await?;
        let sql = sql!(
            "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_at = NULL \
             WHERE webhook_id = $2 AND state <> 'waiting' AND event_id",
            among
        );
        self.exec(sql, args![json_ids(&events)?, hook]).await?;
        for lane in &lanes {
            let Some(first) = self.first_of_lane(hook, lane).await? else { continue };
            // What somebody sends at this moment ends as it ends; what waits behind the first has no time.
            let sql = sql!(
                "UPDATE webhook_deliveries SET next_at = NULL WHERE webhook_id = $1 AND lane = $2 AND state = 'waiting' \
                 AND event_id <> $3 AND next_at IS NOT NULL AND (lease_until IS NULL OR lease_until <= $4)"
            );
            self.exec(sql, args![hook, lane, first, now]).await?;
            self.free_lane(hook, lane, now).await?;
        }
        Ok(())
    }
}
