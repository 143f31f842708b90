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
    /// It is too large to be read: the keys that come up in the other streams are looked up, many at once.
    ByKey { router: Arc<dyn Router> },
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
    UnreadPlace { place: pool.place.clone(), but, by_key: false, why: why.into() }
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
        match router.page(&pool.place.pool, None, None, 1).await {
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

    /// Of a table that is too large to be listed: server by server, and where a server's part is too large as well, key by
    /// key. Both read a little at a time, so that no customer waits for it.
    async fn by_server(
        router: &Arc<dyn Router>,
        pool: &PoolInfo,
        servers: &[ServerStatus],
        limit: u64,
        mut room: u64,
        entries: u64,
    ) -> Self {
        let (mut held, mut but) = (Vec::new(), Vec::new());
        for server in servers.iter().filter(|server| server.place == pool.place) {
            let most = limit.min(room);
            match router.of_server(&pool.place.pool, &server.name, most).await {
                Ok(Listing::All(entries)) if most > 0 => {
                    room = room.saturating_sub(entries.len() as u64);
                    held.extend(entries);
                    but.push(server.name.clone());
                }
                Ok(_) => return Self::by_key(router, pool, entries),
                Err(RouterError::Unreachable(why) | RouterError::NotNow(why) | RouterError::Refused(why)) => {
                    return Self { source: listed(held), unread: Some(unread(pool, but, why)) };
                }
            }
        }
        let why = format!(
            "its table has {entries} entries or more: it was read server by server, so entries of servers that are gone are \
             not known"
        );
        Self { source: listed(held), unread: Some(unread(pool, but, why)) }
    }

    fn by_key(router: &Arc<dyn Router>, pool: &PoolInfo, entries: u64) -> Self {
        let why = format!(
            "its table has {entries} entries or more, too many to read at once (observe_limit): every key that is known was \
             looked up, so entries of keys that belong to nobody are not known"
        );
        let unread = UnreadPlace { by_key: true, ..unread(pool, Vec::new(), why) };
        Self { source: Source::ByKey { router: Arc::clone(router) }, unread: Some(unread) }
    }
}

