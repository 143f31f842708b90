//! Everybody off one server, and one key to a chosen one, on real load balancers with traffic and on a real Redis.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    Bulk, BulkMove, BulkOrder, BulkOutcome, BulkStatus, Guard, Mode, Place, PoolName, RePinRequest, RouteKey,
    RouterName, Scope, ServerMove, ServerName, ServerState, Span, StateEnd, StateRequest,
};
use routers::{
    Listing, Router,
    haproxy::{Haproxy, HaproxyConfig},
    redis::{Redis, RedisConfig},
};
use service::BulkSource;

use crate::{
    drift::{served, until},
    lab::{Pair, RedisLab},
    world::{World, account, shell},
};

/// What the proxy in front of the Redis runs for a request without a pin: the fence and the entry in one step.
const PIN: &str =
    "if redis.call('EXISTS', KEYS[1] .. ':fence') == 0 then redis.call('SET', KEYS[1], ARGV[1], 'NX') end";

fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

fn place(router: &str) -> Place {
    Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse("app").unwrap() }
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|at| format!("acc_{at}")).collect()
}

/// Both load balancers, which belong together, and `n` customers, with an observer that looks twice a second.
async fn fleet(pair: &Pair, n: usize) -> (World, Vec<String>) {
    let router = |which| {
        let config = HaproxyConfig { max_request: Span::from_millis(300), ..pair.config(which) };
        Arc::new(Haproxy::new(config).unwrap()) as Arc<dyn Router>
    };
    let world = World::of(vec![router(0), router(1)], |settings| {
        settings.fleets = vec![["lb-1", "lb-2"].map(|name| RouterName::parse(name).unwrap()).to_vec()];
        settings.observe_every = Span::from_millis(500);
    })
    .await;
    let customers = names(n);
    for customer in &customers {
        world.account(customer).await;
    }
    (world, customers)
}

/// One request of each, through either load balancer in turn: who is on which server.
async fn visit(pair: &Pair, customers: &[String]) -> BTreeMap<String, usize> {
    let mut on: BTreeMap<String, usize> = BTreeMap::new();
    for (at, customer) in customers.iter().enumerate() {
        let page = pair.get(at % 2, customer, "/").await;
        assert_eq!(page.status, 200);
        *on.entry(page.server).or_default() += 1;
    }
    on
}

/// How many rows lead to `server`, on both.
async fn rows(world: &World, server: &str) -> usize {
    let mut rows = 0;
    for router in world.unstick.fleet() {
        match router.of_server(&place("lb-1").pool, &name(server), 10_000).await.unwrap() {
            Listing::All(entries) => rows += entries.len(),
            Listing::TooMany(n) => panic!("{n}"),
        }
    }
    rows
}

fn order(wave: u32, rate: u32) -> BulkOrder {
    BulkOrder {
        mode: Mode::Unstick,
        reason: "fails every sixth request".to_owned(),
        ticket: "T-7".to_owned(),
        wave,
        rate,
        failure_limit: BulkOrder::FAILURE_LIMIT,
    }
}

async fn begin(world: &World, off: ServerMove, order: BulkOrder) -> Bulk {
    let bulk = world.unstick.draft_bulk(&shell(), BulkSource::Server(Box::new(off)), order).await.unwrap();
    let asked = world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    if asked.status == BulkStatus::AwaitingApproval {
        let second = world.staff("bob", domain::Role::Admin);
        world.intent(&second, domain::Intent::ApproveBulk, &asked.hash).await;
        world.unstick.approve_bulk(&second, &asked.id, &asked.hash).await.unwrap();
    }
    asked
}

async fn now(world: &World, bulk: &Bulk) -> Bulk {
    world.store.bulk(&bulk.id).await.unwrap().unwrap()
}

async fn drained(world: &World, server: &str, state: ServerState) {
    let (place, server) = (place("lb-1"), name(server));
    let request = StateRequest { place, server, state, reason: "it fails".to_owned(), ticket: "T-7".to_owned() };
    let set = world.unstick.set_server_state(&shell(), request).await.unwrap();
    assert_eq!(set.end(), StateEnd::Done, "on both: {}", set.sentence());
}

fn off(router: &str, server: &str, to: Option<&str>) -> ServerMove {
    ServerMove { place: place(router), server: name(server), to: to.map(name), guard: Guard::default() }
}

