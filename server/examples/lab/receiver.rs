//! What gets the console's webhooks: a program of its own, which is killed half-way and started again. It checks each
//! event's signature, whether it came before, and whether it came in its account's order, and keeps what it took in a file.
//! It is also an example of a receiver: [`Judge::take`] is all that one has to do.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::{Outcome, child::Child, console::Console, ports, wait::until};

const SECRET: &str = "receiver.secret";
const TAKEN: &str = "receiver.ndjson";

/// The receiver, as the lab sees it.
pub struct Receiver {
    pub address: String,
    folder: PathBuf,
    port: u16,
    child: tokio::sync::Mutex<Option<Child>>,
}

impl Receiver {
    /// Makes a webhook for it, and starts it.
    pub async fn subscribe(console: &Console, folder: &Path) -> Outcome<Self> {
        let port = ports::free(0)?;
        let address = format!("http://127.0.0.1:{port}");
        // In a lab that keeps its database, the webhooks of last time lead nowhere.
        let known = console.json(&["webhook", "list"]).await?;
        for hook in known["webhooks"].as_array().into_iter().flatten().filter(|hook| hook["state"] != "disabled") {
            console.json(&["webhook", "disable", hook["id"].as_str().unwrap_or_default()]).await?;
        }
        let made = console.json(&["webhook", "add", &format!("{address}/")]).await?;
        let secret = made["secret"].as_str().ok_or("the webhook has no secret")?;
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(SECRET))?.write_all(secret.as_bytes())?;
        let receiver = Self { address, folder: folder.to_owned(), port, child: tokio::sync::Mutex::new(None) };
        receiver.start().await?;
        Ok(receiver)
    }

    /// Starts it, unless it runs.
    pub async fn start(&self) -> Outcome<()> {
        let mut child = self.child.lock().await;
        if child.is_none() {
            let port = self.port.to_string();
            let words = ["--receive".as_ref(), OsStr::new(&port), "--folder".as_ref(), self.folder.as_os_str()];
            *child = Some(Child::start(&std::env::current_exe()?, &words, &self.folder.join("receiver.log"))?);
        }
        until("the receiver answers", Duration::from_secs(20), async || Ok(reqwest::get(&self.address).await.is_ok()))
            .await
    }

    /// Kills it: it is asked nothing.
    pub async fn kill(&self) -> Outcome<()> {
        match self.child.lock().await.take() {
            Some(child) => child.stop().await,
            None => Ok(()),
        }
    }

    /// What it got.
    pub async fn told(&self) -> Outcome<Value> {
        Ok(reqwest::get(&self.address).await?.json().await?)
    }
}

/// What it thinks of what it got.
#[derive(Default, Serialize)]
struct Judge {
    events: usize,
    duplicates: usize,
    out_of_order: usize,
    bad_signatures: usize,
    kinds: BTreeMap<String, usize>,
    last: Option<Value>,
    #[serde(skip)]
    seen: HashSet<String>,
    #[serde(skip)]
    sequences: HashMap<String, i64>,
    #[serde(skip)]
    key: Vec<u8>,
    #[serde(skip)]
    file: PathBuf,
}

impl Judge {
    fn open(folder: &Path) -> Outcome<Self> {
        let secret = std::fs::read_to_string(folder.join(SECRET))?;
        let key = STANDARD.decode(secret.trim().trim_start_matches("whsec_"))?;
        let mut judge = Self { key, file: folder.join(TAKEN), ..Self::default() };
        // What it took in an earlier life.
        for line in std::fs::read_to_string(&judge.file).unwrap_or_default().lines() {
            judge.count(&serde_json::from_str(line)?);
        }
        Ok(judge)
    }

    /// Checks an event and keeps it. It is kept before it is answered: what was answered is not lost.
    fn take(&mut self, headers: &HeaderMap, body: &str) -> Outcome<StatusCode> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)?;
        mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
        let signed = |text: &str| {
            let signature = text.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            signature.is_some_and(|signature| mac.clone().verify_slice(&signature).is_ok())
        };
        if !header("webhook-signature").split(' ').any(signed) {
            self.bad_signatures += 1;
            return Ok(StatusCode::UNAUTHORIZED);
        }
        if self.seen.contains(header("webhook-id")) {
            self.duplicates += 1;
            return Ok(StatusCode::OK);
        }
        let event: Value = serde_json::from_str(body)?;
        let mut file = std::fs::File::options().create(true).append(true).open(&self.file)?;
        writeln!(file, "{event}")?;
        self.count(&event);
        Ok(StatusCode::ACCEPTED)
    }

    fn count(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        self.seen.insert(text("id"));
        self.events += 1;
        *self.kinds.entry(text("type")).or_default() += 1;
        let sequence = event["sequence"].as_i64().unwrap_or(0);
        if !text("account_id").is_empty() {
            let before = self.sequences.insert(text("account_id"), sequence);
            self.out_of_order += usize::from(before.is_some_and(|before| before >= sequence));
        }
        self.last = Some(event.clone());
    }
}

type Shared = State<Arc<Mutex<Judge>>>;

/// The program: receives until it is killed.
pub async fn run(folder: &Path, port: u16) -> Outcome<()> {
    let judge = Arc::new(Mutex::new(Judge::open(folder)?));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().route("/", get(told).post(take)).with_state(judge)).await?;
    Ok(())
}

async fn told(State(judge): Shared) -> Json<Value> {
    let told = judge.lock().map(|judge| serde_json::to_value(&*judge).unwrap_or_default());
    Json(told.unwrap_or_else(|_| json!({ "trouble": "the receiver met an error" })))
}

async fn take(State(judge): Shared, headers: HeaderMap, body: String) -> StatusCode {
    let taken = judge.lock().map_err(|_| "poisoned".into()).and_then(|mut judge| judge.take(&headers, &body));
    taken.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
