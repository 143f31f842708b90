//! Accounts, finding them, and telling whose a route key is.

mod filtered;
mod keys;
mod read;
mod search;
mod text;
mod upsert;

use domain::{Account, AccountId, Instant, RouteKey};
use serde::Deserialize;

pub use self::{
    keys::KeyOwner,
    search::{Found, FoundRow},
    upsert::{AccountUpsert, Upserts},
};
pub(crate) use self::{text::SearchKeys, upsert::insert_accounts};
use crate::{Result, StoreError};

/// The piece `account` as a row.
#[derive(Deserialize)]
pub(crate) struct AccountRecord {
    id: String,
    route_key: Option<String>,
    email: String,
    name: String,
    plan: String,
    time_zone: String,
    created_at: i64,
    last_seen_at: Option<i64>,
    generation: i64,
    live_sessions: i64,
    leftover_sessions: i64,
    total_sessions: i64,
    sample: i64,
}

impl TryFrom<AccountRecord> for Account {
    type Error = StoreError;

    fn try_from(record: AccountRecord) -> Result<Self> {
        let key = record.route_key.unwrap_or_else(|| record.id.clone());
        Ok(Self {
            key: RouteKey::parse(key).map_err(StoreError::corrupt)?,
            id: AccountId::parse(record.id).map_err(StoreError::corrupt)?,
            email: record.email,
            name: record.name,
            plan: record.plan,
            time_zone: record.time_zone,
            created_at: Instant::from_micros(record.created_at),
            last_seen_at: record.last_seen_at.map(Instant::from_micros),
            generation: record.generation,
            live_sessions: record.live_sessions,
            leftover_sessions: record.leftover_sessions,
            total_sessions: record.total_sessions,
            sample: record.sample != 0,
        })
    }
}

/// Rows as what they stand for.
pub(crate) fn all<T: TryFrom<R, Error = StoreError>, R>(records: Vec<R>) -> Result<Vec<T>> {
    let mut all = Vec::with_capacity(records.len());
    for record in records {
        all.push(T::try_from(record)?);
    }
    Ok(all)
}
