//! Accounts in a list, with a verdict from what is stored: a list asks no router.

use std::collections::HashMap;

use domain::{
    Account, AccountBrief, AccountId, Scope, ServerName, VerdictKind,
    view::{AccountRow, BriefRow},
};
use store::BadRoutes;

use crate::{Result, Unstick};

impl Unstick {
    /// `accounts` as rows, in their order.
    pub(super) async fn rows(&self, accounts: Vec<Account>) -> Result<Vec<AccountRow>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
        let mut judge = self.judge(self.store().bad_routes(&ids).await?);
        let row = |account: Account| {
            let (verdict, server) = judge.verdict(&account.id, account.live_sessions, account.leftover_sessions);
            AccountRow { account, verdict, server }
        };
        Ok(accounts.into_iter().map(row).collect())
    }

    /// `accounts` as rows, in their order, which is that of their ids; no other account is between them.
    pub(super) async fn neighbours(&self, accounts: Vec<AccountBrief>) -> Result<Vec<BriefRow>> {
        let (Some(first), Some(last)) = (accounts.first(), accounts.last()) else {
            return Ok(Vec::new());
        };
        let mut judge = self.judge(self.store().bad_routes_between(&first.id, &last.id).await?);
        let row = |account: AccountBrief| {
            let (verdict, server) = judge.verdict(&account.id, account.live_sessions, account.leftover_sessions);
            BriefRow { account, verdict, server }
        };
        Ok(accounts.into_iter().map(row).collect())
    }

    fn judge(&self, found: Vec<BadRoutes>) -> Judge {
        let mut bad: HashMap<AccountId, Vec<BadRoutes>> = HashMap::new();
        for it in found {
            bad.entry(it.account.clone()).or_default().push(it);
        }
        Judge { bad, many: self.settings().accumulation }
    }
}

/// Says what an account's own page would say, of what is stored.
struct Judge {
    /// The bad routes of each account that has any.
    bad: HashMap<AccountId, Vec<BadRoutes>>,
    /// From so many open sessions on an account accumulates them (0: never).
    many: i64,
}

impl Judge {
    /// Of the account called `id`, with so many sessions that live and that are left over.
    fn verdict(&mut self, id: &AccountId, live: i64, left_over: i64) -> (VerdictKind, Option<ServerName>) {
        let mut bad = self.bad.remove(id).unwrap_or_default();
        if let Some(at) = bad.iter().position(|bad| bad.scope == Scope::Account) {
            return (VerdictKind::Stuck, Some(bad.swap_remove(at).server));
        }
        if let Some(at) = bad.iter().position(|bad| bad.live) {
            return (VerdictKind::PartlyStuck, Some(bad.swap_remove(at).server));
        }
        let accumulates = self.many > 0 && live.saturating_add(left_over) >= self.many;
        let left = left_over > 0 || accumulates || !bad.is_empty();
        (if left { VerdictKind::LeftOver } else { VerdictKind::Clean }, None)
    }
}
