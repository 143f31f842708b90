//! Deleting a webhook: at once nothing is sent to it any more; what waited is given up. What was sent can be read for as long
//! as it is kept.

use async_recursion::async_recursion as boxed;
use domain::{Actor, Freshness, Permission, Webhook, WebhookId, view::WebhookRow};

use crate::{Error, Result, Unstick};

/// Events of one transaction.
const BATCH: u32 = 500;

impl Unstick {
    /// Deletes a webhook, and gives up what waits for it. Answers it as it then is.
    ///
    /// # Errors
    /// `Conflict` when it is deleted already; `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn delete_webhook(&self, actor: &Actor, id: &WebhookId) -> Result<WebhookRow> {
        self.authorize_fresh(actor, Permission::ManageWebhooks, Freshness::FiveMinutes, id.as_str()).await?;
        let hook = self.kept_webhook(id).await?;
        let (now, why) = (self.now(), format!("{} deleted it", actor.label()));
        let mut draft = self.draft(actor, "webhook.deleted", id.as_str());
        draft.detail = serde_json::json!({ "events": hook.kinds, "format": hook.format });
        let deleted = transact!(self, tx => {
            let deleted = tx.delete_webhook(id, &why, now).await?;
            if deleted {
                tx.append_audit(&draft).await?;
            }
            Ok(deleted)
        })?;
        if !deleted {
            return Err(Error::Conflict("it is deleted".to_owned()));
        }
        let hook = self.webhook_by_id(id).await?;
        self.give_up_rest(&hook).await?;
        self.webhook_row(hook).await
    }

    /// Gives up what waits for a webhook that is deleted. Whoever dies here leaves the rest to the next purge: nothing of it
    /// is sent in any case.
    pub(super) async fn give_up_rest(&self, hook: &Webhook) -> Result<()> {
        let said = format!("not sent: {}", hook.why);
        loop {
            let given_up = transact!(self, tx => { Ok(tx.give_up_deliveries(&hook.id, &said, BATCH).await?) })?;
            if given_up < i64::from(BATCH) {
                return Ok(());
            }
        }
    }
}
