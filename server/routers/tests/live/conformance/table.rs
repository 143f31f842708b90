//! A table in memory for the embedded router: what the trait asks of one, and no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use domain::{Counters, Health, PoolName, RouteKey, Scope, ServerName, ServerState, StateReading};
use routers::{Entry, Listing, RouterError, ServerReading, embedded::RouteTable};

/// The table.
#[derive(Default)]
pub struct Memory {
    entries: Mutex<BTreeMap<RouteKey, ServerName>>,
    fenced: Mutex<BTreeSet<RouteKey>>,
    held: Mutex<BTreeMap<ServerName, ServerState>>,
}

/// Whoever makes entries in an embedded router's table.
#[async_trait]
pub trait Users: Send + Sync {
    /// A request of `key`: it follows its entry, and makes one on `server` where none is and none is forbidden.
    async fn request(&self, key: &RouteKey, server: &ServerName);
    /// Makes entries on `server` whatever a fence says.
    async fn write(&self, keys: &[RouteKey], server: &ServerName);
}

#[async_trait]
impl Users for Memory {
    async fn request(&self, key: &RouteKey, server: &ServerName) {
        if !self.fenced.lock().unwrap().contains(key) {
            self.entries.lock().unwrap().entry(key.clone()).or_insert_with(|| server.clone());
        }
    }

    async fn write(&self, keys: &[RouteKey], server: &ServerName) {
        self.entries.lock().unwrap().extend(keys.iter().map(|key| (key.clone(), server.clone())));
    }
}

impl Memory {
    fn that(&self, wanted: impl Fn(&RouteKey, &ServerName) -> bool) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap();
        entries.iter().filter(|(key, server)| wanted(key, server)).map(|(key, server)| entry(key, server)).collect()
    }
}

fn entry(key: &RouteKey, server: &ServerName) -> Entry {
    let (key, server) = (key.clone(), Some(server.clone()));
    Entry { key, server, session: None, generation: None, pinned_at: None, expires_in: None, in_use: false }
}

fn bounded(entries: Vec<Entry>, limit: u64) -> Listing {
    if entries.len() as u64 > limit { Listing::TooMany(entries.len() as u64) } else { Listing::All(entries) }
}

#[async_trait]
impl RouteTable for Memory {
    async fn read(&self, _pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        Ok(self.that(|key, _| keys.contains(key)))
    }
    async fn remove(&self, _pool: &PoolName, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.entries.lock().unwrap().retain(|key, _| !keys.contains(key));
        Ok(())
    }
    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.fenced.lock().unwrap().extend(keys.iter().cloned());
        Ok(())
    }
    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.fenced.lock().unwrap().retain(|key| !keys.contains(key));
        Ok(())
    }
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        let reading = |name| ServerReading {
            pool: PoolName::parse("app").unwrap(),
            name: ServerName::parse(name).unwrap(),
            state: self
                .held
                .lock()
                .unwrap()
                .get(&ServerName::parse(name).unwrap())
                .map_or(Health::Healthy, |held| held.over(Health::Healthy)),
            counters: Counters::default(),
        };
        Ok(["api-1", "api-2", "api-3"].map(reading).to_vec())
    }
    async fn state_of(&self, _pool: &PoolName, server: &ServerName) -> Result<Option<StateReading>, RouterError> {
        let state = self.held.lock().unwrap().get(server).copied().unwrap_or(ServerState::Ready);
        let known = ["api-1", "api-2", "api-3"].contains(&server.as_str());
        Ok(known.then(|| StateReading { state, health: state.over(Health::Healthy) }))
    }
    async fn hold(&self, _pool: &PoolName, server: &ServerName, state: ServerState) -> Result<(), RouterError> {
        self.held.lock().unwrap().insert(server.clone(), state);
        Ok(())
    }
    async fn put(&self, _: &PoolName, _: Scope, key: &RouteKey, server: &ServerName) -> Result<(), RouterError> {
        self.write(std::slice::from_ref(key), server).await;
        Ok(())
    }
    async fn list(&self, _pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        Ok(bounded(self.that(|_, _| true), limit))
    }
    async fn of_server(&self, _pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        Ok(bounded(self.that(|_, of| of == server), limit))
    }
    async fn page(
        &self,
        _pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Vec<Entry>, RouterError> {
        let wanted = |of: &ServerName| server.is_none_or(|server| server == of);
        let mut entries = self.that(|key, of| wanted(of) && after.is_none_or(|after| key > after));
        entries.truncate(limit as usize);
        Ok(entries)
    }
}
