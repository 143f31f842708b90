//! Accounts in a list, with a verdict from what is stored: a list asks no router.

use std::collections::HashMap;

use domain::{
    Account, AccountId, Health, Scope, ServerName, ServerStatus, Session, SessionId, VerdictKind, view::AccountRow,
};
use store::StoredRoute;

use crate::{Result, Unstick};

impl Unstick {
    /// `accounts` as rows, in their order.
    pub(super) async fn rows(&self, accounts: Vec<Account>) -> Result<Vec<AccountRow>> {
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (routes, records) = tokio::try_join!(self.store().routes_of_accounts(&ids), self.store().servers())?;
        let servers: Vec<ServerStatus> = records.into_iter().map(|record| record.status).collect();
        let bad: Vec<(StoredRoute, ServerName)> =
            routes.into_iter().filter_map(|stored| bad_server(&stored, &servers).map(|name| (stored, name))).collect();
        let named: Vec<SessionId> = bad.iter().filter_map(|(stored, _)| stored.route.session.clone()).collect();
        let sessions = if named.is_empty() { Vec::new() } else { self.store().sessions_by_ids(&named).await? };
        let live: HashMap<&SessionId, &Session> =
            sessions.iter().filter(|session| session.state.is_live()).map(|session| (&session.id, session)).collect();
        let mut by_account: HashMap<&AccountId, Vec<(&StoredRoute, &ServerName)>> = HashMap::new();
        for (stored, name) in &bad {
            if let Some(account) = &stored.account {
                by_account.entry(account).or_default().push((stored, name));
            }
        }
        let row = |account: Account| {
            let found = by_account.get(&account.id).map_or(&[][..], Vec::as_slice);
            let (verdict, server) = verdict(&account, found, &live);
            AccountRow { account, verdict, server }
        };
        Ok(accounts.into_iter().map(row).collect())
    }
}

fn bad_server(stored: &StoredRoute, servers: &[ServerStatus]) -> Option<ServerName> {
    let name = stored.route.server.as_ref()?;
    let pool: Vec<&ServerStatus> = servers.iter().filter(|server| server.place == stored.route.place).collect();
    let health = pool.iter().find(|server| &server.name == name).map(|server| server.health);
    let health = health.unwrap_or(if pool.is_empty() { Health::Unknown } else { Health::Gone });
    health.is_bad().then(|| name.clone())
}

fn verdict(
    account: &Account,
    bad: &[(&StoredRoute, &ServerName)],
    live: &HashMap<&SessionId, &Session>,
) -> (VerdictKind, Option<ServerName>) {
    if let Some((_, name)) = bad.iter().find(|(stored, _)| stored.route.scope == Scope::Account) {
        return (VerdictKind::Stuck, Some((*name).clone()));
    }
    let of_live = |stored: &StoredRoute| stored.route.session.as_ref().is_some_and(|id| live.contains_key(id));
    if let Some((_, name)) = bad.iter().find(|(stored, _)| of_live(stored)) {
        return (VerdictKind::PartlyStuck, Some((*name).clone()));
    }
    let left = account.leftover_sessions > 0 || !bad.is_empty();
    (if left { VerdictKind::LeftOver } else { VerdictKind::Clean }, None)
}
