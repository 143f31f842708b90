//! The load balancer: a real HAProxy, started, stopped and asked through its runtime API.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Mutex,
};

use crate::{Outcome, backend::Backend, child::Child};

/// The longest request of the lab; HAProxy's `timeout server` and the router's `max_request`.
pub const MAX_REQUEST: &str = "3s";
const TEMPLATE: &str = include_str!("../../../end2end/lab/haproxy.cfg");

/// A HAProxy.
pub struct Haproxy {
    folder: PathBuf,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl Haproxy {
    /// Starts it in front of `backends`.
    pub async fn start(folder: &Path, backends: &[Backend], sign_in: u16) -> Outcome<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut text = TEMPLATE
            .replace("{{folder}}", &folder.display().to_string())
            .replace("{{port}}", &port.to_string())
            .replace("{{max_request}}", MAX_REQUEST)
            .replace("{{sign_in}}", &sign_in.to_string());
        for backend in backends {
            text = text.replace(&format!("{{{{{}}}}}", backend.name), &backend.port.to_string());
        }
        std::fs::write(folder.join("haproxy.cfg"), text)?;
        std::fs::write(folder.join("blocked.acl"), "")?;
        let haproxy = Self {
            folder: folder.to_owned(),
            port,
            child: Mutex::new(None),
        };
        haproxy.run().await?;
        Ok(haproxy)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("haproxy.sock")
    }
    /// The file of the fence.
    pub fn acl(&self) -> PathBuf {
        self.folder.join("blocked.acl")
    }
    /// Where customers reach it.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the process, unless it runs.
    pub async fn run(&self) -> Outcome<()> {
        let mut child = self.child.lock().await;
        if child.is_some() {
            return Ok(());
        }
        let configuration = self.folder.join("haproxy.cfg");
        let arguments = [OsStr::new("-db"), OsStr::new("-f"), configuration.as_os_str()];
        let mut started = Child::start(Path::new("haproxy"), &arguments, &self.folder.join("haproxy.log"))?;
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() && self.ask("show info").await.is_ok() {
                *child = Some(started);
                return Ok(());
            }
            if started.ended() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(format!(
            "haproxy did not start: see {}",
            self.folder.join("haproxy.log").display()
        )
        .into())
    }

    /// Stops the process; its tables are lost, as they would be.
    pub async fn stop(&self) -> Outcome<()> {
        if let Some(child) = self.child.lock().await.take() {
            child.stop().await?;
        }
        Ok(())
    }

    /// The answer to a command of the runtime API.
    pub async fn ask(&self, command: &str) -> Outcome<String> {
        let mut socket = UnixStream::connect(self.socket()).await?;
        socket.write_all(format!("{command}\n").as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Sets the state of a server in both pools: `ready`, `drain` or `maint`.
    pub async fn set_state(&self, server: &str, state: &str) -> Outcome<()> {
        for pool in ["app", "files"] {
            let answer = self.ask(&format!("set server {pool}/{server} state {state}")).await?;
            if !answer.trim().is_empty() {
                return Err(answer.trim().to_owned().into());
            }
        }
        Ok(())
    }
}
