//! A TCP door to a unix socket that breaks every connection off after so many bytes of answers.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, UnixStream},
};

/// A TCP door.
pub struct Cutter {
    pub address: SocketAddr,
    limit: Arc<AtomicU64>,
}

impl Cutter {
    /// Opens one to the socket at `path`; breaks nothing off yet.
    pub async fn open(path: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Arc::new(AtomicU64::new(u64::MAX));
        let shared = Arc::clone(&limit);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, path.clone(), shared.load(Ordering::SeqCst)));
            }
        });
        Self { address, limit }
    }

    /// From now on breaks each new connection off after `bytes` of answers.
    pub fn after(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, path: PathBuf, limit: u64) {
    let Ok(server) = UnixStream::connect(path).await else { return };
    let ((mut from_client, mut to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let mut answers = from_server.take(limit);
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = copy(&mut answers, &mut to_client) => {}
    }
    let _ = to_client.shutdown().await;
}