#[tokio::test]
async fn in_waves_everybody_leaves_a_server_of_two_load_balancers_while_they_work() {
    let pair = Pair::start().await;
    let (world, customers) = fleet(&pair, 90).await;
    let before = visit(&pair, &customers).await;
    pair.settle(1).await;
    let theirs = before["api-2"];
    assert!(theirs > 20, "{before:?}");
    served(&world, async {
        until("its servers are known", async || world.store.servers().await.unwrap().len() == 6).await;
        drained(&world, "api-2", ServerState::Drain).await;
        assert_eq!(visit(&pair, &customers).await, before, "drain alone moves nobody");
        let bulk = begin(&world, off("lb-1", "api-2", None), order(10, 100)).await;
        assert_eq!(usize::try_from(bulk.counts.total()), Ok(theirs));
        let mut most = 0;
        let done = async || {
            let it = now(&world, &bulk).await;
            it.status == BulkStatus::Done
        };
        let work = async {
            while !done().await {
                visit(&pair, &customers).await;
                most = most.max(now(&world, &bulk).await.counts.get(BulkOutcome::Running));
            }
        };
        tokio::time::timeout(Duration::from_mins(1), work).await.unwrap();
        assert!(most <= 10, "a wave is 10: {most} were under way at once");
        let it = now(&world, &bulk).await;
        assert_eq!(usize::try_from(it.counts.get(BulkOutcome::Done)), Ok(theirs), "{:?}", it.counts);
        let after = visit(&pair, &customers).await;
        pair.settle(2).await;
        assert_eq!(rows(&world, "api-2").await, 0, "no row on either leads there");
        assert_eq!(after.get("api-2"), None, "{after:?}");
        // The others share those who left; nobody else was moved.
        for server in ["api-1", "api-3"] {
            let came = after[server] - before[server];
            assert!(came * 5 >= theirs, "{server} took {came} of {theirs}");
        }
        println!(
            "{theirs} of {} customers left api-2 of two HAProxies in waves of 10: {before:?}, then {after:?}",
            customers.len()
        );
    })
    .await;
}

#[tokio::test]
async fn everybody_on_a_server_is_pinned_to_a_chosen_one_on_both_load_balancers() {
    let pair = Pair::start().await;
    let (world, customers) = fleet(&pair, 40).await;
    let before = visit(&pair, &customers).await;
    pair.settle(1).await;
    served(&world, async {
        until("its servers are known", async || world.store.servers().await.unwrap().len() == 6).await;
        let bulk = begin(&world, off("lb-1", "api-2", Some("api-3")), order(10, 100)).await;
        until("it ends", async || now(&world, &bulk).await.status == BulkStatus::Done).await;
        let counts = now(&world, &bulk).await.counts;
        assert_eq!(usize::try_from(counts.get(BulkOutcome::Done)), Ok(before["api-2"]), "{counts:?}");
        let after = visit(&pair, &customers).await;
        pair.settle(2).await;
        assert_eq!(rows(&world, "api-2").await, 0, "no row on either leads there");
        // All of them went where they were told, and nobody else was moved.
        assert_eq!((after.get("api-2"), after["api-1"]), (None, before["api-1"]), "{before:?}, {after:?}");
        assert_eq!(after["api-3"], before["api-3"] + before["api-2"]);
    })
    .await;
}

#[tokio::test]
async fn it_stops_when_another_server_fails_and_goes_on_when_a_person_says_so() {
    let pair = Pair::start().await;
    let (world, customers) = fleet(&pair, 60).await;
    visit(&pair, &customers).await;
    let mut on_first = Vec::new();
    for customer in &customers {
        if pair.get(0, customer, "/").await.server == "api-1" {
            on_first.push(customer.clone());
        }
    }
    pair.settle(1).await;
    served(&world, async {
        until("its servers are known", async || world.store.servers().await.unwrap().len() == 6).await;
        drained(&world, "api-2", ServerState::Drain).await;
        let bulk = begin(&world, off("lb-1", "api-2", None), order(1, 2)).await;
        let begun = async || now(&world, &bulk).await.counts.get(BulkOutcome::Done) > 0;
        until("it has begun", begun).await;
        // api-1 cannot bear it: whoever is there gets errors.
        let stopped = async || {
            for customer in on_first.iter().take(10) {
                pair.get(0, customer, "/fail").await;
            }
            now(&world, &bulk).await.status == BulkStatus::Stopped
        };
        until("it stops", stopped).await;
        let it = now(&world, &bulk).await;
        assert!(it.stopped_why.starts_with("api-1 on lb-1 fails"), "{}", it.stopped_why);
        let waiting = it.counts.get(BulkOutcome::Waiting);
        assert!(waiting > 0, "{:?}", it.counts);
        let left = rows(&world, "api-2").await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(now(&world, &bulk).await.counts.get(BulkOutcome::Waiting), waiting, "nobody more is moved");
        assert!(left > 0 && rows(&world, "api-2").await <= left);
        println!("the move stopped by itself with {waiting} waiting: {}", it.stopped_why);
        world.unstick.control_bulk(&shell(), &bulk.id, BulkMove::Resume).await.unwrap();
        until("it ends", async || now(&world, &bulk).await.status == BulkStatus::Done).await;
        assert_eq!(rows(&world, "api-2").await, 0);
    })
    .await;
}

