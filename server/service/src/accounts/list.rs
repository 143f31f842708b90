//! Accounts by id: all, or those on one server.

use domain::{
    AccountId, Actor, Permission, Place, ServerName,
    view::{AccountRow, Page},
};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// A page of all accounts, or of those with a route to the server `on`, by id.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    pub async fn accounts(
        &self,
        actor: &Actor,
        on: Option<&(Place, ServerName)>,
        after: Option<&str>,
    ) -> Result<Page<AccountRow>> {
        self.authorize(actor, Permission::ReadAccounts, "accounts").await?;
        let limit = self.settings().page_size;
        let after = parse_after(after)?;
        let mut accounts = match on {
            None => self.store().accounts_page(after.as_ref(), limit + 1).await?,
            Some((place, server)) => self.store().accounts_on(place, server, after.as_ref(), limit + 1).await?,
        };
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        let next = accounts.last().filter(|_| more).map(|account| account.id.to_string());
        Ok(Page { items: self.rows(accounts).await?, next })
    }
}

/// Reads the account id at which a page ended.
pub(super) fn parse_after(after: Option<&str>) -> Result<Option<AccountId>> {
    after
        .map(AccountId::parse)
        .transpose()
        .map_err(|_| Error::invalid("after", "that page does not exist: start again"))
}
