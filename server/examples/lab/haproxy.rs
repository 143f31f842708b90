//! The load balancers: real ones, HAProxy, started, stopped and asked through their runtime API. Alone `lb-1`; in a fleet
//! `lb-2` too, its peer: what one learns it tells the other, and what one is told to forget the other brings back.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Mutex,
    time::timeout,
};

use crate::{Outcome, backend::Backend, child::Child, ports, wait::until};

/// The longest request of the lab; HAProxy's `timeout server` and the router's `max_request`.
pub const MAX_REQUEST: Duration = Duration::from_secs(3);
/// The same with pages that take up to 5 seconds.
pub const MAX_SLOW_REQUEST: Duration = Duration::from_secs(6);
/// What is in front of the affinity proxy, where there is one.
const DOCS: &str = "\nbackend docs\n  server proxy 127.0.0.1:{{docs}}\n";
const TEMPLATE: &str = include_str!("../../../end2end/lab/haproxy.cfg");

/// The names of a fleet, in order.
const NAMES: [&str; 2] = ["lb-1", "lb-2"];

/// A HAProxy.
pub struct Haproxy {
    pub name: &'static str,
    folder: PathBuf,
    port: u16,
    child: Mutex<Option<Child>>,
}

/// What they stand in front of.
pub struct Behind<'a> {
    pub backends: &'a [Backend],
    /// The port of the sign-in app.
    pub sign_in: u16,
    /// The port of the affinity proxy, where there is one.
    pub docs: Option<u16>,
    pub max_request: Duration,
}

/// Starts `count` of them, at most as many as there are names.
pub async fn start(folder: &Path, behind: &Behind<'_>, count: usize) -> Outcome<Vec<Arc<Haproxy>>> {
    let names = &NAMES[..count.clamp(1, NAMES.len())];
    let mut fleet = Vec::new();
    for name in names {
        let haproxy = Haproxy { name, folder: folder.to_owned(), port: ports::free(0)?, child: Mutex::new(None) };
        haproxy.configure(names, behind)?;
        fleet.push(Arc::new(haproxy));
    }
    for haproxy in &fleet {
        haproxy.run().await?;
    }
    Ok(fleet)
}

impl Haproxy {
    /// Writes its configuration, with peers when there is more than one name.
    fn configure(&self, names: &[&str], behind: &Behind<'_>) -> Outcome<()> {
        let folder = self.folder.display();
        let peer = |name: &&str| format!("  peer {name} unix@{folder}/{name}.peer\n");
        let (fleet, shared) = if names.len() > 1 {
            (format!("peers fleet\n{}\n", names.iter().map(peer).collect::<String>()), " peers fleet")
        } else {
            (String::new(), "")
        };
        let mut text = TEMPLATE
            .replace("{{folder}}", &folder.to_string())
            .replace("{{socket}}", &self.socket().display().to_string())
            .replace("{{name}}", self.name)
            .replace("{{fleet}}\n", &fleet)
            .replace("{{shared}}", shared)
            .replace("{{port}}", &self.port.to_string())
            .replace("{{max_request}}", &format!("{}s", behind.max_request.as_secs()))
            .replace("{{sign_in}}", &behind.sign_in.to_string());
        let use_docs = "  use_backend docs if { path_beg /docs/ }\n";
        text = text.replace("{{use_docs}}\n", if behind.docs.is_some() { use_docs } else { "" });
        if let Some(docs) = behind.docs {
            text.push_str(&DOCS.replace("{{docs}}", &docs.to_string()));
        }
        for backend in behind.backends {
            text = text.replace(&format!("{{{{{}}}}}", backend.name), &backend.port.to_string());
        }
        std::fs::write(self.file("cfg"), text)?;
        std::fs::write(self.acl(), "")?;
        Ok(())
    }

    /// A file of its own: `haproxy.log`, and `haproxy-lb-2.log` of the second.
    fn file(&self, end: &str) -> PathBuf {
        let first = NAMES.first() == Some(&self.name);
        self.folder.join(if first { format!("haproxy.{end}") } else { format!("haproxy-{}.{end}", self.name) })
    }
    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }
    /// The file of the fence: it has the same name for all of a fleet, and each reads it once, at its start.
    pub fn acl(&self) -> PathBuf {
        self.folder.join("blocked.acl")
    }
    /// Where customers reach it.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the process, unless it runs. Its tables are empty and all servers are ready: it remembers nothing.
    pub async fn run(&self) -> Outcome<()> {
        let mut child = self.child.lock().await;
        if child.is_some() {
            return Ok(());
        }
        let (configuration, log) = (self.file("cfg"), self.file("log"));
        let arguments = [OsStr::new("-db"), OsStr::new("-f"), configuration.as_os_str()];
        let started = Mutex::new(Child::start(Path::new("haproxy"), &arguments, &log)?);
        until("haproxy answers", Duration::from_secs(10), async || {
            if started.lock().await.ended() {
                return Err(format!("haproxy did not start: see {}", log.display()).into());
            }
            Ok(TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() && self.ask("show info").await.is_ok())
        })
        .await?;
        *child = Some(started.into_inner());
        Ok(())
    }

    /// Stops the process; its tables are lost, as they would be.
    pub async fn stop(&self) -> Outcome<()> {
        if let Some(child) = self.child.lock().await.take() {
            child.stop().await?;
        }
        Ok(())
    }

    /// Whether it was started and not stopped.
    pub async fn runs(&self) -> bool {
        self.child.lock().await.is_some()
    }

    /// Whether the process ended and nobody stopped it.
    pub async fn died(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(Child::ended)
    }

    /// The answer to a command of the runtime API.
    pub async fn ask(&self, command: &str) -> Outcome<String> {
        let asked = async {
            let mut socket = UnixStream::connect(self.socket()).await?;
            socket.write_all(format!("{command}\n").as_bytes()).await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            Outcome::Ok(answer)
        };
        // A HAProxy that hangs accepts and never answers.
        timeout(Duration::from_secs(5), asked).await?
    }

    /// Tells it something that it answers with nothing when it agrees.
    pub async fn tell(&self, command: &str) -> Outcome<()> {
        let answer = self.ask(command).await?;
        if answer.trim().is_empty() {
            return Ok(());
        }
        Err(format!("haproxy: {command}: {}", answer.trim()).into())
    }

    /// The rows of `table`, of one key or of all.
    pub async fn rows(&self, table: &str, key: Option<&str>) -> Outcome<Vec<String>> {
        let one = key.map_or_else(String::new, |key| format!(" key {key}"));
        let shown = self.ask(&format!("show table {table}{one}")).await?;
        let rows = shown.lines().filter(|line| line.contains("key="));
        Ok(rows.map(str::to_owned).collect())
    }

    /// Sets the state of a server in both pools: `ready`, `drain` or `maint`.
    pub async fn set_state(&self, server: &str, state: &str) -> Outcome<()> {
        for pool in ["app", "files"] {
            self.tell(&format!("set server {pool}/{server} state {state}")).await?;
        }
        Ok(())
    }
}
