//! The affinity map: a real Redis with what Debian gives it, snapshots and no append-only file. So a crash brings back what
//! was cleaned since the last snapshot, and the controls can make it crash.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use redis::{Client, aio::MultiplexedConnection};
use tokio::sync::Mutex;

use crate::{Outcome, child::Child, wait::until};

/// What its entries begin with; the key follows.
pub const PREFIX: &str = "affinity:docs:";

/// A Redis.
pub struct Map {
    folder: PathBuf,
    child: Mutex<Option<Child>>,
    line: Mutex<Option<MultiplexedConnection>>,
}

impl Map {
    /// Starts it, empty.
    pub async fn start(folder: &Path) -> Outcome<Self> {
        let map = Self { folder: folder.to_owned(), child: Mutex::default(), line: Mutex::default() };
        std::fs::remove_file(folder.join("map.rdb")).ok();
        map.run().await?;
        Ok(map)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("map.sock")
    }

    /// Starts the process, unless it runs, on what it kept.
    pub async fn run(&self) -> Outcome<()> {
        let mut child = self.child.lock().await;
        if child.is_some() {
            return Ok(());
        }
        let (socket, log) = (self.socket(), self.folder.join("map.log"));
        std::fs::remove_file(&socket).ok();
        let words = ["--port", "0", "--dbfilename", "map.rdb", "--save", "3600 1", "--appendonly", "no", "--dir"];
        let mut words: Vec<&OsStr> = words.into_iter().map(OsStr::new).collect();
        words.extend([self.folder.as_os_str(), OsStr::new("--unixsocket"), socket.as_os_str()]);
        let started = Mutex::new(Child::start(Path::new("redis-server"), &words, &log)?);
        until("redis answers", Duration::from_secs(10), async || {
            if started.lock().await.ended() {
                return Err(format!("redis-server did not start: see {}", log.display()).into());
            }
            Ok(self.ask::<i64>(redis::cmd("DBSIZE")).await.is_ok())
        })
        .await?;
        *child = Some(started.into_inner());
        Ok(())
    }

    /// Stops the process kindly: it keeps a snapshot.
    pub async fn stop(&self) -> Outcome<()> {
        *self.line.lock().await = None;
        match self.child.lock().await.take() {
            Some(child) => child.stop().await,
            None => Ok(()),
        }
    }

    /// Ends it without a snapshot and starts it again on the last one: what was cleaned since is back.
    pub async fn crash(&self) -> Outcome<()> {
        self.ask::<()>(redis::cmd("SHUTDOWN").arg("NOSAVE").to_owned()).await.ok();
        self.stop().await?;
        self.run().await
    }

    /// Whether the process ended and nobody stopped it.
    pub async fn died(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(Child::ended)
    }

    /// All that it holds under [`PREFIX`], by what follows that.
    pub async fn entries(&self) -> Outcome<BTreeMap<String, String>> {
        let mut all = redis::cmd("KEYS");
        all.arg(format!("{PREFIX}*"));
        let mut entries = BTreeMap::new();
        for key in self.ask::<Vec<String>>(all).await? {
            let mut get = redis::cmd("GET");
            get.arg(&key);
            if let (Some(value), Some(short)) = (self.ask::<Option<String>>(get).await?, key.strip_prefix(PREFIX)) {
                entries.insert(short.to_owned(), value);
            }
        }
        Ok(entries)
    }

    /// The answer to a command.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: redis::Cmd) -> Outcome<T> {
        let mut line = self.line.lock().await;
        let mut open = if let Some(open) = line.clone() {
            open
        } else {
            let client = Client::open(format!("unix:{}", self.socket().display()))?;
            line.insert(client.get_multiplexed_async_connection().await?).clone()
        };
        drop(line);
        let answer = command.query_async(&mut open).await;
        if answer.is_err() {
            // The next question is asked on a connection of its own.
            *self.line.lock().await = None;
        }
        Ok(answer?)
    }
}
