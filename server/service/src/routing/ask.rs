//! Being a router: back ends ask where to send a session, and tell how their servers do. Sticky by account or session,
//! with a time-out, so that it shows the same complaint as a load balancer, and the same cure.

use domain::{
    Actor, Counters, Health, Instant, Permission, Place, PoolInfo, PoolName, RouteKey, RouterKind, Scope, ServerName,
    SessionId,
};
use store::{EmbeddedServer, Pin};

use super::embedded::stored_pool;
use crate::{Error, Result, Unstick};

/// Where to send a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Router and pool.
    pub place: Place,
    /// What the pool sticks on.
    pub scope: Scope,
    /// The key.
    pub key: RouteKey,
    /// The server.
    pub server: ServerName,
    /// Since when.
    pub pinned_at: Instant,
    /// Until when without traffic.
    pub expires_at: Instant,
}

impl Unstick {
    /// Where to send `session` in `pool` (the first embedded pool when `None`): where it is pinned, else the server in
    /// rotation with the fewest pins, where it then is pinned.
    ///
    /// # Errors
    /// `NotFound` for the session or the pool; `Gone` when the session is over; `Conflict` when no server takes
    /// anybody; `Denied`.
    pub async fn ask_route(&self, actor: &Actor, session: &SessionId, pool: Option<&PoolName>) -> Result<Asked> {
        self.authorize(actor, Permission::AskRoute, session.as_str()).await?;
        let found = self.store().session(session).await?.ok_or(Error::NotFound("session"))?;
        if !found.state.is_live() {
            return Err(Error::Gone("session"));
        }
        let pool = self.embedded_pool(pool)?;
        let account = self.store().account(&found.account).await?.ok_or(Error::NotFound("account"))?;
        let key = if pool.scope == Scope::Account { account.key } else { found.key };
        let now = self.now();
        let stored = stored_pool(&pool.place.router, &pool.place.pool);
        let expires_at = now + self.settings().embedded_pin_timeout;
        let server = self.pick(&pool, &stored, now).await?;
        let pin = Pin {
            pool: stored,
            key,
            scope: pool.scope,
            server,
            account: Some(account.id),
            session: Some(found.id),
            pinned_at: now,
            expires_at,
        };
        let pin = transact!(self, tx => { Ok(tx.pin(&pin, now).await?) })?;
        let Pin { key, server, pinned_at, expires_at, .. } = pin;
        Ok(Asked { place: pool.place, scope: pool.scope, key, server, pinned_at, expires_at })
    }

    /// Takes what a back end says of a server of an embedded pool.
    ///
    /// # Errors
    /// `NotFound` for the pool; `Denied`.
    pub async fn feed_server(
        &self,
        actor: &Actor,
        pool: &PoolName,
        server: &ServerName,
        state: Health,
        counters: Counters,
    ) -> Result<()> {
        self.authorize(actor, Permission::FeedRouter, server.as_str()).await?;
        let pool = self.embedded_pool(Some(pool))?;
        let fed = EmbeddedServer {
            pool: stored_pool(&pool.place.router, &pool.place.pool),
            name: server.clone(),
            state,
            counters,
            updated_at: self.now(),
        };
        transact!(self, tx => { Ok(tx.save_embedded_server(&fed).await?) })
    }

    fn embedded_pool(&self, name: Option<&PoolName>) -> Result<PoolInfo> {
        let embedded =
            |pool: &&PoolInfo| pool.kind == RouterKind::Embedded && name.is_none_or(|name| *name == pool.place.pool);
        self.pools().iter().find(embedded).cloned().ok_or(Error::NotFound("pool on an embedded router"))
    }

    /// The server in rotation with the fewest pins; the name decides between equals, so that it is no lottery.
    async fn pick(&self, pool: &PoolInfo, stored: &PoolName, now: Instant) -> Result<ServerName> {
        let (servers, counts, records) = tokio::try_join!(
            self.store().embedded_servers(),
            self.store().pin_counts(stored, now),
            self.store().servers(),
        )?;
        let health = |name: &ServerName| {
            let record = records.iter().find(|r| r.status.place == pool.place && &r.status.name == name);
            record.map_or(Health::Unknown, |record| record.status.health)
        };
        let pins = |name: &ServerName| counts.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
        let takes = servers.iter().filter(|server| &server.pool == stored && server.state == Health::Healthy);
        let best = takes.min_by_key(|server| (health(&server.name).is_bad(), pins(&server.name), server.name.clone()));
        let best = best.map(|server| server.name.clone());
        best.ok_or_else(|| Error::Conflict("no server of that pool takes anybody: report one as ready".to_owned()))
    }
}
