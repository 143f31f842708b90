//! What was read from routers: kept, counted, and its changes written down.

use domain::{Counters, Health, HealthWindow, Route, Scope, ServerStatus, Span};
use store::{BadRoutes, ServerRecord, StoredRoute};

use crate::world::{Db, Dice, aid, at, key, place, server, sid};

both! {
    a_route_that_stays_keeps_the_time_it_was_pinned,
    history_tells_every_change_newest_first,
    two_changes_at_one_instant_do_not_collide,
    pages_of_a_place_show_every_route_once,
    who_is_on_a_server_is_told_once_a_page_at_a_time,
    counts_equal_a_recount_after_anything,
    servers_come_back_as_they_were,
    bad_routes_are_told_once_an_account,
    two_who_write_the_same_routes_never_wait_each_for_the_other,
}

fn route(pool: &str, name: &str, on: Option<&str>, account: Option<&str>, second: i64) -> StoredRoute {
    let route = Route {
        place: place("lb-1", pool),
        scope: Scope::Session,
        key: key(name),
        server: on.map(server),
        session: Some(sid(name)),
        is_void: false,
        pinned_at: None,
        expires_in: Some(Span::from_secs(60)),
        read_at: at(second),
    };
    StoredRoute { route, account: account.map(aid) }
}

async fn a_route_that_stays_keeps_the_time_it_was_pinned(db: &Db) {
    tx!(db, tx => tx.save_routes(&[route("app", "k1", Some("api-1"), Some("a"), 10)]));
    tx!(db, tx => tx.save_routes(&[route("app", "k1", Some("api-1"), Some("a"), 500)]));
    let stored = db.store.routes_of_accounts(&[aid("a")]).await.unwrap();
    assert_eq!((stored[0].route.pinned_at, stored[0].route.read_at), (Some(at(10)), at(500)));
    assert_eq!(stored[0].route.expires_in, Some(Span::from_secs(60)));
    assert_eq!(db.store.route_history(&aid("a"), at(0), 10).await.unwrap().len(), 1, "only that it was first seen");
    tx!(db, tx => tx.save_routes(&[route("app", "k1", Some("api-2"), Some("a"), 600)]));
    let stored = db.store.routes_of_accounts(&[aid("a")]).await.unwrap();
    assert_eq!((stored[0].route.pinned_at, stored[0].route.server.clone()), (Some(at(600)), Some(server("api-2"))));
}

async fn history_tells_every_change_newest_first(db: &Db) {
    for (second, on) in [(1, Some("api-1")), (2, Some("api-1")), (3, Some("api-2")), (4, None), (5, Some("api-1"))] {
        tx!(db, tx => tx.save_routes(&[route("app", "k1", on, Some("a"), second)]));
    }
    tx!(db, tx => tx.forget_routes(&[(place("lb-1", "app"), key("k1")), (place("lb-1", "app"), key("never"))], at(6), "cleared"));
    tx!(db, tx => tx.forget_routes(&[(place("lb-1", "app"), key("k1"))], at(7), "cleared"));
    let history = db.store.route_history(&aid("a"), at(0), 100).await.unwrap();
    let name = |side: &Option<domain::ServerName>| side.as_ref().map(ToString::to_string).unwrap_or_default();
    let told: Vec<_> = history.iter().map(|c| (c.at, name(&c.from), name(&c.to))).collect();
    let text = |from: &str, to: &str, second| (at(second), from.to_owned(), to.to_owned());
    assert_eq!(
        told,
        [
            text("api-1", "", 6),
            text("", "api-1", 5),
            text("api-2", "", 4),
            text("api-1", "api-2", 3),
            text("", "api-1", 1)
        ]
    );
    assert_eq!(history[0].why, "cleared");
    assert_eq!((history[0].session.clone(), history[0].scope), (Some(sid("k1")), Scope::Session));
    assert_eq!(db.store.route_history(&aid("a"), at(4), 100).await.unwrap().len(), 3);
    assert_eq!(db.store.route_history(&aid("a"), at(0), 2).await.unwrap(), history[..2]);
    assert!(db.store.routes_of_accounts(&[aid("a")]).await.unwrap().is_empty());
}

async fn two_changes_at_one_instant_do_not_collide(db: &Db) {
    tx!(db, tx => tx.save_routes(&[route("app", "k1", Some("api-1"), Some("a"), 1)]));
    tx!(db, tx => tx.save_routes(&[route("app", "k1", Some("api-2"), Some("a"), 1)]));
    let history = db.store.route_history(&aid("a"), at(0), 10).await.unwrap();
    assert_eq!((history.len(), history[0].to.clone()), (1, Some(server("api-2"))));
}

