//! A HAProxy or Redis of its own for each test, on unix sockets in a temporary folder, and the servers behind it.

mod cutter;
mod origin;
mod pair;
mod process;
mod redis;
mod relay;

use std::{
    fmt::Write as _,
    fs,
    path::{Display, Path, PathBuf},
    time::Duration,
};

use domain::{PoolName, RouteKey, RouterName, Scope, Span};
use routers::haproxy::{Endpoint, Haproxy, HaproxyConfig, HaproxyPool};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

pub use cutter::Cutter;
pub use origin::Origin;
pub use pair::Pair;
pub use process::Process;
pub use redis::{RedisLab, free_port};
pub use relay::Relay;

/// What the stick tables of a lab are called.
pub const POOLS: [&str; 5] = ["accounts", "sessions", "tracked", "short", "addressed"];

/// A HAProxy with three servers behind it.
pub struct Lab {
    pub process: Process,
    pub origins: Vec<Origin>,
    /// Processes before a reload, which may still have requests.
    old: Vec<Process>,
    dir: TempDir,
}

/// An answer from behind HAProxy.
pub struct Page {
    pub status: u16,
    pub server: String,
}

impl Lab {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// Starts one with more lines of configuration, in which `{dir}` is its folder and `{api-1}` the address of a server.
    pub async fn with(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut origins = Vec::new();
        for name in ["api-1", "api-2", "api-3"] {
            origins.push(Origin::start(name).await);
        }
        for name in ["blocked.acl", "beside.acl"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let file = dir.path().join("haproxy.cfg");
        fs::write(&file, configuration(dir.path(), &origins, more)).unwrap();
        let process = Process::haproxy(&file, dir.path());
        let lab = Self { process, origins, old: Vec::new(), dir };
        lab.wait_until_it_answers().await;
        lab
    }

    /// Ends it as a crash would, and starts it again with nothing in its tables.
    pub async fn crash(&mut self) {
        self.process.kill();
        for socket in ["admin.sock", "operator.sock", "user.sock", "web.sock"] {
            let _ = fs::remove_file(self.path(socket));
        }
        self.process = Process::haproxy(&self.path("haproxy.cfg"), self.dir.path());
        self.wait_until_it_answers().await;
    }

    /// Reloads it: a new process takes new requests, the old one ends when its own have. Nothing is handed over but sockets.
    pub async fn reload(&mut self) {
        let new = Process::haproxy_after(&self.process, &self.path("haproxy.cfg"), self.dir.path());
        let pid = format!("Pid: {}\n", new.id());
        self.old.push(std::mem::replace(&mut self.process, new));
        let mut tries = 0;
        while !raw(&self.path("admin.sock"), "show info").await.contains(&pid) {
            assert!(tries < 2_000, "the new HAProxy does not take over:\n{}", self.process.log());
            tries += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.wait_until_it_answers().await;
    }

    /// Sockets appear one by one, in the order of the configuration.
    async fn wait_until_it_answers(&self) {
        let text = fs::read_to_string(self.path("haproxy.cfg")).unwrap();
        let bound = text.split_whitespace().filter_map(|word| word.strip_prefix("unix@")).map(PathBuf::from);
        for socket in std::iter::once(self.path("admin.sock")).chain(bound) {
            let mut tries = 0;
            while UnixStream::connect(&socket).await.is_err() {
                assert!(tries < 2_000, "HAProxy does not come up:\n{}", self.process.log());
                tries += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// A file of this lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the socket of `level` listens.
    pub fn endpoint(&self, level: &str) -> Endpoint {
        Endpoint::Unix(self.path(&format!("{level}.sock")))
    }

    /// The configuration of a router that talks to the socket of level `operator`.
    pub fn config(&self) -> HaproxyConfig {
        let pool = |name: &str| HaproxyPool {
            name: PoolName::parse(name).unwrap(),
            scope: if name == "sessions" { Scope::Session } else { Scope::Account },
            rule: None,
            table: name.to_owned(),
            backend: name.to_owned(),
            acl_file: (name == "accounts").then(|| self.path("blocked.acl").display().to_string()),
        };
        HaproxyConfig {
            name: RouterName::parse("lb-1").unwrap(),
            endpoint: self.endpoint("operator"),
            pools: POOLS.into_iter().map(pool).collect(),
            timeout: Span::from_secs(2),
            max_request: Span::from_secs(5),
        }
    }

    /// A router that talks to the socket of level `operator`.
    pub fn router(&self) -> Haproxy {
        Haproxy::new(self.config()).unwrap()
    }

    /// A router that goes another way.
    pub fn router_at(&self, endpoint: Endpoint) -> Haproxy {
        Haproxy::new(HaproxyConfig { endpoint, ..self.config() }).unwrap()
    }

    /// A request to `pool` with `key` in its cookie.
    pub async fn get(&self, pool: &str, key: &str, path: &str) -> Page {
        get(&self.path("web.sock"), pool, key, path).await
    }

    /// What HAProxy says to `command`, past the code under test.
    pub async fn raw(&self, command: &str) -> String {
        raw(&self.path("admin.sock"), command).await
    }

    /// Makes rows for `keys` in `table`, past the code under test.
    pub async fn fill(&self, table: &str, keys: &[RouteKey]) {
        for some in keys.chunks(100) {
            let mut line = String::new();
            for key in some {
                let _ = write!(line, "set table {table} key {key} data.server_id 2;");
            }
            assert_eq!(self.raw(line.trim_end_matches(';')).await.trim(), "");
        }
    }

    /// How many rows `table` has.
    pub async fn rows(&self, table: &str) -> usize {
        self.raw(&format!("show table {table}")).await.lines().filter(|line| line.starts_with("0x")).count()
    }

    /// The server called `name`.
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.iter().find(|origin| origin.name == name).unwrap()
    }
}

/// A request to `pool` behind `socket`, with `key` in its cookie.
pub async fn get(socket: &Path, pool: &str, key: &str, path: &str) -> Page {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: test\r\nX-Pool: {pool}\r\nCookie: k={key}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let server = text.rsplit("\r\n").next().unwrap_or_default().to_owned();
    Page { status, server }
}

/// What the runtime API behind `socket` says to `command`; nothing when it breaks off, as it may while it reloads.
async fn raw(socket: &Path, command: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let mut text = String::new();
    if stream.write_all(format!("{command}\n").as_bytes()).await.is_ok() {
        let _ = stream.read_to_string(&mut text).await;
    }
    text
}

/// A pool's name.
pub fn pool(name: &str) -> PoolName {
    PoolName::parse(name).unwrap()
}

/// A key.
pub fn key(text: &str) -> RouteKey {
    RouteKey::parse(text).unwrap()
}

/// `count` different keys of `length` characters.
pub fn keys(count: usize, length: usize) -> Vec<RouteKey> {
    (0..count).map(|number| key(&format!("{number:0>length$}"))).collect()
}

fn configuration(dir: &Path, origins: &[Origin], more: &str) -> String {
    let dir = dir.display();
    let mut text = preamble(&dir);
    let stick = "stick on req.cook(k)".to_owned();
    let fenced = format!(
        "acl blocked req.cook(k) -m str -f {dir}/blocked.acl
  stick match req.cook(k) unless blocked
  stick store-request req.cook(k) unless blocked"
    );
    let tables = [
        "len 64 size 100k",
        "len 64 size 100k",
        "len 64 size 1k store server_id,gpc0",
        "len 32 size 1k",
        "len 64 size 1k srvkey addr",
    ];
    for (name, table) in POOLS.into_iter().zip(tables) {
        let rules = if name == "accounts" { &fenced } else { &stick };
        let _ = write!(text, "backend {name}\n  stick-table type string {table} expire 30m\n  {rules}\n");
        for origin in origins {
            let _ = writeln!(text, "  server {} {}", origin.name, origin.address);
        }
    }
    let more = more.replace("{dir}", &dir.to_string());
    let address =
        |more: String, origin: &Origin| more.replace(&format!("{{{}}}", origin.name), &origin.address.to_string());
    text + &origins.iter().fold(more, address) + "\n"
}

/// What all of it shares.
fn preamble(dir: &Display<'_>) -> String {
    format!(
        "global
  stats socket {dir}/user.sock level user
  stats socket {dir}/operator.sock level operator
  stats socket {dir}/admin.sock level admin
  nbthread 2
  node lb-test
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  retries 1
frontend web
  bind unix@{dir}/web.sock
  http-request track-sc0 req.cook(k) table tracked if {{ req.hdr(x-pool) tracked }}
  use_backend %[req.hdr(x-pool)]
backend others
  stick-table type ip size 1k
"
    )
}
