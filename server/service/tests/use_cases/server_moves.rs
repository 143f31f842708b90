//! Everybody off one server: exactly who is on it, exactly their routes to it, and no further when the others get worse.

use domain::{
    Baseline, Bulk, BulkMove, BulkOrder, BulkOutcome, BulkStatus, Counters, Guard, Health, Mode, Place, PoolName,
    RePinRequest, Role, RouteKey, RouterName, Scope, ServerMove, ServerName, Span,
};
use service::{BulkSource, Error};

use crate::world::{Fault, World, account, session, shell};

both!(
    only_routes_to_that_server_go_and_nobody_is_signed_out,
    who_lands_on_it_again_is_moved_once_more_however_well_it_is,
    all_are_pinned_to_the_server_that_was_chosen,
    it_stops_when_the_others_get_worse_and_goes_on_from_there,
    nobody_is_meant_when_it_cannot_be_read_who_is_there,
    what_cannot_be_is_refused_before_anything_is_written,
    routes_of_nobody_known_are_counted_and_stay,
    who_has_left_by_then_is_left_alone,
    a_server_tells_of_its_moves,
);

fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

fn place(pool: &str) -> Place {
    Place { router: RouterName::parse("edge").unwrap(), pool: PoolName::parse(pool).unwrap() }
}

fn off(pool: &str, server: &str) -> ServerMove {
    ServerMove { place: place(pool), server: name(server), to: None, guard: Guard::default() }
}

fn order() -> BulkOrder {
    BulkOrder {
        mode: Mode::Unstick,
        reason: "fails 16 % of its requests".to_owned(),
        ticket: "T-7".to_owned(),
        wave: BulkOrder::WAVE,
        rate: 1_000,
        failure_limit: BulkOrder::FAILURE_LIMIT,
    }
}

async fn draft(world: &World, off: ServerMove, order: BulkOrder) -> Result<Bulk, Error> {
    world.unstick.draft_bulk(&shell(), BulkSource::Server(Box::new(off)), order).await
}

async fn begin(world: &World, off: ServerMove, order: BulkOrder) -> Bulk {
    let bulk = draft(world, off, order).await.unwrap();
    world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap()
}

async fn now(world: &World, bulk: &Bulk) -> Bulk {
    world.store.bulk(&bulk.id).await.unwrap().unwrap()
}

/// One look at the bulk clean-up, and at every clean-up that is due.
async fn look(world: &World) {
    world.clock.advance(Span::from_millis(50));
    world.unstick.bulk_once().await.unwrap();
    for id in world.due(100).await {
        world.drive(&id, 1).await;
    }
}

async fn until(world: &World, bulk: &Bulk, end: BulkStatus) -> Bulk {
    for _ in 0..2_000 {
        look(world).await;
        let it = now(world, bulk).await;
        if it.status == end {
            return it;
        }
    }
    panic!("it never ended: {:?}", now(world, bulk).await);
}

/// The server that each of these keys is pinned to.
async fn pinned(world: &World, pool: &str, keys: &[&str]) -> Vec<Option<String>> {
    let keys: Vec<RouteKey> = keys.iter().map(|key| RouteKey::parse(*key).unwrap()).collect();
    let pool = PoolName::parse(format!("edge:{pool}")).unwrap();
    let now = domain::Clock::now(world.clock.as_ref());
    let found = world.store.pins(&pool, &keys, now).await.unwrap();
    keys.iter().map(|key| found.iter().find(|pin| pin.key == *key).map(|pin| pin.server.to_string())).collect()
}

/// Pins an account to `api-1` in the pool `app`.
async fn pin_elsewhere(world: &World, name_of: &str) {
    let key = RouteKey::of_account(&account(name_of));
    let (reason, ticket) = ("their data is there".to_owned(), String::new());
    let request = RePinRequest { place: place("app"), key, server: name("api-1"), reason, ticket };
    assert!(world.unstick.re_pin(&shell(), request).await.unwrap().is_done());
}

async fn feed(world: &World, server: &str, state: Health, requests: u64, errors: u64, response_ms: u32) {
    let counters = Counters { requests, errors, response_ms };
    let pool = PoolName::parse("app").unwrap();
    world.unstick.feed_server(&shell(), &pool, &name(server), state, counters).await.unwrap();
    world.unstick.observe_once().await.unwrap();
}

