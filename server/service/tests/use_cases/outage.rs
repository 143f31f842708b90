//! Goal R6: a router is a black hole while much is queued for it. Reads do not wait for it, everybody sees it, and when it is
//! back everything is done by itself.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use domain::{AccountId, BulkOrder, BulkOutcome, BulkStatus, Mode, Role};
use service::BulkSource;
use tokio::sync::watch;

use crate::world::{World, account, shell, sqlite_in, times};

/// A call to a black hole is given up after this time, as a router's own time-out does.
const TIMEOUT: Duration = Duration::from_millis(500);
/// How often somebody reads.
const EVERY: Duration = Duration::from_millis(10);

/// How long accounts' pages take for somebody who reads one after the other until `over`: all but a hundredth are faster.
async fn p99<F: AsyncFn() -> bool>(world: &World, accounts: usize, over: F) -> Duration {
    let mut took = Vec::new();
    while took.len() < 100 || !over().await {
        let id = account(&format!("acc{}", took.len() * 7 % accounts));
        let started = Instant::now();
        world.unstick.account_page(&shell(), &id, domain::view::SessionFilter::Open, None).await.unwrap();
        took.push(started.elapsed());
        tokio::time::sleep(EVERY).await;
    }
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

async fn until<F: AsyncFn() -> bool>(what: &str, limit: Duration, holds: F) -> Duration {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_holds_nobody_up_and_what_it_is_owed_is_done_when_it_is_back() {
    let accounts = times("UNSTICK_TORTURE_OUTAGE", 60);
    let outage = Duration::from_secs(u64::try_from(times("UNSTICK_TORTURE_OUTAGE_SECONDS", 2)).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let world = World::behind_a_breaker(&sqlite_in(&folder)).await;
    world.crowd(accounts).await;
    let list = (0..accounts).map(|at| format!("acc{at}")).collect::<Vec<_>>().join("\n");
    let second = world.staff("bob", Role::Admin);
    let after = |wait: Duration| {
        let end = Instant::now() + wait;
        async move || Instant::now() >= end
    };
    let calm = p99(&world, accounts, after(outage.min(Duration::from_secs(20)))).await;

    let (stop, stopped) = watch::channel(false);
    let workers = tokio::spawn({
        let unstick = world.unstick.clone();
        async move { Box::pin(unstick.run_workers(stopped)).await }
    });
    *world.script.black_hole.lock().unwrap() = Some(TIMEOUT);
    let source = BulkSource::List(Box::new(std::io::Cursor::new(list.into_bytes())));
    let order = BulkOrder {
        mode: Mode::Force,
        reason: "left by the outage".to_owned(),
        ticket: String::new(),
        wave: 1_000,
        rate: 1_000,
        failure_limit: 100_000,
    };
    let bulk = world.unstick.draft_bulk(&shell(), source, order).await.unwrap();
    world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    world.intent(&second, domain::Intent::ApproveBulk, &bulk.hash).await;
    world.unstick.approve_bulk(&second, &bulk.id, &bulk.hash).await.unwrap();
    let is_told = async || {
        let page = world.unstick.routing(&shell()).await.unwrap();
        page.routers.iter().all(|router| router.trouble.is_some())
    };
    let told = until("the router is shown as away", Duration::from_secs(5), is_told).await;
    let owed = async || world.store.owed_by_router().await.unwrap().iter().map(|(_, n)| *n).sum::<i64>() > 0;
    until("work is owed", Duration::from_secs(30), owed).await;
    let is_queued = async || {
        let counts = world.store.bulk(&bulk.id).await.unwrap().unwrap().counts;
        counts.get(BulkOutcome::Waiting) == 0
    };
    let queueing = p99(&world, accounts, is_queued).await;
    let dark = p99(&world, accounts, after(outage)).await;
    *world.script.black_hole.lock().unwrap() = None;
    let is_done = async || world.store.bulk(&bulk.id).await.unwrap().unwrap().status == BulkStatus::Done;
    let drained = until("everything is done", Duration::from_mins(2), is_done).await;
    stop.send_replace(true);
    workers.await.unwrap();
    println!(
        "R6 {accounts} clean-ups queued for a black hole: shown after {told:?}; reads' p99 {calm:?} before, \
         {queueing:?} while they were queued, {dark:?} while they waited; all done {drained:?} after it was back"
    );
    // It waits for nothing: far from the time that a single call to the black hole takes. What else runs here is not measured.
    assert!(dark < TIMEOUT, "reads wait for the black hole: {dark:?}");
    for at in [0, accounts / 2, accounts - 1] {
        let id: AccountId = account(&format!("acc{at}"));
        world.assert_clean(&id, "after the outage").await;
    }
    assert_eq!(world.script.busy.load(Ordering::SeqCst), 0);
}
