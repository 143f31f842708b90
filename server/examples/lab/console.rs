//! The console of the lab: `admin-tool` on a database of its own, with staff of every role and a token for the sign-in app.
//! The only file that knows the shell's words and the configuration's keys.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command, sync::Mutex};

use crate::{
    Arguments, Outcome,
    child::Child,
    haproxy::Haproxy,
    map::{Map, PREFIX},
    ports,
    wait::until,
};

/// Who works here: two people of the support, for two may clean up at once.
const PEOPLE: [(&str, &str); 6] = [
    ("ada", "admin"),
    ("dan", "admin"),
    ("sam", "support"),
    ("vera", "viewer"),
    ("otto", "auditor"),
    ("ben", "support"),
];

/// Somebody who may sign in.
#[derive(Debug, Clone, Serialize)]
pub struct Staff {
    pub name: &'static str,
    pub role: &'static str,
    pub password: String,
}

/// A running console.
pub struct Console {
    pub address: String,
    pub token: String,
    pub staff: Vec<Staff>,
    pub config: PathBuf,
    pub program: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Console {
    /// Starts it, connected to `fleet`.
    pub async fn start(
        arguments: &Arguments,
        folder: &Path,
        fleet: &[Arc<Haproxy>],
        map: Option<&Map>,
    ) -> Outcome<Self> {
        let program = match &arguments.admin_tool {
            Some(program) => program.canonicalize()?,
            None => beside_the_lab()?,
        };
        let port = ports::free(arguments.console_port)?;
        let address = format!("http://127.0.0.1:{port}");
        let config = folder.join("unstick.toml");
        let mut text = configuration(folder, fleet, port, &address, arguments.max_request());
        if let Some(map) = map {
            text.push_str(&of_map(map, arguments.max_request()));
        }
        std::fs::write(&config, text)?;
        let mut console =
            Self { address, token: String::new(), staff: Vec::new(), config, program, child: Mutex::new(None) };
        console.hire().await?;
        let scopes = "sessions:write,sessions:read,self:issue";
        let made: Value = console.json(&["token", "create", "lab", "--scope", scopes]).await?;
        console.token = made["secret"].as_str().ok_or("no token was made")?.to_owned();
        console.serve().await?;
        Ok(console)
    }

    /// Kills it: it is asked nothing, and finishes nothing.
    pub async fn kill(&self) -> Outcome<()> {
        match self.child.lock().await.take() {
            Some(child) => child.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same database and port, unless it runs.
    pub async fn start_again(&self) -> Outcome<()> {
        if self.child.lock().await.is_some() { Ok(()) } else { self.serve().await }
    }

    /// What `admin-tool` prints for `words`.
    pub async fn tool(&self, words: &[&str]) -> Outcome<String> {
        self.shell(words, "").await
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(&self) -> Outcome<()> {
        match self.child.lock().await.take() {
            Some(child) => child.stop().await,
            None => Ok(()),
        }
    }

    /// Whether the process ended and nobody stopped it.
    pub async fn died(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(Child::ended)
    }

    /// Gives everybody a password of today; who is there from last time keeps their name and role.
    async fn hire(&mut self) -> Outcome<()> {
        let known = self.json(&["staff", "list"]).await?;
        let known: Vec<&str> =
            known["staff"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str()).collect();
        let mut staff = Vec::new();
        for (name, role) in PEOPLE {
            let password = passphrase()?;
            let words: &[&str] = if known.contains(&name) {
                &["staff", "set-password", name, "--password-stdin"]
            } else {
                &["staff", "add", name, "--role", role, "--password-stdin"]
            };
            self.shell(words, &password).await?;
            staff.push(Staff { name, role, password });
        }
        self.staff = staff;
        Ok(())
    }

    async fn serve(&self) -> Outcome<()> {
        let words = [OsStr::new("--config"), self.config.as_os_str(), OsStr::new("serve")];
        let log = self.config.with_file_name("console.log");
        let mut child = self.child.lock().await;
        *child = Some(Child::start(&self.program, &words, &log)?);
        drop(child);
        let ready = format!("{}/readyz", self.address);
        until("the console is ready", Duration::from_secs(30), async || {
            if self.died().await {
                return Err(format!("the console did not start: see {}", log.display()).into());
            }
            Ok(reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()))
        })
        .await
    }

    /// What `admin-tool` answers to `words`, as a document.
    pub async fn json(&self, words: &[&str]) -> Outcome<Value> {
        Ok(serde_json::from_str(&self.shell(&[words, &["--json"]].concat(), "").await?)?)
    }

    async fn shell(&self, words: &[&str], input: &str) -> Outcome<String> {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(&self.config)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        if let Some(mut stdin) = child.stdin.take()
            && !input.is_empty()
        {
            stdin.write_all(format!("{input}\n").as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("admin-tool {}: {said}", words.join(" ")).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `admin-tool` of the same build: examples lie one folder deeper.
fn beside_the_lab() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("the lab stands nowhere")?;
    let program = folder.join("admin-tool");
    if program.exists() { Ok(program) } else { Err(format!("{} is missing: make build", program.display()).into()) }
}

fn configuration(folder: &Path, fleet: &[Arc<Haproxy>], port: u16, address: &str, max_request: Duration) -> String {
    let (data, acl, max_request) = (folder.display(), folder.join("blocked.acl"), max_request.as_secs());
    let acl = acl.display();
    let endpoint = |haproxy: &Arc<Haproxy>| format!("\"{}\" = \"unix:{}\"", haproxy.name, haproxy.socket().display());
    let endpoints = fleet.iter().map(endpoint).collect::<Vec<_>>().join(", ");
    format!(
        r#"data_dir = "{data}"
listen = "127.0.0.1:{port}"
public_origin = "{address}"
observe_every = "1s"
census_grace = "1s"
webhook_allow = "127.0.0.0/8"

[[router]]
kind = "haproxy"
endpoints = {{ {endpoints} }}
max_request = "{max_request}s"

[[router.pool]]
name = "app"
scope = "account"
rule = "req.cook(acct)"
table = "app"
backend = "app"
acl_file = "{acl}"

[[router.pool]]
name = "files"
scope = "session"
rule = "req.cook(sess)"
table = "files"
backend = "files"
acl_file = "{acl}"
"#
    )
}

/// The affinity proxy's map.
fn of_map(map: &Map, max_request: Duration) -> String {
    let (socket, max_request) = (map.socket(), max_request.as_secs());
    let socket = socket.display();
    format!(
        r#"
[[router]]
name = "map-1"
kind = "redis"
endpoint = "unix:{socket}"
max_request = "{max_request}s"

[[router.pool]]
name = "docs"
scope = "account"
key_pattern = "{PREFIX}{{key}}"
value = "json:server"
generation_field = "gen"
servers = ["api-1", "api-2", "api-3"]
fence = true
"#
    )
}

/// Six words of four syllables: 96 bits, and long enough for the rules of passwords.
fn passphrase() -> Outcome<String> {
    const PARTS: [&str; 16] =
        ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "za"];
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)?;
    let syllables = |byte: &u8| [PARTS[usize::from(byte >> 4)], PARTS[usize::from(byte & 15)]];
    let word = |pair: &[u8]| pair.iter().flat_map(syllables).collect::<String>();
    Ok(bytes.chunks(2).map(word).collect::<Vec<_>>().join("-"))
}
