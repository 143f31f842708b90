//! Pausing, resuming, ending and retrying a bulk clean-up.

use async_recursion::async_recursion as boxed;
use domain::{Actor, Bulk, BulkId, BulkMove, Freshness, Permission};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// Pauses it, lets it go on, ends it, or tries again what could not be asked for. Clean-ups that are under way end in
    /// any case: a clean-up is never left half done. Whoever lets it go on proves who they are; stopping never waits for that.
    ///
    /// # Errors
    /// `Unproved`; `Invalid` for a move that is no person's; `Conflict` when it cannot happen now; `NotFound`; `Denied`.
    #[boxed]
    pub async fn control_bulk(&self, actor: &Actor, id: &BulkId, what: BulkMove) -> Result<Bulk> {
        self.authorize(actor, Permission::BulkCleanUp, id.as_str()).await?;
        let (action, verb) = match what {
            BulkMove::Pause => ("bulk.paused", "paused"),
            BulkMove::Resume => ("bulk.resumed", "resumed"),
            BulkMove::Cancel => ("bulk.cancelled", "cancelled"),
            BulkMove::Retry => ("bulk.retried", "tried again"),
            _ => return Err(Error::invalid("what", "choose pause, resume, cancel or retry")),
        };
        if matches!(what, BulkMove::Resume | BulkMove::Retry) {
            actor.require_fresh(Freshness::FiveMinutes, self.now())?;
        }
        let bulk = self.bulk_by_id(id).await?;
        let mut draft = self.draft(actor, action, id.as_str());
        draft.ticket.clone_from(&bulk.order.ticket);
        draft.detail = serde_json::json!({ "was": bulk.status, "counts": bulk.counts });
        let now = self.now();
        transact!(self, tx => {
            // A retry of nothing is no retry.
            let again = what != BulkMove::Retry || tx.retry_bulk_accounts(id).await? > 0;
            let moved = again && tx.move_bulk(id, what, now).await?;
            if !moved {
                return Err(Error::Conflict(format!("it cannot be {verb} now: it is {}", bulk.status.label())));
            }
            Ok(tx.append_audit(&draft).await?)
        })?;
        self.0.bulk_kick.notify_one();
        self.bulk_by_id(id).await
    }
}
