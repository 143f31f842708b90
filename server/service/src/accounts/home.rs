//! The first page: what needs a person now.

use async_recursion::async_recursion as boxed;
use domain::{
    Account, Actor, Permission, Scope, ServerStatus,
    view::{HomePage, OnServer},
};

use crate::{Result, Unstick};

/// Rows of each list of the first page.
const ROWS: u32 = 10;

impl Unstick {
    /// The first page.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn home(&self, actor: &Actor) -> Result<HomePage> {
        self.authorize(actor, Permission::ReadAccounts, "home").await?;
        let store = self.store();
        let (left_over, cleanups, records, counts, accounts) = tokio::try_join!(
            store.accounts_most_left_over(None, ROWS),
            store.cleanups_page(None, None, ROWS),
            store.servers(),
            store.pinned_counts(),
            store.estimated_accounts(),
        )?;
        let sample = left_over.iter().any(|account| account.sample);
        let bad: Vec<ServerStatus> =
            records.into_iter().map(|record| record.status).filter(|status| status.health.is_bad()).collect();
        let by_account = |status: &&ServerStatus| {
            self.pools().iter().any(|pool| pool.place == status.place && pool.scope == Scope::Account)
        };
        let on = |status: &ServerStatus| {
            let count = counts.iter().find(|(place, server, _)| (place, server) == (&status.place, &status.name));
            count.map(|(place, server, pinned)| OnServer {
                place: place.clone(),
                server: server.clone(),
                pinned: *pinned,
            })
        };
        let stuck_on: Vec<OnServer> = bad.iter().filter(by_account).filter_map(on).collect();
        Ok(HomePage {
            stuck: self.rows(self.some_on(&stuck_on).await?).await?,
            stuck_on,
            accumulating: self.rows(left_over).await?,
            cleanups: self.cleanup_rows(cleanups.items),
            bad_servers: bad,
            accounts,
            sample,
            unfinished: self.unfinished().await?,
            now: self.now(),
        })
    }

    /// A few accounts that are on one of `servers`.
    async fn some_on(&self, servers: &[OnServer]) -> Result<Vec<Account>> {
        let mut found: Vec<Account> = Vec::new();
        for on in servers {
            if found.len() >= ROWS as usize {
                break;
            }
            let more = self.store().accounts_on(&on.place, &on.server, None, ROWS).await?;
            found.extend(
                more.into_iter().filter(|account| found.iter().all(|it| it.id != account.id)).collect::<Vec<_>>(),
            );
        }
        found.truncate(ROWS as usize);
        Ok(found)
    }
}
