//! A process dies while it works on a bulk clean-up, at its own points and at any moment; another one finishes: every account
//! has exactly one end, and was completed once. The process is this test itself, started again.

use std::{collections::HashMap, os::unix::process::ExitStatusExt, process::Command, time::Duration};

use domain::{Bulk, BulkOrder, BulkOutcome, BulkStatus, Mode, Span, view::AuditFilter};
use service::BulkSource;
use store::testing;

use crate::world::{World, account, shell, sqlite_in, times};

const DATABASE: &str = "UNSTICK_TEST_BULK_DATABASE";
/// How many accounts there are.
const ACCOUNTS: &str = "UNSTICK_TEST_BULK_ACCOUNTS";
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
/// Accounts of a bulk clean-up that dies at its points.
const FEW: usize = 12;

fn child_at(url: &str, n: usize) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "bulk_crash::child", "--ignored", "--quiet"])
        .env(DATABASE, url)
        .env(ACCOUNTS, n.to_string());
    child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    child
}

/// A world with `n` stuck accounts.
async fn prepared(url: &str, n: usize) {
    let world = World::open(url, Span::ZERO).await;
    world.crowd(n).await;
    world.store.close().await;
}

/// Approves it where it waits for that.
async fn approved(world: &World, bulk: &Bulk) {
    if bulk.status == BulkStatus::AwaitingApproval {
        let second = world.staff("bob", domain::Role::Admin);
        world.intent(&second, domain::Intent::ApproveBulk, &bulk.hash).await;
        world.unstick.approve_bulk(&second, &bulk.id, &bulk.hash).await.unwrap();
    }
}

/// Finishes what the dead one left and counts.
async fn finished(url: &str, n: usize, context: &str) {
    let world = World::open(url, Span::ZERO).await;
    world.clock.advance(Span::from_secs(60));
    let bulk = world.store.bulks_page(None, 1).await.unwrap().pop().unwrap();
    // It may have died before the second person approved.
    approved(&world, &bulk).await;
    for _ in 0..5_000 {
        world.unstick.bulk_once().await.unwrap();
        world.unstick.clean_up_once().await.unwrap();
        world.clock.advance(Span::from_millis(100));
        if world.store.bulk(&bulk.id).await.unwrap().unwrap().status == BulkStatus::Done {
            break;
        }
    }
    let bulk = world.store.bulk(&bulk.id).await.unwrap().unwrap();
    assert_eq!(bulk.status, BulkStatus::Done, "{context}");
    let total = i64::try_from(n).unwrap();
    assert_eq!(bulk.counts.get(BulkOutcome::Done), total, "{context}: {:?}", bulk.counts);
    for action in ["cleanup.requested", "cleanup.done"] {
        let mut times: HashMap<String, usize> = HashMap::new();
        let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
        for event in world.store.audit_page(&filter, None, 100_000).await.unwrap() {
            *times.entry(event.draft.account.unwrap().to_string()).or_default() += 1;
        }
        assert_eq!(times.len(), n, "{context}: {action} of each");
        assert!(times.values().all(|times| *times == 1), "{context}: {action} once");
    }
    for at in 0..n {
        let id = account(&format!("acc{at}"));
        let now = world.store.account(&id).await.unwrap().unwrap();
        let counts = (now.live_sessions, now.leftover_sessions, now.total_sessions);
        assert_eq!(counts, (0, 0, 3), "{context}: {id}");
        assert_eq!(world.pins(&id).await, 0, "{context}: {id}");
    }
    world.assert_invariants(context).await;
    let verified = world.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert!(matches!(verified, store::Verification::Intact { .. }), "{context}: {verified:?}");
    let ends = AuditFilter { action: Some("bulk.done".to_owned()), ..AuditFilter::default() };
    assert_eq!(world.store.audit_page(&ends, None, 10).await.unwrap().len(), 1, "{context}: it ended once");
    world.store.close().await;
}

