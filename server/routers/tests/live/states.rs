//! What `ready`, `drain` and `maint` do to customers who are pinned: what `ServerState::effects` says, seen.

use domain::{Health, RouteKey, ServerName, ServerState};
use routers::{Router, RouterError, haproxy::Haproxy};

use crate::lab::{Lab, Pair, key, pool};

fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

/// A lab, its router, and six customers who are pinned to `api-2`.
async fn pinned() -> (Lab, Haproxy, Vec<RouteKey>) {
    let lab = Lab::start().await;
    let router = lab.router_at(lab.endpoint("admin"));
    let customers: Vec<RouteKey> = (0..6).map(|n| key(&format!("acc_{n}"))).collect();
    for customer in &customers {
        router.pin(&pool("accounts"), customer, &name("api-2")).await.unwrap();
        assert_eq!(lab.get("accounts", customer.as_str(), "/").await.server, "api-2");
    }
    (lab, router, customers)
}

async fn set(router: &Haproxy, state: ServerState) {
    let read = router.set_state(&pool("accounts"), &name("api-2"), state).await.unwrap();
    assert_eq!(read.state, state);
}

async fn served_by(lab: &Lab, customers: &[RouteKey]) -> Vec<String> {
    let mut servers = Vec::new();
    for customer in customers {
        servers.push(lab.get("accounts", customer.as_str(), "/").await.server);
    }
    servers
}

#[tokio::test]
async fn drain_keeps_who_is_pinned_and_takes_nobody_new() {
    let (lab, router, customers) = pinned().await;
    set(&router, ServerState::Drain).await;
    assert!(served_by(&lab, &customers).await.iter().all(|server| server == "api-2"), "they stay");
    let new: Vec<RouteKey> = (0..9).map(|n| key(&format!("new_{n}"))).collect();
    assert!(served_by(&lab, &new).await.iter().all(|server| server != "api-2"), "nobody new");
    assert!(served_by(&lab, &customers).await.iter().all(|server| server == "api-2"), "and go on staying");
}

#[tokio::test]
async fn maint_moves_who_comes_and_ready_brings_back_who_did_not() {
    let (lab, router, customers) = pinned().await;
    set(&router, ServerState::Maint).await;
    let (comes, stays_away) = customers.split_at(3);
    let moved = served_by(&lab, comes).await;
    assert!(moved.iter().all(|server| server != "api-2"), "{moved:?}");
    let rows = router.read(&pool("accounts"), comes).await.unwrap();
    for (customer, server) in comes.iter().zip(&moved) {
        let row = rows.iter().find(|row| row.key == *customer).unwrap();
        assert_eq!(row.server, Some(name(server)), "the entry was written anew");
    }
    set(&router, ServerState::Ready).await;
    assert_eq!(served_by(&lab, comes).await, moved, "who was moved stays there");
    assert!(served_by(&lab, stays_away).await.iter().all(|server| server == "api-2"), "who did not come comes back");
}

#[tokio::test]
async fn with_option_persist_maint_moves_nobody() {
    let lab = Lab::with(
        "backend stubborn
  option persist
  stick-table type string len 64 size 1k
  stick on req.cook(k)
  server api-2 127.0.0.1:1
  server api-1 127.0.0.1:1",
    )
    .await;
    let mut config = lab.config();
    config.endpoint = lab.endpoint("admin");
    (config.pools[0].table, config.pools[0].backend) = ("stubborn".to_owned(), "stubborn".to_owned());
    let (router, accounts, mine) = (Haproxy::new(config).unwrap(), pool("accounts"), [key("acc_1")]);
    router.pin(&accounts, &mine[0], &name("api-2")).await.unwrap();
    set(&router, ServerState::Maint).await;
    for _ in 0..3 {
        assert_eq!(lab.get("stubborn", "acc_1", "/").await.status, 503, "sent to the server that takes nobody");
    }
    assert_eq!(router.read(&accounts, &mine).await.unwrap()[0].server, Some(name("api-2")));
}

