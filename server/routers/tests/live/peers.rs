//! HAProxy twice, with `peers`: what one is told to forget the other remembers and brings back, and a clean-up of both that
//! stays true all the same.

use domain::RouteKey;
use routers::{Entry, Router, haproxy::Haproxy};

use crate::lab::{Lab, Pair, key, pool};

const KEY: &str = "acc_7";

/// A pair, its routers, and the key of an account that both know to be pinned, with the server.
async fn pinned() -> (Pair, [Haproxy; 2], [RouteKey; 1], String) {
    let pair = Pair::start().await;
    let routers = [pair.router(0), pair.router(1)];
    let server = pair.get(0, KEY, "/").await.server;
    for which in [0, 1] {
        pair.until(which, KEY, &format!("server_key={server}")).await;
    }
    (pair, routers, [key(KEY)], server)
}

fn servers(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.server.as_ref().map_or("-", |name| name.as_str())).collect()
}

#[tokio::test]
async fn each_tells_the_other_as_its_peer_and_one_without_tells_nobody() {
    let pair = Pair::start().await;
    assert_eq!(pair.router(0).peers().await.unwrap(), ["lb-2"]);
    assert_eq!(pair.router(1).peers().await.unwrap(), ["lb-1"]);
    assert_eq!(Lab::start().await.router().peers().await.unwrap(), Vec::<String>::new());
}

/// F2: the peers' protocol knows no deletion. F3: one request through the other one, and it is back.
#[tokio::test]
async fn a_row_that_is_cleared_on_one_stays_on_the_other_and_a_request_brings_it_back() {
    let (pair, [one, two], keys, server) = pinned().await;
    let app = pool("app");
    assert_eq!(one.clear(&app, &keys).await.unwrap(), []);
    pair.settle(1).await;
    assert_eq!(one.read(&app, &keys).await.unwrap(), [], "gone here");
    assert_eq!(servers(&two.read(&app, &keys).await.unwrap()), [&server], "there it is as it was");

    assert_eq!(pair.get(1, KEY, "/").await.server, server, "and it is followed there");
    pair.until(0, KEY, &format!("server_key={server}")).await;
    assert_eq!(servers(&one.read(&app, &keys).await.unwrap()), [&server], "and it is back here");
}

/// F5b: pinning a key elsewhere on one load balancer changes nothing on the other, which undoes it.
#[tokio::test]
async fn a_key_that_is_pinned_elsewhere_on_one_is_pinned_back_by_the_other() {
    let (pair, [one, _], keys, bad) = pinned().await;
    let good = ["1", "2", "3"].into_iter().find(|id| !bad.ends_with(id)).unwrap();
    pair.raw(0, &format!("clear table app key {KEY};set table app key {KEY} data.server_id {good}")).await;
    let read = one.read(&pool("app"), &keys).await.unwrap();
    assert_eq!(servers(&read), [format!("api-{good}")], "as told");
    pair.settle(1).await;
    assert_eq!(pair.get(1, KEY, "/").await.server, bad, "the other one still sends it to the old server");
    pair.until(0, KEY, &format!("server_key={bad}")).await;
    assert_eq!(servers(&one.read(&pool("app"), &keys).await.unwrap()), [&bad]);
}

/// F8: one that starts with an empty table learns from its peer what it was told to forget.
#[tokio::test]
async fn a_cold_start_brings_back_what_only_the_other_still_has() {
    let (mut pair, [one, two], keys, server) = pinned().await;
    let app = pool("app");
    assert_eq!(one.clear(&app, &keys).await.unwrap(), []);
    pair.crash(0).await;
    pair.until(0, KEY, &format!("server_key={server}")).await;
    assert_eq!(servers(&one.read(&app, &keys).await.unwrap()), [&server]);
    // On both, and a cold start brings nothing.
    for router in [&one, &two] {
        assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    }
    pair.crash(0).await;
    pair.settle(1).await;
    assert_eq!(one.read(&app, &keys).await.unwrap(), []);
}

