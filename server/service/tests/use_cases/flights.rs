//! Goal R4, from the request to «done»: every account has a request open while it is cleaned, and what those write back when they
//! end is gone when Unstick says that it is, and stays gone while clients go on using their old sessions.

use std::{collections::HashMap, sync::Arc};

use domain::{CleanupId, Mode, PoolName, RouteKey, Scope, Span, Status};
use futures::future::join_all;
use routers::haproxy::{Haproxy, HaproxyConfig};

use crate::{
    drift::{served, until},
    lab::Lab,
    world::{World, request, shell, times},
};

/// A world whose router is `lab`, with one pool that sticks on the session.
async fn before(lab: &Lab, max_request: Span) -> World {
    let mut config = HaproxyConfig { max_request, ..lab.config() };
    config.pools.retain(|pool| pool.name.as_str() == "accounts");
    config.pools[0].scope = Scope::Session;
    World::of(vec![Arc::new(Haproxy::new(config).unwrap())], |_| ()).await
}

/// How many rows there are of `keys`.
async fn rows_of(world: &World, keys: &[String]) -> usize {
    let (pool, mut rows) = (PoolName::parse("accounts").unwrap(), 0);
    for keys in keys.chunks(100) {
        let keys: Vec<RouteKey> = keys.iter().map(|key| RouteKey::parse(key).unwrap()).collect();
        rows += world.unstick.fleet()[0].read(&pool, &keys).await.unwrap().len();
    }
    rows
}

/// Each session of a clean-up that is done goes on being used by its client until `seconds` after that, three times at least:
/// no row may ever come of it. How many requests that were.
async fn use_on(
    world: &World,
    lab: &Lab,
    sessions: Vec<(&String, &CleanupId)>,
    seconds: usize,
    rows: impl AsyncFn() -> usize,
) -> usize {
    let mut done = Vec::new();
    for (key, id) in &sessions {
        done.push((*key, world.store.cleanup(id).await.unwrap().unwrap().finished_at.unwrap()));
    }
    // The watch ends ten minutes after its clean-up was done, and with it the fence: not the last second of that is asked for.
    let using = Span::from_secs(i64::try_from(seconds).unwrap() - 1);
    let (mut rounds, mut requests, mut used) = (0, 0, true);
    while used {
        used = false;
        for (key, at) in &done {
            if rounds < 3 || world.unstick.clock().now().since(*at) < using {
                lab.get("accounts", key, "/").await;
                (requests, used) = (requests + 1, true);
            }
        }
        rounds += 1;
        assert_eq!(rows().await, 0, "clients that go on with their old sessions");
    }
    for (_, id) in &sessions {
        assert_eq!(world.store.returns(id, 1).await.unwrap(), [], "the watch found nothing either");
    }
    requests
}

#[tokio::test]
async fn what_requests_in_flight_write_back_is_gone_at_done_and_old_sessions_make_nothing_new() {
    let many = times("UNSTICK_TORTURE_FLIGHTS", 10);
    // For how long after its clean-up was done an old session is used, at least three times.
    let seconds = times("UNSTICK_TORTURE_FLIGHTS_SECONDS", 0);
    let max_request = Span::from_secs(if many > 10 { 30 } else { 5 });
    let lab = Lab::start().await;
    let world = before(&lab, max_request).await;
    let names: Vec<String> = (0..many).map(|at| format!("acc{at}")).collect();
    let keys: Vec<String> = names.iter().map(|name| format!("{name}_1")).collect();
    for name in &names {
        world.account(name).await;
    }
    world.sessions(names.iter().map(String::as_str).zip(keys.iter().cloned())).await;
    let mut open: HashMap<String, usize> = HashMap::new();
    for key in &keys {
        *open.entry(lab.get("accounts", key, "/").await.server).or_default() += 1;
    }
    let rows = async || rows_of(&world, &keys).await;
    let held = join_all(keys.iter().map(|key| lab.get("accounts", key, "/hold")));
    let cleaning = async {
        for (server, requests) in &open {
            for _ in 0..*requests {
                lab.origin(server).arrival().await;
            }
        }
        let mut ids: Vec<CleanupId> = Vec::new();
        for name in &names {
            ids.push(world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap().id);
        }
        for id in &ids {
            let is_cleared = async || world.store.steps(id).await.unwrap().iter().any(|step| step.cleared_at.is_some());
            until("it is cleared for the first time", is_cleared).await;
        }
        for (server, requests) in &open {
            (0..*requests).for_each(|_| lab.origin(server).release());
        }
        ids
    };
    served(&world, async {
        let (pages, ids) = tokio::join!(held, cleaning);
        assert!(pages.iter().all(|page| page.status == 200));
        let written_back = rows().await;
        assert!(written_back > 0, "the requests that ended wrote their rows back");
        for id in &ids {
            let is_done = async || world.store.cleanup(id).await.unwrap().unwrap().status == Status::Done;
            until("it is done", is_done).await;
            assert_eq!(world.store.returns(id, 1).await.unwrap(), [], "nothing had to be found by the watch");
        }
        assert_eq!(rows().await, 0, "when all is said to be done");
        let requests = use_on(&world, &lab, keys.iter().zip(&ids).collect(), seconds, rows).await;
        println!(
            "R4 {many} accounts cleaned with a request open in each: {written_back} rows written back, 0 at done, 0 in {seconds} \
             s after it and {requests} requests with old sessions"
        );
    })
    .await;
    world.assert_invariants("after requests in flight").await;
}
