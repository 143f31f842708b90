//! A receiver on loopback, written by hand so that it can do what no server does: cut a connection, answer nothing, take an
//! event and lose the answer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::SeededEntropy;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Takes it and says so.
    Take,
    /// Takes it, and the answer is lost.
    TakeAndCut,
    /// Answers so.
    Answer(u16),
    /// Cuts the connection.
    Cut,
    /// Says nothing until the sender gives up.
    Hang,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: HashMap<String, String>,
    pub body: String,
    pub act: Act,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    pub fn id(&self) -> String {
        self.headers["webhook-id"].clone()
    }
    pub fn account(&self) -> String {
        self.json()["account_id"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether one of its signatures is that of `secret`, as any receiver checks it.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id(), self.headers["webhook-timestamp"], self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

type Decide = Box<dyn FnMut(&Got) -> Act + Send>;

pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
    decide: Arc<Mutex<Decide>>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, got: Arc::default(), decide: Arc::new(Mutex::new(Box::new(|_| Act::Take))) };
        let (got, decide) = (receiver.got.clone(), receiver.decide.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, got.clone(), decide.clone()));
            }
        });
        receiver
    }

    /// From now on it does what `decide` says.
    pub fn does(&self, decide: impl FnMut(&Got) -> Act + Send + 'static) {
        *self.decide.lock().unwrap() = Box::new(decide);
    }

    /// From now on it fails every fourth time, in every way, as `seed` says.
    pub fn fails_at_random(&self, seed: u64) {
        let chance = SeededEntropy::new(seed);
        self.does(move |_| match chance.below(20) {
            0 => Act::Answer(500),
            1 => Act::Answer(429),
            2 => Act::Cut,
            3 => Act::TakeAndCut,
            4 => Act::Answer(302),
            5 if chance.below(3) == 0 => Act::Hang,
            _ => Act::Take,
        });
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// What it took, by account, each event once, in the order in which they first came.
    pub fn taken(&self) -> BTreeMap<String, Vec<String>> {
        let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for got in self.got().iter().filter(|got| matches!(got.act, Act::Take | Act::TakeAndCut)) {
            let theirs = taken.entry(got.account()).or_default();
            if !theirs.contains(&got.id()) {
                theirs.push(got.id());
            }
        }
        taken
    }

    /// Fails unless, of each account, nothing came before what happened earlier was taken, and what came twice was the same.
    pub fn assert_in_order(&self, context: &str) {
        let mut last: HashMap<String, Got> = HashMap::new();
        let mut bodies: HashMap<String, String> = HashMap::new();
        for got in self.got() {
            let first = bodies.entry(got.id()).or_insert_with(|| got.body.clone());
            assert_eq!(*first, got.body, "{context}: one id, one event");
            if let Some(before) = last.insert(got.account(), got.clone())
                && before.id() != got.id()
            {
                assert!(
                    matches!(before.act, Act::Take | Act::TakeAndCut),
                    "{context}: {} came though {before:?} was not taken",
                    got.body
                );
            }
        }
    }
}

async fn serve(stream: TcpStream, all: Arc<Mutex<Vec<Got>>>, decide: Arc<Mutex<Decide>>) {
    let mut stream = BufReader::new(stream);
    while let Some((headers, body)) = request(&mut stream).await {
        let mut got = Got { headers, body, act: Act::Take };
        got.act = decide.lock().unwrap()(&got);
        all.lock().unwrap().push(got.clone());
        let status = match got.act {
            Act::Take => 202,
            Act::Answer(status) => status,
            Act::Cut | Act::TakeAndCut => return,
            Act::Hang => std::future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} x\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nsaid\n");
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<(HashMap<String, String>, String)> {
    let mut headers = HashMap::new();
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    headers.insert("request".to_owned(), line.trim_end().to_owned());
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some((headers, String::from_utf8(body).ok()?))
}