/// Fences and clears `keys` on both, as a clean-up does in each of its rounds, and tells what is still there.
async fn round(routers: &[Haproxy; 2], keys: &[RouteKey]) -> usize {
    let mut left = 0;
    for router in routers {
        router.fence(keys).await.unwrap();
        left += router.clear(&pool("app"), keys).await.unwrap().len();
    }
    left
}

async fn there(routers: &[Haproxy; 2], keys: &[RouteKey]) -> usize {
    let app = pool("app");
    let (one, two) = tokio::join!(routers[0].read(&app, keys), routers[1].read(&app, keys));
    one.unwrap().len() + two.unwrap().len()
}

#[tokio::test]
async fn two_fenced_rounds_on_both_leave_nothing_on_either() {
    let (pair, routers, keys, server) = pinned().await;
    let origin = pair.origin(&server);
    let held = pair.get(0, KEY, "/hold");
    let first = async {
        origin.arrival().await;
        assert_eq!(round(&routers, &keys).await, 0);
        // New requests through either make no row.
        for which in [0, 1] {
            pair.get(which, KEY, "/").await;
        }
        pair.settle(1).await;
        assert_eq!(there(&routers, &keys).await, 0, "gone, for now");
        origin.release();
    };
    tokio::join!(held, first);
    // The old request's end wrote the row on its load balancer, which told the other one.
    for which in [0, 1] {
        pair.until(which, KEY, "server_key=").await;
    }
    assert_eq!(there(&routers, &keys).await, 2, "the second look finds it on both");
    assert_eq!(round(&routers, &keys).await, 0);
    for which in [0, 1] {
        pair.get(which, KEY, "/").await;
    }
    pair.settle(2).await;
    assert_eq!(there(&routers, &keys).await, 0);
    for router in &routers {
        router.lift(&keys).await.unwrap();
    }
    pair.settle(3).await;
    assert_eq!(there(&routers, &keys).await, 0, "nobody brings it back");
}

#[tokio::test]
async fn a_cold_start_in_the_middle_is_found_by_the_second_look_and_cleared_by_the_next_round() {
    let (mut pair, routers, keys, server) = pinned().await;
    let app = pool("app");
    routers[0].fence(&keys).await.unwrap();
    assert_eq!(routers[0].clear(&app, &keys).await.unwrap(), []);
    // It dies before the other one was cleared, forgets its fence, and learns the row anew.
    pair.crash(0).await;
    pair.until(0, KEY, &format!("server_key={server}")).await;
    routers[1].fence(&keys).await.unwrap();
    assert_eq!(routers[1].clear(&app, &keys).await.unwrap(), []);
    assert_eq!(there(&routers, &keys).await, 1, "the second look finds it");

    assert_eq!(round(&routers, &keys).await, 0, "and the next round clears it");
    for which in [0, 1] {
        pair.get(which, KEY, "/").await;
    }
    pair.settle(1).await;
    assert_eq!(there(&routers, &keys).await, 0);
    // Not even another cold start on either side brings it back.
    for which in [0, 1] {
        pair.crash(which).await;
        pair.settle(2 + which).await;
        assert_eq!(there(&routers, &keys).await, 0);
    }
}

/// One that stands still cannot be asked, and has the row when it goes on: nobody may call the key gone before.
#[tokio::test]
async fn one_that_stood_still_has_it_when_it_goes_on_and_may_teach_it_again() {
    let (pair, routers, keys, _) = pinned().await;
    let app = pool("app");
    pair.stop(0, true);
    assert!(matches!(routers[0].clear(&app, &keys).await, Err(routers::RouterError::Unreachable(_))));
    assert_eq!(routers[1].clear(&app, &keys).await.unwrap(), []);
    pair.stop(0, false);
    pair.settle(1).await;
    // What it was told while it stood still it may have obeyed by now; what it has not, the next round ends.
    assert_eq!(round(&routers, &keys).await, 0);
    pair.settle(2).await;
    assert_eq!(there(&routers, &keys).await, 0);
}