async fn only_routes_to_that_server_go_and_nobody_is_signed_out(world: World) {
    for at in 0..4 {
        world.stuck(&format!("a{at}")).await;
    }
    // One of them is on another server in this pool.
    pin_elsewhere(&world, "a3").await;
    let bulk = draft(&world, off("app", "api-2"), order()).await.unwrap();
    assert_eq!((bulk.status, bulk.counts.total()), (BulkStatus::Draft, 3));
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    let routes: Vec<(String, String, i64)> =
        page.routes.iter().map(|(place, server, n)| (place.pool.to_string(), server.to_string(), *n)).collect();
    assert_eq!(routes, [("app".to_owned(), "api-2".to_owned(), 3)], "routes elsewhere are not meant");
    assert_eq!(page.targets.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["api-1"]);
    let moved = page.server_move.unwrap();
    assert!(moved.is_closed && moved.unknown == 0, "{moved:?}");
    assert_eq!(moved.held, [(RouterName::parse("edge").unwrap(), 3)]);
    world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    let done = until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 3);
    assert_eq!(pinned(&world, "app", &["a0", "a1", "a2", "a3"]).await, [None, None, None, Some("api-1".to_owned())]);
    for at in 0..3 {
        let keys = [format!("a{at}_live"), format!("a{at}_old1"), format!("a{at}_old2")];
        let files = pinned(&world, "files", &keys.each_ref().map(String::as_str)).await;
        assert!(files.iter().all(|server| server.as_deref() == Some("api-2")), "the other pool stays: {files:?}");
        let it = world.store.account(&account(&format!("a{at}"))).await.unwrap().unwrap();
        assert_eq!((it.live_sessions, it.leftover_sessions), (1, 2), "nobody is signed out, no record goes");
    }
    world.unstick.observe_once().await.unwrap();
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    assert_eq!(page.server_move.unwrap().held[0].1, 0, "nobody is left on it");
    world.assert_invariants("after the move").await;
}

async fn who_lands_on_it_again_is_moved_once_more_however_well_it_is(world: World) {
    world.stuck("a0").await;
    feed(&world, "api-2", Health::Healthy, 1_000, 0, 9).await;
    let bulk = begin(&world, off("app", "api-2"), order()).await;
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    assert!(!page.server_move.unwrap().is_closed, "it still takes customers, and that is told");
    // The load balancer chooses it again, for it is well.
    let key = RouteKey::of_account(&account("a0"));
    world.script.writes_back.lock().unwrap().push((PoolName::parse("app").unwrap(), key, Scope::Account));
    let done = until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 1);
    assert_eq!(pinned(&world, "app", &["a0"]).await, [None], "it was cleared again");
}

async fn all_are_pinned_to_the_server_that_was_chosen(world: World) {
    for at in 0..3 {
        world.stuck(&format!("a{at}")).await;
    }
    feed(&world, "api-3", Health::Healthy, 1_000, 0, 9).await;
    let bulk = begin(&world, ServerMove { to: Some(name("api-3")), ..off("app", "api-2") }, order()).await;
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    assert_eq!(page.targets.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["api-3"]);
    // Somebody is pinned elsewhere while the key is empty: the choice holds.
    let key = RouteKey::of_account(&account("a1"));
    world.script.writes_back.lock().unwrap().push((PoolName::parse("app").unwrap(), key, Scope::Account));
    let done = until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 3);
    let on: Vec<Option<String>> = pinned(&world, "app", &["a0", "a1", "a2"]).await;
    assert!(on.iter().all(|server| server.as_deref() == Some("api-3")), "{on:?}");
    // The ledger tells where each of them is now.
    let (cleanup, ..) = world.store.cleanups_of(&account("a0"), 1).await.unwrap().remove(0);
    let steps = world.store.steps(&cleanup.id).await.unwrap();
    assert_eq!(steps[0].now_on, Some(name("api-3")), "{steps:?}");
}

async fn it_stops_when_the_others_get_worse_and_goes_on_from_there(world: World) {
    for at in 0..12 {
        world.stuck(&format!("a{at}")).await;
    }
    feed(&world, "api-1", Health::Healthy, 2_000, 10, 20).await;
    let slowly = BulkOrder { wave: 2, ..order() };
    let bulk = begin(&world, off("app", "api-2"), slowly).await;
    look(&world).await;
    let measured: Option<Baseline> = world.store.bulk_move(&bulk.id).await.unwrap().unwrap().baseline;
    assert_eq!(measured.unwrap().servers[0].response_ms, Some(20), "how it was is written down first");
    // A little is allowed.
    feed(&world, "api-1", Health::Healthy, 2_200, 12, 22).await;
    look(&world).await;
    assert_eq!(now(&world, &bulk).await.status, BulkStatus::Running);
    // Every tenth request of those who came fails.
    feed(&world, "api-1", Health::Healthy, 2_400, 40, 22).await;
    let stopped = until(&world, &bulk, BulkStatus::Stopped).await;
    assert!(stopped.stopped_why.starts_with("api-1 on edge fails"), "{}", stopped.stopped_why);
    let waiting = stopped.counts.get(BulkOutcome::Waiting);
    assert!(waiting > 0, "{:?}", stopped.counts);
    for _ in 0..5 {
        look(&world).await;
    }
    assert_eq!(now(&world, &bulk).await.counts.get(BulkOutcome::Waiting), waiting, "nobody more is moved");
    // A person has looked: what is now is what it is measured by from here on.
    world.unstick.control_bulk(&shell(), &bulk.id, BulkMove::Resume).await.unwrap();
    let done = until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 12);
    let slow = Guard { errors: 0, response: 50 };
    world.stuck("b0").await;
    let bulk = begin(&world, ServerMove { guard: slow, ..off("app", "api-2") }, BulkOrder { rate: 1, ..order() }).await;
    world.unstick.bulk_once().await.unwrap();
    feed(&world, "api-1", Health::Healthy, 2_500, 40, 300).await;
    let stopped = until(&world, &bulk, BulkStatus::Stopped).await;
    assert!(stopped.stopped_why.contains("takes 300 ms to answer, 22 ms"), "{}", stopped.stopped_why);
}

