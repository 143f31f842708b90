//! An affinity map in Redis: keys that say which server an account or a session is pinned to, written by somebody else's
//! proxy and read and removed here.
//!
//! What Redis does not do, and this module therefore does: keep a deletion (a Redis without an append-only file that
//! crashes brings the key back: every removal is read back, and whoever calls looks again when [`About::node`] or
//! [`About::uptime`] tell of a restart), refuse new entries for a key (see [`Router::fence`]: a tombstone that the proxy
//! must heed), know its servers (the configuration names them; their health is unknown unless it is told otherwise).

mod config;
mod endpoint;
mod entries;
mod fence;
mod info;
mod pattern;
mod pin;
mod refusal;
mod sweep;
mod transport;
mod value;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::{
    Counters, Health, PoolInfo, PoolName, RouteKey, RouterKind, RouterName, ServerName, ServerState, Span, StateReading,
};
use redis::{Pipeline, Value};

use self::{
    config::Pool,
    entries::distinct,
    info::{State, info},
    transport::Transport,
};
use crate::{About, Entry, Listing, Router, RouterError, ServerReading, embedded::no_pool};

pub use config::{RedisConfig, RedisPool};
pub use endpoint::{Address, Endpoint, Password};
pub use value::ValueFormat;

/// An affinity map in Redis.
#[derive(Debug)]
pub struct Redis {
    config: RedisConfig,
    infos: Vec<PoolInfo>,
    pools: Vec<Pool>,
    transport: Transport,
    /// As last told by it; `None` before it was asked.
    state: Mutex<Option<State>>,
}

impl Redis {
    /// A router for `config`; connects to nothing yet.
    ///
    /// # Errors
    /// When `config` cannot work, in words for who wrote it.
    pub fn new(config: RedisConfig) -> Result<Self, String> {
        let pools = config.check()?;
        let (infos, transport) = (config.infos(), Transport::new(&config)?);
        Ok(Self { config, infos, pools, transport, state: Mutex::default() })
    }

    fn pool(&self, name: &PoolName) -> Result<&Pool, RouterError> {
        self.pools.iter().find(|pool| pool.name == *name).ok_or_else(|| no_pool(&self.config.name, name))
    }
}

fn no_fence(pool: &RedisPool) -> String {
    format!(
        "pool {} has no fence, so a request that comes while a key is cleaned may pin it again: make the proxy heed the \
         tombstones and set fence = true",
        pool.name
    )
}

#[async_trait]
impl Router for Redis {
    fn name(&self) -> &RouterName {
        &self.config.name
    }
    fn kind(&self) -> RouterKind {
        RouterKind::Redis
    }
    fn pools(&self) -> &[PoolInfo] {
        &self.infos
    }
    fn drain(&self) -> Span {
        self.config.max_request
    }
    /// Whether the proxy of any pool heeds tombstones; the other pools are not fenced.
    fn can_fence(&self) -> bool {
        self.pools.iter().any(|pool| pool.fence.is_some())
    }

    fn caveats(&self) -> Vec<String> {
        let open = self.config.pools.iter().filter(|pool| !pool.fence);
        let mut caveats: Vec<String> = open.map(no_fence).collect();
        let Some(state) = *self.state.lock().unwrap_or_else(PoisonError::into_inner) else {
            return caveats;
        };
        if state.replica {
            caveats.push("it is a replica, where nothing can be removed: point the endpoint at its primary".to_owned());
        }
        if state.save_failed {
            caveats.push(
                "its last background save failed, and until that is mended it removes nothing: look into its log"
                    .to_owned(),
            );
        }
        if !state.append_only {
            caveats.push(
                "it keeps no append-only file, so a crash brings back what was cleaned since its last snapshot: set \
                 appendonly yes"
                    .to_owned(),
            );
        }
        caveats
    }

    async fn about(&self) -> Result<About, RouterError> {
        let mut commands = Pipeline::with_capacity(3);
        for section in ["server", "replication", "persistence"] {
            commands.cmd("INFO").arg(section);
        }
        let mut text = String::new();
        for answer in self.transport.ask(&mut commands).await?.1 {
            match answer.map_err(|error| self.transport.answered(&error))? {
                Value::BulkString(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
                _ => return Err(self.transport.foreign()),
            }
        }
        let info = info(&text).ok_or_else(|| self.transport.foreign())?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.state);
        if info.state.loading {
            return Err(self.transport.unreachable("is still loading its data"));
        }
        Ok(info.about)
    }

    /// What the configuration says: nothing is asked of Redis, which knows no servers.
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        let of_pool = |pool: &Pool| {
            let reading = |name: &ServerName| ServerReading {
                pool: pool.name.clone(),
                name: name.clone(),
                state: Health::Unknown,
                counters: Counters::default(),
            };
            pool.servers.iter().map(reading).collect::<Vec<_>>()
        };
        Ok(self.pools.iter().flat_map(of_pool).collect())
    }

    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.entries(self.pool(pool)?, &distinct(keys)).await
    }

    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.remove(self.pool(pool)?, &distinct(keys)).await
    }

    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.raise(&distinct(keys)).await
    }

    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.lower(&distinct(keys)).await
    }

    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<StateReading, RouterError> {
        Err(self.has_no_states(self.pool(pool)?, server))
    }

    async fn set_state(
        &self,
        pool: &PoolName,
        server: &ServerName,
        _state: ServerState,
    ) -> Result<StateReading, RouterError> {
        Err(self.has_no_states(self.pool(pool)?, server))
    }

    async fn pin(&self, pool: &PoolName, key: &RouteKey, server: &ServerName) -> Result<Option<Entry>, RouterError> {
        self.re_pin(self.pool(pool)?, key, server).await
    }

    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        self.sweep(self.pool(pool)?, None, limit).await
    }

    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        self.sweep(self.pool(pool)?, Some(server), limit).await
    }
}
