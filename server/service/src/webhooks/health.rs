//! Keeping webhooks small and telling when one is ill.

use async_recursion::async_recursion as boxed;
use domain::{DeliveryState, Span, WebhookState};

use crate::{
    Result, Unstick,
    doctor::{Check, CheckOutcome, check},
};

/// How long what was not delivered is kept: after that nobody wants it any more, and a queue must end somewhere.
const UNDELIVERED: Span = Span::from_days(30);
/// An event that waits for longer is worth a look.
const LATE: Span = Span::from_secs(15 * 60);
/// Events of one transaction.
const BATCH: u32 = 500;

impl Unstick {
    /// Forgets what was delivered long ago, and after a month what was not; ends what a deletion left, and forgets who was
    /// deleted when nothing of their log is left.
    ///
    /// # Errors
    /// Failures of the database.
    #[boxed]
    pub async fn purge_webhooks(&self) -> Result<()> {
        let (now, keep) = (self.now(), self.settings().webhooks.keep);
        let (kept, deleted) = tokio::try_join!(self.store().webhooks(), self.store().deleted_webhooks())?;
        for hook in &deleted {
            self.give_up_rest(hook).await?;
        }
        for hook in kept.iter().chain(&deleted) {
            for state in DeliveryState::ALL {
                let before = now - if state == DeliveryState::Delivered { keep } else { UNDELIVERED };
                loop {
                    let purged =
                        transact!(self, tx => { Ok(tx.purge_deliveries(&hook.id, state, before, BATCH).await?) })?;
                    if purged < i64::from(BATCH) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        for hook in &deleted {
            // A change that began before the deletion may still tell of itself: long ago it is over.
            transact!(self, tx => { Ok(tx.forget_webhook(&hook.id, now - UNDELIVERED).await?) })?;
        }
        Ok(())
    }

    /// Whether every webhook is served and takes what it gets.
    pub(crate) async fn check_webhooks(&self) -> Result<Check> {
        let rows = self.webhook_rows().await?;
        let mut ill = Vec::new();
        for row in &rows {
            let id = &row.hook.id;
            if row.hook.state == WebhookState::Paused {
                ill.push(format!("{id} is paused, {}: admin-tool webhook enable {id}", row.hook.why));
            } else if let (WebhookState::Active, Some(since)) = (row.hook.state, row.hook.failing_since) {
                ill.push(format!("{id} took nothing since {}", since.to_text()));
            } else if row.hook.state == WebhookState::Active && row.oldest.is_some_and(|at| self.now().since(at) > LATE)
            {
                let see = format!("admin-tool webhook log {id} --state waiting");
                ill.push(format!("events for {id} wait for more than {LATE}: {see}; is an admin-tool serve running?"));
            }
            if row.failed.n > 0 {
                ill.push(format!("{} given up for {id}: admin-tool webhook log {id} --state failed", row.failed.n));
            }
        }
        Ok(match (ill.is_empty(), rows.len()) {
            (true, 0) => check("webhooks", CheckOutcome::Ok, "none is set up"),
            (true, n) => check("webhooks", CheckOutcome::Ok, format!("{n}, and each takes what it gets")),
            (false, _) => check("webhooks", CheckOutcome::Warn, ill.join("; ")),
        })
    }
}