async fn pages_of_a_place_show_every_route_once(db: &Db) {
    let mut seen = Vec::new();
    let routes: Vec<_> = (0..45).map(|n| route("app", &format!("k{n:02}"), Some("api-1"), None, 1)).collect();
    tx!(db, tx => tx.save_routes(&routes));
    tx!(db, tx => tx.save_routes(&[route("other", "k00", Some("api-9"), None, 1)]));
    let mut after = None;
    loop {
        let page = db.store.routes_at(&place("lb-1", "app"), after.as_ref(), 10).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.route.key.clone());
        seen.extend(page.into_iter().map(|stored| String::from(stored.route.key)));
    }
    assert_eq!(seen, (0..45).map(|n| format!("k{n:02}")).collect::<Vec<_>>());
    let keys = ["k44", "k99", "k00", "k01"].map(key);
    let owned = ["k44", "k00"].map(|name| route("app", name, Some("api-1"), Some("a"), 5));
    tx!(db, tx => tx.save_routes(&owned));
    let known = async |since| db.store.servers_of_routes(&place("lb-1", "app"), &keys, at(since)).await.unwrap();
    let both = [(key("k00"), Some(server("api-1"))), (key("k44"), Some(server("api-1")))];
    assert_eq!(known(5).await, both, "of nobody's none is known");
    assert_eq!(known(6).await, [], "nor what was read before");
}

/// Compares the kept counts with a count.
async fn recount(db: &Db) {
    let wrong = "SELECT count(*) FROM (SELECT router, pool, server, count(*) AS n FROM routes WHERE server IS NOT NULL \
        GROUP BY router, pool, server) AS r FULL OUTER JOIN (SELECT * FROM route_counts WHERE pinned <> 0) AS c \
        ON c.router = r.router AND c.pool = r.pool AND c.server = r.server \
        WHERE c.pinned IS NULL OR r.n IS NULL OR c.pinned <> r.n";
    assert_eq!(db.number(wrong).await, 0, "counts of routes are wrong");
}

async fn counts_equal_a_recount_after_anything(db: &Db) {
    let dice = Dice::new(5);
    let servers = [Some("api-1"), Some("api-2"), Some("api-3"), None];
    for second in 0..60 {
        let keys: Vec<String> = (0..6).map(|_| format!("k{}", dice.below(20))).collect();
        if dice.below(3) == 0 {
            let gone: Vec<_> = keys.iter().map(|name| (place("lb-1", "app"), key(name))).collect();
            tx!(db, tx => tx.forget_routes(&gone, at(second), "gone"));
        } else {
            let seen: Vec<_> =
                keys.iter().map(|name| route("app", name, *dice.pick(&servers), Some("a"), second)).collect();
            tx!(db, tx => tx.save_routes(&seen));
        }
        recount(db).await;
    }
    let kept: i64 = db.store.pinned_counts().await.unwrap().iter().map(|(_, _, n)| n).sum();
    assert_eq!(kept, db.number("SELECT count(*) FROM routes WHERE server IS NOT NULL").await);
}

fn record(name: &str, requests: f64) -> ServerRecord {
    let status = ServerStatus {
        place: place("lb-1", "app"),
        name: server(name),
        health: Health::Degraded,
        failing: true,
        error_permille: Some(160),
        response_ms: None,
        since: at(1),
        read_at: at(2),
        pinned: Some(7),
    };
    let seen = Counters { requests: u64::MAX, errors: 3, response_ms: u32::MAX };
    ServerRecord { status, window: HealthWindow { requests, errors: 1.0 / 3.0, seen, at: Some(at(2)) } }
}

async fn servers_come_back_as_they_were(db: &Db) {
    let items = [record("api-2", 1e-9), record("api-1", 123_456.789_012_345)];
    tx!(db, tx => tx.save_servers(&items));
    tx!(db, tx => tx.save_servers(&items));
    let stored = db.store.servers().await.unwrap();
    assert_eq!(stored.iter().map(|s| s.status.name.as_str()).collect::<Vec<_>>(), ["api-1", "api-2"]);
    assert_eq!((&stored[0].status, &stored[1].status), (&items[1].status, &items[0].status));
    for (stored, saved) in stored.iter().zip([&items[1], &items[0]]) {
        let near = |a: f64, b: f64| (a - b).abs() <= b.abs() * 1e-12;
        assert!(near(stored.window.requests, saved.window.requests) && near(stored.window.errors, saved.window.errors));
        assert_eq!(
            (stored.window.seen.errors, stored.window.seen.response_ms, stored.window.at),
            (3, u32::MAX, Some(at(2)))
        );
        assert_eq!(stored.window.seen.requests, u64::try_from(i64::MAX).unwrap());
    }
    tx!(db, tx => tx.forget_servers(&place("lb-1", "app"), &[server("api-2"), server("api-9")]));
    assert_eq!(db.store.servers().await.unwrap().len(), 1);
    tx!(db, tx => tx.forget_servers(&place("lb-2", "app"), &[]));
    assert_eq!(db.store.servers().await.unwrap().len(), 1);
}

