//! A process dies at every step boundary of a clean-up, and another one finishes it: nothing is lost, nothing is half
//! done, and it is completed once. The process is this test itself, started again.

use std::{os::unix::process::ExitStatusExt, process::Command};

use domain::{Mode, RepairOutcome, RepairRequest, RouteKey, Scope, Span, Status, census::FindingFilter};
use store::testing;

use crate::world::{World, account, request, session, shell, sqlite_in, times};

/// Where the child finds the database.
const DATABASE: &str = "UNSTICK_TEST_DATABASE";
/// The number that a process has that called `abort` (signal(7)).
const SIGABRT: i32 = 6;
/// Longer than a worker sits out with its lease in hand, so that the points of the wait are met.
const DRAIN: Span = Span::from_millis(350);
/// Until then everything is older than the census' grace time.
const REPAIRED: Span = Span::from_secs(600);

#[tokio::test]
async fn a_death_at_any_point_loses_nothing_and_repeats_nothing_on_sqlite() {
    let runs = runs("UNSTICK_TORTURE_SQLITE");
    for point in service::crash::POINTS {
        for _ in 0..runs {
            let folder = tempfile::tempdir().unwrap();
            recovered(&sqlite_in(&folder), point).await;
        }
        told(point, runs, "SQLite");
    }
}

#[tokio::test]
async fn a_death_at_any_point_loses_nothing_and_repeats_nothing_on_postgres() {
    let runs = runs("UNSTICK_TORTURE_POSTGRES");
    for point in service::crash::POINTS {
        for _ in 0..runs {
            recovered(&testing::postgres().await, point).await;
        }
        told(point, runs, "PostgreSQL");
    }
}

/// How often to die at each point: once, or as `make torture` says.
fn runs(variable: &str) -> usize {
    times(variable, 1)
}

/// What `make torture` prints. A point that was not met, and anything lost, half cleaned or repeated, has failed before.
fn told(point: &str, runs: usize, engine: &str) {
    if runs > 1 {
        println!("R1  {engine:10}  {point:24}  {runs} deaths met, 0 lost, 0 half-cleaned, 0 completed twice");
    }
}

/// A process dies at `point`; what is on the database afterwards is carried to its end.
async fn recovered(url: &str, point: &str) {
    let before = World::open(url, DRAIN).await;
    let id = before.stuck("crash").await;
    before.store.close().await;
    die(url, point);
    let world = World::open(url, DRAIN).await;
    // The dead one's lease runs out.
    world.clock.advance(Span::from_secs(60));
    let asked = match world.store.live_cleanup(&id).await.unwrap() {
        Some(cleanup) => Some(cleanup),
        None if world.events(&id, "cleanup.done").await == 1 => None,
        None => {
            assert_eq!(point, "request:before-commit", "only then nothing was asked for");
            let now = world.store.account(&id).await.unwrap().unwrap();
            assert_eq!((now.live_sessions, now.leftover_sessions), (1, 2), "and nothing was touched");
            Some(world.unstick.request_cleanup(&shell(), request("crash", Mode::Force)).await.unwrap().id)
        }
    };
    if let Some(cleanup) = asked {
        assert_eq!(world.drive(&cleanup, 5).await, Status::Done, "{point}");
    }
    world.assert_clean(&id, point).await;
}

#[tokio::test]
async fn a_death_while_watching_neither_loses_nor_repeats_a_return() {
    for point in service::crash::WATCH_POINTS {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_in(&folder);
        let before = World::open(&url, Span::ZERO).await;
        let id = before.stuck("crash").await;
        before.store.close().await;
        die(&url, point);
        let world = World::open(&url, Span::ZERO).await;
        assert_eq!(world.pins(&id).await, 1, "{point}: it was put back");
        // The dead one's claim runs out, another one looks, and then somebody works on what it found.
        world.clock.advance(Span::from_secs(120));
        world.unstick.watch_once().await.unwrap();
        let cleanup = world.store.live_cleanup(&id).await.unwrap().unwrap();
        assert_eq!(world.drive(&cleanup, 5).await, Status::Done, "{point}");
        assert_eq!(world.pins(&id).await, 0, "{point}");
        assert_eq!(world.events(&id, "cleanup.came_back").await, 1, "{point}: said once");
        assert_eq!(world.events(&id, "cleanup.done").await, 2, "{point}: done, and done again");
    }
}

#[tokio::test]
async fn a_death_while_a_repair_is_carried_out_is_gone_on_with_on_sqlite() {
    for point in service::crash::REPAIR_POINTS {
        let folder = tempfile::tempdir().unwrap();
        repaired(&sqlite_in(&folder), point).await;
    }
}

#[tokio::test]
async fn a_death_while_a_repair_is_carried_out_is_gone_on_with_on_postgres() {
    for point in service::crash::REPAIR_POINTS {
        repaired(&testing::postgres().await, point).await;
    }
}

