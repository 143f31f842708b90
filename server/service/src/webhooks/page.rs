//! What pages and the shell show of webhooks.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, DeliveryFilter, DeliveryState, Permission, Webhook, WebhookId,
    view::{Count, WebhookPage, WebhookRow},
};

use crate::{Result, Unstick};

/// Events that are counted at most.
const COUNTED: u32 = 10_000;

impl Unstick {
    /// Every webhook, the newest first, with what waits for it.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn webhooks(&self, actor: &Actor) -> Result<Vec<WebhookRow>> {
        self.authorize(actor, Permission::ReadWebhooks, "webhooks").await?;
        self.webhook_rows().await
    }

    pub(super) async fn webhook_rows(&self) -> Result<Vec<WebhookRow>> {
        let mut rows = Vec::new();
        for hook in self.store().webhooks().await? {
            rows.push(self.webhook_row(hook).await?);
        }
        Ok(rows)
    }

    /// A webhook with what waits for it; for a while also one that was deleted.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn webhook(&self, actor: &Actor, id: &WebhookId) -> Result<WebhookRow> {
        self.authorize(actor, Permission::ReadWebhooks, id.as_str()).await?;
        self.webhook_row(self.webhook_by_id(id).await?).await
    }

    pub(super) async fn webhook_row(&self, hook: Webhook) -> Result<WebhookRow> {
        let (waits, gave_up) = tokio::try_join!(
            self.store().count_deliveries(&hook, DeliveryState::Waiting, COUNTED + 1),
            self.store().count_deliveries(&hook, DeliveryState::Failed, COUNTED + 1),
        )?;
        let count = |n: i64| Count { n: n.min(COUNTED.into()), more: n > i64::from(COUNTED) };
        Ok(WebhookRow { hook, waiting: count(waits.0), failed: count(gave_up.0), oldest: waits.1, now: self.now() })
    }

    /// A webhook with a page of what was sent to it, or is to be, the newest first.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn webhook_page(
        &self,
        actor: &Actor,
        id: &WebhookId,
        filter: DeliveryFilter,
        after: Option<&str>,
    ) -> Result<WebhookPage> {
        self.authorize(actor, Permission::ReadWebhooks, id.as_str()).await?;
        let row = self.webhook_row(self.webhook_by_id(id).await?).await?;
        let log = self.store().deliveries_page(id, &filter, after, self.settings().page_size).await?;
        let keep = self.settings().webhooks.keep;
        Ok(WebhookPage { row, log, filter, keep })
    }
}