async fn nobody_is_meant_when_it_cannot_be_read_who_is_there(world: World) {
    world.stuck("a0").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    let refused = draft(&world, off("app", "api-2"), order()).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("edge could not be read")), "{refused:?}");
    *world.script.always.lock().unwrap() = None;
    assert!(world.unstick.bulks(&shell(), None).await.unwrap().page.items.is_empty());
    // The router goes away between the list and the turn: nobody knows where the account is, so nothing is done to it.
    let bulk = begin(&world, off("app", "api-2"), BulkOrder { failure_limit: 0, ..order() }).await;
    world.unstick.observe_once().await.unwrap();
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    look(&world).await;
    let it = until(&world, &bulk, BulkStatus::Stopped).await;
    assert!(it.counts.troubled() == 1, "{:?}", it.counts);
}

async fn what_cannot_be_is_refused_before_anything_is_written(world: World) {
    world.stuck("a0").await;
    let elsewhere = |to: &str| ServerMove { to: Some(name(to)), ..off("app", "api-2") };
    let strict = |errors, response| ServerMove { guard: Guard { errors, response }, ..off("app", "api-2") };
    for (off, field) in [
        (off("app", "api-9"), "server"),
        (off("app", "api-1"), "server"),
        (elsewhere("api-2"), "to"),
        (elsewhere("api-9"), "to"),
        (strict(101, 0), "max_errors"),
        (strict(0, 10_001), "max_response"),
    ] {
        let refused = draft(&world, off.clone(), order()).await;
        assert!(matches!(&refused, Err(Error::Invalid { field: it, .. }) if *it == field), "{off:?}: {refused:?}");
    }
    // Nobody is on it.
    feed(&world, "api-3", Health::Draining, 1_000, 0, 9).await;
    let refused = draft(&world, off("app", "api-3"), order()).await;
    assert!(matches!(&refused, Err(Error::Invalid { message, .. }) if message.contains("nobody is on")), "{refused:?}");
    let refused = draft(&world, elsewhere("api-3"), order()).await;
    assert!(matches!(&refused, Err(Error::Invalid { field: "to", .. })), "it takes nobody: {refused:?}");
    let refused = draft(&world, off("app", "api-2"), BulkOrder { mode: Mode::Force, ..order() }).await;
    assert!(matches!(&refused, Err(Error::Invalid { field: "mode", .. })), "{refused:?}");
    let nowhere = ServerMove { place: place("nowhere"), ..off("app", "api-2") };
    assert!(matches!(draft(&world, nowhere, order()).await, Err(Error::NotFound(_))));
    let support = world.staff("sam", Role::Support);
    let source = BulkSource::Server(Box::new(off("app", "api-2")));
    assert!(matches!(world.unstick.draft_bulk(&support, source, order()).await, Err(Error::Denied(..))));
    assert!(world.unstick.bulks(&shell(), None).await.unwrap().page.items.is_empty());
}

async fn routes_of_nobody_known_are_counted_and_stay(world: World) {
    world.stuck("a0").await;
    let stranger = RouteKey::parse("nobodys_key").unwrap();
    world.pin("app", &stranger, Scope::Account, "api-2", &account("a0"), &session("a0_live")).await;
    let bulk = begin(&world, off("app", "api-2"), order()).await;
    assert_eq!(bulk.counts.total(), 1);
    let unknown = world.store.bulk_move(&bulk.id).await.unwrap().unwrap().unknown;
    assert_eq!(unknown, 1);
    until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!(pinned(&world, "app", &["a0", "nobodys_key"]).await, [None, Some("api-2".to_owned())]);
}

