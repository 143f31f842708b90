//! Accounts by id: all, or those that pass a filter.

use async_recursion::async_recursion as boxed;
use domain::{
    AccountFilter, AccountId, Actor, Permission,
    view::{AccountRow, BriefRow, Page},
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
        let (after, limit) = (parse_after(after)?, self.settings().page_size);
        let accounts = if filter.is_empty() {
            self.store().accounts_page(after.as_ref(), limit + 1).await?
        } else {
            self.store().accounts_filtered(filter, after.as_ref(), limit + 1).await?
        };
        let Page { items, next } = page(accounts, limit, |account| &account.id);
        Ok(Page { items: self.rows(items).await?, next })
    }

    /// What the console's list shows of [`Self::accounts`].
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn account_list(
        &self,
        actor: &Actor,
        filter: &AccountFilter,
        after: Option<&str>,
    ) -> Result<Page<BriefRow>> {
        if !filter.is_empty() {
            let Page { items, next } = self.accounts(actor, filter, after).await?;
            return Ok(Page { items: items.into_iter().map(BriefRow::from).collect(), next });
        }
        self.authorize(actor, Permission::ReadAccounts, "accounts").await?;
        let (after, limit) = (parse_after(after)?, self.settings().page_size);
        let accounts = self.store().accounts_brief(after.as_ref(), limit + 1).await?;
        let Page { items, next } = page(accounts, limit, |account| &account.id);
        Ok(Page { items: self.neighbours(items).await?, next })
    }
}

/// A page of at most `limit` of `items`, of which there is one more when there is a next page.
fn page<T>(mut items: Vec<T>, limit: u32, id: impl Fn(&T) -> &AccountId) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|last| id(last).to_string());
    Page { items, next }
}

/// Reads the account id at which a page ended.
pub(super) fn parse_after(after: Option<&str>) -> Result<Option<AccountId>> {
    after
        .map(AccountId::parse)
        .transpose()
        .map_err(|_| Error::invalid("after", "that page does not exist: start again"))
}
