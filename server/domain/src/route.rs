//! Routes: entries of a router that pin a key to a server.

use serde::{Deserialize, Serialize};

use crate::{Instant, PoolName, RouteKey, RouterName, ServerName, SessionId, Span};

/// What kind of thing a router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterKind {
    /// A routing table in Unstick's own database, asked and fed through the API.
    Embedded,
    /// HAProxy's stick tables, through its runtime API.
    Haproxy,
    /// An affinity map in Redis.
    Redis,
}

impl RouterKind {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Haproxy => "haproxy",
            Self::Redis => "redis",
        }
    }
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All traffic of an account: a fresh sign-in on a new machine follows it.
    Account,
    /// One session's traffic.
    Session,
}

impl Scope {
    /// The word in the database, the configuration and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Session => "session",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Account, Self::Session].into_iter().find(|scope| scope.as_str() == word)
    }
}

/// One table of pins: a pool on a router.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The router.
    pub router: RouterName,
    /// The pool on it.
    pub pool: PoolName,
}

/// An entry that pins a key to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where it is.
    pub place: Place,
    /// What the key stands for.
    pub scope: Scope,
    /// The key.
    pub key: RouteKey,
    /// The server it pins to; `None` when the entry names none (then it pins nothing).
    pub server: Option<ServerName>,
    /// The session it belongs to or, for an account route, the session that made it, where known.
    pub session: Option<SessionId>,
    /// Whether it was made before the account's last forced clean-up, as its router tells: that removed it, and something
    /// brought it back.
    #[serde(default)]
    pub is_void: bool,
    /// When it was first seen pinned to this server.
    pub pinned_at: Option<Instant>,
    /// Time left until it expires without traffic, where the router tells.
    pub expires_in: Option<Span>,
    /// When it was read.
    pub read_at: Instant,
}
