//! R6: a real HAProxy becomes a black hole (its runtime API takes connections and never answers) while 10,000 forced
//! clean-ups are queued for it. How long people wait for what they read, before, while the clean-ups are queued and while they
//! wait, with the workers on threads of their own as in the server; and how soon everything is done once it answers again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{BulkOrder, BulkOutcome, BulkStatus, Mode, RouterName, Scope, Span, view::SessionFilter};
use routers::{
    Breaker, Router,
    haproxy::{Endpoint, Haproxy, HaproxyConfig},
};
use server::background::Background;
use service::{BulkSource, SampleSpec, Settings, Unstick};
use tokio::{
    io::{AsyncReadExt, copy_bidirectional},
    net::{UnixListener, UnixStream},
    sync::watch,
};

use crate::{
    Outcome, haproxy,
    measure::{Table, grouped, time_text},
    world::{World, embedded_fleet, shell, unstick_over},
};

const ACCOUNTS: u64 = 10_000;
const SESSIONS: u64 = 10;
/// How often somebody reads.
const EVERY: Duration = Duration::from_millis(10);
/// How long it is measured what is usual.
const CALM: Duration = Duration::from_mins(1);

pub async fn run(seconds: u64, table: &mut Table) -> Outcome<()> {
    let (store, folder) = World::empty("outage").await?;
    let settings = Settings { bulk_approval_above: u32::MAX, ..Settings::default() };
    let spec = SampleSpec { accounts: ACCOUNTS, sessions_per_account: SESSIONS, seed: 7 };
    let loader = unstick_over(store.clone(), embedded_fleet(&store), settings.clone());
    loader.load_sample(&shell(), spec, &|_, _| ()).await?;
    let folder = folder.canonicalize()?;
    let bare = World::bare(&folder.join("unstick.db")).await?;
    let ids: Vec<(String,)> = sqlx::query_as("SELECT id FROM accounts ORDER BY id").fetch_all(&bare).await?;
    let ids: Arc<Vec<String>> = Arc::new(ids.into_iter().map(|(id,)| id).collect());
    let (socket, relay) = (folder.join("haproxy.sock"), folder.join("relay.sock"));
    let mut child = haproxy::start(&folder, &socket).await?;
    let rows = fill(&bare, &socket, &ids).await?;
    let (dark, is_dark) = watch::channel(false);
    let relayed = tokio::spawn(stand_between(UnixListener::bind(&relay)?, socket.clone(), is_dark));
    let unstick = unstick_over(store.clone(), vec![router(&folder, relay)?], settings);

    let background = Background::start()?;
    let (stop, stopped) = watch::channel(false);
    let workers = background.spawn({
        let unstick = unstick.clone();
        async move { Box::pin(unstick.run_workers(stopped)).await }
    });
    let calm = reads(&unstick, &ids, for_so_long(CALM)).await?;
    dark.send_replace(true);
    let order = BulkOrder {
        mode: Mode::Force,
        reason: "benchmark".to_owned(),
        ticket: String::new(),
        wave: 1_000,
        rate: 1_000,
        // What waits for a router is in trouble, and is meant to wait here.
        failure_limit: 100_000,
    };
    let source = BulkSource::List(Box::new(std::io::Cursor::new(ids.join("\n").into_bytes())));
    let bulk = unstick.draft_bulk(&shell(), source, order).await?;
    unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await?;
    let told = until(Duration::from_secs(30), async || {
        Ok(unstick.routing(&shell()).await?.routers.iter().all(|router| router.trouble.is_some()))
    })
    .await?;
    let is_queued = async || {
        let bulk = store.bulk(&bulk.id).await?.ok_or("the bulk clean-up is gone")?;
        Ok(bulk.counts.get(BulkOutcome::Waiting) == 0)
    };
    let queueing = reads(&unstick, &ids, is_queued).await?;
    let waiting = reads(&unstick, &ids, for_so_long(Duration::from_secs(seconds))).await?;
    dark.send_replace(false);
    let drained = until(Duration::from_mins(5), async || {
        Ok(store.bulk(&bulk.id).await?.is_some_and(|bulk| bulk.status == BulkStatus::Done))
    })
    .await?;
    stop.send_replace(true);
    workers.await?;
    let left = [haproxy::ask(&socket, "show table app").await?, haproxy::ask(&socket, "show table files").await?];
    relayed.abort();
    child.kill().await?;
    if let Some(left) = left.iter().find(|left| !left.contains("used:0")) {
        return Err(format!("rows are left: {}", left.lines().next().unwrap_or_default()).into());
    }

    let times = Times { rows, told, calm, queueing, waiting, drained };
    times.report(table);
    bare.close().await;
    store.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// What came out; all times of reads are sorted.
struct Times {
    rows: u64,
    told: Duration,
    calm: Vec<Duration>,
    queueing: Vec<Duration>,
    waiting: Vec<Duration>,
    drained: Duration,
}

impl Times {
    fn report(&self, table: &mut Table) {
        let what = format!("black hole, {ACCOUNTS} clean-ups ({} rows): shown after", grouped(self.rows));
        table.add("R6", what, time_text(self.told), "", "", "≤ 5 s");
        for (what, took, must) in
            [("while they are queued", &self.queueing, ""), ("while they wait", &self.waiting, "≤ 1.2 ×")]
        {
            let (ours, usual) = (part(took, 99), part(&self.calm, 99));
            let ratio = format!(
                "{:.2} (p50: {:.2})",
                ours.as_secs_f64() / usual.as_secs_f64().max(1e-9),
                part(took, 50).as_secs_f64() / part(&self.calm, 50).as_secs_f64().max(1e-9)
            );
            table.add(
                "R6",
                format!("reads' p99 {what}, beside before"),
                time_text(ours),
                time_text(usual),
                ratio,
                must,
            );
        }
        table.add(
            "R6",
            "all done after it answers again",
            format!("{:.1} s", self.drained.as_secs_f64()),
            "",
            "",
            "≤ 120 s",
        );
    }
}

fn part(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

fn for_so_long(time: Duration) -> impl AsyncFn() -> Outcome<bool> {
    let end = Instant::now() + time;
    async move || Ok(Instant::now() >= end)
}

/// How long a search and an account's page take together, sorted, one after the other, until `over`.
async fn reads(unstick: &Unstick, ids: &[String], over: impl AsyncFn() -> Outcome<bool>) -> Outcome<Vec<Duration>> {
    let (mut took, mut at) = (Vec::new(), 0);
    while took.len() < 100 || !over().await? {
        at = (at + 7_919) % ids.len();
        let id = domain::AccountId::parse(ids[at].as_str())?;
        let one = Instant::now();
        unstick.search(&shell(), &ids[at], None).await?;
        unstick.account_page(&shell(), &id, SessionFilter::Open, None).await?;
        took.push(one.elapsed());
        tokio::time::sleep(EVERY).await;
    }
    took.sort_unstable();
    Ok(took)
}

async fn until(limit: Duration, holds: impl AsyncFn() -> Outcome<bool>) -> Outcome<Duration> {
    let started = Instant::now();
    while !holds().await? {
        if started.elapsed() > limit {
            return Err(format!("not within {limit:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(started.elapsed())
}

/// A row for every account and every open session. How many.
async fn fill(bare: &sqlx::SqlitePool, socket: &Path, accounts: &[String]) -> Outcome<u64> {
    let of_accounts: Vec<String> = accounts
        .iter()
        .map(|id| Ok(domain::RouteKey::of_account(&domain::AccountId::parse(id.as_str())?).as_str().to_owned()))
        .collect::<Outcome<_>>()?;
    let open: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM sessions WHERE cleaned_at IS NULL").fetch_all(bare).await?;
    let of_sessions: Vec<String> = open.into_iter().map(|(id,)| id).collect();
    haproxy::fill(socket, "app", &of_accounts).await?;
    haproxy::fill(socket, "files", &of_sessions).await?;
    Ok((of_accounts.len() + of_sessions.len()) as u64)
}

fn router(folder: &Path, relay: PathBuf) -> Outcome<Arc<dyn Router>> {
    let pool = |name: &str, scope| haproxy::pool(folder, name, scope);
    let haproxy = Haproxy::new(HaproxyConfig {
        name: RouterName::parse("lb-1")?,
        endpoint: Endpoint::Unix(relay),
        pools: vec![pool("app", Scope::Account)?, pool("files", Scope::Session)?],
        timeout: Span::from_secs(2),
        max_request: Span::ZERO,
    })?;
    // As the server does.
    Ok(Arc::new(Breaker::new(Arc::new(haproxy))))
}

/// Passes on what goes to HAProxy and comes from it; while `dark`, takes everything and answers nothing.
async fn stand_between(listener: UnixListener, socket: PathBuf, dark: watch::Receiver<bool>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (socket, mut dark) = (socket.clone(), dark.clone());
        tokio::spawn(async move {
            if !*dark.borrow_and_update() {
                let Ok(mut behind) = UnixStream::connect(&socket).await else { return };
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut behind) => return,
                    _ = dark.changed() => {}
                }
            }
            let mut sink = [0; 4_096];
            while client.read(&mut sink).await.is_ok_and(|read| read > 0) {}
        });
    }
}
