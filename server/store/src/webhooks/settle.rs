//! What came of a try, for the event and for the webhook.

use domain::{DeliveryState, Instant, Webhook, WebhookId, WebhookState};

use super::DeliveryLease;
use crate::{
    Engine, Result, Store, Tx,
    sql::{Sql, args, json_ids, rows, sql},
};

/// How exact a webhook's last success is kept.
const GRAIN: i64 = 60_000_000;

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Where the event is now.
    pub state: DeliveryState,
    /// When it is tried again; only while it waits.
    pub next_at: Option<Instant>,
    /// When it was tried.
    pub at: Instant,
    /// What the receiver answered.
    pub status: Option<i64>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The beginning of the answer, or why there is none.
    pub said: String,
}

impl Tx {
    /// Makes `lanes` ours until the transaction ends, in their order. SQLite has one writer at a time: nothing to do there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn lock_lanes(&mut self, lanes: &[String]) -> Result<()> {
        if self.engine() == Engine::Postgres {
            let sql = sql!("SELECT lane FROM webhook_lanes WHERE lane", among, " ORDER BY lane", lock);
            self.exec(sql, args![json_ids(lanes)?]).await?;
        }
        Ok(())
    }

    /// Writes what came of a try, and frees the lane for the next event when this one is over. The lane is ours by now.
    /// Returns whether the lease was still ours: otherwise nothing was written.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn settle_delivery(&mut self, lease: &DeliveryLease, settled: &Settled) -> Result<bool> {
        let sql = sql!(
            "UPDATE webhook_deliveries SET state = $4, attempts = attempts + 1, next_at = $5, tried_at = $6, status = $7, \
             took_ms = $8, said = $9, lease_holder = NULL, lease_until = NULL \
             WHERE webhook_id = $1 AND event_id = $2 AND lease_token = $3 AND lease_holder IS NOT NULL \
             AND state = 'waiting'"
        );
        let values = args![
            &lease.webhook,
            &lease.event,
            lease.token,
            settled.state.as_str(),
            settled.next_at,
            settled.at,
            settled.status,
            settled.took_ms,
            &settled.said,
        ];
        if self.exec(sql, values).await? != 1 {
            return Ok(false);
        }
        if settled.state != DeliveryState::Waiting {
            self.free_lane(&lease.webhook, &lease.lane, settled.at).await?;
        }
        Ok(true)
    }

    /// Gives the first event of a lane that waits its time, if it has none.
    pub(super) async fn free_lane(&mut self, hook: &WebhookId, lane: &str, now: Instant) -> Result<()> {
        if let Some(event) = self.first_of_lane(hook, lane).await? {
            let sql = sql!(
                "UPDATE webhook_deliveries SET next_at = $3 WHERE webhook_id = $1 AND event_id = $2 AND next_at IS NULL"
            );
            self.exec(sql, args![hook, event, now]).await?;
        }
        Ok(())
    }

    pub(super) async fn first_of_lane(&mut self, hook: &WebhookId, lane: &str) -> Result<Option<String>> {
        let sql = rows!(
            "event_id",
            "FROM webhook_deliveries WHERE webhook_id = $1 AND lane = $2 AND state = 'waiting' ORDER BY no LIMIT 1"
        );
        Ok(self.row::<(String,)>(sql, args![hook, lane]).await?.map(|(event,)| event))
    }

    /// Notes that a webhook took something.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn webhook_succeeded(&mut self, id: &WebhookId, now: Instant) -> Result<()> {
        let sql = sql!(
            "UPDATE webhooks SET failures = 0, failing_since = NULL, retry_at = NULL, succeeded_at = $2 \
             WHERE id = $1 AND (failures > 0 OR succeeded_at IS NULL OR succeeded_at < $3)"
        );
        self.exec(sql, args![id, now, now.micros() - GRAIN]).await.map(|_| ())
    }

    /// Notes that `times` tries in a row failed, and leaves the webhook alone until `retry_at`. Returns it as it then is.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn webhook_failed(
        &mut self,
        id: &WebhookId,
        times: i64,
        now: Instant,
        retry_at: impl FnOnce(i64) -> Option<Instant> + Send,
    ) -> Result<Option<Instant>> {
        let sql = sql!(
            "UPDATE webhooks SET failures = failures + $2, failing_since = COALESCE(failing_since, $3) WHERE id = $1 \
             RETURNING failures, failing_since"
        );
        let Some((failures, since)): Option<(i64, i64)> = self.conn().returned(sql, args![id, times, now]).await?
        else {
            return Ok(None);
        };
        if let Some(at) = retry_at(failures) {
            self.exec(sql!("UPDATE webhooks SET retry_at = $2 WHERE id = $1"), args![id, at]).await?;
        }
        Ok(Some(Instant::from_micros(since)))
    }

    /// Stops serving a webhook that was served. Returns whether this did: then it is to be told.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn stop_webhook(&mut self, id: &WebhookId, state: WebhookState, why: &str) -> Result<bool> {
        let sql = sql!("UPDATE webhooks SET state = $2, why = $3 WHERE id = $1 AND state = 'active'");
        Ok(self.exec(sql, args![id, state.as_str(), why]).await? == 1)
    }
}

impl Store {
    /// How many events of a webhook are in `state`, counted up to `limit`, and when the first of them happened.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn count_deliveries(
        &self,
        hook: &Webhook,
        state: DeliveryState,
        limit: u32,
    ) -> Result<(i64, Option<Instant>)> {
        let sql: Sql = rows!(
            "n, first" as
            "SELECT count(*) AS n, min(at) AS first FROM (SELECT at FROM webhook_deliveries WHERE webhook_id = $1 \
             AND state = $2 ORDER BY at, event_id LIMIT $3) AS counted"
        );
        let counted: Option<(i64, Option<i64>)> = self.row(sql, args![&hook.id, state.as_str(), limit]).await?;
        Ok(counted.map_or((0, None), |(n, first)| (n, first.map(Instant::from_micros))))
    }
}
