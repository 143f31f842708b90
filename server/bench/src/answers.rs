//! P4: a great many answers of a server under load, each read to its end. No page is streamed: it is there before its first byte
//! is sent, with its length. Compressed answers are sent in pieces, with an end of their own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    measure::{Table, grouped, rate_text, time_text},
    pages::Served,
    world::World,
};

/// Connections that are kept open.
const CONNECTIONS: u64 = 8;
/// Each of so many asks for a compressed answer.
const COMPRESSED: u64 = 10;

/// What is asked for, and how answers end that are not compressed.
type Paths = Vec<(String, &'static str)>;

pub async fn run(world: &World, requests: u64, table: &mut Table) -> Outcome<()> {
    let server = Arc::new(Served::start(&world.folder, &world.file, &world.unstick, domain::Role::Support).await?);
    let mut paths: Paths = vec![("/accounts".to_owned(), "</html>")];
    for account in world.picks.iter().take(20) {
        paths.push((format!("/accounts/{}", account.id), "</html>"));
        paths.push((format!("/?q={}", account.id), "</html>"));
        paths.push((format!("/accounts?after={}", account.id), "</html>"));
    }
    paths.push(("/nothing".to_owned(), "</html>"));
    paths.push(("/findings".to_owned(), "</html>"));
    paths.push(("/pkg/unstick.css".to_owned(), ""));
    let (paths, next, broken) = (Arc::new(paths), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let all: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(connection(server.clone(), paths.clone(), next.clone(), requests, broken.clone())))
        .collect();
    let mut slowest = Duration::ZERO;
    for one in all {
        slowest = slowest.max(one.await??);
    }
    let took = started.elapsed();
    table.add(
        "P4",
        format!("incomplete answers in {} (slowest {})", grouped(requests), time_text(slowest)),
        broken.load(Ordering::SeqCst).to_string(),
        rate_text(requests, took),
        "",
        "0",
    );
    Ok(())
}

/// Asks until `requests` were asked by all; answers how long the slowest took.
async fn connection(
    server: Arc<Served>,
    paths: Arc<Paths>,
    next: Arc<AtomicU64>,
    requests: u64,
    broken: Arc<AtomicU64>,
) -> Outcome<Duration> {
    let mut slowest = Duration::ZERO;
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= requests {
            return Ok(slowest);
        }
        let (path, end) = &paths[usize::try_from(number)? % paths.len()];
        let asked = Instant::now();
        if let Err(error) = whole(&server, path, end, number.is_multiple_of(COMPRESSED)).await {
            broken.fetch_add(1, Ordering::SeqCst);
            eprintln!("{path}: {error}");
        }
        slowest = slowest.max(asked.elapsed());
    }
}

/// Reads an answer to its end: as long as it said, or with the end of its last piece.
async fn whole(server: &Served, path: &str, end: &str, compressed: bool) -> Outcome<()> {
    let mut request = server.get(path);
    if compressed {
        request = request.header("accept-encoding", "gzip");
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    if status >= 500 || status == 429 || (status == 404) != (path == "/nothing") {
        return Err(format!("{status}").into());
    }
    let packed = answer.headers().contains_key("content-encoding");
    let length = answer.content_length();
    let body = answer.bytes().await?;
    if !packed && length != u64::try_from(body.len()).ok() {
        return Err(format!("{} bytes, of {length:?}", body.len()).into());
    }
    if !packed && !body.ends_with(end.as_bytes()) {
        return Err("it has no end".into());
    }
    Ok(())
}
