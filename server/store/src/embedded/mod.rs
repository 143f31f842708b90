//! The embedded router's own table: pins, how many lead to each server, the servers as they were reported, and fences.

mod counts;
mod fences;
mod pin_all;
mod pins;
mod read;
mod servers;

use domain::{AccountId, Instant, PoolName, RouteKey, Scope, ServerName, SessionId};
use serde::Deserialize;

pub use self::servers::EmbeddedServer;
pub(crate) use self::{counts::count_pins, pins::insert_pins};
use crate::{Result, StoreError, routes::scope};

/// An entry of the embedded router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// In which pool.
    pub pool: PoolName,
    /// Which key.
    pub key: RouteKey,
    /// What it stands for.
    pub scope: Scope,
    /// Where it leads.
    pub server: ServerName,
    /// Whose it is.
    pub account: Option<AccountId>,
    /// Which session it belongs to or which one made it.
    pub session: Option<SessionId>,
    /// Since when.
    pub pinned_at: Instant,
    /// Until when, without traffic.
    pub expires_at: Instant,
}

/// The piece `pin` as a row.
#[derive(Deserialize)]
struct PinRecord {
    pool: String,
    route_key: String,
    scope: String,
    server: String,
    account_id: Option<String>,
    session_id: Option<String>,
    pinned_at: i64,
    expires_at: i64,
}

impl TryFrom<PinRecord> for Pin {
    type Error = StoreError;

    fn try_from(record: PinRecord) -> Result<Self> {
        Ok(Self {
            pool: PoolName::parse(record.pool).map_err(StoreError::corrupt)?,
            key: RouteKey::parse(record.route_key).map_err(StoreError::corrupt)?,
            scope: scope(&record.scope)?,
            server: ServerName::parse(record.server).map_err(StoreError::corrupt)?,
            account: record.account_id.map(AccountId::parse).transpose().map_err(StoreError::corrupt)?,
            session: record.session_id.map(SessionId::parse).transpose().map_err(StoreError::corrupt)?,
            pinned_at: Instant::from_micros(record.pinned_at),
            expires_at: Instant::from_micros(record.expires_at),
        })
    }
}

/// How many slots there are; the migration makes as many rows.
const SLOTS: u32 = 16;

/// The slot of a key (FNV-1a): spread evenly, the same in every process.
fn slot(key: &RouteKey) -> i64 {
    let hash =
        key.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i64::from(hash % SLOTS)
}
