//! P6, P7, R16: a bulk clean-up of thousands of accounts on the embedded router, from the request until everything is
//! verified, with audit chain, steps and progress; beside it ONE bare pair of statements on the same schema that ends the
//! sessions and removes the pins of as many other accounts, and proves nothing. Meanwhile another one searches, and a
//! third one asks for the writer again and again.

use std::{
    io::Cursor,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{BulkOrder, BulkOutcome, Mode};
use server::background::Background;
use service::{BulkSource, SampleSpec, Settings, Unstick};
use store::Store;

use crate::{
    Outcome, floor,
    measure::{Table, grouped, rate, rate_text, time_text},
    world::{World, embedded_fleet, shell, unstick_over},
};

/// Accounts of the one, and of the other.
const ACCOUNTS: u64 = 10_000;
/// Sessions of each, on average.
const SESSIONS: u64 = 10;

pub async fn run(table: &mut Table) -> Outcome<()> {
    let (store, folder, unstick) = loaded().await?;
    let bare = World::bare(&folder.join("unstick.db")).await?;
    let ids: Vec<(String,)> = sqlx::query_as("SELECT id FROM accounts ORDER BY id").fetch_all(&bare).await?;
    let ids = Arc::new(ids);
    let half = ids.len() / 2;
    let list = |ids: &[(String,)]| ids.iter().map(|(id,)| id.as_str()).collect::<Vec<_>>().join("\n");
    let (ours, others) = (list(&ids[..half]), &ids[half..]);

    let before = open_sessions(&bare).await?;
    let idle = searches(unstick.clone(), ids.clone(), Some(Duration::from_secs(5)), Arc::default()).await?;
    let started = Instant::now();
    let source = BulkSource::List(Box::new(Cursor::new(ours.into_bytes())));
    let bulk = unstick.draft_bulk(&shell(), source, order()).await?;
    let frozen = started.elapsed();
    unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await?;
    let over: Arc<AtomicBool> = Arc::default();
    let busy = tokio::spawn(searches(unstick.clone(), ids.clone(), None, over.clone()));
    let writer = tokio::spawn(waits(folder.join("unstick.db"), over.clone()));
    let started = Instant::now();
    // Where the workers are in the server.
    let background = Background::start()?;
    let driven = background.spawn({
        let (unstick, id) = (unstick.clone(), bulk.id.clone());
        async move { Box::pin(unstick.drive_bulk(&id, &|_| ())).await }
    });
    let (done, took) = (driven.await?, started.elapsed());
    over.store(true, Ordering::SeqCst);
    let (done, busy, (waited, wal)) = (done?, busy.await??, writer.await??);
    if done.counts.get(BulkOutcome::Done) + done.counts.get(BulkOutcome::Nothing) != done.counts.total() {
        return Err(format!("the bulk clean-up ended as {:?}", done.counts).into());
    }
    let cleaned = u64::try_from(before - open_sessions(&bare).await?)?;
    let (bare_sessions, bare_took) = pair(&bare, &list(others)).await?;
    let ledger = floor::ledger(&folder.join("unstick.db")).await?;

    let accounts = u64::try_from(done.counts.total())?;
    table.add(
        "R16",
        format!("bulk, forced: {} accounts, verified", grouped(accounts)),
        format!("{:.1} s, {}", took.as_secs_f64(), rate_text(accounts, took)),
        "",
        "",
        "10,000 in ≤ 60 s",
    );
    table.add("R16", "its list frozen and hashed", time_text(frozen), "", "", "");
    against_the_pair((cleaned, took), (bare_sessions, bare_took), ledger, table);
    let percent = |all: &[Duration]| all[all.len().saturating_sub(1) * 99 / 100];
    let ratio = format!("{:.1}", percent(&busy).as_secs_f64() / percent(&idle).as_secs_f64().max(1e-9));
    let (during, quiet) = (time_text(percent(&busy)), time_text(percent(&idle)));
    table.add("P7", "search p99 during it, beside idle", during, quiet, ratio, "≤ 3 ×");
    table.add("P7", "longest write transaction", time_text(store.longest_write()), "", "", "≤ 100 ms");
    table.add("P7", "longest wait of another process for the writer", time_text(waited), "", "", "");
    table.add("P7", "WAL at most", format!("{} MB", wal >> 20), "", "", "≤ 64 MB");
    bare.close().await;
    store.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// P6: the sessions of ours and of the bare pair, and how long each took; and how long the finished ledger of ours takes alone.
fn against_the_pair(
    (cleaned, took): (u64, Duration),
    (bare_sessions, bare_took): (u64, Duration),
    ledger: (u64, Duration),
    table: &mut Table,
) {
    let (mine, other) = (rate(cleaned, took), rate(bare_sessions, bare_took));
    let ratio = format!("{:.2}", ratio_of(mine, other));
    table.add(
        "P6",
        "bulk: sessions cleaned",
        format!("{}/s", grouped(mine)),
        format!("{}/s", grouped(other)),
        ratio,
        "≥ 0.6",
    );
    let (rows, written) = ledger;
    // As many sessions by the bare pair, and then what proves it.
    let at_best = rate(cleaned, bare_took.mul_f64(ratio_of(cleaned, bare_sessions)) + written);
    table.add(
        "P6",
        format!("the most there could be: the pair, and {} finished rows of the ledger put in once", grouped(rows)),
        format!("{}/s", grouped(at_best)),
        format!("{}/s", grouped(other)),
        format!("{:.2}", ratio_of(at_best, other)),
        "",
    );
}

/// Sample data, and a service that has written nothing yet.
async fn loaded() -> Outcome<(Store, PathBuf, Unstick)> {
    let (store, folder) = World::empty("bulk").await?;
    let settings = Settings { bulk_approval_above: u32::MAX, ..Settings::default() };
    let spec = SampleSpec { accounts: 2 * ACCOUNTS, sessions_per_account: SESSIONS, seed: 7 };
    let loader = unstick_over(store.clone(), embedded_fleet(&store), settings.clone());
    loader.load_sample(&shell(), spec, &|_, _| ()).await?;
    store.checkpoint_wal().await?;
    store.close().await;
    let store = World::again(&folder).await?;
    let unstick = unstick_over(store.clone(), embedded_fleet(&store), settings);
    Ok((store, folder, unstick))
}

/// As fast as it goes.
fn order() -> BulkOrder {
    let (reason, ticket) = ("benchmark".to_owned(), String::new());
    BulkOrder { mode: Mode::Force, reason, ticket, wave: 1_000, rate: 1_000, failure_limit: 0 }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio_of(ours: u64, beside: u64) -> f64 {
    ours as f64 / (beside as f64).max(1.0)
}

async fn open_sessions(bare: &sqlx::SqlitePool) -> Outcome<i64> {
    let (open,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sessions WHERE cleaned_at IS NULL").fetch_one(bare).await?;
    Ok(open)
}

/// How long searches take, sorted, one after the other, until `over`.
async fn searches(
    unstick: Unstick,
    ids: Arc<Vec<(String,)>>,
    limit: Option<Duration>,
    over: Arc<AtomicBool>,
) -> Outcome<Vec<Duration>> {
    let (mut took, started, mut at) = (Vec::new(), Instant::now(), 0);
    while limit.is_none_or(|limit| started.elapsed() < limit) && !over.load(Ordering::SeqCst) {
        at = (at + 7_919) % ids.len();
        let one = Instant::now();
        unstick.search(&shell(), &ids[at].0, None).await?;
        took.push(one.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took.sort_unstable();
    Ok(took)
}

/// The longest wait for the writer, and the largest WAL, until `over`.
async fn waits(file: PathBuf, over: Arc<AtomicBool>) -> Outcome<(Duration, u64)> {
    let pool = World::bare(&file).await?;
    let wal = file.with_extension("db-wal");
    let (mut longest, mut largest) = (Duration::ZERO, 0);
    while !over.load(Ordering::SeqCst) {
        let one = Instant::now();
        pool.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
        longest = longest.max(one.elapsed());
        largest = largest.max(std::fs::metadata(&wal).map_or(0, |known| known.len()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pool.close().await;
    Ok((longest, largest))
}

/// The bare pair: sessions ended and cleaned, pins removed, of the accounts of `list`. How many sessions, and how long.
async fn pair(bare: &sqlx::SqlitePool, list: &str) -> Outcome<(u64, Duration)> {
    let ids: Vec<&str> = list.split('\n').collect();
    let ids = serde_json::to_string(&ids)?;
    let started = Instant::now();
    let mut tx = bare.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM embedded_pins WHERE account_id IN (SELECT value FROM json_each($1))")
        .bind(&ids)
        .execute(&mut *tx)
        .await?;
    let sql = "UPDATE sessions SET ended_at = coalesce(ended_at, $2), end_reason = coalesce(end_reason, 'revoked'), \
               cleaned_at = $2 WHERE account_id IN (SELECT value FROM json_each($1)) AND cleaned_at IS NULL";
    let changed = sqlx::query(sql).bind(&ids).bind(1_795_000_000_000_000_i64).execute(&mut *tx).await?.rows_affected();
    tx.commit().await?;
    Ok((changed, started.elapsed()))
}
