//! Connections: accepted, limited in number, with a time limit for their heads, and brought to an end in order.
//!
//! `axum::serve` sets neither a timer (a slow head would hold its connection for ever) nor `TCP_NODELAY` (a page written in
//! pieces would take 40 ms); hence hyper's builder by hand.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1::Builder};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tower::ServiceExt;

/// Pause after a failed accept, for instance when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);
/// How long it is served on after the signal: what was sent before it is read by then, on connections that wait to be
/// accepted and on idle ones, which would else be closed with a request in them.
const LINGER: Duration = Duration::from_millis(100);
/// Largest head, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// How connections are held.
#[derive(Debug, Clone, Copy)]
pub struct Holding {
    /// How many at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Longest time that a request's head may take, and that a connection may stay without one.
    pub head: Duration,
    /// Longest time that is waited at the end for what is under way.
    pub drain: Duration,
}

/// Serves `router` on `listener` until `stop`, and then ends in order.
///
/// # Errors
/// Never at present: a failed accept is logged and tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    holding: Holding,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(holding.connections));
    let mut end = pin!(async {
        // An error means that nobody can say stop any more, which is as good as stop.
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(LINGER).await;
    });
    loop {
        // The place comes first: who finds none waits in the kernel's queue, and not in our memory.
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            () = &mut end => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        match (accepted, permit) {
            (Ok((stream, peer)), Ok(permit)) => {
                hold(stream, peer, router.clone(), holding.head, graceful.watcher(), permit);
            }
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
            (Ok(_), Err(_closed)) => break,
        }
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(holding.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, "some connections did not end in time and are cut");
    }
    Ok(())
}

fn hold(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head: Duration,
    watcher: Watcher,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    tokio::spawn(async move {
        // HTTP/1 alone: telling HTTP/2 apart would wait for its preface without any limit.
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_BYTES);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = pin!(watcher.watch(connection)).await {
            tracing::debug!(error = %error, %peer, "a connection ended early");
        }
        drop(permit);
    });
}
