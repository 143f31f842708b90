//! P15: two hundred people who watch one bulk clean-up: what its pace loses by them, how much of the server's memory each
//! takes, and how long after a change in the database they are told. Rounds with watchers and without alternate, each over
//! accounts of its own; the server is a process of its own.

use std::{
    collections::HashMap,
    io::Cursor,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{Bulk, BulkOrder, BulkOutcome, Mode};
use service::{BulkSource, SampleSpec, Settings, Unstick};
use store::Store;

use crate::{
    Outcome,
    measure::{Table, rate_text, time_text},
    pages,
    world::{World, embedded_fleet, shell, unstick_over},
};

/// Accounts of one round.
const ACCOUNTS: usize = 5_000;
/// Rounds of each kind, after one that does not count.
const ROUNDS: usize = 3;
const WATCHERS: usize = 200;

pub async fn run(table: &mut Table) -> Outcome<()> {
    let all = ACCOUNTS * 2 * (ROUNDS + 1);
    let spec = SampleSpec { accounts: u64::try_from(all)?, sessions_per_account: 5, seed: 15 };
    let Site { store, unstick, ids, server, .. } = Site::start("watchers", spec).await?;
    let (mut alone, mut watched, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lags, mut each) = (Vec::new(), Vec::new());
    let mut lists = ids.chunks(ACCOUNTS);
    for round in 0..=ROUNDS {
        let one = bulk(&unstick, lists.next().unwrap_or_default()).await?;
        let quiet = finished(&store, &one, &Mutex::default()).await?;
        let two = bulk(&unstick, lists.next().unwrap_or_default()).await?;
        let before = server.pss_kb()?;
        let (seen, heard) = (Mutex::default(), Arc::new(Heard::default()));
        let tasks: Vec<_> = (0..WATCHERS)
            .map(|_| tokio::spawn(watch(server.get(&format!("/bulk/{}/events", two.id)), Arc::clone(&heard))))
            .collect();
        let (busy, after) = tokio::join!(finished(&store, &two, &seen), async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            server.pss_kb()
        });
        let (busy, after) = (busy?, after?);
        for task in tasks {
            task.await??;
        }
        if round > 0 {
            ratios.push(100.0 * quiet.as_secs_f64() / busy.as_secs_f64());
            alone.push(quiet);
            watched.push(busy);
            each.push(after.saturating_sub(before) / WATCHERS as u64);
            lags.extend(lag(&seen.into_inner().unwrap_or_default(), &heard));
        }
    }
    for list in [&mut alone, &mut watched, &mut lags] {
        list.sort_unstable();
    }
    each.sort_unstable();
    ratios.sort_by(f64::total_cmp);
    let of = |list: &[Duration]| rate_text(ACCOUNTS as u64, list[list.len() / 2]);
    let ratio = format!("{:.0} % ({:.0}–{:.0} %)", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
    table.add("P15", "bulk with 200 watchers, beside none", of(&watched), of(&alone), ratio, "≥ 95 %");
    table.add(
        "P15",
        "memory of the server for each watcher",
        format!("{} kB", each[each.len() / 2]),
        "",
        "",
        "≤ 40 kB",
    );
    let late = lags.get(lags.len() * 99 / 100).copied().ok_or("nobody was told anything")?;
    table.add("P15", "they are told after (p99)", time_text(late), "", format!("{} events", lags.len()), "≤ 500 ms");
    store.close().await;
    Ok(())
}

/// A server of its own over sample data, and who asks it for bulk clean-ups.
pub struct Site {
    pub store: Store,
    pub folder: PathBuf,
    pub unstick: Unstick,
    /// The accounts.
    pub ids: Vec<(String,)>,
    pub server: pages::Served,
}

impl Site {
    /// In a folder called `name`.
    pub async fn start(name: &str, spec: SampleSpec) -> Outcome<Self> {
        let (store, folder) = World::empty(name).await?;
        let settings = Settings { bulk_approval_above: u32::MAX, ..Settings::default() };
        let unstick = unstick_over(store.clone(), embedded_fleet(&store), settings);
        unstick.load_sample(&shell(), spec, &|_, _| ()).await?;
        store.checkpoint_wal().await?;
        let file = folder.join("unstick.db");
        let bare = World::bare(&file).await?;
        let ids = sqlx::query_as("SELECT id FROM accounts ORDER BY id").fetch_all(&bare).await?;
        bare.close().await;
        let server = pages::Served::start(&folder, &file, &unstick, domain::Role::Admin).await?;
        Ok(Self { store, folder, unstick, ids, server })
    }
}

/// Asks for a bulk clean-up of `ids`.
pub async fn bulk(unstick: &Unstick, ids: &[(String,)]) -> Outcome<Bulk> {
    let list = ids.iter().map(|(id,)| id.as_str()).collect::<Vec<_>>().join("\n");
    let (reason, ticket) = ("benchmark".to_owned(), String::new());
    let order = BulkOrder { mode: Mode::Force, reason, ticket, wave: 1_000, rate: 1_000, failure_limit: 0 };
    let bulk = unstick.draft_bulk(&shell(), BulkSource::List(Box::new(Cursor::new(list.into_bytes()))), order).await?;
    unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await?;
    Ok(bulk)
}

/// How many accounts had come to what. All of it, not those alone that ended: while the first ones are under way nobody has
/// ended for a second, and each of several events says so.
pub type Counts = Vec<i64>;

fn counts(bulk: &Bulk) -> Counts {
    BulkOutcome::ALL.into_iter().map(|outcome| bulk.counts.get(outcome)).collect()
}

/// What there was, and when that was first seen.
pub type Seen = Mutex<HashMap<Counts, Instant>>;

/// What a watcher was told, and when.
type Heard = Mutex<Vec<(Counts, Instant)>>;

/// How long the server takes for it. What it reads meanwhile is put into `seen`.
pub async fn finished(store: &Store, bulk: &Bulk, seen: &Seen) -> Outcome<Duration> {
    let started = Instant::now();
    // A tenth of the pace that it may have.
    let patience = Duration::from_mins(1) + Duration::from_millis(10 * u64::try_from(bulk.counts.total())?);
    while started.elapsed() < patience {
        let now = store.bulk(&bulk.id).await?.ok_or("the bulk clean-up is gone")?;
        let ended = now.counts.get(BulkOutcome::Done) + now.counts.get(BulkOutcome::Nothing);
        seen.lock().unwrap_or_else(PoisonError::into_inner).entry(counts(&now)).or_insert_with(Instant::now);
        if ended == now.counts.total() {
            return Ok(started.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("the server does not work on the bulk clean-up".into())
}

/// Hears what a watcher is told, until it is over.
async fn watch(request: reqwest::RequestBuilder, heard: Arc<Heard>) -> Outcome<()> {
    let mut response = request.send().await?.error_for_status()?;
    let mut text = String::new();
    while let Some(piece) = response.chunk().await? {
        let at = Instant::now();
        text.push_str(&String::from_utf8_lossy(&piece));
        while let Some((event, rest)) = text.split_once("\n\n") {
            if let Some((_, data)) = event.split_once("event: progress\ndata: ") {
                let told: app::islands::Progress = serde_json::from_str(data)?;
                heard.lock().unwrap_or_else(PoisonError::into_inner).push((counts(&told.bulk), at));
            }
            text = rest.to_owned();
        }
    }
    Ok(())
}

/// How long after it was seen in the database each was told.
fn lag(seen: &HashMap<Counts, Instant>, heard: &Heard) -> Vec<Duration> {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.iter().filter_map(|(counts, at)| seen.get(counts).map(|first| at.saturating_duration_since(*first))).collect()
}
