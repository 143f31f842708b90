//! What was last read from routers, and how it changed.

mod counts;
mod history;
mod read;
mod save;

use domain::{AccountId, Instant, Place, PoolName, Route, RouteKey, RouterName, Scope, ServerName, SessionId, Span};
use serde::Deserialize;

pub use self::history::RouteChange;
pub(crate) use self::history::insert_changes;
use crate::{Result, StoreError};

/// A route, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoute {
    /// The route.
    pub route: Route,
    /// The account that its key belongs to, where known.
    pub account: Option<AccountId>,
}

/// That an account has routes to a bad server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRoutes {
    /// The account.
    pub account: AccountId,
    /// The scope of the routes.
    pub scope: Scope,
    /// Whether their sessions live.
    pub live: bool,
    /// The server; the first by name where there are several.
    pub server: ServerName,
}

/// [`BadRoutes`] as a row.
#[derive(Deserialize)]
struct BadRecord {
    account_id: String,
    scope: String,
    live: i64,
    server: String,
}

impl TryFrom<BadRecord> for BadRoutes {
    type Error = StoreError;

    fn try_from(record: BadRecord) -> Result<Self> {
        Ok(Self {
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            scope: scope(&record.scope)?,
            live: record.live != 0,
            server: ServerName::parse(record.server).map_err(StoreError::corrupt)?,
        })
    }
}

/// The piece `route` as a row.
#[derive(Deserialize)]
struct RouteRecord {
    router: String,
    pool: String,
    route_key: String,
    scope: String,
    server: Option<String>,
    session_id: Option<String>,
    account_id: Option<String>,
    pinned_at: Option<i64>,
    expires_in: Option<i64>,
    read_at: i64,
}

impl TryFrom<RouteRecord> for StoredRoute {
    type Error = StoreError;

    fn try_from(record: RouteRecord) -> Result<Self> {
        let route = Route {
            place: place(record.router, record.pool)?,
            scope: scope(&record.scope)?,
            key: RouteKey::parse(record.route_key).map_err(StoreError::corrupt)?,
            server: record.server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?,
            session: record.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?,
            is_void: false,
            pinned_at: record.pinned_at.map(Instant::from_micros),
            expires_in: record.expires_in.map(Span::from_micros),
            read_at: Instant::from_micros(record.read_at),
        };
        let account = record.account_id.map(AccountId::parse).transpose().map_err(StoreError::corrupt)?;
        Ok(Self { route, account })
    }
}

/// A place from its two columns.
pub(crate) fn place(router: String, pool: String) -> Result<Place> {
    let router = RouterName::parse(router).map_err(StoreError::corrupt)?;
    Ok(Place { router, pool: PoolName::parse(pool).map_err(StoreError::corrupt)? })
}

/// A scope from its word.
pub(crate) fn scope(word: &str) -> Result<Scope> {
    Scope::parse(word).ok_or_else(|| StoreError::corrupt("a route has no known scope"))
}
