//! Pinning one key to a chosen server on every load balancer of a fleet. On one alone it would hold until the other one is
//! asked, or its peer teaches it back.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use domain::{
    AccountId, Actor, AuditOutcome, Permission, PinAnswer, Place, RePinPage, RePinRequest, RePinned, RouteKey, Scope,
    ServerStatus, Trouble,
};
use futures::future::join_all;
use routers::{Router, RouterError};

use crate::{Error, Result, Unstick, check::why};

impl Unstick {
    /// Where `key` is pinned on the fleet of `place`, and to which servers it could be.
    ///
    /// # Errors
    /// `NotFound` for the router, the pool, or a key that is no account's and no session's; `Denied`.
    #[boxed]
    pub async fn re_pin_page(&self, actor: &Actor, place: &Place, key: &RouteKey) -> Result<RePinPage> {
        self.authorize(actor, Permission::ReadAccounts, key.as_str()).await?;
        let (members, scope, account) = self.pinned_by(place, key).await?;
        let keys = std::slice::from_ref(key);
        let readings = join_all(members.iter().map(|router| router.read(&place.pool, keys))).await;
        let told = members.iter().zip(readings).map(|(router, reading)| {
            let server = reading.map(|entries| entries.into_iter().next().and_then(|entry| entry.server));
            (router.name().clone(), server.map_err(|error| error.to_string()))
        });
        Ok(RePinPage {
            place: place.clone(),
            scope,
            key: key.clone(),
            account,
            fleet: told.collect(),
            servers: self.servers_at(place).await?,
            may_pin: actor.require(Permission::RePin).is_ok(),
            now: self.now(),
        })
    }

    /// Pins a key to a server and reads it back everywhere.
    ///
    /// # Errors
    /// `Invalid` for the reason, the ticket, or a server that takes nobody; `NotFound` as in [`Self::re_pin_page`];
    /// `Denied`. What a load balancer answers is no error but in [`RePinned::answers`].
    #[boxed]
    pub async fn re_pin(&self, actor: &Actor, mut request: RePinRequest) -> Result<RePinned> {
        self.authorize(actor, Permission::RePin, request.key.as_str()).await?;
        (request.reason, request.ticket) = why(&request.reason, &request.ticket)?;
        let (members, _, account) = self.pinned_by(&request.place, &request.key).await?;
        let servers = self.servers_at(&request.place).await?;
        let health = servers.iter().find(|server| server.name == request.server).map(|server| server.health);
        match health {
            Some(health) if health.takes_customers() => {}
            Some(bad) => {
                let message = format!("{} is {}: choose a server that is healthy", request.server, bad.as_str());
                return Err(Error::invalid("server", message));
            }
            None => {
                let message = format!("the pool {} has no server called {}", request.place.pool, request.server);
                return Err(Error::invalid("server", message));
            }
        }
        let target = format!("{}/{}/{}", request.place.router, request.place.pool, request.key);
        let mut draft = self.draft(actor, "route.pin_requested", &target);
        draft.account = Some(account.clone());
        draft.reason.clone_from(&request.reason);
        draft.ticket.clone_from(&request.ticket);
        let names: Vec<&str> = members.iter().map(|router| router.name().as_str()).collect();
        draft.detail = serde_json::json!({ "server": request.server, "routers": names });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })?;
        let answers = join_all(members.iter().map(|router| pin_on(router.as_ref(), &request))).await;
        let told = RePinned { request, account, answers };
        draft.at = self.now();
        "route.pinned".clone_into(&mut draft.action);
        draft.outcome = if told.is_done() { AuditOutcome::Done } else { AuditOutcome::Failed };
        draft.detail = serde_json::json!({ "server": told.request.server, "answers": told.answers });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })?;
        Ok(told)
    }

    /// The fleet of `place`, what its keys stand for, and whose `key` is.
    async fn pinned_by(&self, place: &Place, key: &RouteKey) -> Result<(Vec<Arc<dyn Router>>, Scope, AccountId)> {
        let members = self.fleet_of(place)?;
        let pools = members.iter().flat_map(|router| router.pools());
        let scope = pools.into_iter().find(|pool| pool.place == *place).ok_or(Error::NotFound("pool"))?.scope;
        let owners = self.store().owners_of_keys(std::slice::from_ref(key)).await?;
        let owner = owners.into_iter().find(|owner| owner.scope == scope).ok_or(Error::NotFound("key"))?;
        Ok((members, scope, owner.account))
    }

    async fn servers_at(&self, place: &Place) -> Result<Vec<ServerStatus>> {
        let records = self.store().servers().await?;
        let mut servers = self.current_servers(records).await;
        servers.retain(|server| server.place == *place);
        Ok(servers)
    }
}

async fn pin_on(router: &dyn Router, request: &RePinRequest) -> PinAnswer {
    let (read, trouble) = match router.pin(&request.place.pool, &request.key, &request.server).await {
        Ok(entry) => (entry.and_then(|entry| entry.server), None),
        Err(RouterError::Unreachable(text) | RouterError::NotNow(text)) => (None, Some(Trouble::Unreachable(text))),
        Err(RouterError::Refused(text)) => (None, Some(Trouble::Refused(text))),
    };
    PinAnswer { router: router.name().clone(), read, trouble }
}