#[tokio::test]
async fn one_key_is_pinned_to_a_chosen_server_on_both_load_balancers_and_stays_there() {
    let pair = Pair::start().await;
    let (world, customers) = fleet(&pair, 1).await;
    let old = pair.get(0, &customers[0], "/").await.server;
    pair.settle(1).await;
    world.unstick.observe_once().await.unwrap();
    let new = ["api-1", "api-2", "api-3"].into_iter().find(|it| *it != old).unwrap();
    let request = RePinRequest {
        place: place("lb-2"),
        key: RouteKey::of_account(&account(&customers[0])),
        server: name(new),
        reason: "their upload is there".to_owned(),
        ticket: String::new(),
    };
    let done = world.unstick.re_pin(&shell(), request).await.unwrap();
    assert!(done.is_done() && done.answers.len() == 2, "{}", done.sentence());
    for which in [0, 1, 1, 0] {
        assert_eq!(pair.get(which, &customers[0], "/").await.server, new);
        pair.settle(2 + which).await;
    }
    for router in world.unstick.fleet() {
        let read = router.read(&place("lb-1").pool, &[RouteKey::of_account(&account(&customers[0]))]).await.unwrap();
        assert_eq!(read[0].server, Some(name(new)), "{}", router.name());
    }
}

/// Redis names servers and knows nothing of them: whom the proxy would send there may be sent there.
#[tokio::test]
async fn of_a_redis_map_everybody_leaves_a_server_and_one_key_goes_where_it_was_told() {
    let lab = RedisLab::start().await;
    let mut config = lab.config();
    config.pools.truncate(1);
    assert_eq!(config.pools[0].scope, Scope::Account);
    let config = RedisConfig { max_request: Span::from_millis(100), ..config };
    let world = World::of(vec![Arc::new(Redis::new(config).unwrap())], |_| ()).await;
    let customers = names(30);
    for (at, customer) in customers.iter().enumerate() {
        world.account(customer).await;
        lab.pin(customer, ["api-1", "api-2", "api-3"][at % 3]);
    }
    let proxy = |customer: &str, to: &str| {
        lab.raw(&["EVAL", PIN, "1", &format!("affinity:app:{customer}"), to]);
        let value = lab.raw(&["GET", &format!("affinity:app:{customer}")]);
        let redis::Value::BulkString(bytes) = value else { return "-".to_owned() };
        String::from_utf8(bytes).unwrap()
    };
    served(&world, async {
        until("its servers are known", async || world.store.servers().await.unwrap().len() == 3).await;
        let bulk = begin(&world, off("map-1", "api-2", None), order(5, 100)).await;
        assert_eq!(bulk.counts.total(), 10);
        until("it ends", async || now(&world, &bulk).await.status == BulkStatus::Done).await;
        assert_eq!(now(&world, &bulk).await.counts.get(BulkOutcome::Done), 10);
        assert_eq!(rows(&world, "api-2").await, 0);
        for (at, customer) in customers.iter().enumerate() {
            let wanted = ["api-1", "api-3", "api-3"][at % 3];
            assert_eq!(proxy(customer, "api-3"), wanted, "nobody else was moved");
        }
        let bulk = begin(&world, off("map-1", "api-3", Some("api-1")), order(5, 100)).await;
        until("it ends", async || now(&world, &bulk).await.status == BulkStatus::Done).await;
        assert_eq!((rows(&world, "api-3").await, rows(&world, "api-1").await), (0, 30));
        let key = RouteKey::of_account(&account(&customers[0]));
        let (reason, ticket) = ("their data is there".to_owned(), String::new());
        let request = RePinRequest { place: place("map-1"), key, server: name("api-2"), reason, ticket };
        let done = world.unstick.re_pin(&shell(), request).await.unwrap();
        assert!(done.is_done(), "{}", done.sentence());
        assert_eq!(proxy(&customers[0], "api-3"), "api-2");
    })
    .await;
}