async fn who_has_left_by_then_is_left_alone(world: World) {
    for at in 0..2 {
        world.stuck(&format!("a{at}")).await;
    }
    let bulk = begin(&world, off("app", "api-2"), order()).await;
    pin_elsewhere(&world, "a0").await;
    let done = until(&world, &bulk, BulkStatus::Done).await;
    assert_eq!((done.counts.get(BulkOutcome::Done), done.counts.get(BulkOutcome::Nothing)), (1, 1));
    assert_eq!(pinned(&world, "app", &["a0", "a1"]).await, [Some("api-1".to_owned()), None]);
}

async fn a_server_tells_of_its_moves(world: World) {
    world.stuck("a0").await;
    let bulk = draft(&world, off("app", "api-2"), order()).await.unwrap();
    let page = world.unstick.move_page(&shell(), &place("app"), &name("api-2")).await.unwrap();
    assert_eq!(page.jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>(), [bulk.id]);
    assert!(page.is_closed && page.may_ask);
    assert_eq!(page.others, [name("api-1")]);
    assert_eq!(page.held[0].1, 1, "what was read to make the list is shown at once");
    let other = world.unstick.move_page(&shell(), &place("files"), &name("api-2")).await.unwrap();
    assert!(other.jobs.is_empty());
    let none = world.unstick.move_page(&shell(), &place("app"), &name("api-9")).await;
    assert!(matches!(none, Err(Error::NotFound("server"))), "{none:?}");
}

/// With peers a key that is cleared on one load balancer alone comes back from the other one.
#[test]
fn on_a_fleet_a_key_is_cleared_everywhere_and_other_places_are_left_alone() {
    let at = |router: &str, pool: &str| Place {
        router: RouterName::parse(router).unwrap(),
        pool: PoolName::parse(pool).unwrap(),
    };
    let id = account("acc_1");
    let now = domain::Instant::from_secs(1_000);
    let route = |place: Place, server: &str| domain::Route {
        place,
        scope: Scope::Account,
        key: RouteKey::of_account(&id),
        server: Some(name(server)),
        session: None,
        is_void: false,
        pinned_at: None,
        expires_in: None,
        read_at: now,
    };
    let (kind, scope, rule) = (domain::RouterKind::Haproxy, Scope::Account, None);
    let pools: Vec<domain::PoolInfo> = [("lb-1", "app"), ("lb-2", "app"), ("map-1", "app"), ("lb-1", "files")]
        .into_iter()
        .map(|(router, pool)| domain::PoolInfo { place: at(router, pool), kind, scope, rule: rule.clone() })
        .collect();
    let world = |routes: Vec<domain::Route>| domain::World {
        account: domain::Account {
            key: RouteKey::of_account(&id),
            id: id.clone(),
            email: String::new(),
            name: String::new(),
            plan: String::new(),
            time_zone: String::new(),
            created_at: now,
            last_seen_at: None,
            generation: 0,
            live_sessions: 0,
            leftover_sessions: 0,
            total_sessions: 0,
            sample: false,
        },
        sessions: Vec::new(),
        truncated: false,
        routes,
        servers: Vec::new(),
        unread: Vec::new(),
        accumulation: 50,
        read_at: now,
    };
    let fleet = ["lb-1", "lb-2"].map(|name| RouterName::parse(name).unwrap());
    let off = |to: Option<&str>| ServerMove {
        place: at("lb-1", "app"),
        server: name("api-2"),
        to: to.map(name),
        guard: Guard::default(),
    };
    let planned = |off: &ServerMove, routes: Vec<domain::Route>| {
        let plan = off.plan(&world(routes), &pools, &fleet);
        plan.routes.iter().map(|it| it.place.clone()).collect::<Vec<_>>()
    };
    let (here, peer) = (at("lb-1", "app"), at("lb-2", "app"));
    let on = |place: &Place, server: &str| route(place.clone(), server);
    let both = [here.clone(), peer.clone()];
    // The peer has no entry now, and is read and cleared all the same.
    assert_eq!(planned(&off(None), vec![on(&here, "api-2")]), both);
    // It is on the server there alone: the whole fleet is meant.
    assert_eq!(planned(&off(None), vec![on(&peer, "api-2")]), both);
    // What leads elsewhere stays where the load balancer chooses, and goes where a server was chosen.
    assert_eq!(planned(&off(None), vec![on(&here, "api-2"), on(&peer, "api-3")]), both[..1]);
    assert_eq!(planned(&off(Some("api-1")), vec![on(&here, "api-2"), on(&peer, "api-3")]), both);
    // The same server elsewhere is not meant: another pool, a router that is not of the fleet.
    for other in [at("map-1", "app"), at("lb-1", "files")] {
        assert_eq!(planned(&off(None), vec![on(&other, "api-2")]), Vec::<Place>::new(), "{other:?}");
    }
}
