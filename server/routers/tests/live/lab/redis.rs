//! A Redis of its own for each test, on a unix socket in a temporary folder.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{PoolName, RouterName, Scope, ServerName, Span};
use redis::{Client, RedisResult, Value};
use routers::redis::{Redis, RedisConfig, RedisPool, ValueFormat};
use tempfile::TempDir;

use super::Process;

/// A Redis process.
pub struct RedisLab {
    pub process: Process,
    options: Vec<String>,
    dir: TempDir,
}

impl RedisLab {
    /// Starts one that keeps nothing.
    pub async fn start() -> Self {
        Self::with("--save '' --appendonly no").await
    }

    /// Starts one with `options`, as for a shell; `{dir}` is its folder.
    pub async fn with(options: &str) -> Self {
        Self::prepared(options, |_| {}).await
    }

    /// The same after `prepare` put files into its folder.
    pub async fn prepared(options: &str, prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let own = format!("--port 0 --unixsocket {{dir}}/redis.sock --dir {{dir}} {options}");
        let folder = dir.path().display().to_string();
        let word = |word: &str| word.replace("{dir}", &folder).replace('\'', "");
        let options: Vec<String> = own.split_whitespace().map(word).collect();
        let lab = Self { process: run(&options, dir.path()), options, dir };
        lab.wait_until_it_answers().await;
        lab
    }

    /// Ends it as a crash would, starts it again on what it kept, and waits until it has read that.
    pub async fn crash(&mut self) {
        self.crash_early().await;
        for _ in 0..2_000 {
            match self.try_raw(&["DBSIZE"]) {
                Ok(_) => return,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        panic!("Redis does not read its data:\n{}", self.process.log());
    }

    /// The same, but it may still be reading.
    pub async fn crash_early(&mut self) {
        self.process.kill();
        let _ = fs::remove_file(self.path("redis.sock"));
        self.process = run(&self.options, self.dir.path());
        self.wait_until_it_answers().await;
    }

    /// A Redis that is loading, or wants a password, answers too.
    async fn wait_until_it_answers(&self) {
        for _ in 0..2_000 {
            match self.client().get_connection().and_then(|mut open| redis::cmd("PING").query::<Value>(&mut open)) {
                Err(error) if error.is_io_error() => tokio::time::sleep(Duration::from_millis(5)).await,
                _ => return,
            }
        }
        panic!("Redis does not come up:\n{}", self.process.log());
    }

    /// A file of this lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn client(&self) -> Client {
        Client::open(format!("unix:{}", self.path("redis.sock").display())).unwrap()
    }

    /// What Redis answers to `words`, past the code under test.
    pub fn try_raw<T: AsRef<[u8]>>(&self, words: &[T]) -> RedisResult<Value> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word.as_ref());
        }
        command.query(&mut self.client().get_connection()?)
    }

    /// The same when it must be no error.
    pub fn raw<T: AsRef<[u8]>>(&self, words: &[T]) -> Value {
        self.try_raw(words).unwrap()
    }

    /// Makes an entry in the map `app`.
    pub fn pin(&self, key: &str, value: impl AsRef<[u8]>) {
        self.raw(&[b"SET", format!("affinity:app:{key}").as_bytes(), value.as_ref()]);
    }

    /// Makes one for each of `keys`, at once.
    pub fn fill<K: std::fmt::Display>(&self, keys: &[K], value: &str) {
        self.fill_other("affinity:app:", keys, value);
    }

    /// Makes keys that begin with `before`, at once.
    pub fn fill_other<K: std::fmt::Display>(&self, before: &str, keys: &[K], value: &str) {
        let mut open = self.client().get_connection().unwrap();
        for some in keys.chunks(1_000) {
            let mut commands = redis::pipe();
            for key in some {
                commands.cmd("SET").arg(format!("{before}{key}")).arg(value).ignore();
            }
            commands.query::<()>(&mut open).unwrap();
        }
    }

    /// Has it save in the background, until it says that this ended `ok` or with `err`.
    pub async fn background_save(&self, how: &str) {
        self.raw(&["BGSAVE"]);
        let mut text = String::new();
        for _ in 0..2_000 {
            let Value::BulkString(bytes) = self.raw(&["INFO", "persistence"]) else { panic!() };
            text = String::from_utf8_lossy(&bytes).into_owned();
            if text.contains(&format!("rdb_last_bgsave_status:{how}")) && text.contains("rdb_bgsave_in_progress:0") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{text}");
    }

    /// How many keys there are in all.
    pub fn size(&self) -> i64 {
        let Value::Int(count) = self.raw(&["DBSIZE"]) else { panic!() };
        count
    }

    /// A router's configuration: the map `app` of accounts as text with a fence, `files` of sessions in JSON without.
    pub fn config(&self) -> RedisConfig {
        let servers = ["api-1", "api-2", "api-3"].map(|name| ServerName::parse(name).unwrap()).to_vec();
        let app = RedisPool {
            name: PoolName::parse("app").unwrap(),
            scope: Scope::Account,
            rule: None,
            key_pattern: "affinity:app:{key}".to_owned(),
            value: ValueFormat::Text,
            servers: servers.clone(),
            fence: true,
            fence_pattern: None,
        };
        let files = RedisPool {
            name: PoolName::parse("files").unwrap(),
            scope: Scope::Session,
            rule: None,
            key_pattern: "files[*]?:{key}:pin".to_owned(),
            value: ValueFormat::parse("json:server", Some("session")).unwrap(),
            servers,
            fence: false,
            fence_pattern: None,
        };
        RedisConfig {
            name: RouterName::parse("map-1").unwrap(),
            endpoint: format!("unix:{}", self.path("redis.sock").display()).parse().unwrap(),
            password: None,
            ca: None,
            pools: vec![app, files],
            timeout: Span::from_secs(2),
            max_request: Span::from_secs(5),
            fence_ttl: Span::from_secs(600),
        }
    }

    /// A router.
    pub fn router(&self) -> Redis {
        Redis::new(self.config()).unwrap()
    }
}

fn run(options: &[String], dir: &Path) -> Process {
    Process::start("redis-server", &options.iter().map(String::as_str).collect::<Vec<_>>(), dir)
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
