//! Two load balancers (HAProxy) that are each other's peers, in front of the same servers: what one learns it tells the other.

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use domain::{PoolName, RouterName, Scope, Span};
use routers::haproxy::{Endpoint, Haproxy, HaproxyConfig, HaproxyPool};
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::{Origin, Page, Process, get, raw};

/// The names of the two.
const NAMES: [&str; 2] = ["lb-1", "lb-2"];

/// The two. Everywhere, `which` is 0 or 1.
pub struct Pair {
    processes: [Process; 2],
    pub origins: Vec<Origin>,
    /// Processes before a reload, which may still have requests.
    old: Vec<Process>,
    dir: TempDir,
}

impl Pair {
    /// Starts both, and waits until they talk to each other.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut origins = Vec::new();
        for name in ["api-1", "api-2", "api-3"] {
            origins.push(Origin::start(name).await);
        }
        let processes = NAMES.map(|name| {
            let own = dir.path().join(name);
            fs::create_dir(&own).unwrap();
            fs::write(own.join("blocked.acl"), "").unwrap();
            fs::write(own.join("haproxy.cfg"), configuration(&dir, name, &origins)).unwrap();
            Process::haproxy(&own.join("haproxy.cfg"), &own)
        });
        let pair = Self { processes, origins, old: Vec::new(), dir };
        pair.wait_until_they_talk().await;
        pair
    }

    /// Ends one as a crash would, and starts it again with nothing in its table. What its ACL file was given at run time
    /// is gone too.
    pub async fn crash(&mut self, which: usize) {
        self.processes[which].kill();
        for socket in ["admin.sock", "web.sock", "peer.sock"] {
            let _ = fs::remove_file(self.path(which, socket));
        }
        let own = self.dir.path().join(NAMES[which]);
        self.processes[which] = Process::haproxy(&own.join("haproxy.cfg"), &own);
        self.wait_until_they_talk().await;
    }

    /// Reloads one: a new process takes over and is taught by the old one, which ends when its requests have.
    pub async fn reload(&mut self, which: usize) {
        let own = self.dir.path().join(NAMES[which]);
        let new = Process::haproxy_after(&self.processes[which], &own.join("haproxy.cfg"), &own);
        let pid = format!("Pid: {}\n", new.id());
        self.old.push(std::mem::replace(&mut self.processes[which], new));
        let mut tries = 0;
        while !self.raw(which, "show info").await.contains(&pid) {
            assert!(tries < 2_000, "the new HAProxy does not take over:\n{}", self.processes[which].log());
            tries += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.wait_until_they_talk().await;
    }

    /// Stops one (SIGSTOP), or lets it go on.
    pub fn stop(&self, which: usize, stopped: bool) {
        if stopped { self.processes[which].stop() } else { self.processes[which].signal("CONT") }
    }

    async fn wait_until_they_talk(&self) {
        for which in [0, 1] {
            let mut tries = 0;
            loop {
                let up = UnixStream::connect(self.path(which, "web.sock")).await.is_ok();
                // Either may have called the other; each has one line for itself and one for the other.
                if up && self.raw(which, "show peers").await.contains("last_status=ESTA") {
                    break;
                }
                assert!(tries < 2_000, "they do not talk:\n{}", self.processes[which].log());
                tries += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn path(&self, which: usize, name: &str) -> PathBuf {
        self.dir.path().join(NAMES[which]).join(name)
    }

    /// A request through one of them.
    pub async fn get(&self, which: usize, key: &str, path: &str) -> Page {
        get(&self.path(which, "web.sock"), "app", key, path).await
    }

    /// What one of them says to `command`, past the code under test.
    pub async fn raw(&self, which: usize, command: &str) -> String {
        raw(&self.path(which, "admin.sock"), command).await
    }

    /// Waits until the row of `key` on one of them contains `part`.
    pub async fn until(&self, which: usize, key: &str, part: &str) {
        let command = format!("show table app key {key}");
        for _ in 0..2_000 {
            if self.raw(which, &command).await.contains(part) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{key} never has {part} on {}: {}", NAMES[which], self.raw(which, &command).await);
    }

    /// Waits until each has heard everything that the other said before now: what is said is said in order, so a row
    /// that is made now comes last.
    pub async fn settle(&self, number: usize) {
        for which in [0, 1] {
            let key = format!("settle-{number}-{which}");
            self.get(which, &key, "/").await;
            self.until(1 - which, &key, "server_key=api-").await;
        }
    }

    /// A router for one of them.
    pub fn router(&self, which: usize) -> Haproxy {
        Haproxy::new(self.config(which)).unwrap()
    }

    /// The configuration of such a router.
    pub fn config(&self, which: usize) -> HaproxyConfig {
        let app = HaproxyPool {
            name: PoolName::parse("app").unwrap(),
            scope: Scope::Account,
            rule: None,
            table: "app".to_owned(),
            backend: "app".to_owned(),
            acl_file: Some(self.path(which, "blocked.acl").display().to_string()),
        };
        HaproxyConfig {
            name: RouterName::parse(NAMES[which]).unwrap(),
            endpoint: Endpoint::Unix(self.path(which, "admin.sock")),
            pools: vec![app],
            timeout: Span::from_secs(2),
            max_request: Span::from_secs(5),
        }
    }

    /// The server called `name`.
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.iter().find(|origin| origin.name == name).unwrap()
    }
}

fn configuration(dir: &TempDir, name: &str, origins: &[Origin]) -> String {
    let dir = dir.path().display();
    let mut text = format!(
        "global
  stats socket {dir}/{name}/admin.sock level admin
  nbthread 1
  localpeer {name}
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
peers fleet
  peer lb-1 unix@{dir}/lb-1/peer.sock
  peer lb-2 unix@{dir}/lb-2/peer.sock
frontend web
  bind unix@{dir}/{name}/web.sock
  default_backend app
backend app
  balance roundrobin
  stick-table type string len 64 size 10k expire 30m peers fleet
  acl blocked req.cook(k) -m str -f {dir}/{name}/blocked.acl
  stick match req.cook(k) unless blocked
  stick store-request req.cook(k) unless blocked
"
    );
    for origin in origins {
        let _ = writeln!(text, "  server {} {}", origin.name, origin.address);
    }
    text
}
