//! The table behind an embedded router: rows of our own database. Several embedded routers share it, each under its own
//! name.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Clock, Instant, PoolName, RouteKey, RouterName, Scope, ServerName, ServerState, Span, StateReading};
use routers::{Entry, Listing, RouterError, ServerReading, embedded::RouteTable};
use store::{Pin, Store, StoreError};

/// A fence that nobody lifted (its process died) opens by itself after this time.
const FENCED: Span = Span::from_secs(300);
/// How long a pin that a person made holds without traffic, where none was before: the default of `embedded_pin_timeout`.
const PINNED: Span = Span::from_secs(30 * 60);

/// The table of the embedded router `name`.
pub fn embedded_table(store: Store, clock: Arc<dyn Clock>, name: &RouterName) -> Arc<dyn RouteTable> {
    Arc::new(Table { store, clock, name: name.clone() })
}

struct Table {
    store: Store,
    clock: Arc<dyn Clock>,
    name: RouterName,
}

/// The pool under which router `name` keeps its pool `pool`.
pub(crate) fn stored_pool(name: &RouterName, pool: &PoolName) -> PoolName {
    PoolName::parse(format!("{name}:{pool}")).unwrap_or_else(|_| pool.clone())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn trouble(error: StoreError) -> RouterError {
    tracing::warn!(error = %crate::workers::report(&error), "the embedded router's table could not be used");
    RouterError::Unreachable("its table in the database could not be read just now".to_owned())
}

impl Table {
    fn entry(&self, pin: Pin) -> Entry {
        Entry {
            expires_in: Some(pin.expires_at.since(self.clock.now())),
            key: pin.key,
            server: Some(pin.server),
            session: pin.session,
            generation: None,
            pinned_at: Some(pin.pinned_at),
            in_use: false,
        }
    }

    /// How many entries `pool` has, all or those of `server`: counted when they were made, so that nothing is read in vain.
    async fn count(&self, pool: &PoolName, server: Option<&ServerName>) -> Result<u64, RouterError> {
        let counts = self.store.pin_counts(&stored_pool(&self.name, pool), self.clock.now()).await.map_err(trouble)?;
        let counts = counts.into_iter().filter(|(name, _)| server.is_none_or(|server| server == name));
        Ok(counts.map(|(_, pins)| u64::try_from(pins).unwrap_or(0)).sum())
    }

    async fn pages(&self, pool: &PoolName, server: Option<&ServerName>, limit: u64) -> Result<Listing, StoreError> {
        let (stored, now) = (stored_pool(&self.name, pool), self.clock.now());
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.pins_page(&stored, server, after.as_ref(), now, 1_000).await?;
            let Some(last) = page.last() else {
                return Ok(Listing::All(entries));
            };
            after = Some(last.key.clone());
            entries.extend(page.into_iter().map(|pin| self.entry(pin)));
            if entries.len() as u64 > limit {
                return Ok(Listing::TooMany(entries.len() as u64));
            }
        }
    }
}

#[async_trait]
impl RouteTable for Table {
    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        let pins = self.store.pins(&stored_pool(&self.name, pool), keys, self.clock.now()).await.map_err(trouble)?;
        Ok(pins.into_iter().map(|pin| self.entry(pin)).collect())
    }

    async fn remove(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<(), RouterError> {
        let pool = stored_pool(&self.name, pool);
        // Also what has expired: it would be there again if a clock that is ahead were set back.
        if self.store.pins(&pool, keys, Instant::from_micros(i64::MIN)).await.map_err(trouble)?.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await.map_err(trouble)?;
        tx.unpin(&pool, keys).await.map_err(trouble)?;
        tx.commit().await.map_err(trouble)
    }

    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        let mut tx = self.store.begin().await.map_err(trouble)?;
        tx.fence_keys(keys, self.clock.now() + FENCED).await.map_err(trouble)?;
        tx.commit().await.map_err(trouble)
    }

    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        let mut tx = self.store.begin().await.map_err(trouble)?;
        tx.lift_keys(keys).await.map_err(trouble)?;
        tx.commit().await.map_err(trouble)
    }

    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        let servers = self.store.embedded_servers().await.map_err(trouble)?;
        let prefix = format!("{}:", self.name);
        let mine = servers.into_iter().filter_map(|server| {
            let pool = PoolName::parse(server.pool.as_str().strip_prefix(&prefix)?).ok()?;
            let state = server.health();
            Some(ServerReading { pool, name: server.name, state, counters: server.counters })
        });
        Ok(mine.collect())
    }

    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<Option<StateReading>, RouterError> {
        let (stored, servers) = (stored_pool(&self.name, pool), self.store.embedded_servers().await.map_err(trouble)?);
        let found = servers.iter().find(|known| known.pool == stored && known.name == *server);
        Ok(found.map(|known| StateReading { state: known.held, health: known.health() }))
    }

    async fn hold(&self, pool: &PoolName, server: &ServerName, state: ServerState) -> Result<(), RouterError> {
        let mut tx = self.store.begin().await.map_err(trouble)?;
        tx.hold_embedded_server(&stored_pool(&self.name, pool), server, state).await.map_err(trouble)?;
        tx.commit().await.map_err(trouble)
    }

    async fn put(&self, pool: &PoolName, scope: Scope, key: &RouteKey, server: &ServerName) -> Result<(), RouterError> {
        let (stored, now) = (stored_pool(&self.name, pool), self.clock.now());
        let keys = std::slice::from_ref(key);
        let before = self.store.pins(&stored, keys, now).await.map_err(trouble)?.pop();
        let owners = self.store.owners_of_keys(keys).await.map_err(trouble)?;
        let owner = owners.into_iter().find(|owner| owner.scope == scope);
        let pin = Pin {
            pool: stored,
            key: key.clone(),
            scope,
            server: server.clone(),
            account: owner.as_ref().map(|owner| owner.account.clone()),
            // A session's own key is that session's; that of an account was pinned by a person.
            session: owner.and_then(|owner| owner.session),
            pinned_at: now,
            expires_at: before.map_or(now + PINNED, |pin| pin.expires_at),
        };
        let mut tx = self.store.begin().await.map_err(trouble)?;
        tx.import_pins(std::slice::from_ref(&pin)).await.map_err(trouble)?;
        tx.commit().await.map_err(trouble)
    }

    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        match self.count(pool, None).await? {
            n if n > limit => Ok(Listing::TooMany(n)),
            _ => self.pages(pool, None, limit).await.map_err(trouble),
        }
    }

    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        match self.count(pool, Some(server)).await? {
            0 => Ok(Listing::All(Vec::new())),
            n if n > limit => Ok(Listing::TooMany(n)),
            _ => self.pages(pool, Some(server), limit).await.map_err(trouble),
        }
    }

    async fn page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Vec<Entry>, RouterError> {
        let (stored, now) = (stored_pool(&self.name, pool), self.clock.now());
        let pins = self.store.pins_page(&stored, server, after, now, limit).await.map_err(trouble)?;
        Ok(pins.into_iter().map(|pin| self.entry(pin)).collect())
    }
}
