//! Seeing a bulk clean-up through from a shell: work on it here, beside whoever works on it too.

use std::time::Duration;

use async_recursion::async_recursion as boxed;
use domain::{Bulk, BulkId, BulkOutcome, BulkStatus};
use tokio::sync::watch;

use crate::{Result, Unstick};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

impl Unstick {
    /// Works on bulk clean-up `id` until it is over and what it began has an end or is owed; waits while it is paused or
    /// waits for approval. `on_change` sees it at every look.
    ///
    /// # Errors
    /// `NotFound`; failures of the database.
    #[boxed]
    pub async fn drive_bulk(&self, id: &BulkId, on_change: &(dyn Fn(&Bulk) + Sync)) -> Result<Bulk> {
        let (stop, stopped) = watch::channel(false);
        let seen = async {
            let over = self.until_over(id, on_change).await;
            stop.send_replace(true);
            over
        };
        let (over, (), ()) =
            tokio::join!(seen, self.clean_up_worker(stopped.clone()), store::behind(self.bulk_worker(stopped.clone())));
        over
    }

    async fn until_over(&self, id: &BulkId, on_change: &(dyn Fn(&Bulk) + Sync)) -> Result<Bulk> {
        loop {
            let bulk = self.bulk_by_id(id).await?;
            on_change(&bulk);
            let waits = matches!(bulk.status, BulkStatus::Running | BulkStatus::Paused | BulkStatus::AwaitingApproval);
            if !waits && bulk.counts.get(BulkOutcome::Running) <= 0 {
                return Ok(bulk);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