/// Those of the bulk clean-up, and those of its clean-ups, which go side by side; nobody asks for them one by one, and
/// nothing drains here.
fn points() -> impl Iterator<Item = &'static str> {
    let met = |point: &&str| !point.starts_with("request:") && !point.starts_with("drain:");
    service::crash::BULK_POINTS.iter().chain(service::crash::POINTS).copied().filter(met)
}

#[tokio::test]
async fn a_death_at_any_point_leaves_each_account_one_end_on_sqlite() {
    for point in points() {
        let folder = tempfile::tempdir().unwrap();
        at_point(&sqlite_in(&folder), point).await;
    }
}

#[tokio::test]
async fn a_death_at_any_point_leaves_each_account_one_end_on_postgres() {
    for point in points() {
        at_point(&testing::postgres().await, point).await;
    }
}

async fn at_point(url: &str, point: &str) {
    prepared(url, FEW).await;
    let status = child_at(url, FEW).env("UNSTICK_CRASH_AT", point).status().unwrap();
    assert_eq!(status.signal(), Some(SIGABRT), "{point} was not met");
    finished(url, FEW, point).await;
}

/// R2: `kill -9` at any moment. The moments are spread over 1.5 s, from when the list is frozen and asked for. Each run begins
/// with a copy of one database.
#[tokio::test]
async fn a_kill_at_any_moment_leaves_each_account_one_end() {
    let (runs, accounts) = (times("UNSTICK_TORTURE_BULK", 4), times("UNSTICK_TORTURE_BULK_ACCOUNTS", 60));
    let template = tempfile::tempdir().unwrap();
    prepared(&sqlite_in(&template), accounts).await;
    let mut ended = Vec::new();
    for run in 0..runs {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(template.path().join("unstick.db"), folder.path().join("unstick.db")).unwrap();
        let url = sqlite_in(&folder);
        let mut child = child_at(&url, accounts).spawn().unwrap();
        let store = store::Store::open(&url, testing::options()).await.unwrap();
        while store.bulks_page(None, 1).await.unwrap().first().is_none_or(|bulk| bulk.requested_at.is_none()) {
            assert!(child.try_wait().unwrap().is_none(), "the child ended before it began");
            tokio::task::yield_now().await;
        }
        // The moment is the point of the test, so it is the clock's.
        tokio::time::sleep(Duration::from_millis(u64::try_from(1 + run * 1_500 / runs.max(1)).unwrap())).await;
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(SIGKILL), "{status:?}");
        let bulk = store.bulks_page(None, 1).await.unwrap().pop().unwrap();
        ended.push(bulk.counts.ended());
        store.close().await;
        finished(&url, accounts, &format!("killed in run {run}")).await;
    }
    if runs > 4 {
        let (least, most) = (ended.iter().min().copied().unwrap_or(0), ended.iter().max().copied().unwrap_or(0));
        println!(
            "R2  SQLite  {runs} kills in bulk clean-ups of {accounts} accounts, {least} to {most} of which had ended: one end \
             each, completed once, 0 lost"
        );
    }
}

/// The process that dies.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn child() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let world = World::open(&url, Span::ZERO).await;
    let n: usize = std::env::var(ACCOUNTS).unwrap().parse().unwrap();
    let list: Vec<String> = (0..n).map(|at| format!("acc{at}")).collect();
    let order = BulkOrder {
        mode: Mode::Force,
        reason: "left by the outage".to_owned(),
        ticket: String::new(),
        // Few at once, so that few accounts have many moments; thousands go as they usually do.
        wave: if n > 100 { BulkOrder::WAVE } else { 5 },
        rate: 1_000,
        failure_limit: 5,
    };
    let source = BulkSource::List(Box::new(std::io::Cursor::new(list.join("\n").into_bytes())));
    let bulk = world.unstick.draft_bulk(&shell(), source, order).await.unwrap();
    let asked = world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    approved(&world, &asked).await;
    world.unstick.drive_bulk(&bulk.id, &|_| ()).await.unwrap();
}
