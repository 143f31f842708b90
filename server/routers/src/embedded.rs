//! The router that is a table in Unstick's own database. Only the trait's promises are kept here; the table itself is
//! passed in, for the database is not this package's business.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    PoolInfo, PoolName, RouteKey, RouterKind, RouterName, Scope, ServerName, ServerState, Span, StateReading,
};

use crate::{About, Entry, Listing, Router, RouterError, ServerReading, no_server};

/// The table behind an [`Embedded`] router.
#[async_trait]
pub trait RouteTable: Send + Sync {
    /// The unexpired entries for `keys`.
    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError>;
    /// Deletes the entries of `keys`.
    async fn remove(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<(), RouterError>;
    /// From now on no entry is made for `keys`.
    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError>;
    /// Undoes [`Self::fence`].
    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError>;
    /// The servers that were reported.
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError>;
    /// What is set of `server`; `None` when nobody ever reported it.
    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<Option<StateReading>, RouterError>;
    /// Sets what is done with `server`, whatever its back end reports.
    async fn hold(&self, pool: &PoolName, server: &ServerName, state: ServerState) -> Result<(), RouterError>;
    /// Puts an entry for `key` in, in place of the one that is there.
    async fn put(&self, pool: &PoolName, scope: Scope, key: &RouteKey, server: &ServerName) -> Result<(), RouterError>;
    /// All entries of `pool`, read only when there are at most `limit`.
    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError>;
    /// The entries of `pool` that pin to `server`, at most `limit`.
    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError>;
    /// At most `limit` entries of `pool`, or of those that pin to `server`, whose keys come after `after`, in their order.
    async fn page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Vec<Entry>, RouterError>;
}

/// The embedded router: it answers at once, so nothing has to be drained.
pub struct Embedded {
    name: RouterName,
    pools: Vec<PoolInfo>,
    table: Arc<dyn RouteTable>,
}

impl Embedded {
    /// A router called `name` with `pools` over `table`.
    pub fn new(name: RouterName, pools: Vec<PoolInfo>, table: Arc<dyn RouteTable>) -> Self {
        Self { name, pools, table }
    }

    fn check(&self, pool: &PoolName) -> Result<&PoolInfo, RouterError> {
        self.pools.iter().find(|known| known.place.pool == *pool).ok_or_else(|| no_pool(&self.name, pool))
    }
}

/// The refusal of a pool that the configuration does not name.
pub(crate) fn no_pool(router: &RouterName, pool: &PoolName) -> RouterError {
    RouterError::Refused(format!(
        "router {router} has no pool called {pool}; add it to the configuration or choose one that is there"
    ))
}

#[async_trait]
impl Router for Embedded {
    fn name(&self) -> &RouterName {
        &self.name
    }
    fn kind(&self) -> RouterKind {
        RouterKind::Embedded
    }
    fn pools(&self) -> &[PoolInfo] {
        &self.pools
    }
    fn drain(&self) -> Span {
        Span::ZERO
    }
    fn can_fence(&self) -> bool {
        true
    }

