//! Goal R5 by the clock, on the real programs: something brings back what was cleaned, while a clean-up runs, after it, and long
//! after anybody watches; a server with the usual settings finds it by itself and cleans it again. How long both take is
//! printed (`make torture ARGS=drift::`); what is asserted is the end, within a minute, and that ledger and metric say so.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Actor, CleanupId, Mode, RouteKey, Scope, Span, Status, Way};
use routers::{
    Router,
    haproxy::{Haproxy, HaproxyConfig},
};
use tokio::sync::watch;

mod maps;

use crate::{
    lab::{Lab, Pair},
    world::{World, account, request, shell},
};

/// Goal R5.
const LIMIT: Duration = Duration::from_mins(1);
/// The longest request in these tests.
const MAX_REQUEST: Span = Span::from_millis(300);
/// Whose session it is, and the session's id, which is its key as well.
const WHO: &str = "mira";
const KEY: &str = "mira_1";

/// Runs `scenario` beside the workers of a server.
pub fn served<'a, T: 'a>(
    world: &'a World,
    scenario: impl Future<Output = T> + 'a,
) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(async move {
        let (stop, stopped) = watch::channel(false);
        let scenario = async {
            let out = scenario.await;
            stop.send_replace(true);
            out
        };
        tokio::join!(world.unstick.run_workers(stopped), scenario).1
    })
}

/// Waits until `holds`, and tells how long that took.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

async fn world(fleet: Vec<Arc<dyn Router>>) -> World {
    let world = World::of(fleet, |_| ()).await;
    world.account(WHO).await;
    world.sessions([(WHO, KEY.to_owned())].into_iter()).await;
    world
}

pub fn haproxy(mut config: HaproxyConfig) -> Arc<dyn Router> {
    config.pools.retain(|pool| ["accounts", "app"].contains(&pool.name.as_str()));
    config.pools[0].scope = Scope::Session;
    Arc::new(Haproxy::new(HaproxyConfig { max_request: MAX_REQUEST, ..config }).unwrap())
}

async fn ask(world: &World) -> CleanupId {
    world.unstick.request_cleanup(&shell(), request(WHO, Mode::Force)).await.unwrap().id
}

async fn is(world: &World, id: &CleanupId, status: Status) -> bool {
    world.store.cleanup(id).await.unwrap().unwrap().status == status
}

async fn cleaned(world: &World) -> CleanupId {
    let id = ask(world).await;
    until("it is cleaned", async || is(world, &id, Status::Done).await).await;
    id
}

/// What any of the routers has for the key.
async fn held(world: &World) -> usize {
    let (pool, key) = (world.unstick.fleet()[0].pools()[0].place.pool.clone(), [RouteKey::parse(KEY).unwrap()]);
    let mut held = 0;
    for router in world.unstick.fleet() {
        held += router.read(&pool, &key).await.map_or(1, |entries| entries.len());
    }
    held
}

/// From when it is back on: it is found, said, and cleaned again.
async fn repaired(world: &World, id: &CleanupId, what: &str) -> Way {
    let began = Instant::now();
    let found = until(what, async || !world.store.returns(id, 10).await.unwrap().is_empty()).await;
    until(what, async || is(world, id, Status::Done).await && held(world).await == 0).await;
    let total = began.elapsed();
    println!("R5  {what}: found after {:.1} s, clean again after {:.1} s", found.as_secs_f64(), total.as_secs_f64());
    assert!(total < LIMIT, "{what}: {total:?}");
    let ledger = world.unstick.ledger(&shell(), id).await.unwrap();
    assert!(!ledger.returns.is_empty(), "its page says so");
    assert!(ledger.milestones.iter().any(|it| it.what.starts_with("Came back on")), "{:?}", ledger.milestones);
    let way = ledger.returns[0].way;
    let numbers = world.unstick.numbers(&Actor::System).await.unwrap();
    let counted: u64 = numbers.returned.iter().filter(|(_, it, _)| *it == way.as_str()).map(|(.., n)| *n).sum();
    assert!(counted >= 1, "a monitor sees it: {:?}", numbers.returned);
    assert_eq!(world.events(&account(WHO), "cleanup.done").await, 1 + ledger.returns.len(), "done, and done again");
    world.assert_invariants(what).await;
    way
}

/// The watch ends after ten minutes and one more look. Time that nobody looked at would not count, so it goes from look to
/// look.
async fn watched_to_the_end(world: &World, id: &CleanupId) {
    let is_over = async || {
        let next = world.store.watch(id).await.unwrap().unwrap().next_at;
        let now = domain::Clock::now(world.clock.as_ref());
        if let Some(next) = next.filter(|next| *next > now) {
            world.clock.advance(next.since(now));
        }
        next.is_none()
    };
    until("the watch ends", is_over).await;
}

