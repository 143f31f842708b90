//! `[[router]]` blocks.

use domain::{PoolName, RouterName, Scope, Span};
use routers::haproxy::Endpoint;

use super::{Origin, Problem, Problems, Raw, raw::RawBlock, values::span};

/// A router, as configured.
#[derive(Debug, Clone)]
pub enum RouterConfig {
    /// A table in our own database.
    Embedded {
        /// Its name.
        name: RouterName,
        /// Its pools.
        pools: Vec<RouterPool>,
    },
    /// HAProxy's stick tables.
    Haproxy {
        /// Its name.
        name: RouterName,
        /// Where its runtime API listens.
        endpoint: Endpoint,
        /// How long it may take to answer.
        timeout: Span,
        /// The longest request that it serves.
        max_request: Span,
        /// Its pools.
        pools: Vec<RouterPool>,
    },
}

/// A pool of a router.
#[derive(Debug, Clone)]
pub struct RouterPool {
    /// Its name.
    pub name: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// The stick table (HAProxy); by default the back end's.
    pub table: String,
    /// The back end (HAProxy); by default the pool's name.
    pub backend: String,
    /// The fence's file (HAProxy).
    pub acl_file: Option<String>,
}

impl RouterConfig {
    /// Its name.
    pub const fn name(&self) -> &RouterName {
        match self {
            Self::Embedded { name, .. } | Self::Haproxy { name, .. } => name,
        }
    }
    /// Its pools.
    pub fn pools(&self) -> &[RouterPool] {
        match self {
            Self::Embedded { pools, .. } | Self::Haproxy { pools, .. } => pools,
        }
    }
}

/// What there is without any block: one embedded router, so that everything works from the first minute.
pub(super) fn default_routers() -> Vec<RouterConfig> {
    let pool = |name: &str, scope| {
        let name = PoolName::parse(name).ok()?;
        let text = name.to_string();
        Some(RouterPool { name, scope, table: text.clone(), backend: text, acl_file: None })
    };
    let pools = [pool("app", Scope::Account), pool("files", Scope::Session)];
    let name = RouterName::parse("embedded").ok();
    let pools = pools.into_iter().flatten().collect();
    name.into_iter().map(|name| RouterConfig::Embedded { name, pools: Vec::clone(&pools) }).collect()
}

/// Reads the blocks.
pub(super) fn routers(blocks: &[RawBlock], problems: &mut Problems) -> Vec<RouterConfig> {
    let mut found: Vec<RouterConfig> = Vec::new();
    for block in blocks {
        let Some(router) = router(block, problems) else {
            continue;
        };
        if found.iter().any(|other| other.name() == router.name()) {
            let text = format!("there is another router called {}", router.name());
            problems.push(Problem::new(block.origin.clone(), text));
        }
        found.push(router);
    }
    found
}

fn router(block: &RawBlock, problems: &mut Problems) -> Option<RouterConfig> {
    let name = required(block, "name", problems, |text| RouterName::parse(text).map_err(|e| e.to_string()));
    let kind = required(block, "kind", problems, |text| match text {
        "embedded" | "haproxy" => Ok(text.to_owned()),
        other => Err(format!("{other:?} is no kind of router; write embedded or haproxy")),
    });
    let pools = pools(block, problems);
    if kind? == "embedded" {
        for word in ["endpoint", "timeout", "max_request"] {
            if let Some(raw) = block.values.get(word) {
                problems.push(Problem::new(raw.origin.clone(), format!("{word} is not for an embedded router")));
            }
        }
        return Some(RouterConfig::Embedded { name: name?, pools });
    }
    let endpoint = required(block, "endpoint", problems, str::parse::<Endpoint>);
    let timeout = optional(block, "timeout", problems, Span::from_secs(2), span);
    let max_request = optional(block, "max_request", problems, Span::from_secs(30), span);
    let router =
        RouterConfig::Haproxy { name: name?, endpoint: endpoint?, timeout: timeout?, max_request: max_request?, pools };
    check_haproxy(&router, &block.origin, problems);
    Some(router)
}

/// The package that talks to it knows what it can talk to.
fn check_haproxy(router: &RouterConfig, origin: &Origin, problems: &mut Problems) {
    if let Some(config) = router.haproxy()
        && let Err(text) = routers::haproxy::Haproxy::new(config)
    {
        problems.push(Problem::new(origin.clone(), text));
    }
}

impl RouterConfig {
    /// The same in the words of the package that talks to it.
    pub fn haproxy(&self) -> Option<routers::haproxy::HaproxyConfig> {
        let Self::Haproxy { name, endpoint, timeout, max_request, pools } = self else {
            return None;
        };
        let pool = |pool: &RouterPool| routers::haproxy::HaproxyPool {
            name: pool.name.clone(),
            scope: pool.scope,
            table: pool.table.clone(),
            backend: pool.backend.clone(),
            acl_file: pool.acl_file.clone(),
        };
        Some(routers::haproxy::HaproxyConfig {
            name: name.clone(),
            endpoint: endpoint.clone(),
            pools: pools.iter().map(pool).collect(),
            timeout: *timeout,
            max_request: *max_request,
        })
    }
}

fn pools(block: &RawBlock, problems: &mut Problems) -> Vec<RouterPool> {
    if block.pools.is_empty() {
        let text = "the router has no pool: add [[router.pool]] with name and scope";
        problems.push(Problem::new(block.origin.clone(), text));
    }
    let mut found: Vec<RouterPool> = Vec::new();
    for inner in &block.pools {
        let Some(pool) = pool(inner, problems) else { continue };
        if found.iter().any(|other| other.name == pool.name) {
            let text = format!("the router has another pool called {}", pool.name);
            problems.push(Problem::new(inner.origin.clone(), text));
        }
        found.push(pool);
    }
    found
}

fn pool(block: &RawBlock, problems: &mut Problems) -> Option<RouterPool> {
    let name = required(block, "name", problems, |text| PoolName::parse(text).map_err(|e| e.to_string()));
    let scope = required(block, "scope", problems, |text| {
        Scope::parse(text).ok_or_else(|| format!("{text:?} is no scope; write account or session"))
    });
    let text = |word: &str| block.values.get(word).map(|raw| raw.text.clone());
    let name = name?;
    let backend = text("backend").unwrap_or_else(|| name.to_string());
    let table = text("table").unwrap_or_else(|| backend.clone());
    Some(RouterPool { name, scope: scope?, table, backend, acl_file: text("acl_file") })
}

fn required<T>(
    block: &RawBlock,
    word: &str,
    problems: &mut Problems,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let Some(raw) = block.values.get(word) else {
        problems.push(Problem::new(block.origin.clone(), format!("{word} is missing")));
        return None;
    };
    checked(raw, problems, read)
}

fn optional<T>(
    block: &RawBlock,
    word: &str,
    problems: &mut Problems,
    default: T,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match block.values.get(word) {
        Some(raw) => checked(raw, problems, read),
        None => Some(default),
    }
}

fn checked<T>(raw: &Raw, problems: &mut Problems, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
    read(&raw.text).map_err(|text| problems.push(Problem::new(raw.origin.clone(), text))).ok()
}
