//! Seeing a clean-up through from a shell: work on it here, or watch another process work.

use async_recursion::async_recursion as boxed;
use domain::{CleanupId, Span, Status, view::LedgerView};

use crate::{Error, Result, Unstick};

/// Longest time between two looks.
const LOOK: Span = Span::from_millis(250);

impl Unstick {
    /// Works on clean-up `id`, or watches who does, until it is done, owed, or needs a person; `on_change` sees the
    /// ledger each time it changed.
    ///
    /// # Errors
    /// `NotFound`; failures of the database.
    #[boxed]
    pub async fn drive(&self, id: &CleanupId, on_change: &(dyn Fn(&LedgerView) + Sync)) -> Result<Status> {
        let mut shown = None;
        loop {
            self.run_cleanup(id).await?;
            let view = self.ledger_view(id, false).await?;
            let state = (view.cleanup.status, view.counts, view.cleanup.next_at);
            if shown != Some(state) {
                on_change(&view);
                shown = Some(state);
            }
            match view.cleanup.status {
                Status::Running => {
                    let wait = view.cleanup.next_at.since(self.now()).min(LOOK).max(Span::from_millis(10));
                    tokio::time::sleep(wait.to_std()).await;
                }
                over => return Ok(over),
            }
        }
    }

    pub(super) async fn cleanup_by_id(&self, id: &CleanupId) -> Result<domain::Cleanup> {
        self.store().cleanup(id).await?.ok_or(Error::NotFound("clean-up"))
    }
}
