//! Where the routes of the accounts on a list lead, asked of every router when the list is frozen: who asks for a bulk clean-up,
//! and who approves it, reads what is there. The observer keeps only what is left over of a large table.

use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{AccountId, BulkId, BulkRoutes, Place, RouteKey, RouterName, Scope, ServerName, Unread};
use futures::{
    future::join_all,
    stream::{self, StreamExt, TryStreamExt},
};
use routers::RouterError;
use store::SeenKey;

use crate::{Result, Unstick};

/// Accounts whose keys are put together at once.
const PIECE: i64 = 1_000;
/// Such pieces at once.
const AT_ONCE: usize = 2;
/// Keys that a router is asked for in one call.
const KEYS: u32 = 5_000;

/// What is counted so far.
#[derive(Default)]
struct Counted(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    routes: BTreeMap<(Place, ServerName), i64>,
    unread: BTreeMap<RouterName, Unread>,
}

impl Counted {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unstick {
    /// Counts the routes of the first `accounts` accounts on a list, by the keys that their plans would read.
    pub(super) async fn count_routes(&self, id: &BulkId, accounts: usize) -> Result<BulkRoutes> {
        let last = i64::try_from(accounts).unwrap_or(i64::MAX);
        let counted = Counted::default();
        let pieces = (0..=last / PIECE).map(|at| at * PIECE + 1..=last.min((at + 1) * PIECE));
        let count = |numbers| self.count_piece(id, numbers, &counted);
        stream::iter(pieces).map(count).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let Counts { routes, unread } = std::mem::take(&mut *counted.counts());
        let known = routes.into_iter().filter(|((place, _), _)| !unread.contains_key(&place.router));
        let counts = known.map(|((place, server), n)| (place, server, n)).collect();
        Ok(BulkRoutes { at: self.now(), counts, unread: unread.into_values().collect() })
    }

    async fn count_piece(&self, id: &BulkId, numbers: RangeInclusive<i64>, counted: &Counted) -> Result<()> {
        let (accounts, keys) = self.store().listed_accounts(id, &numbers).await?;
        self.count_at(Scope::Account, None, &keys, counted).await;
        self.count_sessions(id, &numbers, counted).await?;
        self.count_seen(&accounts, counted).await
    }

    async fn count_sessions(&self, id: &BulkId, numbers: &RangeInclusive<i64>, counted: &Counted) -> Result<()> {
        let mut after = None;
        loop {
            let sessions = self.store().listed_sessions(id, numbers, after.as_ref(), KEYS).await?;
            let keys: Vec<RouteKey> = sessions.iter().map(|session| session.key.clone()).collect();
            self.count_at(Scope::Session, None, &keys, counted).await;
            if keys.len() < KEYS as usize {
                return Ok(());
            }
            after = sessions.into_iter().next_back();
        }
    }

    async fn count_seen(&self, accounts: &[AccountId], counted: &Counted) -> Result<()> {
        let mut after = None;
        loop {
            let seen = self.store().seen_keys(accounts, after.as_ref(), KEYS).await?;
            let more = seen.len() == KEYS as usize;
            after = seen.last().cloned();
            let mut by_place: HashMap<Place, Vec<RouteKey>> = HashMap::new();
            for SeenKey { place, key, .. } in seen {
                by_place.entry(place).or_default().push(key);
            }
            for (place, keys) in by_place {
                self.count_at(Scope::Session, Some(&place), &keys, counted).await;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Reads `keys` at every place of this scope, or at one. A router that could not be read once is not asked again.
    async fn count_at(&self, scope: Scope, only: Option<&Place>, keys: &[RouteKey], counted: &Counted) {
        if keys.is_empty() {
            return;
        }
        let places = self.fleet().iter().flat_map(|router| router.pools().iter().map(move |pool| (router, pool)));
        let is_read = |router: &RouterName| !counted.counts().unread.contains_key(router);
        let meant = places.filter(|(router, pool)| {
            pool.scope == scope && only.is_none_or(|only| pool.place == *only) && is_read(router.name())
        });
        let read = meant.map(|(router, pool)| async move { (&pool.place, router.read(&pool.place.pool, keys).await) });
        let answers = join_all(read).await;
        let mut counts = counted.counts();
        for (place, answer) in answers {
            match answer {
                Ok(entries) => {
                    for server in entries.into_iter().filter_map(|entry| entry.server) {
                        *counts.routes.entry((place.clone(), server)).or_default() += 1;
                    }
                }
                Err(error) => {
                    let answered = !matches!(error, RouterError::Unreachable(_));
                    let unread = Unread { router: place.router.clone(), why: error.to_string(), answered };
                    counts.unread.entry(place.router.clone()).or_insert(unread);
                }
            }
        }
    }
}
