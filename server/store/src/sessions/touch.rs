//! A live session was seen.

use std::collections::HashMap;

use domain::{Instant, Session, SessionId, ip::canonical};

use super::{Changed, Deltas, sessions_for_update, stored_ip_key};
use crate::{
    Result, Tx,
    sql::{Arg, args, cells, clean_owned, json, sql},
};

/// A live session was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Which.
    pub id: SessionId,
    /// From where; `None` or empty when that is not told.
    pub ip: Option<String>,
    /// When; `None` for now. An instant before the one that is stored changes nothing.
    pub at: Option<Instant>,
}

impl Tx {
    /// Notes that sessions were seen.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn touch_sessions(&mut self, items: &[Touch], now: Instant) -> Result<Vec<Changed>> {
        let ids: Vec<&SessionId> = items.iter().map(|item| &item.id).collect();
        let found = sessions_for_update(self, &ids).await?;
        let mut known: HashMap<SessionId, Session> =
            found.into_iter().map(|session| (session.id.clone(), session)).collect();
        let mut changed: HashMap<SessionId, Session> = HashMap::new();
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let Some(session) = known.get_mut(&item.id) else {
                outcomes.push(Changed::Missing);
                continue;
            };
            if !session.state.is_live() {
                outcomes.push(Changed::Over(session.clone()));
                continue;
            }
            if touch(session, item, now) {
                changed.insert(session.id.clone(), session.clone());
                outcomes.push(Changed::Yes(session.clone()));
            } else {
                outcomes.push(Changed::Already(session.clone()));
            }
        }
        write(self, changed.into_values().collect()).await?;
        Ok(outcomes)
    }
}

/// Changes `session` by what `item` tells; whether that is anything new.
fn touch(session: &mut Session, item: &Touch, now: Instant) -> bool {
    let at = item.at.unwrap_or(now);
    if at < session.last_seen_at {
        return false;
    }
    let ip = item.ip.clone().map(clean_owned).map(canonical).filter(|ip| !ip.is_empty() && *ip != session.ip);
    let news = at > session.last_seen_at || ip.is_some();
    session.last_seen_at = at;
    if let Some(ip) = ip {
        session.ip = ip;
    }
    news
}

async fn write(tx: &mut Tx, changed: Vec<Session>) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut deltas = Deltas::default();
    for session in &changed {
        deltas.saw(&session.account, session.last_seen_at);
    }
    let rows: Vec<_> = changed.iter().map(row).collect();
    let sql = sql!(
        "UPDATE sessions SET last_seen_at = i.seen, ip = i.ip, ip_key = i.ip_key \
         FROM (SELECT value ->> 0 AS account_id, CAST(value ->> 1 AS BIGINT) AS created_at, value ->> 2 AS id, \
         CAST(value ->> 3 AS BIGINT) AS seen, value ->> 4 AS ip, value ->> 5 AS ip_key FROM ",
        each,
        ") AS i \
         WHERE sessions.account_id = i.account_id AND sessions.created_at = i.created_at AND sessions.id = i.id"
    );
    tx.exec(sql, args![json(&rows)?]).await?;
    deltas.write(tx).await
}

fn row(session: &Session) -> [Arg<'_>; 6] {
    cells![
        &session.account,
        session.created_at,
        &session.id,
        session.last_seen_at,
        &session.ip,
        stored_ip_key(&session.ip)
    ]
}