#[tokio::test]
async fn a_repair_waits_while_its_database_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_in(&folder);
    let other = World::open(&url, Span::ZERO).await;
    other.stuck("crash").await;
    other.stuck("other").await;
    die_in(&url, "repair:committed", "crash::repairing");
    let world = World::open(&url, Span::ZERO).await;
    world.clock.advance(REPAIRED + Span::from_secs(61));
    let outcomes = async || {
        let filter = domain::view::AuditFilter { action: Some("repair.requested".to_owned()), ..Default::default() };
        let told = world.store.audit_page(&filter, None, 10).await.unwrap();
        let id = domain::RepairId::parse(&told[0].draft.target).unwrap();
        let made = world.unstick.repair(&shell(), &id).await.unwrap().made;
        made.into_iter().map(|made| made.outcome).collect::<Vec<_>>()
    };
    let writer = other.store.begin().await.unwrap();
    world.unstick.resume_repairs().await.unwrap();
    assert_eq!(outcomes().await, [RepairOutcome::Waiting; 2], "nobody says that it failed");
    writer.rollback().await.unwrap();
    world.unstick.resume_repairs().await.unwrap();
    assert_eq!(outcomes().await, [RepairOutcome::Requested; 2]);
}

async fn repaired(url: &str, point: &str) {
    let before = World::open(url, Span::ZERO).await;
    let accounts = [before.stuck("crash").await, before.stuck("other").await];
    before.store.close().await;
    die_in(url, point, "crash::repairing");
    let world = World::open(url, Span::ZERO).await;
    world.clock.advance(REPAIRED);
    world.unstick.resume_repairs().await.unwrap();
    let asked = async || {
        world.events(&accounts[0], "cleanup.requested").await + world.events(&accounts[1], "cleanup.requested").await
    };
    assert_eq!(
        asked().await,
        usize::from(point == "repair:asked"),
        "{point}: it is left to whoever asked, for a minute"
    );
    world.clock.advance(Span::from_secs(61));
    world.unstick.resume_repairs().await.unwrap();
    world.unstick.resume_repairs().await.unwrap();
    assert_eq!(asked().await, 2, "{point}: each account once");
    let filter = domain::view::AuditFilter { action: Some("repair.requested".to_owned()), ..Default::default() };
    let told = world.store.audit_page(&filter, None, 10).await.unwrap();
    assert_eq!(told.len(), 1, "{point}");
    let id = domain::RepairId::parse(&told[0].draft.target).unwrap();
    let repair = world.unstick.repair(&shell(), &id).await.unwrap();
    assert_eq!(repair.made.len(), 2, "{point}");
    for made in repair.made {
        assert_eq!(made.outcome, RepairOutcome::Requested, "{point}");
        assert_eq!(world.drive(&made.cleanup.unwrap(), 5).await, Status::Done, "{point}");
        assert_eq!(world.store.account(&made.account).await.unwrap().unwrap().leftover_sessions, 0, "{point}");
    }
}

/// Runs [`child`] in a process of its own, which must die at `point`.
fn die(url: &str, point: &str) {
    die_in(url, point, "crash::child");
}

/// Runs the test `child` in a process of its own, which must die at `point`.
fn die_in(url: &str, point: &str, child: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--quiet"])
        .env(DATABASE, url)
        .env("UNSTICK_CRASH_AT", point)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(SIGABRT), "{point} was not met");
}

/// The process that dies.
#[tokio::test]
#[ignore = "started by the test above, in a process of its own"]
async fn child() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let world = World::open(&url, DRAIN).await;
    assert!(world.store.account(&account("crash")).await.unwrap().is_some());
    let asked = world.unstick.request_cleanup(&shell(), request("crash", Mode::Force)).await.unwrap();
    world.drive(&asked.id, 5).await;
    // Whoever outlives the clean-up itself sees something come back.
    let (key, owner) = (RouteKey::parse("crash_live").unwrap(), session("crash_live"));
    world.pin("files", &key, Scope::Session, "api-2", &account("crash"), &owner).await;
    world.clock.advance(Span::from_secs(2));
    world.unstick.watch_once().await.unwrap();
}

/// The process that dies while it carries a repair out.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn repairing() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let world = World::open(&url, Span::ZERO).await;
    world.clock.advance(REPAIRED);
    for _ in 0..2 {
        world.unstick.run_census(&shell(), &|_, _| ()).await.unwrap();
    }
    let plan = world.unstick.repair_plan(&shell(), &FindingFilter::default(), 10).await.unwrap();
    assert_eq!(plan.items.len(), 2);
    let request = RepairRequest { plan, reason: "left by the outage".into(), ticket: String::new() };
    world.unstick.request_repair(&shell(), request).await.unwrap();
}
