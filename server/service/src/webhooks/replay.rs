//! A person sends again what was sent or given up. The events have the ids that they had.

use async_recursion::async_recursion as boxed;
use domain::{Actor, EventId, Instant, Permission, WebhookId};

use crate::{Error, Result, Unstick};

/// Events of one transaction.
const BATCH: u32 = 500;

impl Unstick {
    /// Sends one event again; one that waits for its next try is tried now.
    ///
    /// # Errors
    /// `Conflict` while the webhook is not served; `NotFound`; `Denied`.
    #[boxed]
    pub async fn replay_delivery(&self, actor: &Actor, id: &WebhookId, event: &EventId) -> Result<()> {
        self.authorize(actor, Permission::ManageWebhooks, id.as_str()).await?;
        self.served_webhook(id).await?;
        let now = self.now();
        let mut draft = self.draft(actor, "webhook.replayed", id.as_str());
        draft.detail = serde_json::json!({ "event": event });
        let there = transact!(self, tx => {
            let there = tx.replay_delivery(id, event, now).await?;
            if there {
                tx.append_audit(&draft).await?;
            }
            Ok(there)
        })?;
        if there { Ok(()) } else { Err(Error::NotFound("event of this webhook")) }
    }

    /// Sends again what happened from `from` on and before `to`: all of it, or what was given up alone. Answers how many
    /// events that are.
    ///
    /// # Errors
    /// `Invalid` for a time that ends before it begins; `Conflict` while the webhook is not served; `NotFound`; `Denied`.
    #[boxed]
    pub async fn replay_deliveries(
        &self,
        actor: &Actor,
        id: &WebhookId,
        (from, to): (Instant, Instant),
        failed: bool,
    ) -> Result<i64> {
        self.authorize(actor, Permission::ManageWebhooks, id.as_str()).await?;
        if from >= to {
            return Err(Error::invalid("to", "it must end after it begins"));
        }
        self.served_webhook(id).await?;
        let (now, mut after, mut all) = (self.now(), None, 0_i64);
        let mut draft = self.draft(actor, "webhook.replayed", id.as_str());
        draft.detail = serde_json::json!({ "from": from, "to": to, "failed_only": failed });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })?;
        loop {
            let (last, count) = transact!(self, tx => {
                Ok(tx.replay_deliveries(id, (from, to), failed, after.as_ref(), now, BATCH).await?)
            })?;
            all = all.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
            if count < BATCH as usize {
                return Ok(all);
            }
            after = last;
        }
    }
}
