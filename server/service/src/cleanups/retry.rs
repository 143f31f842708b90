//! A person looks at what failed and asks to try again.

use async_recursion::async_recursion as boxed;
use domain::{Actor, CleanupId, Permission, Stage, Status, Step};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// Tries the failed and the owed steps of a clean-up again, now.
    ///
    /// # Errors
    /// `Conflict` when nothing waits for a retry; `NotFound`; `Denied`.
    #[boxed]
    pub async fn retry_cleanup(&self, actor: &Actor, id: &CleanupId) -> Result<()> {
        self.authorize(actor, Permission::CleanUp, id.as_str()).await?;
        let cleanup = self.cleanup_by_id(id).await?;
        let now = self.now();
        if !matches!(cleanup.status, Status::NeedsAttention | Status::Owed) {
            return Err(Error::Conflict("this clean-up waits for nobody: there is nothing to retry".to_owned()));
        }
        let steps = self.store().steps(id).await?;
        let steps: Vec<Step> =
            steps.into_iter().filter(|step| step.stage != Stage::Verified).map(|step| step.retried(now)).collect();
        let mut draft = self.draft(actor, "cleanup.retried", id.as_str());
        draft.account = Some(cleanup.account.clone());
        draft.ticket.clone_from(&cleanup.ticket);
        let retried = transact!(self, tx => {
            let retried = tx.retry_cleanup(id, &steps, now).await?;
            if retried {
                tx.append_audit(&draft).await?;
            }
            Ok(retried)
        })?;
        if !retried {
            return Err(Error::Conflict("somebody was faster: look at the clean-up again".to_owned()));
        }
        self.0.kick.notify_one();
        self.0.changed.send(id.clone()).ok();
        Ok(())
    }
}
