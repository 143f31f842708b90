//! What an operator writes down about an affinity map in Redis.

use domain::{Place, PoolInfo, PoolName, RouterKind, RouterName, Scope, ServerName, Span};

use super::{
    endpoint::{Endpoint, Password},
    pattern::Pattern,
    value::ValueFormat,
};

/// What the fence's name ends with, unless the configuration says otherwise.
const FENCE: &str = ":fence";

/// A Redis and what of it belongs to Unstick.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// The router's name.
    pub name: RouterName,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The password, where it wants one.
    pub password: Option<Password>,
    /// For `rediss://`: the certificates (PEM) that vouch for its own, instead of the machine's.
    pub ca: Option<Vec<u8>>,
    /// Its maps.
    pub pools: Vec<RedisPool>,
    /// How long it may take to accept a connection, and for each answer.
    pub timeout: Span,
    /// The longest request of the proxy that keeps the maps: for so long it may write back what it read before.
    pub max_request: Span,
    /// How long a tombstone stands if nobody lifts it; longer than `max_request`.
    pub fence_ttl: Span,
}

/// One map: keys that pin to servers.
#[derive(Debug, Clone)]
pub struct RedisPool {
    /// The pool's name in Unstick.
    pub name: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// How the proxy finds a key in a request, in the words of its own configuration: `cookie sid`.
    pub rule: Option<String>,
    /// The name of an entry in Redis, with `{key}` in it once: `affinity:app:{key}`.
    pub key_pattern: String,
    /// How the values are written.
    pub value: ValueFormat,
    /// The servers that values may name: Redis does not know them. A value that names another pins to a server that is
    /// gone.
    pub servers: Vec<ServerName>,
    /// Whether the proxy makes no entry while the tombstone is there.
    pub fence: bool,
    /// The tombstone's name, with `{key}` in it once; by default `key_pattern` and `:fence`.
    pub fence_pattern: Option<String>,
}

/// A pool whose patterns were checked.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) name: PoolName,
    pub(super) entry: Pattern,
    /// The tombstone, when the proxy heeds it.
    pub(super) fence: Option<Pattern>,
    pub(super) value: ValueFormat,
    pub(super) servers: Vec<ServerName>,
}

impl RedisConfig {
    /// The pools, after everything was checked.
    pub(super) fn check(&self) -> Result<Vec<Pool>, String> {
        let router = &self.name;
        if self.pools.is_empty() {
            return Err(format!("router {router} has no pool; name at least one map"));
        }
        if self.timeout <= Span::ZERO || self.max_request < Span::ZERO {
            return Err(format!("router {router}: its time-out must be longer than 0, its longest request at least 0"));
        }
        if self.fence_ttl <= self.max_request {
            return Err(format!(
                "router {router}: fence_ttl must be longer than max_request, or the fence falls while old requests end"
            ));
        }
        let mut pools: Vec<Pool> = Vec::new();
        for pool in &self.pools {
            let place = |why| format!("router {router}, pool {}: {why}", pool.name);
            let checked = pool.check().map_err(place)?;
            for other in &pools {
                other.apart_from(&checked).map_err(place)?;
            }
            pools.push(checked);
        }
        Ok(pools)
    }

    /// The pools as the plan needs them.
    pub(super) fn infos(&self) -> Vec<PoolInfo> {
        let info = |pool: &RedisPool| PoolInfo {
            place: Place { router: self.name.clone(), pool: pool.name.clone() },
            kind: RouterKind::Redis,
            scope: pool.scope,
            rule: pool.rule.clone(),
        };
        self.pools.iter().map(info).collect()
    }
}

impl RedisPool {
    fn check(&self) -> Result<Pool, String> {
        let entry = Pattern::parse("key_pattern", &self.key_pattern)?;
        let fence = match &self.fence_pattern {
            Some(text) => Pattern::parse("fence_pattern", text)?,
            None => entry.with_end(FENCE),
        };
        if fence.meets(&entry) {
            return Err("fence_pattern makes names that key_pattern makes too, so a fence would look like an entry; \
                        set them apart with a sign that keys never have, as in {key}:fence"
                .to_owned());
        }
        if self.servers.is_empty() {
            return Err(
                "servers is missing: name them as the values do, as in servers = [\"api-1\", \"api-2\"]".to_owned()
            );
        }
        let (name, value, servers) = (self.name.clone(), self.value.clone(), self.servers.clone());
        Ok(Pool { name, entry, fence: self.fence.then_some(fence), value, servers })
    }
}

impl Pool {
    /// Checks that no name belongs to both. Pools may share a fence: then a key is fenced in both at once.
    fn apart_from(&self, other: &Self) -> Result<(), String> {
        if self.name == other.name {
            return Err(format!("the router has another pool called {}", self.name));
        }
        let mixed = |entry: &Pattern, fence: &Option<Pattern>| fence.as_ref().is_some_and(|fence| fence.meets(entry));
        if self.entry.meets(&other.entry) || mixed(&self.entry, &other.fence) || mixed(&other.entry, &self.fence) {
            return Err(format!(
                "its names in Redis cannot be told from those of pool {}; give each pool a key_pattern of its own, as in \
                 affinity:{}:{{key}}",
                self.name, other.name
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str, pattern: &str) -> RedisPool {
        RedisPool {
            name: PoolName::parse(name).unwrap(),
            scope: Scope::Account,
            rule: None,
            key_pattern: pattern.to_owned(),
            value: ValueFormat::Text,
            servers: vec![ServerName::parse("api-1").unwrap()],
            fence: true,
            fence_pattern: None,
        }
    }

    fn config(pools: Vec<RedisPool>) -> RedisConfig {
        RedisConfig {
            name: RouterName::parse("map").unwrap(),
            endpoint: "redis://127.0.0.1".parse().unwrap(),
            password: None,
            ca: None,
            pools,
            timeout: Span::from_secs(2),
            max_request: Span::from_secs(30),
            fence_ttl: Span::from_secs(900),
        }
    }

    fn complaint(config: &RedisConfig) -> String {
        config.check().unwrap_err()
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        let good = config(vec![pool("app", "a:{key}"), pool("files", "f:{key}")]);
        assert!(good.check().is_ok());
        assert!(complaint(&config(Vec::new())).contains("no pool"));
        assert!(complaint(&config(vec![pool("app", "a:")])).contains("router map, pool app: key_pattern"));
        assert!(complaint(&config(vec![pool("app", "a:{key}"), pool("app", "b:{key}")])).contains("another pool"));
        assert!(complaint(&config(vec![pool("app", "a:{key}"), pool("files", "a:{key}")])).contains("of its own"));
        assert!(complaint(&config(vec![pool("app", "a:{key}"), pool("f", "a:{key}:fence")])).contains("of its own"));
        assert!(complaint(&RedisConfig { timeout: Span::ZERO, ..good.clone() }).contains("time-out"));
        assert!(complaint(&RedisConfig { fence_ttl: Span::from_secs(30), ..good }).contains("fence_ttl"));
        let fence = RedisPool { fence_pattern: Some("a:{key}_x".to_owned()), ..pool("app", "a:{key}") };
        assert!(complaint(&config(vec![fence])).contains("look like an entry"));
        let nobody = RedisPool { servers: Vec::new(), ..pool("app", "a:{key}") };
        assert!(complaint(&config(vec![nobody])).contains("servers is missing"));
    }
}
