//! `[[router]]` blocks.

use domain::{PoolName, RouterName, Scope, Span};
use routers::haproxy::Endpoint;

use super::{
    Origin, Problem, Problems, Raw,
    fleet::expanded,
    raw::{RawBlock, RawConfig},
    redis::{RedisRouter, unused_passwords},
    values::span,
};

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
    /// An affinity map in Redis.
    Redis(Box<RedisRouter>),
}

/// A pool of a router.
#[derive(Debug, Clone)]
pub struct RouterPool {
    /// Its name.
    pub name: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// How its router finds a key in a request, in that router's own words.
    pub rule: Option<String>,
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
            Self::Redis(router) => &router.config.name,
        }
    }
    /// The names of its pools.
    pub fn pool_names(&self) -> Vec<&PoolName> {
        match self {
            Self::Embedded { pools, .. } | Self::Haproxy { pools, .. } => pools.iter().map(|pool| &pool.name).collect(),
            Self::Redis(router) => router.config.pools.iter().map(|pool| &pool.name).collect(),
        }
    }
}

/// What there is without any block: one embedded router, so that everything works from the first minute.
pub(super) fn default_routers() -> Vec<RouterConfig> {
    let pool = |name: &str, scope| {
        let name = PoolName::parse(name).ok()?;
        let text = name.to_string();
        Some(RouterPool { name, scope, rule: None, table: text.clone(), backend: text, acl_file: None })
    };
    let pools = [pool("app", Scope::Account), pool("files", Scope::Session)];
    let name = RouterName::parse("embedded").ok();
    let pools = pools.into_iter().flatten().collect();
    name.into_iter().map(|name| RouterConfig::Embedded { name, pools: Vec::clone(&pools) }).collect()
}

/// Reads the blocks; one with `endpoints` is a router for each of them. Beside the routers: the names of each block's,
/// which are one fleet.
pub(super) fn routers(said: &RawConfig, problems: &mut Problems) -> (Vec<RouterConfig>, Vec<Vec<RouterName>>) {
    let mut found: Vec<RouterConfig> = Vec::new();
    let mut fleets = Vec::new();
    for block in &said.routers {
        let first = found.len();
        for (number, block) in expanded(block, problems).iter().enumerate() {
            // What is wrong with the block is wrong with each of its routers: it is told once.
            let mut own = Problems::default();
            let router = router(block, said, &mut own);
            for problem in own.iter() {
                if number == 0 || !problems.is_told(&problem.origin) {
                    problems.push(problem.clone());
                }
            }
            let Some(router) = router else { continue };
            if found.iter().any(|other| other.name() == router.name()) {
                let origin = block.values.get("name").map_or(&block.origin, |raw| &raw.origin);
                let text = format!("there is another router called {}", router.name());
                problems.push(Problem::new(origin.clone(), text));
            }
            found.push(router);
        }
        fleets.push(found[first..].iter().map(|router| router.name().clone()).collect());
    }
    unused_passwords(&said.passwords, &found, problems);
    (found, fleets)
}

fn router(block: &RawBlock, said: &RawConfig, problems: &mut Problems) -> Option<RouterConfig> {
    let name = required(block, "name", problems, |text| RouterName::parse(text).map_err(|e| e.to_string()));
    let kind = required(block, "kind", problems, |text| match text {
        "embedded" | "haproxy" | "redis" => Ok(text.to_owned()),
        other => Err(format!("{other:?} is no kind of router; write embedded or haproxy or redis")),
    });
    if block.pools.is_empty() {
        let text = "the router has no pool: add [[router.pool]] with name and scope";
        problems.push(Problem::new(block.origin.clone(), text));
    }
    let kind = kind?;
    foreign_words(block, &kind, problems);
    if kind == "redis" {
        let router = super::redis::redis(block, name?, said, problems)?;
        return Some(RouterConfig::Redis(Box::new(router)));
    }
    let pools = pools(block, problems);
    if kind == "embedded" {
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

/// Words that a router of this kind would silently not heed.
fn foreign_words(block: &RawBlock, kind: &str, problems: &mut Problems) {
    let (router, pool): (&[&str], &[&str]) = match kind {
        "embedded" => (
            &["endpoint", "timeout", "max_request", "password_file", "ca_file", "fence_ttl"],
            &[
                "table",
                "backend",
                "acl_file",
                "key_pattern",
                "value",
                "session_field",
                "generation_field",
                "servers",
                "fence",
                "fence_pattern",
            ],
        ),
        "haproxy" => (
            &["password_file", "ca_file", "fence_ttl"],
            &["key_pattern", "value", "session_field", "generation_field", "servers", "fence", "fence_pattern"],
        ),
        _ => (&[], &["table", "backend", "acl_file"]),
    };
    let article = if kind == "embedded" { "an" } else { "a" };
    let mut tell = |block: &RawBlock, words: &[&str]| {
        for raw in words.iter().filter_map(|word| block.values.get(*word).map(|raw| (word, raw))) {
            problems.push(Problem::new(raw.1.origin.clone(), format!("{} is not for {article} {kind} router", raw.0)));
        }
    };
    tell(block, router);
    block.pools.iter().for_each(|inner| tell(inner, pool));
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
            rule: pool.rule.clone(),
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
    let (name, scope) = name_and_scope(block, problems);
    let rule = optional(block, "rule", problems, None, |text| key_rule(text).map(Some));
    let text = |word: &str| block.values.get(word).map(|raw| raw.text.clone());
    let name = name?;
    let backend = text("backend").unwrap_or_else(|| name.to_string());
    let table = text("table").unwrap_or_else(|| backend.clone());
    Some(RouterPool { name, scope: scope?, rule: rule?, table, backend, acl_file: text("acl_file") })
}

/// What every pool has.
pub(super) fn name_and_scope(block: &RawBlock, problems: &mut Problems) -> (Option<PoolName>, Option<Scope>) {
    let name = required(block, "name", problems, |text| PoolName::parse(text).map_err(|e| e.to_string()));
    let scope = required(block, "scope", problems, |text| {
        Scope::parse(text).ok_or_else(|| format!("{text:?} is no scope; write account or session"))
    });
    (name, scope)
}

/// A pool's `rule`: one line that is shown as it is.
pub(super) fn key_rule(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("rule: must be 1 to 200 printable characters, as your load balancer's own configuration says them: \
             req.cook(sid),url_dec"
            .to_owned())
    }
}

pub(super) fn required<T>(
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

pub(super) fn optional<T>(
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
