//! A TCP door to HAProxy's unix socket that counts who is inside and can break off.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy},
    net::{TcpListener, TcpStream, UnixStream},
};

/// A TCP door.
pub struct Relay {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    path: PathBuf,
    limit: Mutex<(String, u64)>,
    inside: AtomicUsize,
    most: AtomicUsize,
    longest: AtomicUsize,
}

impl Relay {
    /// Opens one to the socket at `path`.
    pub async fn open(path: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (limit, zero) = (Mutex::new((String::new(), u64::MAX)), || AtomicUsize::new(0));
        let state = Arc::new(State { path, limit, inside: zero(), most: zero(), longest: zero() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    /// From now on breaks what is answered on each connection off after `bytes`, if its first line ends with `end`.
    pub fn break_after(&self, end: &str, bytes: usize) {
        *self.state.limit.lock().unwrap() = (
            format!(
                "{end}
"
            ),
            bytes as u64,
        );
    }

    /// Breaks nothing off any more.
    pub fn mend(&self) {
        *self.state.limit.lock().unwrap() = (String::new(), u64::MAX);
    }

    /// The most connections that were open at once.
    pub fn most(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }

    /// The length of the longest line.
    pub fn longest(&self) -> usize {
        self.state.longest.load(Ordering::SeqCst)
    }
}

/// Somebody who is inside.
struct Inside<'s>(&'s State);

impl<'s> Inside<'s> {
    fn enter(state: &'s State) -> Self {
        let inside = state.inside.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(inside, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, state: Arc<State>) {
    let _ = pass_on(client, &state).await;
}

async fn pass_on(client: TcpStream, state: &State) -> std::io::Result<()> {
    let inside = Inside::enter(state);
    // As HAProxy's own sockets are.
    client.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (from_haproxy, mut to_haproxy) = UnixStream::connect(&state.path).await?.into_split();
    let (mut lines, mut line) = (BufReader::new(from_client), Vec::new());
    lines.read_until(b'\n', &mut line).await?;
    let (end, bytes) = state.limit.lock().unwrap().clone();
    let limit = if line.ends_with(end.as_bytes()) { bytes } else { u64::MAX };
    let there = async {
        while !line.is_empty() {
            state.longest.fetch_max(line.len(), Ordering::SeqCst);
            to_haproxy.write_all(&line).await?;
            line.clear();
            lines.read_until(b'\n', &mut line).await?;
        }
        to_haproxy.shutdown().await
    };
    let back = async move {
        copy(&mut from_haproxy.take(limit), &mut to_client).await?;
        // Before the client hears of it, who may come again at once.
        drop(inside);
        to_client.shutdown().await
    };
    let (there, back) = tokio::join!(there, back);
    there.and(back)
}
