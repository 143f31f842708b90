//! A process dies while it sends, at every point of an event's way; another one sends the rest. Nothing is lost, what came
//! twice has one id, and the order holds. The receiver is killed as well, half-way, and comes back at the same address.

use std::{os::unix::process::ExitStatusExt, process::Command};

use domain::{EventKind, Span};
use store::testing;

use crate::{
    webhooks::{
        deliver,
        receiver::{Act, Receiver},
        sessions_end, subscribe,
    },
    world::{World, sqlite_in},
};

const DATABASE: &str = "UNSTICK_TEST_DATABASE";
const SIGABRT: i32 = 6;

#[tokio::test]
async fn a_death_at_any_point_loses_no_event_on_sqlite() {
    for point in service::crash::WEBHOOK_POINTS {
        let folder = tempfile::tempdir().unwrap();
        sent_on(&sqlite_in(&folder), point).await;
    }
}

#[tokio::test]
async fn a_death_at_any_point_loses_no_event_on_postgres() {
    for point in service::crash::WEBHOOK_POINTS {
        sent_on(&testing::postgres().await, point).await;
    }
}

async fn sent_on(url: &str, point: &str) {
    let world = World::open(url, Span::ZERO).await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    for name in ["a", "b", "c"] {
        sessions_end(&world, name, 4).await;
    }
    for turn in 0..2 {
        die(url, point, turn).await;
    }
    // The dead ones' leases run out.
    world.clock.advance(Span::from_secs(1_000));
    // Half-way the receiver dies too: who is connected is cut off, and nobody answers.
    receiver.does(|_| Act::Cut);
    for _ in 0..4 {
        world.unstick.deliver_once().await.unwrap();
        world.clock.advance(Span::from_millis(25));
    }
    receiver.does(|_| Act::Take);
    deliver(&world).await;
    let taken = receiver.taken();
    assert_eq!(taken.values().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4], "{point}: nothing is lost");
    receiver.assert_in_order(point);
    if point == "webhook:sent" {
        assert!(receiver.got().len() > 12, "{point}: what was sent and not written is sent again");
    }
}

async fn die(url: &str, point: &str, turn: i64) {
    let (url, point) = (url.to_owned(), point.to_owned());
    let named = point.clone();
    let status = tokio::task::spawn_blocking(move || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "webhook_crash::child", "--ignored", "--quiet"])
            .env(DATABASE, url)
            .env("UNSTICK_CRASH_AT", point)
            .env("UNSTICK_TEST_TURN", format!("{turn} of 2"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
    })
    .await
    .unwrap();
    assert_eq!(status.signal(), Some(SIGABRT), "{named} was not met");
}

/// The process that dies.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn child() {
    let (Ok(url), Ok(turn)) = (std::env::var(DATABASE), std::env::var("UNSTICK_TEST_TURN")) else { return };
    let turn: i64 = turn.split(' ').next().unwrap().parse().unwrap();
    let world = World::open(&url, Span::ZERO).await;
    // The one before this one died with leases in its hands.
    world.clock.advance(Span::from_secs(100 * turn));
    deliver(&world).await;
}
