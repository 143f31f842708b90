//! In order per account, and nothing lost, whatever receivers, workers and processes do.

use std::collections::BTreeMap;

use domain::{EventKind, Span};
use store::testing;

use super::{deliver, receiver::Receiver, sessions_end, subscribe};
use crate::world::{World, session, sqlite_in};

both!(
    a_receiver_that_fails_at_random_gets_everything_in_order,
    one_account_that_fails_holds_nobody_else_up,
    what_was_kept_while_another_one_ended_is_not_forgotten,
);

const ACCOUNTS: usize = 8;
const EVENTS: usize = 8;

/// The events of each account, as they are expected.
async fn everything(world: &World, receiver: &Receiver, context: &str) {
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..ACCOUNTS {
        expected.insert(format!("a{number}"), EVENTS);
    }
    let taken = receiver.taken();
    let counts: BTreeMap<String, usize> = taken.iter().map(|(name, ids)| (name.clone(), ids.len())).collect();
    assert_eq!(counts, expected, "{context}: nothing is lost");
    let all = receiver.got();
    for (name, ids) in taken {
        let sessions: Vec<String> = ids
            .iter()
            .map(|id| all.iter().find(|got| got.id() == *id).unwrap().json()["data"]["session_id"].to_string())
            .collect();
        let in_order: Vec<String> = (0..EVENTS).map(|number| format!("\"{name}_{number}\"")).collect();
        assert_eq!(sessions, in_order, "{context}: in the order in which they happened");
    }
    receiver.assert_in_order(context);
    assert!(world.store.due_webhooks(world.clock_now()).await.unwrap().is_empty(), "{context}: nothing is left");
}

async fn a_receiver_that_fails_at_random_gets_everything_in_order(world: World) {
    let receiver = Receiver::start().await;
    let (hook, secret) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.fails_at_random(11);
    for number in 0..ACCOUNTS {
        sessions_end(&world, &format!("a{number}"), EVENTS).await;
    }
    deliver(&world).await;
    everything(&world, &receiver, "failures").await;
    let got = receiver.got();
    assert!(got.len() > ACCOUNTS * EVENTS, "some came twice");
    assert!(got.iter().all(|got| got.is_signed_with(&secret)));
    let failed = world.unstick.webhooks(&crate::world::shell()).await.unwrap().remove(0);
    assert_eq!((failed.waiting.n, failed.failed.n), (0, 0), "{hook}");
}

async fn one_account_that_fails_holds_nobody_else_up(world: World) {
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(
        |got| if got.account() == "bad" { super::receiver::Act::Answer(500) } else { super::receiver::Act::Take },
    );
    sessions_end(&world, "bad", 3).await;
    sessions_end(&world, "good", 3).await;
    for _ in 0..6 {
        world.unstick.deliver_once().await.unwrap();
    }
    assert_eq!(receiver.taken().get("good").map(Vec::len), Some(3));
    let bad: Vec<String> =
        receiver.got().iter().filter(|got| got.account() == "bad").map(super::receiver::Got::id).collect();
    assert!(bad.iter().all(|id| *id == bad[0]), "the second one of the account waits for the first: {bad:?}");
}

/// An event is kept at the moment at which the one before it is taken: somebody sends it.
async fn what_was_kept_while_another_one_ended_is_not_forgotten(world: World) {
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    world.account("busy").await;
    let ids: Vec<_> = (0..30).map(|number| session(&format!("busy_{number}"))).collect();
    for id in &ids {
        super::open(&world, "busy", id).await;
    }
    let ends = async {
        for id in &ids {
            super::end(&world, id).await;
        }
    };
    let sends = async {
        while receiver.taken().get("busy").map_or(0, Vec::len) < ids.len() {
            world.unstick.deliver_once().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), async { tokio::join!(ends, sends) }).await.unwrap();
    receiver.assert_in_order("kept meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_workers_of_one_database_keep_the_order_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    two_workers(&sqlite_in(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_workers_of_one_database_keep_the_order_on_postgres() {
    two_workers(&testing::postgres().await).await;
}

async fn two_workers(url: &str) {
    let one = World::open(url, Span::ZERO).await;
    let two = one.beside(url).await;
    let receiver = Receiver::start().await;
    subscribe(&one, &receiver, &[EventKind::SessionEnded]).await;
    receiver.fails_at_random(5);
    let happens = async {
        for number in 0..ACCOUNTS {
            sessions_end(&one, &format!("a{number}"), EVENTS).await;
        }
        deliver(&one).await;
    };
    tokio::join!(happens, async {
        while receiver.taken().values().map(Vec::len).sum::<usize>() < ACCOUNTS * EVENTS {
            two.deliver_once().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    deliver(&one).await;
    everything(&one, &receiver, "two workers").await;
}
