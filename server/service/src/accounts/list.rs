//! Accounts by id: all, or those that pass a filter.

use async_recursion::async_recursion as boxed;
use domain::{
    AccountFilter, AccountId, Actor, Permission,
    view::{AccountRow, Page},
};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// A page of the accounts that pass `filter`, by id; of all, when it says nothing.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn accounts(
        &self,
        actor: &Actor,
        filter: &AccountFilter,
        after: Option<&str>,
    ) -> Result<Page<AccountRow>> {
        self.authorize(actor, Permission::ReadAccounts, "accounts").await?;
        let limit = self.settings().page_size;
        let after = parse_after(after)?;
        let all = filter.is_empty();
        let mut accounts = if all {
            self.store().accounts_page(after.as_ref(), limit + 1).await?
        } else {
            self.store().accounts_filtered(filter, after.as_ref(), limit + 1).await?
        };
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        let next = accounts.last().filter(|_| more).map(|account| account.id.to_string());
        let items = if all { self.neighbours(accounts).await? } else { self.rows(accounts).await? };
        Ok(Page { items, next })
    }
}

/// Reads the account id at which a page ended.
pub(super) fn parse_after(after: Option<&str>) -> Result<Option<AccountId>> {
    after
        .map(AccountId::parse)
        .transpose()
        .map_err(|_| Error::invalid("after", "that page does not exist: start again"))
}
