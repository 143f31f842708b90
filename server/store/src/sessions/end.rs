//! Sessions end: by the customer, by time, by a clean-up.

use std::collections::HashMap;

use domain::{EndReason, EventKind, Instant, Session, SessionId, SessionState, WebhookEvent};

use super::{Changed, Deltas, cleaned_at, end_reason, sessions_for_update};
use crate::{
    Result, Tx,
    sql::{Arg, args, cells, json, sql},
};

/// A back end says that a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Which.
    pub id: SessionId,
    /// Why.
    pub reason: EndReason,
    /// Whether the back end removed its own record and routes: then the session is cleaned, not left over.
    pub released: bool,
    /// When; `None` for now.
    pub at: Option<Instant>,
}

impl Tx {
    /// Ends sessions. One that is over keeps its reason and its time; told later that it was released, it is cleaned.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn end_sessions(&mut self, items: &[End], now: Instant) -> Result<Vec<Changed>> {
        let ids: Vec<&SessionId> = items.iter().map(|item| &item.id).collect();
        let found = sessions_for_update(self, &ids).await?;
        let mut deltas = Deltas::default();
        let mut known: HashMap<SessionId, Session> =
            found.into_iter().map(|session| (session.id.clone(), session)).collect();
        let mut changed: Vec<SessionId> = Vec::new();
        let mut outcomes = Vec::with_capacity(items.len());
        let mut over = Vec::new();
        for item in items {
            let Some(session) = known.get_mut(&item.id) else {
                outcomes.push(Changed::Missing);
                continue;
            };
            let after = ended(session.state, item, item.at.unwrap_or(now));
            if after == session.state {
                outcomes.push(Changed::Already(session.clone()));
                continue;
            }
            if session.state.is_live() {
                over.push(session.id.clone());
            }
            deltas.remove(session);
            session.state = after;
            deltas.add(session);
            changed.push(session.id.clone());
            outcomes.push(Changed::Yes(session.clone()));
        }
        changed.sort_unstable();
        changed.dedup();
        write(self, changed.iter().filter_map(|id| known.get(id))).await?;
        deltas.write(self).await?;
        tell_ended(self, over.iter().filter_map(|id| known.get(id)), now).await?;
        Ok(outcomes)
    }
}

/// Tells whoever wants to know of those of `sessions` that are over.
pub(super) async fn tell_ended(tx: &mut Tx, sessions: impl Iterator<Item = &Session>, now: Instant) -> Result<()> {
    let over: Vec<&Session> = sessions.filter(|it| !it.state.is_live()).collect();
    if over.is_empty() {
        return Ok(());
    }
    let told = |it: &&Session| {
        Some(WebhookEvent::session_ended(&it.id, &it.account, end_reason(it)?, it.state.ended_at()?, None))
    };
    tx.emit(EventKind::SessionEnded, now, || over.iter().filter_map(told).collect()).await.map(|_| ())
}

/// The state after `item`, which happened at `at`.
pub(super) fn ended(state: SessionState, item: &End, at: Instant) -> SessionState {
    match (state, item.released) {
        (SessionState::Active, false) => SessionState::Ended { reason: item.reason, at },
        (SessionState::Active, true) => SessionState::Cleaned { reason: item.reason, ended_at: at, at },
        (SessionState::Ended { reason, at: ended_at }, true) => SessionState::Cleaned { reason, ended_at, at },
        (SessionState::Ended { .. }, false) | (SessionState::Cleaned { .. }, _) => state,
    }
}

async fn write(tx: &mut Tx, changed: impl Iterator<Item = &Session>) -> Result<()> {
    let rows: Vec<_> = changed.map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        "UPDATE sessions SET ended_at = i.ended_at, end_reason = i.end_reason, cleaned_at = i.cleaned_at \
         FROM (SELECT value ->> 0 AS account_id, CAST(value ->> 1 AS BIGINT) AS created_at, value ->> 2 AS id, \
         CAST(value ->> 3 AS BIGINT) AS ended_at, value ->> 4 AS end_reason, \
         CAST(value ->> 5 AS BIGINT) AS cleaned_at FROM ",
        each,
        ") AS i \
         WHERE sessions.account_id = i.account_id AND sessions.created_at = i.created_at AND sessions.id = i.id"
    );
    tx.exec(sql, args![json(&rows)?]).await.map(|_| ())
}

fn row(session: &Session) -> [Arg<'_>; 6] {
    cells![
        &session.account,
        session.created_at,
        &session.id,
        session.state.ended_at(),
        end_reason(session).map(EndReason::as_str),
        cleaned_at(session),
    ]
}
