//! What an operator writes down about a HAProxy.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use domain::{Place, PoolInfo, PoolName, RouterKind, RouterName, Scope, ServerName, Span};

use super::command::Word;

/// A HAProxy and what of it belongs to Unstick.
#[derive(Debug, Clone)]
pub struct HaproxyConfig {
    /// The router's name.
    pub name: RouterName,
    /// Where its runtime API listens (`stats socket … level operator` or above).
    pub endpoint: Endpoint,
    /// Its stick tables.
    pub pools: Vec<HaproxyPool>,
    /// How long it may take to accept a connection, to take a line, and for each part of its answer.
    pub timeout: Span,
    /// The longest request that it serves (its `timeout server`).
    pub max_request: Span,
}

/// One stick table and the back end whose servers it pins to.
#[derive(Debug, Clone)]
pub struct HaproxyPool {
    /// The pool's name in Unstick.
    pub name: PoolName,
    /// What its keys stand for.
    pub scope: Scope,
    /// How HAProxy finds a key in a request, in the words of its own configuration: `req.cook(sid),url_dec`.
    pub rule: Option<String>,
    /// The stick table's name in HAProxy: that of the proxy that declares it. Its type must be `string`, its `len` at
    /// least that of the longest key.
    pub table: String,
    /// The back end's name in HAProxy.
    pub backend: String,
    /// The file of the ACL that keeps HAProxy from sticking a key, exactly as HAProxy's configuration names it.
    pub acl_file: Option<String>,
}

/// Where a runtime API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

impl FromStr for Endpoint {
    type Err = String;

    /// Reads `unix:/run/haproxy.sock`, `/run/haproxy.sock`, `tcp:127.0.0.1:9999` or `127.0.0.1:9999`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text)) {
            return if path.starts_with('/') && path.len() > 1 {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(format!("the socket in {text:?} must be an absolute path, as in unix:/run/haproxy.sock"))
            };
        }
        text.strip_prefix("tcp:").unwrap_or(text).parse().map(Self::Tcp).map_err(|_| {
            format!("{text:?} is no endpoint; write unix:/run/haproxy.sock, or an address as in tcp:127.0.0.1:9999")
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// A pool whose names were checked.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) name: PoolName,
    pub(super) table: Word,
    pub(super) backend: Word,
    pub(super) acl: Option<Word>,
    /// Length of the longest key that the table was seen to keep whole.
    pub(super) proven: AtomicUsize,
    /// Entries of the table when it was last seen to be full; 0 when it was not.
    pub(super) full_at: AtomicU64,
    /// Backup servers that served customers although others were up, when the servers were last read.
    pub(super) lingering: Mutex<Vec<ServerName>>,
}

impl HaproxyConfig {
    /// The pools, after everything was checked.
    pub(super) fn check(&self) -> Result<Vec<Pool>, String> {
        let router = &self.name;
        if self.pools.is_empty() {
            return Err(format!("router {router} has no pool; name at least one stick table"));
        }
        if self.timeout <= Span::ZERO {
            return Err(format!("router {router}: its time-out must be longer than 0"));
        }
        if self.max_request < Span::ZERO {
            return Err(format!("router {router}: its longest request cannot be shorter than 0"));
        }
        let mut pools: Vec<Pool> = Vec::new();
        for pool in &self.pools {
            if pools.iter().any(|other| other.name == pool.name) {
                return Err(format!("router {router} has two pools called {}", pool.name));
            }
            pools.push(pool.check().map_err(|why| format!("router {router}, pool {}: {why}", pool.name))?);
        }
        Ok(pools)
    }

    /// The pools as the plan needs them.
    pub(super) fn infos(&self) -> Vec<PoolInfo> {
        let info = |pool: &HaproxyPool| PoolInfo {
            place: Place { router: self.name.clone(), pool: pool.name.clone() },
            kind: RouterKind::Haproxy,
            scope: pool.scope,
            rule: pool.rule.clone(),
        };
        self.pools.iter().map(info).collect()
    }
}

impl HaproxyPool {
    fn check(&self) -> Result<Pool, String> {
        Ok(Pool {
            name: self.name.clone(),
            table: Word::parse("table", &self.table)?,
            backend: Word::parse("backend", &self.backend)?,
            acl: self.acl_file.as_deref().map(|file| Word::parse("acl_file", file)).transpose()?,
            proven: AtomicUsize::new(0),
            full_at: AtomicU64::new(0),
            lingering: Mutex::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> HaproxyConfig {
        let pool = HaproxyPool {
            name: PoolName::parse("app").unwrap(),
            scope: Scope::Account,
            rule: None,
            table: "app".to_owned(),
            backend: "app".to_owned(),
            acl_file: None,
        };
        HaproxyConfig {
            name: RouterName::parse("lb-1").unwrap(),
            endpoint: Endpoint::Unix(PathBuf::from("/run/haproxy.sock")),
            pools: vec![pool],
            timeout: Span::from_secs(2),
            max_request: Span::from_secs(30),
        }
    }

    #[test]
    fn endpoints_read_as_people_write_them() {
        let unix = Ok(Endpoint::Unix(PathBuf::from("/run/haproxy.sock")));
        let tcp = Ok(Endpoint::Tcp(SocketAddr::from(([127, 0, 0, 1], 9999))));
        assert_eq!("unix:/run/haproxy.sock".parse(), unix);
        assert_eq!(" /run/haproxy.sock ".parse(), unix);
        assert_eq!("tcp:127.0.0.1:9999".parse(), tcp);
        assert_eq!("127.0.0.1:9999".parse(), tcp);
        assert!(matches!("tcp:[::1]:9999".parse(), Ok(Endpoint::Tcp(_))));
        for bad in ["", "haproxy.sock", "unix:haproxy.sock", "unix:/", "unix:", "localhost:9999", "tcp:127.0.0.1", "/"]
        {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?} was taken");
        }
        for text in ["unix:/run/haproxy.sock", "tcp:127.0.0.1:9999"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        assert!(config().check().is_ok());
        let mut bad = config();
        bad.pools[0].table = "app; clear table app".to_owned();
        assert!(bad.check().unwrap_err().starts_with("router lb-1, pool app: table"));
        let mut bad = config();
        bad.pools[0].acl_file = Some("#0".to_owned());
        assert!(bad.check().unwrap_err().contains("acl_file"));
        let mut bad = config();
        bad.pools.push(bad.pools[0].clone());
        assert!(bad.check().unwrap_err().contains("two pools"));
        assert!(HaproxyConfig { pools: Vec::new(), ..config() }.check().is_err());
        assert!(HaproxyConfig { timeout: Span::ZERO, ..config() }.check().is_err());
        assert!(HaproxyConfig { max_request: Span::from_secs(-1), ..config() }.check().is_err());
    }
}
