//! Being a router: back ends ask where to send a session, and tell how their servers do. Sticky by account or session,
//! with a time-out, so that it shows the same complaint as a load balancer, and the same cure.

use std::collections::{BTreeMap, HashMap};

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Counters, Health, Instant, Permission, Place, PoolInfo, PoolName, RouteKey, RouterKind, Scope, ServerName,
    ServerState, Session, SessionId,
};
use store::{EmbeddedServer, Pin};

use super::embedded::stored_pool;
use crate::{Error, Result, Unstick, sessions::check_batch};

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
    #[boxed]
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
        let mut choice = self.choice(&pool, &stored, now).await?;
        let leaves = choice.leaves(&self.store().pins(&stored, std::slice::from_ref(&key), now).await?);
        let server = choice.take()?;
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
        let pin = transact!(self, tx => {
            if !leaves.is_empty() {
                tx.unpin(&pin.pool, &leaves).await?;
            }
            Ok(tx.pin(&pin, now).await?)
        })?;
        let Pin { key, server, pinned_at, expires_at, .. } = pin;
        Ok(Asked { place: pool.place, scope: pool.scope, key, server, pinned_at, expires_at })
    }

    /// Where to send each of `sessions`, which are live, in the first embedded pool: [`Self::ask_route`] for up to 1,000
    /// at once, in one transaction. Keys that are new are spread over the servers.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000; `Gone` when one is over; `NotFound` for the pool; `Conflict` when no server takes anybody; `Denied`.
    #[boxed]
    pub async fn ask_routes(&self, actor: &Actor, sessions: &[Session]) -> Result<Vec<Asked>> {
        self.authorize(actor, Permission::AskRoute, "sessions").await?;
        check_batch(sessions.len())?;
        if sessions.iter().any(|session| !session.state.is_live()) {
            return Err(Error::Gone("session"));
        }
        let pool = self.embedded_pool(None)?;
        let now = self.now();
        let stored = stored_pool(&pool.place.router, &pool.place.pool);
        let key_of = |session: &Session| match pool.scope {
            Scope::Account => RouteKey::of_account(&session.account),
            Scope::Session => session.key.clone(),
        };
        let by_key: BTreeMap<RouteKey, &Session> =
            sessions.iter().rev().map(|session| (key_of(session), session)).collect();
        let keys: Vec<RouteKey> = by_key.keys().cloned().collect();
        let (known, mut choice) = tokio::try_join!(
            async { Ok(self.store().pins(&stored, &keys, now).await?) },
            self.choice(&pool, &stored, now)
        )?;
        let leaves = choice.leaves(&known);
        let stay = known.iter().filter(|pin| !leaves.contains(&pin.key));
        let known: HashMap<&RouteKey, &ServerName> = stay.map(|pin| (&pin.key, &pin.server)).collect();
        let expires_at = now + self.settings().embedded_pin_timeout;
        let mut pins = Vec::with_capacity(by_key.len());
        for (key, session) in &by_key {
            let server = match known.get(key) {
                Some(server) => (*server).clone(),
                None => choice.take()?,
            };
            pins.push(Pin {
                pool: stored.clone(),
                key: key.clone(),
                scope: pool.scope,
                server,
                account: Some(session.account.clone()),
                session: Some(session.id.clone()),
                pinned_at: now,
                expires_at,
            });
        }
        let held = transact!(self, tx => {
            if !leaves.is_empty() {
                tx.unpin(&stored, &leaves).await?;
            }
            Ok(tx.pin_all(&pins, now).await?)
        })?;
        let held: HashMap<RouteKey, Pin> = held.into_iter().map(|pin| (pin.key.clone(), pin)).collect();
        let asked = |session: &Session| {
            let Pin { key, server, pinned_at, expires_at, .. } = held.get(&key_of(session))?.clone();
            Some(Asked { place: pool.place.clone(), scope: pool.scope, key, server, pinned_at, expires_at })
        };
        sessions.iter().map(|session| asked(session).ok_or(Error::Busy)).collect()
    }

    /// Takes what a back end says of a server of an embedded pool.
    ///
    /// # Errors
    /// `NotFound` for the pool; `Denied`.
    #[boxed]
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
            held: ServerState::Ready,
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

    /// The servers of `pool` that take somebody, and how much each has.
    async fn choice(&self, pool: &PoolInfo, stored: &PoolName, now: Instant) -> Result<Choice> {
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
        let (mut takes, mut closed) = (Vec::new(), Vec::new());
        for server in servers.into_iter().filter(|server| &server.pool == stored) {
            match server.health() {
                Health::Healthy => takes.push((health(&server.name).is_bad(), pins(&server.name), server.name)),
                Health::Maintenance => closed.push(server.name),
                _ => {}
            }
        }
        Ok(Choice { takes, closed })
    }
}

/// The servers of a pool.
struct Choice {
    /// Those in rotation: whether each serves badly, how many pins lead to it, its name.
    takes: Vec<(bool, i64, ServerName)>,
    /// Those to which nobody is sent, not even who is pinned there.
    closed: Vec<ServerName>,
}

impl Choice {
    /// The keys of those `pins` that lead to a server to which nobody is sent.
    fn leaves(&self, pins: &[Pin]) -> Vec<RouteKey> {
        pins.iter().filter(|pin| self.closed.contains(&pin.server)).map(|pin| pin.key.clone()).collect()
    }

    /// The server with the fewest pins, which then has one more; the name decides between equals, so that it is no
    /// lottery.
    fn take(&mut self) -> Result<ServerName> {
        let best = self.takes.iter_mut().min();
        let (_, pins, name) = best
            .ok_or_else(|| Error::Conflict("no server of that pool takes anybody: report one as ready".to_owned()))?;
        *pins += 1;
        Ok(name.clone())
    }
}
