//! Accounts for back ends: written in batches, read by key.

use async_recursion::async_recursion as boxed;
use domain::{Account, AccountId, Actor, Permission, view::Page};
use store::AccountUpsert;

use super::list::parse_after;
use crate::{Error, Result, Unstick, check, sessions::check_batch};

impl Unstick {
    /// Stores accounts; what is `None` keeps what is stored. Answers each account and whether it is new.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000, too long texts and impossible times; `Denied`.
    #[boxed]
    pub async fn upsert_accounts(&self, actor: &Actor, items: Vec<AccountUpsert>) -> Result<Vec<(Account, bool)>> {
        self.authorize(actor, Permission::ReportSessions, "accounts").await?;
        check_batch(items.len())?;
        let now = self.now();
        items.iter().try_for_each(|item| check::account(item, now))?;
        self.report_accounts(items).await
    }

    /// One account.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn api_account(&self, actor: &Actor, id: &AccountId) -> Result<Account> {
        self.authorize(actor, Permission::ReadSessions, id.as_str()).await?;
        self.store().account(id).await?.ok_or(Error::NotFound("account"))
    }

    /// A page of accounts, by id; at most 1,000.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn api_accounts(&self, actor: &Actor, after: Option<&str>, limit: u32) -> Result<Page<Account>> {
        self.authorize(actor, Permission::ReadSessions, "accounts").await?;
        let limit = limit.clamp(1, 1_000);
        let after = parse_after(after)?;
        let mut items = self.store().accounts_page(after.as_ref(), limit + 1).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|account| account.id.to_string());
        Ok(Page { items, next })
    }
}
