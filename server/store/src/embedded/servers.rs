//! The embedded router's servers, as back ends and operators report them.

use domain::{Counters, Health, Instant, PoolName, ServerName, ServerState};
use serde::Deserialize;

use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    servers::{count, counters, health},
    sql::{args, rows, sql},
};

/// A server of the embedded router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedServer {
    /// In which pool.
    pub pool: PoolName,
    /// Its name.
    pub name: ServerName,
    /// What its back end reports: healthy, draining, maintenance or down.
    pub state: Health,
    /// What a person set beside that. A report does not change it.
    pub held: ServerState,
    /// What it counted since its start.
    pub counters: Counters,
    /// When it was last reported.
    pub updated_at: Instant,
}

#[derive(Deserialize)]
struct Record {
    pool: String,
    name: String,
    state: String,
    held: Option<String>,
    requests: i64,
    errors: i64,
    response_ms: i64,
    updated_at: i64,
}

impl TryFrom<Record> for EmbeddedServer {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self> {
        Ok(Self {
            pool: PoolName::parse(record.pool).map_err(StoreError::corrupt)?,
            name: ServerName::parse(record.name).map_err(StoreError::corrupt)?,
            state: health(&record.state)?,
            held: record.held.as_deref().map_or(Ok(ServerState::Ready), held)?,
            counters: counters(record.requests, record.errors, record.response_ms),
            updated_at: Instant::from_micros(record.updated_at),
        })
    }
}

impl EmbeddedServer {
    /// How it is: as it reports itself, with what a person set.
    pub const fn health(&self) -> Health {
        self.held.over(self.state)
    }
}

fn held(word: &str) -> Result<ServerState> {
    ServerState::parse(word).ok_or_else(|| StoreError::corrupt("a server's state is no known word"))
}

impl Tx {
    /// Keeps a server as it was reported; what a person set of it (`held`) stays as it is.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_embedded_server(&mut self, s: &EmbeddedServer) -> Result<()> {
        let sql = sql!(
            "INSERT INTO embedded_servers (pool, name, state, requests, errors, response_ms, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (pool, name) DO UPDATE SET state = excluded.state, requests = excluded.requests, \
             errors = excluded.errors, response_ms = excluded.response_ms, updated_at = excluded.updated_at"
        );
        let counters = s.counters;
        let (requests, errors) = (count(counters.requests), count(counters.errors));
        let values = args![&s.pool, &s.name, s.state.as_str(), requests, errors, counters.response_ms, s.updated_at];
        self.exec(sql, values).await.map(|_| ())
    }

    /// Sets what is done with a server, whatever it reports. Whether it was there.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn hold_embedded_server(&mut self, pool: &PoolName, name: &ServerName, to: ServerState) -> Result<bool> {
        let sql = sql!("UPDATE embedded_servers SET held = $3 WHERE pool = $1 AND name = $2");
        let held = (to != ServerState::Ready).then(|| to.as_str());
        Ok(self.exec(sql, args![pool, name, held]).await? > 0)
    }
}

impl Store {
    /// Every server of the embedded router, by pool and name. As many as were reported.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn embedded_servers(&self) -> Result<Vec<EmbeddedServer>> {
        let sql = rows!(
            "pool, name, state, held, requests, errors, response_ms, updated_at",
            "FROM embedded_servers ORDER BY pool, name"
        );
        all(self.rows::<Record>(sql, &[]).await?)
    }
}
