//! Clocks are set back: by an operator, by a time server, by a machine that was restored. What then lies further ahead than
//! any wait is brought back, so that no clean-up, no lease and no watch waits for the old clock.

use async_recursion::async_recursion as boxed;
use domain::Span;

use crate::{Result, Unstick};

impl Unstick {
    /// One pass: brings back what was put off by a clock that was ahead of this one.
    ///
    /// # Errors
    /// Failures of the database.
    #[boxed]
    pub async fn mend_times_once(&self) -> Result<()> {
        let now = self.now();
        let far = now + self.policy().longest_wait();
        // Two leases: the clocks of two machines may be one lease apart, and none takes the other's work away.
        let lease_far = now + self.settings().lease + self.settings().lease;
        let far = far.max(lease_far);
        if !self.store().times_ahead(far, lease_far).await? {
            return Ok(());
        }
        let watch_end = now + self.settings().watch.max(Span::ZERO);
        let look = now + self.policy().longest_drain();
        let mended = transact!(self, tx => { Ok(tx.mend_times(now, far, lease_far, look, watch_end).await?) })?;
        if mended > 0 {
            tracing::warn!(mended, "the clock was set back: what was put off by the old one is done now");
            self.0.kick.notify_one();
        }
        Ok(())
    }
}
