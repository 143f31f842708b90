//! Reading a router's table without stalling it: page by page where it can, whole where it is small, else server by
//! server; and what cannot be read so is not known, and said so.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    PoolInfo, RouteKey, ServerName, ServerStatus,
    census::{CensusRoute, UnreadPlace},
};
use routers::{Entry, Listing, Router, RouterError};

use super::PAGE;

/// Entries that one pass may hold at most, of all tables that are not read page by page: some 80 MB.
pub(super) const HOLD: u64 = 400_000;

/// How a place is read.
pub(super) enum Source {
    /// Page by page.
    Paged { router: Arc<dyn Router>, after: Option<RouteKey> },
    /// It was read; this is what it had, in the order of keys, the last first.
    Listed(Vec<CensusRoute>),
    /// Nothing more comes.
    Over,
}

/// A place, opened.
pub(super) struct Opened {
    pub(super) source: Source,
    /// What is not known of it.
    pub(super) unread: Option<UnreadPlace>,
}

fn route(entry: Entry) -> CensusRoute {
    CensusRoute { key: entry.key, server: entry.server, session: entry.session, pinned_at: entry.pinned_at }
}

/// Entries as a list from whose end they are taken. Of a key that is there twice, the last one counts.
fn listed(entries: Vec<Entry>) -> Source {
    let by_key: BTreeMap<RouteKey, CensusRoute> =
        entries.into_iter().map(|entry| (entry.key.clone(), route(entry))).collect();
    Source::Listed(by_key.into_values().rev().collect())
}

fn unread(pool: &PoolInfo, but: Vec<ServerName>, why: impl Into<String>) -> UnreadPlace {
    UnreadPlace { place: pool.place.clone(), but, why: why.into() }
}

impl Opened {
    /// A place of which nothing is known.
    pub(super) fn nothing(pool: &PoolInfo, why: impl Into<String>) -> Self {
        Self { source: Source::Over, unread: Some(unread(pool, Vec::new(), why)) }
    }

    /// Opens `pool` on `router`, holding at most `room` entries; `limit` is what the router may be asked for at once.
    pub(super) async fn open(
        router: &Arc<dyn Router>,
        pool: &PoolInfo,
        servers: &[ServerStatus],
        limit: u64,
        room: u64,
    ) -> Self {
        match router.page(&pool.place.pool, None, 1).await {
            Ok(Some(_)) => {
                return Self { source: Source::Paged { router: Arc::clone(router), after: None }, unread: None };
            }
            Ok(None) => {}
            Err(error) => return Self::nothing(pool, error.to_string()),
        }
        let most = limit.min(room);
        if most == 0 {
            return Self::nothing(pool, "the tables together are too large to be joined at once");
        }
        match router.list(&pool.place.pool, most).await {
            Ok(Listing::All(entries)) => Self { source: listed(entries), unread: None },
            Ok(Listing::TooMany(n)) => Self::by_server(router, pool, servers, limit, room, n).await,
            Err(error) => Self::nothing(pool, error.to_string()),
        }
    }

    /// Of a table that is too large to be listed: server by server, those whose part is not.
    async fn by_server(
        router: &Arc<dyn Router>,
        pool: &PoolInfo,
        servers: &[ServerStatus],
        limit: u64,
        mut room: u64,
        entries: u64,
    ) -> Self {
        let (mut held, mut but, mut large) = (Vec::new(), Vec::new(), Vec::new());
        for server in servers.iter().filter(|server| server.place == pool.place) {
            let most = limit.min(room);
            match router.of_server(&pool.place.pool, &server.name, most).await {
                Ok(Listing::All(entries)) if most > 0 => {
                    room = room.saturating_sub(entries.len() as u64);
                    held.extend(entries);
                    but.push(server.name.clone());
                }
                Ok(_) => large.push(server.name.as_str()),
                Err(RouterError::Unreachable(why) | RouterError::Refused(why)) => {
                    return Self { source: listed(held), unread: Some(unread(pool, but, why)) };
                }
            }
        }
        let why = if large.is_empty() {
            format!(
                "its table has {entries} entries or more: it was read server by server, so entries of servers that \
                     are gone are not known"
            )
        } else {
            format!(
                "its table has {entries} entries or more, too many to read at once (observe_limit), and so have its \
                 servers {}",
                large.join(", ")
            )
        };
        Self { source: listed(held), unread: Some(unread(pool, but, why)) }
    }
}

impl Source {
    /// How many entries it holds.
    pub(super) fn held(&self) -> u64 {
        if let Self::Listed(rest) = self { rest.len() as u64 } else { 0 }
    }

    /// The next page, and whether it is the last.
    ///
    /// # Errors
    /// Why the rest is not known.
    pub(super) async fn next(&mut self, pool: &PoolInfo) -> Result<(Vec<CensusRoute>, bool), String> {
        match self {
            Self::Over => Ok((Vec::new(), true)),
            Self::Listed(rest) => {
                let from = rest.len().saturating_sub(PAGE as usize);
                let page: Vec<CensusRoute> = rest.drain(from..).rev().collect();
                Ok((page, rest.is_empty()))
            }
            Self::Paged { router, after } => {
                let read = router.page(&pool.place.pool, after.as_ref(), PAGE).await;
                let page = match read {
                    Ok(Some(page)) => page,
                    Ok(None) => return Err("it cannot be read piece by piece any more".to_owned()),
                    Err(error) => return Err(error.to_string()),
                };
                let ended = page.len() < PAGE as usize;
                if let Some(last) = page.last() {
                    *after = Some(last.key.clone());
                }
                Ok((page.into_iter().map(route).collect(), ended))
            }
        }
    }
}
