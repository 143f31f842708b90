//! Accounts in a list, with a verdict from what is stored: a list asks no router.

use std::collections::HashMap;

use domain::{Account, AccountId, Scope, ServerName, VerdictKind, view::AccountRow};
use store::BadRoutes;

use crate::{Result, Unstick};

impl Unstick {
    /// `accounts` as rows, in their order.
    pub(super) async fn rows(&self, accounts: Vec<Account>) -> Result<Vec<AccountRow>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
        let bad = self.store().bad_routes(&ids).await?;
        Ok(self.judged(accounts, bad))
    }

    /// `accounts` as rows, in their order, which is that of their ids; no other account is between them.
    pub(super) async fn neighbours(&self, accounts: Vec<Account>) -> Result<Vec<AccountRow>> {
        let (Some(first), Some(last)) = (accounts.first(), accounts.last()) else {
            return Ok(Vec::new());
        };
        let bad = self.store().bad_routes_between(&first.id, &last.id).await?;
        Ok(self.judged(accounts, bad))
    }

    fn judged(&self, accounts: Vec<Account>, found: Vec<BadRoutes>) -> Vec<AccountRow> {
        let mut by_account: HashMap<AccountId, Vec<BadRoutes>> = HashMap::new();
        for bad in found {
            by_account.entry(bad.account.clone()).or_default().push(bad);
        }
        let many = self.settings().accumulation;
        let row = |account: Account| {
            let (verdict, server) = verdict(&account, by_account.remove(&account.id).unwrap_or_default(), many);
            AccountRow { account, verdict, server }
        };
        accounts.into_iter().map(row).collect()
    }
}

/// What the account's own page would say, of what is stored. From `many` open sessions on it accumulates them (0: never).
fn verdict(account: &Account, mut bad: Vec<BadRoutes>, many: i64) -> (VerdictKind, Option<ServerName>) {
    if let Some(at) = bad.iter().position(|bad| bad.scope == Scope::Account) {
        return (VerdictKind::Stuck, Some(bad.swap_remove(at).server));
    }
    if let Some(at) = bad.iter().position(|bad| bad.live) {
        return (VerdictKind::PartlyStuck, Some(bad.swap_remove(at).server));
    }
    let accumulates = many > 0 && account.live_sessions.saturating_add(account.leftover_sessions) >= many;
    let left = account.leftover_sessions > 0 || accumulates || !bad.is_empty();
    (if left { VerdictKind::LeftOver } else { VerdictKind::Clean }, None)
}
