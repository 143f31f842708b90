//! The console of the lab: `admin-tool` on a database of its own, with a staff member for each role and a token.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
    time::Duration,
};

use serde::Serialize;
use tokio::{io::AsyncWriteExt, net::TcpListener, process::Command};

use crate::{
    Arguments, Outcome,
    child::Child,
    haproxy::{Haproxy, MAX_REQUEST},
};

/// Somebody who may sign in.
#[derive(Debug, Clone, Serialize)]
pub struct Staff {
    pub name: String,
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
    _child: Mutex<Child>,
}

impl Console {
    /// Starts it, connected to `haproxy`.
    pub async fn start(arguments: &Arguments, folder: &Path, haproxy: &Haproxy) -> Outcome<Self> {
        let program = match &arguments.admin_tool {
            Some(program) => program.clone(),
            None => beside_the_lab()?,
        };
        let listener = match TcpListener::bind(("127.0.0.1", arguments.console_port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("127.0.0.1:0").await?,
        };
        let port = listener.local_addr()?.port();
        drop(listener);
        let address = format!("http://127.0.0.1:{port}");
        let config = folder.join("unstick.toml");
        std::fs::write(&config, configuration(folder, haproxy, port, &address))?;
        let tool = Tool {
            program: &program,
            config: &config,
        };
        let mut staff = Vec::new();
        for (name, role) in [
            ("ada", "admin"),
            ("sam", "support"),
            ("vera", "viewer"),
            ("otto", "auditor"),
            ("ben", "support"),
        ] {
            let password = passphrase()?;
            tool.run(
                &["staff", "add", name, "--role", role, "--password-stdin"],
                Some(&password),
            )
            .await?;
            staff.push(Staff {
                name: name.to_owned(),
                role,
                password,
            });
        }
        let made = tool
            .run(
                &[
                    "token",
                    "create",
                    "lab",
                    "--scope",
                    "sessions:write",
                    "--scope",
                    "sessions:read",
                    "--json",
                ],
                None,
            )
            .await?;
        let token = made
            .split('"')
            .find(|part| part.starts_with("sac_"))
            .ok_or("no token was made")?
            .to_owned();
        let words = [OsStr::new("--config"), config.as_os_str(), OsStr::new("serve")];
        let child = Child::start(&program, &words, &folder.join("console.log"))?;
        let console = Self {
            address,
            token,
            staff,
            config,
            program,
            _child: Mutex::new(child),
        };
        console.wait(folder).await?;
        Ok(console)
    }

    /// What `admin-tool` prints for `words`.
    pub async fn tool(&self, words: &[&str]) -> Outcome<String> {
        Tool {
            program: &self.program,
            config: &self.config,
        }
        .run(words, None)
        .await
    }

    async fn wait(&self, folder: &Path) -> Outcome<()> {
        for _ in 0..400 {
            if reqwest::get(format!("{}/readyz", self.address))
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!(
            "the console did not start: see {}",
            folder.join("console.log").display()
        )
        .into())
    }
}

struct Tool<'a> {
    program: &'a Path,
    config: &'a Path,
}

impl Tool<'_> {
    async fn run(&self, words: &[&str], input: Option<&str>) -> Outcome<String> {
        let mut command = Command::new(self.program);
        command
            .arg("--config")
            .arg(self.config)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin.write_all(format!("{input}\n").as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            return Err(format!(
                "admin-tool {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr)
            )
            .into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `admin-tool` of the same build: examples lie one folder deeper.
fn beside_the_lab() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("the lab stands nowhere")?;
    let program = folder.join("admin-tool");
    if program.exists() {
        Ok(program)
    } else {
        Err(format!("{} is missing: make build", program.display()).into())
    }
}

fn configuration(folder: &Path, haproxy: &Haproxy, port: u16, address: &str) -> String {
    let (data, socket, acl) = (folder.display(), haproxy.socket(), haproxy.acl());
    let (socket, acl) = (socket.display(), acl.display());
    format!(
        r#"data_dir = "{data}"
listen = "127.0.0.1:{port}"
public_origin = "{address}"
observe_every = "1s"

[[router]]
name = "lb-1"
kind = "haproxy"
endpoint = "unix:{socket}"
max_request = "{MAX_REQUEST}"

[[router.pool]]
name = "app"
scope = "account"
table = "app"
backend = "app"
acl_file = "{acl}"

[[router.pool]]
name = "files"
scope = "session"
table = "files"
backend = "files"
acl_file = "{acl}"
"#
    )
}

/// Five random syllable pairs: for a lab that lives an hour.
fn passphrase() -> Outcome<String> {
    const PARTS: [&str; 16] = [
        "ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "za",
    ];
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)?;
    let word = |pair: &[u8]| -> String {
        pair.iter()
            .map(|byte| format!("{}{}", PARTS[usize::from(byte >> 4)], PARTS[usize::from(byte & 15)]))
            .collect()
    };
    Ok(bytes.chunks(2).map(word).collect::<Vec<_>>().join("-"))
}