async fn who_is_on_a_server_is_told_once_a_page_at_a_time(db: &Db) {
    db.accounts(&["a", "b", "c", "d"]).await;
    let routes = [
        route("app", "k1", Some("api-2"), Some("a"), 1),
        route("app", "k2", Some("api-2"), Some("a"), 1),
        route("app", "k3", Some("api-2"), Some("c"), 1),
        route("app", "k4", Some("api-2"), Some("d"), 1),
        route("app", "k5", Some("api-1"), Some("b"), 1),
        route("files", "k6", Some("api-2"), Some("b"), 1),
        route("app", "k7", Some("api-2"), None, 1),
        route("app", "k8", Some("api-2"), Some("unknown"), 1),
    ];
    tx!(db, tx => tx.save_routes(&routes));
    let page = async |after: Option<&str>| {
        let after = after.map(aid);
        let found = db.store.accounts_on(&place("lb-1", "app"), &server("api-2"), after.as_ref(), 2).await.unwrap();
        found.into_iter().map(|account| account.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ["a", "c"]);
    assert_eq!(page(Some("c")).await, ["d"]);
    assert_eq!(page(Some("d")).await, Vec::<String>::new());
}

/// An import and the observer of a server meet on the same new routes, each in an order of its own.
async fn two_who_write_the_same_routes_never_wait_each_for_the_other(db: &Db) {
    for round in 0..12 {
        let seen: Vec<StoredRoute> =
            (0..400).map(|n| route("app", &format!("k{round}_{n}"), Some("api-1"), Some("a"), round)).collect();
        let turned: Vec<StoredRoute> = seen.iter().rev().cloned().collect();
        let write = async |routes: &[StoredRoute]| {
            let mut tx = db.store.begin().await?;
            tx.save_routes(routes).await?;
            tx.commit().await
        };
        let (one, other) = tokio::join!(write(&seen), write(&turned));
        one.and(other).unwrap_or_else(|error| panic!("round {round}: {error:?}"));
    }
}

async fn bad_routes_are_told_once_an_account(db: &Db) {
    db.accounts(&["live", "ended", "pinned", "well", "unread"]).await;
    for (session, account) in [("k1", "live"), ("k2", "ended"), ("k3", "pinned"), ("k4", "well"), ("k5", "unread")] {
        db.session(session, account, 1).await;
    }
    db.end("k2", 2, false).await;
    let mut well = record("api-1", 1.0);
    well.status.health = Health::Healthy;
    let mut bad = record("api-2", 1.0);
    bad.status.health = Health::Draining;
    (well.status.place, bad.status.place) = (place("lb-1", "app"), place("lb-1", "app"));
    tx!(db, tx => tx.save_servers(&[well, bad]));
    let mut whole = route("app", "k3", Some("gone"), Some("pinned"), 3);
    whole.route.scope = Scope::Account;
    let routes = [
        route("app", "k1", Some("api-2"), Some("live"), 3),
        route("app", "k1-again", Some("api-3"), Some("live"), 3),
        route("app", "k2", Some("api-2"), Some("ended"), 3),
        whole,
        route("app", "k4", Some("api-1"), Some("well"), 3),
        route("app", "k4-none", None, Some("well"), 3),
        route("never-read", "k5", Some("api-2"), Some("unread"), 3),
    ];
    tx!(db, tx => tx.save_routes(&routes));
    let ids = ["live", "ended", "pinned", "well", "unread", "nobody"].map(aid);
    let told = |found: Vec<BadRoutes>| -> Vec<_> {
        found.into_iter().map(|b| (b.account.to_string(), b.scope, b.live, b.server.to_string())).collect()
    };
    let bad = [
        ("ended", Scope::Session, false, "api-2"),
        // A key that no session has is nobody's who lives.
        ("live", Scope::Session, false, "api-3"),
        ("live", Scope::Session, true, "api-2"),
        ("pinned", Scope::Account, true, "gone"),
    ];
    let bad = bad.map(|(account, scope, live, server)| (account.to_owned(), scope, live, server.to_owned()));
    assert_eq!(told(db.store.bad_routes(&ids).await.unwrap()), bad);
    assert!(db.store.bad_routes(&[]).await.unwrap().is_empty());
    let between = async |first, last| told(db.store.bad_routes_between(&aid(first), &aid(last)).await.unwrap());
    assert_eq!(between("a", "z").await, bad);
    assert_eq!(between("live", "live").await, bad[1..3], "both ends are in it");
    assert!(between("pinnee", "z").await.is_empty());
}
