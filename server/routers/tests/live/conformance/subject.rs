//! A router of any kind, with what makes entries behind it: requests, and old requests that no fence stops.

use std::sync::Arc;

use domain::{Place, PoolInfo, PoolName, RouteKey, RouterKind, RouterName, Scope, ServerName, Span};
use routers::{
    Router,
    embedded::{Embedded, RouteTable},
    haproxy::{Haproxy, HaproxyConfig},
    redis::{Redis, RedisConfig},
};

use super::table::{Memory, Users};
use crate::lab::{Lab, RedisLab, pool};

/// What the proxy in front of a Redis runs for a request: the fence and the entry in one step.
const PIN: &str =
    "if redis.call('EXISTS', KEYS[1] .. ':fence') == 0 then redis.call('SET', KEYS[1], ARGV[1], 'NX') end";

/// What runs behind the router.
pub enum Behind {
    Embedded(Arc<dyn Users>),
    Haproxy(Lab),
    Redis(RedisLab),
}

/// A router and what runs behind it.
pub struct Subject {
    pub router: Box<dyn Router>,
    /// A pool of accounts with a fence, of the servers api-1 to api-3.
    pub pool: PoolName,
    pub behind: Behind,
}

impl Subject {
    pub fn embedded() -> Self {
        let (name, pool, table) = (RouterName::parse("embedded").unwrap(), pool("app"), Arc::new(Memory::default()));
        let place = Place { router: name.clone(), pool: pool.clone() };
        let info = PoolInfo { place, kind: RouterKind::Embedded, scope: Scope::Account, rule: None };
        let router = Box::new(Embedded::new(name, vec![info], Arc::clone(&table) as Arc<dyn RouteTable>));
        Self::of(router, pool, table)
    }

    /// An embedded router whose table `users` fill.
    pub fn of(router: Box<dyn Router>, pool: PoolName, users: Arc<dyn Users>) -> Self {
        Self { router, pool, behind: Behind::Embedded(users) }
    }

    pub async fn haproxy() -> Self {
        let lab = Lab::start().await;
        let router = lab.router_at(lab.endpoint("admin"));
        Self { router: Box::new(router), pool: pool("accounts"), behind: Behind::Haproxy(lab) }
    }

    pub async fn redis() -> Self {
        let lab = RedisLab::start().await;
        Self { router: Box::new(lab.router()), pool: pool("app"), behind: Behind::Redis(lab) }
    }

    /// A router that waits for 200 ms at most.
    pub fn impatient(&self) -> Box<dyn Router> {
        let timeout = Span::from_millis(200);
        match &self.behind {
            Behind::Embedded(_) => panic!("the embedded router waits for nobody"),
            Behind::Haproxy(lab) => Box::new(Haproxy::new(HaproxyConfig { timeout, ..lab.config() }).unwrap()),
            Behind::Redis(lab) => Box::new(Redis::new(RedisConfig { timeout, ..lab.config() }).unwrap()),
        }
    }

    /// A router over the same without a fence.
    pub fn open(&self) -> Box<dyn Router> {
        match &self.behind {
            Behind::Embedded(_) => panic!("the embedded router always has one"),
            Behind::Haproxy(lab) => {
                let mut config = lab.config();
                config.pools.iter_mut().for_each(|pool| pool.acl_file = None);
                Box::new(Haproxy::new(config).unwrap())
            }
            Behind::Redis(lab) => {
                let mut config = lab.config();
                config.pools.iter_mut().for_each(|pool| pool.fence = false);
                Box::new(Redis::new(config).unwrap())
            }
        }
    }

    /// A request of `key`: it makes an entry unless there is one or a fence.
    pub async fn request(&self, key: &RouteKey) {
        match &self.behind {
            Behind::Embedded(users) => users.request(key, &server("api-1")).await,
            Behind::Haproxy(lab) => drop(lab.get("accounts", key.as_str(), "/").await),
            Behind::Redis(lab) => drop(lab.raw(&["EVAL", PIN, "1", &format!("affinity:app:{key}"), "api-1"])),
        }
    }

    /// Entries for `keys` on `server`, as an old request or a peer would make them, past any fence.
    pub async fn write(&self, keys: &[RouteKey], server: &ServerName) {
        match &self.behind {
            Behind::Embedded(users) => users.write(keys, server).await,
            Behind::Haproxy(lab) => {
                let id = server.as_str().trim_start_matches("api-");
                for some in keys.chunks(100) {
                    let line: Vec<String> =
                        some.iter().map(|key| format!("set table accounts key {key} data.server_id {id}")).collect();
                    assert_eq!(lab.raw(&line.join(";")).await.trim(), "");
                }
            }
            Behind::Redis(lab) => lab.fill(keys, server.as_str()),
        }
    }

    /// Stops what runs behind, as SIGSTOP does.
    pub fn stop(&self) {
        match &self.behind {
            Behind::Embedded(_) => {}
            Behind::Haproxy(lab) => lab.process.stop(),
            Behind::Redis(lab) => lab.process.stop(),
        }
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        match &self.behind {
            Behind::Embedded(_) => {}
            Behind::Haproxy(lab) => lab.process.signal("CONT"),
            Behind::Redis(lab) => lab.process.signal("CONT"),
        }
    }

    /// Ends what runs behind, as kill -9 does.
    pub fn kill(&mut self) {
        match &mut self.behind {
            Behind::Embedded(_) => {}
            Behind::Haproxy(lab) => lab.process.kill(),
            Behind::Redis(lab) => lab.process.kill(),
        }
    }

    /// Ends it and starts it again.
    pub async fn crash(&mut self) {
        match &mut self.behind {
            Behind::Embedded(_) => {}
            Behind::Haproxy(lab) => lab.crash().await,
            Behind::Redis(lab) => lab.crash().await,
        }
    }
}

/// A server's name.
pub fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}
