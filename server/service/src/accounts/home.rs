//! The first page: what needs a person now.

use domain::{Actor, Permission, view::HomePage};

use crate::{Result, Unstick};

/// Rows of each list of the first page.
const ROWS: u32 = 10;

impl Unstick {
    /// The first page.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn home(&self, actor: &Actor) -> Result<HomePage> {
        self.authorize(actor, Permission::ReadAccounts, "home").await?;
        let store = self.store();
        let (left_over, cleanups, records, accounts) = tokio::try_join!(
            store.accounts_most_left_over(None, ROWS),
            store.cleanups_page(None, None, ROWS),
            store.servers(),
            store.estimated_accounts(),
        )?;
        let sample = left_over.iter().any(|account| account.sample);
        let bad = records.into_iter().map(|record| record.status).filter(|status| status.health.is_bad());
        Ok(HomePage {
            accumulating: self.rows(left_over).await?,
            cleanups: self.cleanup_rows(cleanups.items),
            bad_servers: bad.collect(),
            accounts,
            sample,
            now: self.now(),
        })
    }
}
