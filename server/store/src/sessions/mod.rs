//! Sessions: their life as back ends report it, and reading them.

mod clean;
mod counters;
mod create;
mod end;
mod import;
mod purge;
mod read;
mod touch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::{AccountId, EndReason, Instant, RouteKey, Session, SessionId, SessionState};
use serde::Deserialize;

pub use self::{
    clean::SessionsOf,
    create::{Created, SessionCreate, Told},
    end::End,
    touch::Touch,
};
pub(crate) use self::{counters::Deltas, create::insert_sessions};
use crate::{
    Result, StoreError, Tx,
    accounts::all,
    sql::{args, json_ids, rows},
};

/// What a report changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It did, to this.
    Yes(Session),
    /// Nothing: the session is like that already.
    Already(Session),
    /// Nothing: the session is over, and only a live one can be touched.
    Over(Session),
    /// There is no such session.
    Missing,
}

/// The piece `session` as a row.
#[derive(Deserialize)]
pub(crate) struct SessionRecord {
    id: String,
    account_id: String,
    route_key: Option<String>,
    client: String,
    user_agent: String,
    ip: String,
    created_at: i64,
    last_seen_at: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    cleaned_at: Option<i64>,
    generation: i64,
}

impl TryFrom<SessionRecord> for Session {
    type Error = StoreError;

    fn try_from(record: SessionRecord) -> Result<Self> {
        let state = record.state()?;
        let key = record.route_key.unwrap_or_else(|| record.id.clone());
        Ok(Self {
            key: RouteKey::parse(key).map_err(StoreError::corrupt)?,
            id: SessionId::parse(record.id).map_err(StoreError::corrupt)?,
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            client: record.client,
            user_agent: record.user_agent,
            ip: record.ip,
            created_at: Instant::from_micros(record.created_at),
            last_seen_at: Instant::from_micros(record.last_seen_at),
            state,
            generation: record.generation,
        })
    }
}

impl SessionRecord {
    fn state(&self) -> Result<SessionState> {
        let Some(ended_at) = self.ended_at.map(Instant::from_micros) else {
            return Ok(SessionState::Active);
        };
        let reason = self.end_reason.as_deref().and_then(EndReason::parse);
        let reason = reason.ok_or_else(|| StoreError::corrupt("a session ended for no known reason"))?;
        Ok(match self.cleaned_at.map(Instant::from_micros) {
            None => SessionState::Ended { reason, at: ended_at },
            Some(at) => SessionState::Cleaned { reason, ended_at, at },
        })
    }
}

/// When `session` was cleaned, if it was.
pub(crate) const fn cleaned_at(session: &Session) -> Option<Instant> {
    match session.state {
        SessionState::Cleaned { at, .. } => Some(at),
        SessionState::Active | SessionState::Ended { .. } => None,
    }
}

/// Why `session` ended, if it did.
pub(crate) const fn end_reason(session: &Session) -> Option<EndReason> {
    match session.state {
        SessionState::Active => None,
        SessionState::Ended { reason, .. } | SessionState::Cleaned { reason, .. } => Some(reason),
    }
}

/// An address as it is searched: of one length in its family, so that a network is a range of texts.
pub(crate) fn ip_key(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("4{:08x}", ip.to_bits()),
        IpAddr::V6(ip) => format!("6{:032x}", ip.to_bits()),
    }
}

/// The address of which `key` is the key, as it is stored.
pub(crate) fn ip_of_key(key: &str) -> String {
    let v4 = key.strip_prefix('4').and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let v6 = key.strip_prefix('6').and_then(|digits| u128::from_str_radix(digits, 16).ok());
    let ip = v4.map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits)));
    let ip = ip.or(v6.map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits))));
    ip.map(|ip| ip.to_string()).unwrap_or_default()
}

/// The key of an address as it is stored; nothing for what is none.
fn stored_ip_key(ip: &str) -> String {
    domain::ip::address(ip).map(ip_key).unwrap_or_default()
}

/// Reads the sessions called `ids` for changing: on Postgres their accounts are locked first, in the order of ids.
async fn sessions_for_update(tx: &mut Tx, ids: &[&SessionId]) -> Result<Vec<Session>> {
    let ids = json_ids(ids)?;
    counters::lock_accounts_of(tx, &ids).await?;
    let sql = rows!(session, "FROM sessions WHERE id", among, " ORDER BY id", lock);
    all(tx.rows::<SessionRecord>(sql, args![ids]).await?)
}
