//! How far a customer's reset is.

use async_recursion::async_recursion as boxed;
use domain::{Actor, CleanupId, StepKind, state_words, view::ResetState};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// How far a reset of the customer's own account is, in plain words. Asks no load balancer.
    ///
    /// # Errors
    /// `NotFound`, also for what is somebody else's; `Denied`.
    #[boxed]
    pub async fn reset_state(&self, actor: &Actor, id: &CleanupId) -> Result<ResetState> {
        let (account, _) = self.customer(actor).await?;
        let found = self.store().cleanup(id).await?.filter(|cleanup| cleanup.account == *account);
        let cleanup = found.ok_or(Error::NotFound("reset"))?;
        let (steps, kept) = tokio::try_join!(self.store().steps(id), self.store().kept_session(id))?;
        let ended = steps.iter().filter(|step| step.kind == StepKind::Revoke).count();
        Ok(ResetState {
            says: state_words(cleanup.status, ended, kept.is_some()),
            ended: i64::try_from(ended).unwrap_or(i64::MAX),
            id: cleanup.id,
            status: cleanup.status,
            requested_at: cleanup.requested_at,
            finished_at: cleanup.finished_at,
            now: self.now(),
        })
    }
}