#[tokio::test]
async fn a_request_under_way_ends_as_usual() {
    let (lab, router, customers) = pinned().await;
    let origin = lab.origin("api-2");
    let held = lab.get("accounts", customers[0].as_str(), "/hold");
    let setting = async {
        origin.arrival().await;
        set(&router, ServerState::Maint).await;
        origin.release();
    };
    let (page, ()) = tokio::join!(held, setting);
    assert_eq!((page.status, page.server.as_str()), (200, "api-2"));
}

#[tokio::test]
async fn a_server_that_the_configuration_disables_can_be_made_ready() {
    let lab = Lab::with(
        "backend spare
  stick-table type string len 64 size 1k
  server api-2 127.0.0.1:1 disabled
  server api-1 127.0.0.1:1",
    )
    .await;
    let mut config = lab.config();
    config.endpoint = lab.endpoint("admin");
    config.pools[0].backend = "spare".to_owned();
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    assert_eq!(router.state_of(&accounts, &name("api-2")).await.unwrap().state, ServerState::Maint);
    let read = router.set_state(&accounts, &name("api-2"), ServerState::Ready).await.unwrap();
    assert_eq!((read.state, read.health), (ServerState::Ready, Health::Healthy));
}

#[tokio::test]
async fn a_restart_forgets_it() {
    let (mut lab, router, _) = pinned().await;
    set(&router, ServerState::Drain).await;
    lab.crash().await;
    let read = router.state_of(&pool("accounts"), &name("api-2")).await.unwrap();
    assert_eq!((read.state, ServerState::Drain.is_lost_at(read.health)), (ServerState::Ready, Some(true)));
}

#[tokio::test]
async fn a_socket_of_level_operator_is_not_enough() {
    let lab = Lab::start().await;
    let told = lab.router().set_state(&pool("accounts"), &name("api-2"), ServerState::Drain).await;
    match told {
        Err(RouterError::Refused(why)) => assert!(why.contains("level admin"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// F5b, done right: on both, so that none undoes it.
#[tokio::test]
async fn a_key_that_is_pinned_elsewhere_on_both_stays_there() {
    let pair = Pair::start().await;
    let (routers, app, mine) = ([pair.router(0), pair.router(1)], pool("app"), key("acc_7"));
    let bad = pair.get(0, "acc_7", "/").await.server;
    for which in [0, 1] {
        pair.until(which, "acc_7", &format!("server_key={bad}")).await;
    }
    let good = ["api-1", "api-2", "api-3"].into_iter().find(|name| *name != bad).unwrap();
    for router in &routers {
        let read = router.pin(&app, &mine, &name(good)).await.unwrap().unwrap();
        assert_eq!(read.server, Some(name(good)));
    }
    pair.settle(1).await;
    for which in [1, 0, 1, 0] {
        assert_eq!(pair.get(which, "acc_7", "/").await.server, good, "through {which}");
    }
    pair.settle(2).await;
    for router in &routers {
        let read = router.read(&app, std::slice::from_ref(&mine)).await.unwrap();
        assert_eq!(read[0].server, Some(name(good)));
    }
}

/// The old request's end pins it back: whoever asks has to look again after the longest request.
#[tokio::test]
async fn a_request_under_way_pins_it_back_and_a_second_try_holds() {
    let (lab, router, customers) = pinned().await;
    let (accounts, mine, origin) = (pool("accounts"), &customers[0], lab.origin("api-2"));
    let held = lab.get("accounts", mine.as_str(), "/hold");
    let pinning = async {
        origin.arrival().await;
        let read = router.pin(&accounts, mine, &name("api-3")).await.unwrap().unwrap();
        assert_eq!(read.server, Some(name("api-3")), "as told, for now");
        origin.release();
    };
    tokio::join!(held, pinning);
    let back = router.read(&accounts, std::slice::from_ref(mine)).await.unwrap();
    assert_eq!(back[0].server, Some(name("api-2")), "the old request's end pinned it back");
    router.pin(&accounts, mine, &name("api-3")).await.unwrap();
    assert_eq!(lab.get("accounts", mine.as_str(), "/").await.server, "api-3");
}
