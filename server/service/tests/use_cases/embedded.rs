//! The embedded router over its real table, on both engines: what the trait promises of every router.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    Clock, Counters, Health, Place, PoolInfo, PoolName, RouteKey, RouterKind, RouterName, Scope, ServerName,
    ServerState, Span,
};
use routers::embedded::Embedded;
use store::{EmbeddedServer, Pin, Store, testing};
use tempfile::TempDir;

use crate::{
    conformance::{subject::Subject, table::Users},
    world::{TestClock, sqlite_in},
};

/// Whoever makes entries in the table, and the folder that it may be in.
struct Table {
    store: Store,
    clock: Arc<TestClock>,
    _folder: Option<TempDir>,
}

impl Table {
    fn pin(&self, key: &RouteKey, server: &ServerName) -> Pin {
        let now = self.clock.now();
        Pin {
            pool: stored(),
            key: key.clone(),
            scope: Scope::Account,
            server: server.clone(),
            account: None,
            session: None,
            pinned_at: now,
            expires_at: now + Span::from_secs(600),
        }
    }
}

#[async_trait]
impl Users for Table {
    async fn request(&self, key: &RouteKey, server: &ServerName) {
        let mut tx = self.store.begin().await.unwrap();
        tx.pin_all(&[self.pin(key, server)], self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn write(&self, keys: &[RouteKey], server: &ServerName) {
        let pins: Vec<Pin> = keys.iter().map(|key| self.pin(key, server)).collect();
        let mut tx = self.store.begin().await.unwrap();
        for some in pins.chunks(500) {
            tx.import_pins(some).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// The pool `app` of the router `embedded`, as the table calls it.
fn stored() -> PoolName {
    PoolName::parse("embedded:app").unwrap()
}

async fn over(url: &str, folder: Option<TempDir>) -> Subject {
    let store = Store::open(url, testing::options()).await.unwrap();
    let clock = Arc::new(TestClock::default());
    let mut tx = store.begin().await.unwrap();
    for name in ["api-1", "api-2", "api-3"] {
        let server = EmbeddedServer {
            pool: stored(),
            name: ServerName::parse(name).unwrap(),
            state: Health::Healthy,
            held: ServerState::Ready,
            counters: Counters::default(),
            updated_at: clock.now(),
        };
        tx.save_embedded_server(&server).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (name, pool) = (RouterName::parse("embedded").unwrap(), PoolName::parse("app").unwrap());
    let place = Place { router: name.clone(), pool: pool.clone() };
    let info = PoolInfo { place, kind: RouterKind::Embedded, scope: Scope::Account, rule: None };
    let table = service::embedded_table(store.clone(), clock.clone(), &name);
    let router = Box::new(Embedded::new(name, vec![info], table));
    Subject::of(router, pool, Arc::new(Table { store, clock, _folder: folder }))
}

async fn on_sqlite() -> Subject {
    let folder = tempfile::tempdir().unwrap();
    over(&sqlite_in(&folder), Some(folder)).await
}

async fn on_postgres() -> Subject {
    over(&testing::postgres().await, None).await
}

macro_rules! run {
    (all: $($all:ident)+; outside: $($outside:ident)+) => {
        mod sqlite { $(#[tokio::test] async fn $all() { crate::conformance::$all(super::on_sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $all() { crate::conformance::$all(super::on_postgres().await).await; })+ }
    };
}

promises!(run);