impl Source {
    /// What the place has for `keys`, where it is read key by key.
    pub(super) async fn look_up(
        &self,
        pool: &PoolInfo,
        keys: &[RouteKey],
    ) -> Option<Result<Vec<CensusRoute>, RouterError>> {
        let Self::ByKey { router } = self else { return None };
        let entries = router.read(&pool.place.pool, keys).await;
        Some(entries.map(|entries| entries.into_iter().map(route).collect()))
    }

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
            Self::Over | Self::ByKey { .. } => Ok((Vec::new(), true)),
            Self::Listed(rest) => {
                let from = rest.len().saturating_sub(PAGE as usize);
                let page: Vec<CensusRoute> = rest.drain(from..).rev().collect();
                Ok((page, rest.is_empty()))
            }
            Self::Paged { router, after } => {
                let read = router.page(&pool.place.pool, None, after.as_ref(), PAGE).await;
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use domain::{Health, Instant, Place, PoolName, RouterKind, RouterName, Scope, Span};
    use routers::{About, ServerReading};

    use super::*;

    /// A router with a table that it can list whole or by server, and nothing else.
    struct Big {
        name: RouterName,
        pools: Vec<PoolInfo>,
        /// Entries by server; `None` for one that does not answer about it.
        table: Vec<(&'static str, Option<u64>)>,
    }

    impl Big {
        fn made(table: &[(&'static str, Option<u64>)]) -> (Arc<dyn Router>, PoolInfo, Vec<ServerStatus>) {
            let name = RouterName::parse("lb-1").unwrap();
            let place = Place { router: name.clone(), pool: PoolName::parse("app").unwrap() };
            let pool = PoolInfo { place: place.clone(), kind: RouterKind::Haproxy, scope: Scope::Session, rule: None };
            let status = |(server, _): &(&str, Option<u64>)| ServerStatus {
                place: place.clone(),
                name: ServerName::parse(*server).unwrap(),
                health: Health::Healthy,
                failing: false,
                error_permille: None,
                response_ms: None,
                since: Instant::from_secs(0),
                read_at: Instant::from_secs(0),
                pinned: None,
            };
            let servers = table.iter().map(status).collect();
            (Arc::new(Self { name, pools: vec![pool.clone()], table: table.to_vec() }), pool, servers)
        }

        fn entries(server: &str, n: u64) -> Vec<Entry> {
            let entry = |number| Entry {
                key: RouteKey::parse(format!("{}-{server}", n - number)).unwrap(),
                server: ServerName::parse(server).ok(),
                session: None,
                generation: None,
                pinned_at: None,
                expires_in: None,
                in_use: false,
            };
            (0..n).map(entry).collect()
        }
    }

    #[async_trait]
    impl Router for Big {
        fn name(&self) -> &RouterName {
            &self.name
        }
        fn kind(&self) -> RouterKind {
            RouterKind::Haproxy
        }
        fn pools(&self) -> &[PoolInfo] {
            &self.pools
        }
        fn drain(&self) -> Span {
            Span::ZERO
        }
        fn can_fence(&self) -> bool {
            false
        }
        async fn about(&self) -> Result<About, RouterError> {
            Err(RouterError::Refused("not asked".to_owned()))
        }
        async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
            Ok(Vec::new())
        }
        async fn read(&self, _: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
            let all = self.table.iter().flat_map(|(name, n)| Self::entries(name, n.unwrap_or(0)));
            Ok(all.filter(|entry| keys.contains(&entry.key)).collect())
        }
        async fn clear(&self, _: &PoolName, _: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
            Ok(Vec::new())
        }
        async fn fence(&self, _: &[RouteKey]) -> Result<(), RouterError> {
            Ok(())
        }
        async fn lift(&self, _: &[RouteKey]) -> Result<(), RouterError> {
            Ok(())
        }
        async fn list(&self, _: &PoolName, limit: u64) -> Result<Listing, RouterError> {
            let all: u64 = self.table.iter().filter_map(|(_, n)| *n).sum();
            if all > limit {
                return Ok(Listing::TooMany(all));
            }
            Ok(Listing::All(self.table.iter().flat_map(|(name, n)| Self::entries(name, n.unwrap_or(0))).collect()))
        }
        async fn of_server(&self, _: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
            match self.table.iter().find(|(name, _)| *name == server.as_str()) {
                Some((name, Some(n))) if *n <= limit => Ok(Listing::All(Self::entries(name, *n))),
                Some((_, Some(n))) => Ok(Listing::TooMany(*n)),
                _ => Err(RouterError::Unreachable("it went away".to_owned())),
            }
        }
    }

    async fn opened(table: &[(&'static str, Option<u64>)], limit: u64, room: u64) -> (usize, Option<UnreadPlace>) {
        let (router, pool, servers) = Big::made(table);
        let Opened { mut source, unread } = Opened::open(&router, &pool, &servers, limit, room).await;
        assert!(source.held() <= room, "{} held", source.held());
        let mut keys: Vec<RouteKey> = Vec::new();
        loop {
            let (page, ended) = source.next(&pool).await.unwrap();
            keys.extend(page.into_iter().map(|route| route.key));
            if ended {
                break;
            }
        }
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "in the order of keys, across pages");
        (keys.len(), unread)
    }

    #[tokio::test]
    async fn a_small_table_is_read_whole() {
        assert_eq!(opened(&[("api-1", Some(3_000)), ("api-2", Some(1_500))], 5_000, 9_000).await, (4_500, None));
    }

    #[tokio::test]
    async fn a_large_table_is_read_server_by_server_and_that_is_said() {
        let (read, unread) = opened(&[("api-1", Some(40)), ("api-2", Some(50))], 60, 1_000).await;
        let unread = unread.unwrap();
        assert_eq!((read, unread.but.len()), (90, 2));
        assert!(unread.why.contains("server by server"), "{}", unread.why);
    }

    #[tokio::test]
    async fn of_what_is_too_large_known_keys_are_looked_up() {
        let (router, pool, servers) = Big::made(&[("api-1", Some(40)), ("api-2", Some(500))]);
        let opened = Opened::open(&router, &pool, &servers, 60, 1_000).await;
        let unread = opened.unread.unwrap();
        assert!(unread.by_key && unread.but.is_empty() && unread.why.contains("belong to nobody"), "{unread:?}");
        assert_eq!(opened.source.held(), 0, "nothing of it is held");
        let keys = ["7-api-2", "9999-api-2"].map(|key| RouteKey::parse(key).unwrap());
        let found = opened.source.look_up(&pool, &keys).await.unwrap().unwrap();
        assert_eq!(found.into_iter().map(|route| route.key).collect::<Vec<_>>(), keys[..1]);
    }

    #[tokio::test]
    async fn what_goes_away_is_not_known() {
        let (read, unread) = opened(&[("api-1", Some(40)), ("api-2", None), ("api-3", Some(50))], 60, 1_000).await;
        assert_eq!((read, unread.unwrap().why.as_str()), (40, "it went away"));
        let (read, unread) = opened(&[("api-1", Some(40)), ("api-2", Some(50))], 60, 45).await;
        assert_eq!((read, unread.unwrap().by_key), (0, true), "no more is held than there is room for");
        let (read, unread) = opened(&[("api-1", Some(1))], 60, 0).await;
        assert_eq!((read, unread.is_some()), (0, true));
    }
}
