//! A server behind HAProxy, in the process of the test.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// Lets requests to `/hold` wait, also when whoever has it may not keep the server borrowed.
#[derive(Clone)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Gate {
    /// Waits until a request to `/hold` has arrived.
    pub async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one request to `/hold` go.
    pub fn release(&self) {
        self.gate.add_permits(1);
    }
}

/// A server that answers with its name: `/fail` with 500, `/drop` not at all, `/hold` when [`Origin::release`] says so.
pub struct Origin {
    pub name: &'static str,
    pub address: SocketAddr,
    gate: Gate,
}

impl Origin {
    /// Starts one called `name` on a free port.
    pub async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Gate { arrived: Arc::new(Semaphore::new(0)), gate: Arc::new(Semaphore::new(0)) };
        let seen = gate.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, name, seen.clone()));
            }
        });
        Self { name, address, gate }
    }

    /// Waits until a request to `/hold` has arrived.
    pub async fn arrival(&self) {
        self.gate.arrival().await;
    }

    /// Lets one request to `/hold` go.
    pub fn release(&self) {
        self.gate.release();
    }

    /// The same two, to be kept.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }
}

async fn serve(mut stream: TcpStream, name: &'static str, Gate { arrived, gate }: Gate) {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut part).await {
                Ok(read) if read > 0 => head.extend_from_slice(&part[..read]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let status = match text.split(' ').nth(1) {
            Some("/drop") => return,
            Some("/fail") => "500 Oops",
            Some("/hold") => {
                arrived.add_permits(1);
                gate.acquire().await.unwrap().forget();
                "200 OK"
            }
            _ => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
