//! HAProxy's stick tables, through its runtime API.
//!
//! What HAProxy does not do, and this module therefore does: tell whether `clear` removed anything (every key is read
//! back), tell a wrong table from an empty one (the overview is read with every line), keep a text from being obeyed
//! (only checked words and keys reach a line), answer in time.
//!
//! A request under way brings a cleared row back at its end: whoever calls [`Router::clear`] waits [`Router::drain`] and
//! calls it again. [`Router::fence`] keeps new requests from making rows meanwhile.

mod answer;
mod check;
mod clear;
mod command;
mod config;
mod fence;
mod list;
mod parse_acl;
mod parse_info;
mod parse_peers;
mod parse_stat;
mod parse_state;
mod parse_table;
mod pin;
mod refusal;
mod roster;
mod rows;
mod servers;
mod set_state;
mod talk;
mod transport;

use std::sync::{PoisonError, atomic::Ordering};

use async_trait::async_trait;
use domain::{PoolInfo, PoolName, RouteKey, RouterKind, RouterName, ServerName, ServerState, Span, StateReading};

use self::{
    command::Command, config::Pool, list::entry, parse_table::Row, roster::Roster, rows::distinct, transport::Transport,
};
use crate::{About, Entry, Listing, Router, RouterError, ServerReading, embedded::no_pool};

pub use config::{Endpoint, HaproxyConfig, HaproxyPool};

/// A HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    config: HaproxyConfig,
    infos: Vec<PoolInfo>,
    pools: Vec<Pool>,
    transport: Transport,
}

impl Haproxy {
    /// A router for `config`; connects to nothing yet.
    ///
    /// # Errors
    /// When `config` cannot work, in words for who wrote it.
    pub fn new(config: HaproxyConfig) -> Result<Self, String> {
        let pools = config.check()?;
        let infos = config.infos();
        let transport = Transport::new(config.name.clone(), config.endpoint.clone(), config.timeout.to_std());
        Ok(Self { config, infos, pools, transport })
    }

    fn pool(&self, name: &PoolName) -> Result<&Pool, RouterError> {
        self.pools.iter().find(|pool| pool.name == *name).ok_or_else(|| no_pool(&self.config.name, name))
    }

    /// `rows` with the names of their servers.
    async fn entries(&self, pool: &Pool, rows: Vec<Row>) -> Result<Vec<Entry>, RouterError> {
        let needed = rows.iter().any(Roster::is_needed_for);
        let roster = if needed { self.roster(pool).await? } else { Roster::default() };
        let named = |row: Row| Some(entry(RouteKey::parse(row.key.as_str()).ok()?, roster.server_of(&row), &row));
        Ok(rows.into_iter().filter_map(named).collect())
    }
}

#[async_trait]
impl Router for Haproxy {
    fn name(&self) -> &RouterName {
        &self.config.name
    }
    fn kind(&self) -> RouterKind {
        RouterKind::Haproxy
    }
    fn pools(&self) -> &[PoolInfo] {
        &self.infos
    }
    fn drain(&self) -> Span {
        self.config.max_request
    }
    /// Whether any pool has an ACL file; the pools that have none are not fenced.
    fn can_fence(&self) -> bool {
        self.pools.iter().any(|pool| pool.acl.is_some())
    }

    fn caveats(&self) -> Vec<String> {
        let open = self.pools.iter().filter(|pool| pool.acl.is_none());
        let caveat = |pool: &Pool| {
            format!(
                "pool {} has no acl_file, so a request that comes while a key is cleaned may pin it again, and only the second \
                 look finds that: give its `stick` lines an ACL file and name it in acl_file",
                pool.name
            )
        };
        let full = |pool: &Pool| {
            let entries = Some(pool.full_at.load(Ordering::Relaxed)).filter(|entries| *entries > 0)?;
            Some(format!(
                "the table {} is full with {entries} entries: HAProxy drops the oldest ones without a word, so customers move for \
                 no reason; give its stick-table a larger size",
                pool.table
            ))
        };
        let kept = |pool: &Pool| {
            let servers = pool.lingering.lock().unwrap_or_else(PoisonError::into_inner);
            let servers: Vec<&str> = servers.iter().map(ServerName::as_str).collect();
            (!servers.is_empty()).then(|| {
                format!(
                    "{} in pool {} is a backup server and still serves customers although others are up: entries that were \
                     made while those were away keep them there until they expire; move everybody off it to end that",
                    servers.join(", "),
                    pool.name
                )
            })
        };
        let of_pools = self.pools.iter().filter_map(full).chain(self.pools.iter().filter_map(kept));
        open.map(caveat).chain(of_pools).collect()
    }

    async fn troubles(&self, pool: &PoolName) -> Vec<RouterError> {
        match self.pool(pool) {
            Ok(pool) => self.troubles_of(pool).await,
            Err(unknown) => vec![unknown],
        }
    }

    async fn about(&self) -> Result<About, RouterError> {
        let answer = self.transport.ask(&[Command::Info]).await?;
        let text = self.transport.data(answer.replies().next(), "itself")?;
        parse_info::about(text).ok_or_else(|| self.transport.foreign())
    }

    async fn peers(&self) -> Result<Vec<String>, RouterError> {
        let answer = self.transport.ask(&[Command::Peers]).await?;
        let text = self.transport.data(answer.replies().next(), "its peers")?;
        let tables: Vec<_> = self.pools.iter().map(|pool| &pool.table).collect();
        Ok(parse_peers::peers(text, &tables))
    }

    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        self.readings().await
    }

    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        let pool = self.pool(pool)?;
        let rows = self.rows(pool, &distinct(keys)).await?;
        self.entries(pool, rows).await
    }

    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        let pool = self.pool(pool)?;
        let rows = self.clear_rows(pool, &distinct(keys)).await?;
        self.entries(pool, rows).await
    }

    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.raise(&distinct(keys)).await
    }

    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.lower(&distinct(keys)).await
    }

    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<StateReading, RouterError> {
        self.read_state(self.pool(pool)?, server).await
    }

    async fn set_state(
        &self,
        pool: &PoolName,
        server: &ServerName,
        state: ServerState,
    ) -> Result<StateReading, RouterError> {
        self.change_state(self.pool(pool)?, server, state).await
    }

    async fn pin(&self, pool: &PoolName, key: &RouteKey, server: &ServerName) -> Result<Option<Entry>, RouterError> {
        self.re_pin(self.pool(pool)?, key, server).await
    }

    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        self.list_rows(self.pool(pool)?, limit).await
    }

    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        self.rows_of_server(self.pool(pool)?, server, limit).await
    }
}