    async fn about(&self) -> Result<About, RouterError> {
        let product = format!("Unstick {}, embedded", env!("CARGO_PKG_VERSION"));
        Ok(About { product, uptime: None, node: self.name.to_string(), takes_changes: true })
    }

    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        self.table.servers().await
    }

    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.check(pool)?;
        if keys.is_empty() { Ok(Vec::new()) } else { self.table.read(pool, keys).await }
    }

    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.check(pool)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.table.remove(pool, keys).await?;
        self.table.read(pool, keys).await
    }

    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        if keys.is_empty() { Ok(()) } else { self.table.fence(keys).await }
    }

    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        if keys.is_empty() { Ok(()) } else { self.table.lift(keys).await }
    }

    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<StateReading, RouterError> {
        self.check(pool)?;
        self.table.state_of(pool, server).await?.ok_or_else(|| no_server(&self.name, pool, server))
    }

    async fn set_state(
        &self,
        pool: &PoolName,
        server: &ServerName,
        state: ServerState,
    ) -> Result<StateReading, RouterError> {
        self.state_of(pool, server).await?;
        self.table.hold(pool, server, state).await?;
        self.state_of(pool, server).await
    }

    async fn pin(&self, pool: &PoolName, key: &RouteKey, server: &ServerName) -> Result<Option<Entry>, RouterError> {
        let scope = self.check(pool)?.scope;
        self.state_of(pool, server).await?;
        self.table.put(pool, scope, key, server).await?;
        Ok(self.table.read(pool, std::slice::from_ref(key)).await?.pop())
    }

    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        self.check(pool)?;
        self.table.list(pool, limit).await
    }

    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        self.check(pool)?;
        self.table.of_server(pool, server, limit).await
    }

    async fn page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, RouterError> {
        self.check(pool)?;
        self.table.page(pool, server, after, limit).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use domain::Place;

    use super::*;

    /// A table that keeps the keys that begin with `stuck`, and remembers what was asked of it.
    #[derive(Default)]
    struct Stubborn {
        keys: Mutex<Vec<RouteKey>>,
        asked: Mutex<Vec<&'static str>>,
    }

    impl Stubborn {
        fn ask(&self, what: &'static str) {
            self.asked.lock().unwrap().push(what);
        }
    }

    fn entry(key: RouteKey) -> Entry {
        Entry { key, server: None, session: None, generation: None, pinned_at: None, expires_in: None, in_use: false }
    }

    #[async_trait]
    impl RouteTable for Stubborn {
        async fn read(&self, _pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
            self.ask("read");
            let held = self.keys.lock().unwrap();
            Ok(keys.iter().filter(|key| held.contains(key)).cloned().map(entry).collect())
        }
        async fn remove(&self, _pool: &PoolName, keys: &[RouteKey]) -> Result<(), RouterError> {
            self.ask("remove");
            let stays = |key: &RouteKey| !keys.contains(key) || key.as_str().starts_with("stuck");
            self.keys.lock().unwrap().retain(stays);
            Ok(())
        }
        async fn fence(&self, _keys: &[RouteKey]) -> Result<(), RouterError> {
            self.ask("fence");
            Ok(())
        }
        async fn lift(&self, _keys: &[RouteKey]) -> Result<(), RouterError> {
            self.ask("lift");
            Ok(())
        }
        async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
            Ok(Vec::new())
        }
        async fn state_of(&self, _pool: &PoolName, _: &ServerName) -> Result<Option<StateReading>, RouterError> {
            Ok(None)
        }
        async fn hold(&self, _pool: &PoolName, _: &ServerName, _: ServerState) -> Result<(), RouterError> {
            self.ask("hold");
            Ok(())
        }
        async fn put(&self, _: &PoolName, _: Scope, _: &RouteKey, _: &ServerName) -> Result<(), RouterError> {
            self.ask("put");
            Ok(())
        }
        async fn list(&self, _pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
            Ok(Listing::TooMany(limit + 1))
        }
        async fn of_server(&self, _pool: &PoolName, _server: &ServerName, _: u64) -> Result<Listing, RouterError> {
            Ok(Listing::All(Vec::new()))
        }
        async fn page(
            &self,
            _pool: &PoolName,
            _: Option<&ServerName>,
            _: Option<&RouteKey>,
            _: u32,
        ) -> Result<Vec<Entry>, RouterError> {
            Ok(Vec::new())
        }
    }

    fn keys(texts: &[&str]) -> Vec<RouteKey> {
        texts.iter().map(|text| RouteKey::parse(*text).unwrap()).collect()
    }

    fn router(table: &Arc<Stubborn>) -> (Embedded, PoolName) {
        let (name, pool) = (RouterName::parse("embedded").unwrap(), PoolName::parse("app").unwrap());
        let place = Place { router: name.clone(), pool: pool.clone() };
        let info = PoolInfo { place, kind: RouterKind::Embedded, scope: Scope::Account, rule: None };
        (Embedded::new(name, vec![info], Arc::clone(table) as Arc<dyn RouteTable>), pool)
    }

    #[tokio::test]
    async fn what_the_table_keeps_is_told() {
        let table = Arc::new(Stubborn::default());
        *table.keys.lock().unwrap() = keys(&["a", "stuck", "c"]);
        let (router, pool) = router(&table);
        let left = router.clear(&pool, &keys(&["a", "stuck", "nobody"])).await.unwrap();
        assert_eq!(left, [entry(RouteKey::parse("stuck").unwrap())]);
        assert_eq!(*table.keys.lock().unwrap(), keys(&["stuck", "c"]));
        assert_eq!(*table.asked.lock().unwrap(), ["remove", "read"], "read back after the removal");
        assert_eq!(router.drain(), Span::ZERO);
    }

    #[tokio::test]
    async fn nothing_never_means_all_and_a_foreign_pool_is_refused() {
        let table = Arc::new(Stubborn::default());
        let (router, pool) = router(&table);
        assert_eq!(router.clear(&pool, &[]).await, Ok(Vec::new()));
        assert_eq!(router.fence(&[]).await, Ok(()));
        assert_eq!(router.lift(&[]).await, Ok(()));
        let other = PoolName::parse("other").unwrap();
        for result in [router.clear(&other, &keys(&["a"])).await, router.read(&other, &keys(&["a"])).await] {
            assert!(matches!(result, Err(RouterError::Refused(_))), "{result:?}");
        }
        assert!(router.list(&other, 1).await.is_err());
        let nobody = ServerName::parse("nobody").unwrap();
        for pool in [&pool, &other] {
            assert!(router.set_state(pool, &nobody, ServerState::Drain).await.is_err());
            assert!(router.pin(pool, &keys(&["a"])[0], &nobody).await.is_err());
        }
        assert!(table.asked.lock().unwrap().is_empty());
    }
}
