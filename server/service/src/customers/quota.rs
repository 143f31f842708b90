//! How often customers may: counted in the database, for an account, so that a restart forgets nothing and every process
//! counts the same.

use domain::{AccountId, Instant, Span};
use store::Tx;

use crate::{Error, Result, Unstick};

/// So many times in a window that begins with the first of them.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    key: String,
    most: i64,
    window: Span,
}

impl Quota {
    pub(super) fn resets(account: &AccountId, most: i64) -> Self {
        Self { key: format!("self:reset:{account}"), most, window: Span::from_days(1) }
    }

    pub(super) fn reads(account: &AccountId, most: i64) -> Self {
        Self { key: format!("self:read:{account}"), most, window: Span::from_secs(3_600) }
    }

    /// Counts one more, in the transaction of what is counted: what is refused is not counted.
    ///
    /// # Errors
    /// `Throttled` when that is one too many.
    pub(crate) async fn take(&self, tx: &mut Tx, now: Instant) -> Result<()> {
        let counted = tx.note_attempt(&self.key, now, self.window).await?;
        if counted.failures <= self.most {
            return Ok(());
        }
        let began = counted.window_start.unwrap_or(now);
        Err(Error::Throttled { wait: (began + self.window).since(now) })
    }
}

impl Unstick {
    /// Counts a reading that asks every load balancer.
    ///
    /// # Errors
    /// `Throttled` when the account had its share of this hour.
    pub(super) async fn count_read(&self, account: &AccountId) -> Result<()> {
        let (now, quota) = (self.now(), Quota::reads(account, self.settings().customers.reads));
        transact!(self, tx => { quota.take(&mut tx, now).await })
    }
}
