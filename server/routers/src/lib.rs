//! The only code of Unstick that talks to load balancers and affinity maps: one trait, one module per kind of router.
//!
//! What every router here promises:
//! - An entry counts as gone only when it was read again and was not there. An empty answer proves nothing.
//! - A router that does not answer in time is [`RouterError::Unreachable`]: whatever was asked of it stays owed.
//! - One that answers and takes no changes for a while is [`RouterError::NotNow`]: likewise owed.
//! - A router that answers and will not do it is [`RouterError::Refused`], with what a person can do about it.

mod breaker;
pub mod embedded;
pub mod haproxy;
pub mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    Counters, Health, Instant, PoolInfo, PoolName, RouteKey, RouterKind, RouterName, ServerName, ServerState,
    SessionId, Span, StateReading,
};

pub use breaker::Breaker;

/// All routers of an installation.
pub type Fleet = Vec<Arc<dyn Router>>;

/// Why a router did not do what it was asked. The texts are for a support person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// It does not answer: later it may.
    #[error("{0}")]
    Unreachable(String),
    /// It answers, also what it is asked to tell, and takes no changes until its own trouble is over: what was asked stays owed.
    #[error("{0}")]
    NotNow(String),
    /// It answers and will not: somebody has to change something first.
    #[error("{0}")]
    Refused(String),
}

/// An entry that a router has for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: RouteKey,
    /// The server it pins to, which may not exist any more; `None` when the entry names none (then it pins nothing).
    pub server: Option<ServerName>,
    /// The session that made it, where the router knows.
    pub session: Option<SessionId>,
    /// The generation of the account when it was made, where the router tells: what is of an older one was cleaned and has
    /// come back.
    pub generation: Option<i64>,
    /// Since when it is pinned, where the router knows.
    pub pinned_at: Option<Instant>,
    /// Time left until it expires without traffic, where the router tells.
    pub expires_in: Option<Span>,
    /// Whether a request or connection holds it at this moment, so that it cannot be removed.
    pub in_use: bool,
}

/// A server as its router sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReading {
    /// The pool it is in.
    pub pool: PoolName,
    /// Its name.
    pub name: ServerName,
    /// What its operator and its checks say: never [`Health::Degraded`] and never [`Health::Gone`].
    pub state: Health,
    /// What was counted since the router (or the embedded server's report) began.
    pub counters: Counters,
}

/// What a router says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Product and version, `HAProxy 2.6.12`.
    pub product: String,
    /// How long it runs. Going backwards means that it restarted and may have learnt old entries again.
    pub uptime: Option<Span>,
    /// The name it gives itself. Another one than before means that another process answers, which may know old entries.
    pub node: String,
    /// Whether it takes changes, as far as it says. When it does again, it is given what it is owed.
    pub takes_changes: bool,
}

/// Entries, or how many there would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// All of them.
    All(Vec<Entry>),
    /// More than was asked for: so many, or as many as were counted before it was clear that there are too many.
    TooMany(u64),
}

/// A load balancer or an affinity map.
#[async_trait]
pub trait Router: Send + Sync {
    /// Its name.
    fn name(&self) -> &RouterName;
    /// What it is.
    fn kind(&self) -> RouterKind;
    /// Its pools.
    fn pools(&self) -> &[PoolInfo];
    /// The longest that a request may take: for so long after a clearing an old request can still write its entry back.
    fn drain(&self) -> Span;
    /// Whether [`Self::fence`] can keep it from making entries.
    fn can_fence(&self) -> bool;
    /// What cannot be promised as it is configured and, after [`Self::about`], [`Self::servers`] and what reads entries, as
    /// it runs: a sentence each, with what to do about it. None when everything can.
    fn caveats(&self) -> Vec<String> {
        Vec::new()
    }
    /// Everything that keeps `pool` from being read and cleaned, before anybody asks for a clean-up. Changes nothing.
    async fn troubles(&self, pool: &PoolName) -> Vec<RouterError> {
        self.read(pool, &[probe()]).await.err().into_iter().collect()
    }
    /// What it says of itself.
    async fn about(&self) -> Result<About, RouterError>;
    /// The names, as it knows them, of others to which it tells every entry that it learns, but never one that is cleared.
    async fn peers(&self) -> Result<Vec<String>, RouterError> {
        Ok(Vec::new())
    }
    /// The servers of all its pools.
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError>;
    /// The entries that exist for `keys`.
    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError>;
    /// Removes the entries of `keys`, key by key, reads every key back, and returns what is still there.
    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError>;
    /// From now on no new entry is made for `keys`; read back. Does nothing without [`Self::can_fence`].
    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError>;
    /// Undoes [`Self::fence`]; read back.
    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError>;
    /// What is set of `server`, and how it is. Refused where there is no such server, or nothing that could be set.
    async fn state_of(&self, _pool: &PoolName, _server: &ServerName) -> Result<StateReading, RouterError> {
        Err(stateless(self.name()))
    }
    /// Sets what is done with `server`, and reads it back. What was read is returned, and may be another than `state`.
    async fn set_state(
        &self,
        _pool: &PoolName,
        _server: &ServerName,
        _state: ServerState,
    ) -> Result<StateReading, RouterError> {
        Err(stateless(self.name()))
    }
    /// Pins `key` to `server`, which must be one of the pool's, wherever it is pinned now, and reads it back. What was
    /// read is returned, and may be another than was asked for: something else pinned it meanwhile.
    async fn pin(&self, _pool: &PoolName, _key: &RouteKey, _server: &ServerName) -> Result<Option<Entry>, RouterError> {
        Err(RouterError::Refused(format!("router {} cannot pin a key to a chosen server", self.name())))
    }
    /// All entries of `pool`, read only when there are at most `limit`.
    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError>;
    /// The entries of `pool` that pin to `server`, at most `limit`.
    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError>;
    /// At most `limit` entries of `pool`, or of those that pin to `server`, whose keys come after `after`, in the order of
    /// keys' bytes; fewer only at the end. `None` from a router that cannot read its table piece by piece.
    async fn page(
        &self,
        _pool: &PoolName,
        _server: Option<&ServerName>,
        _after: Option<&RouteKey>,
        _limit: u32,
    ) -> Result<Option<Vec<Entry>>, RouterError> {
        Ok(None)
    }
}

fn stateless(router: &RouterName) -> RouterError {
    RouterError::Refused(format!("router {router} has no servers whose state could be set"))
}

/// The refusal of a server that a pool does not have.
pub(crate) fn no_server(router: &RouterName, pool: &PoolName, server: &ServerName) -> RouterError {
    RouterError::Refused(format!("{router} has no server called {server} in its pool {pool}"))
}

/// A key that nobody has, to ask with.
pub(crate) fn probe() -> RouteKey {
    RouteKey::parse("unstick-doctor").unwrap_or_else(|_| unreachable!("it fits the grammar"))
}
