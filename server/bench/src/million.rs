//! P8: routes released on a HAProxy whose table has a million entries, by the router of a clean-up (each key cleared and
//! read back), beside the bare runtime API that clears as many keys, 300 a connection, and believes it; and how long the
//! slowest of the requests took that went through the same HAProxy meanwhile.

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{PoolName, RouteKey, RouterName, Scope, Span};
use routers::{
    Router,
    haproxy::{Endpoint, Haproxy, HaproxyConfig, HaproxyPool},
};

use crate::{
    Outcome,
    haproxy::{ask, fill, launch},
    measure::{Table, grouped, rate, time_text},
};

/// Entries of the table.
const ENTRIES: usize = 1_000_000;
/// Keys of one round, of each of the two.
const KEYS: usize = 50_000;
const ROUNDS: usize = 5;
/// Keys of one connection of the bare side (facts/performance.md §1g).
const LINE: usize = 300;
/// Keys that a clean-up's router is asked for at once: what a bulk clean-up's teams do.
const TEAM: usize = 5_000;

pub async fn run(table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("haproxy.sock");
    let web = folder.path().join("haproxy.web");
    let text = format!(
        "global\n  stats socket {} level operator\n  nbthread 2\ndefaults\n  mode http\n  timeout connect 1s\n  \
         timeout client 5s\n  timeout server 5s\n  timeout http-keep-alive 60s\nfrontend web\n  bind unix@{}\n  \
         http-request return status 200\nbackend app\n  stick-table type string len 64 size 1100k expire 30m\n  \
         stick on req.cook(k)\n  server api-1 127.0.0.1:9\n  server api-2 127.0.0.1:9\n",
        socket.display(),
        web.display()
    );
    let mut child = launch(folder.path(), &socket, &text).await?;
    let keys: Vec<String> = (0..ENTRIES).map(|number| format!("account_{number:012}")).collect();
    fill(&socket, "app", &keys).await?;
    let info = ask(&socket, "show table").await?;
    if !info.contains(&format!("used:{ENTRIES}")) {
        return Err(format!("the table is not full: {info}").into());
    }
    let pool = PoolName::parse("app")?;
    let router = router(&socket, &pool)?;
    let (mut ours, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut slow_ours, mut slow_bare) = (Vec::new(), Vec::new());
    let mut some = keys.chunks(KEYS);
    for _ in 0..ROUNDS {
        let (mine, others) = (some.next().unwrap_or_default(), some.next().unwrap_or_default());
        let mine = mine.iter().map(|key| RouteKey::parse(key.as_str())).collect::<Result<Vec<_>, _>>()?;
        let probe = Probe::start(&web);
        let started = Instant::now();
        for team in mine.chunks(TEAM) {
            let left = router.clear(&pool, team).await?;
            if !left.is_empty() {
                return Err(format!("{} rows are still there", left.len()).into());
            }
        }
        let took = started.elapsed();
        slow_ours.push(probe.end()?);
        let probe = Probe::start(&web);
        let started = Instant::now();
        for line in others.chunks(LINE) {
            let mut text = String::new();
            for key in line {
                write!(text, "clear table app key {key};")?;
            }
            ask(&socket, text.trim_end_matches(';')).await?;
        }
        let other = started.elapsed();
        slow_bare.push(probe.end()?);
        ratios.push(100.0 * other.as_secs_f64() / took.as_secs_f64());
        ours.push(took);
        bare.push(other);
    }
    let left = ask(&socket, "show table").await?;
    child.kill().await?;
    if !left.contains(&format!("used:{}", ENTRIES - 2 * ROUNDS * KEYS)) {
        return Err(format!("something else than the keys was cleared: {left}").into());
    }
    report(table, &mut ours, &mut bare, &mut ratios);
    report_probes(table, &mut slow_ours, &mut slow_bare);
    Ok(())
}

fn router(socket: &Path, pool: &PoolName) -> Outcome<Haproxy> {
    Ok(Haproxy::new(HaproxyConfig {
        name: RouterName::parse("lb-1")?,
        endpoint: Endpoint::Unix(socket.to_owned()),
        pools: vec![HaproxyPool {
            name: pool.clone(),
            scope: Scope::Account,
            rule: None,
            table: "app".to_owned(),
            backend: "app".to_owned(),
            acl_file: None,
        }],
        timeout: Span::from_secs(2),
        max_request: Span::ZERO,
    })?)
}

fn report(table: &mut Table, ours: &mut [Duration], bare: &mut [Duration], ratios: &mut [f64]) {
    ours.sort_unstable();
    bare.sort_unstable();
    ratios.sort_by(f64::total_cmp);
    let of = |list: &[Duration]| format!("{}/s", grouped(rate(KEYS as u64, list[list.len() / 2])));
    table.add(
        "P8",
        "keys cleared and read back on HAProxy, of 1,000,000",
        of(ours),
        of(bare),
        format!("{:.0} % ({:.0}–{:.0} %)", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]),
        "≥ 50 %",
    );
}

fn report_probes(table: &mut Table, ours: &mut [Duration], bare: &mut [Duration]) {
    ours.sort_unstable();
    bare.sort_unstable();
    let slowest = |list: &[Duration]| time_text(list[list.len() / 2]);
    let worst = time_text(ours[ours.len() - 1]);
    table.add(
        "P8",
        "slowest request meanwhile, median of rounds",
        slowest(ours),
        slowest(bare),
        format!("worst {worst}"),
        "≤ 5 ms",
    );
}

/// Requests one after the other through HAProxy, from a thread of their own, each a millisecond after the one before.
struct Probe {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<std::io::Result<Duration>>,
}

impl Probe {
    fn start(web: &Path) -> Self {
        let (over, web) = (Arc::new(AtomicBool::new(false)), web.to_owned());
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let (mut stream, mut slowest, mut answer) = (UnixStream::connect(web)?, Duration::ZERO, [0_u8; 4_096]);
            while !seen.load(Ordering::Relaxed) {
                let started = Instant::now();
                stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")?;
                if stream.read(&mut answer)? == 0 {
                    return Err(std::io::Error::other("HAProxy hung up"));
                }
                slowest = slowest.max(started.elapsed());
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(slowest)
        });
        Self { over, thread }
    }

    /// How long the slowest took.
    fn end(self) -> Outcome<Duration> {
        self.over.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the probe ended early")??)
    }
}