#[tokio::test]
async fn a_reload_loses_the_fence_and_an_old_cookie_comes_back() {
    let mut lab = Lab::start().await;
    let world = world(vec![haproxy(lab.config())]).await;
    lab.get("accounts", KEY, "/").await;
    served(&world, async {
        let id = cleaned(&world).await;
        lab.get("accounts", KEY, "/").await;
        assert_eq!(held(&world).await, 0, "the fence holds while it is watched");
        lab.reload().await;
        lab.get("accounts", KEY, "/").await;
        assert_eq!(held(&world).await, 1, "and a reload takes it down");
        repaired(&world, &id, "HAProxy reloaded, then a client with its old cookie").await;
    })
    .await;
}

#[tokio::test]
async fn a_reload_in_the_middle_of_a_clean_up_leaves_nothing() {
    let mut lab = Lab::start().await;
    let world = world(vec![haproxy(lab.config())]).await;
    let server = lab.get("accounts", KEY, "/").await.server;
    let (gate, socket) = (lab.origin(&server).gate(), lab.path("web.sock"));
    let held_open = tokio::spawn(async move { crate::lab::get(&socket, "accounts", KEY, "/hold").await });
    gate.arrival().await;
    let cleared = async |world: &World, id: &CleanupId| {
        let steps = world.store.steps(id).await.unwrap();
        steps.iter().any(|step| step.cleared_at.is_some())
    };
    served(&world, async {
        let id = ask(&world).await;
        until("it is cleared for the first time", async || cleared(&world, &id).await).await;
        lab.reload().await;
        lab.get("accounts", KEY, "/").await;
        gate.release();
        let began = Instant::now();
        until("it is done", async || is(&world, &id, Status::Done).await && held(&world).await == 0).await;
        println!("R5  HAProxy reloaded while it drained: clean after {:.1} s", began.elapsed().as_secs_f64());
    })
    .await;
    assert_eq!(held_open.await.unwrap().status, 200);
}

/// Its peer is no router here (the doctor says so): what stays on it comes back at a cold start, an hour later too.
#[tokio::test]
async fn a_cold_start_learns_from_a_peer_that_nobody_told_of_long_after_the_watch() {
    let mut pair = Pair::start().await;
    let world = world(vec![haproxy(pair.config(0))]).await;
    pair.get(0, KEY, "/").await;
    pair.until(1, KEY, "server_key=").await;
    let checks = world.unstick.doctor(&Actor::System).await.unwrap();
    assert!(checks.iter().any(|check| check.text.contains("peers that are no routers here")), "{checks:?}");
    served(&world, async {
        let id = cleaned(&world).await;
        watched_to_the_end(&world, &id).await;
        pair.crash(0).await;
        pair.until(0, KEY, "server_key=").await;
        let way = repaired(&world, &id, "HAProxy restarted, and a peer taught it, after the watch was over").await;
        assert_eq!(way, Way::Restart);
    })
    .await;
}

#[tokio::test]
async fn one_of_two_stands_still_meanwhile_and_has_it_when_it_goes_on() {
    let pair = Pair::start().await;
    let world = world(vec![haproxy(pair.config(0)), haproxy(pair.config(1))]).await;
    pair.get(0, KEY, "/").await;
    pair.until(1, KEY, "server_key=").await;
    served(&world, async {
        pair.stop(0, true);
        let id = ask(&world).await;
        until("it is owed", async || is(&world, &id, Status::Owed).await).await;
        pair.stop(0, false);
        let began = Instant::now();
        until("it is done", async || is(&world, &id, Status::Done).await && held(&world).await == 0).await;
        let done = began.elapsed();
        pair.settle(1).await;
        // Whatever one taught the other when they talked again is found too.
        until("nothing is left", async || is(&world, &id, Status::Done).await && held(&world).await == 0).await;
        println!(
            "R5  one HAProxy of two stood still while the other was cleaned: clean on both {:.1} s after it went on",
            done.as_secs_f64()
        );
    })
    .await;
}

/// Nothing has to be cleaned here: what a load balancer dropped is not shown as there.
#[tokio::test]
async fn a_row_that_a_full_table_dropped_is_not_shown_for_long() {
    let lab = Lab::start().await;
    let mut config = lab.config();
    config.pools.retain(|pool| pool.name.as_str() == "tracked");
    config.pools[0].scope = Scope::Session;
    let world = world(vec![Arc::new(Haproxy::new(config).unwrap())]).await;
    lab.get("tracked", KEY, "/").await;
    let ids = [account(WHO)];
    let known = async || world.store.routes_of_accounts(&ids).await.unwrap().len();
    served(&world, async {
        until("the row is known", async || known().await == 1).await;
        // The table has room for 1,024.
        lab.fill("tracked", &crate::lab::keys(2_000, 20)).await;
        assert_eq!(held(&world).await, 0, "it was dropped without a word");
        let gone = until("it is known to be gone", async || known().await == 0).await;
        println!("R5  a full stick table dropped a row: known after {:.1} s", gone.as_secs_f64());
    })
    .await;
}
