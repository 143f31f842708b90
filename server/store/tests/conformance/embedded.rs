//! The embedded router: a pin stays until it expires, a fence keeps new ones away, and the counts are right.

use domain::{Counters, Health, Scope, ServerState};
use store::{EmbeddedServer, Pin};

use crate::world::{Db, Dice, aid, at, key, pool, server, sid};

both! {
    a_pin_is_kept_and_lives_on_with_traffic,
    a_fenced_key_gets_no_pin,
    many_at_once_are_pinned_as_each_alone_would_be,
    a_longer_fence_stays,
    a_fence_waits_for_a_pin_that_had_begun,
    two_that_pin_one_key_at_once_agree,
    counts_equal_a_recount_after_anything,
    expired_pins_are_swept_by_new_ones,
    pages_show_every_unexpired_pin_once,
    servers_come_back_as_they_were,
}

fn pin(name: &str, on: &str, second: i64, until: i64) -> Pin {
    Pin {
        pool: pool("app"),
        key: key(name),
        scope: Scope::Account,
        server: server(on),
        account: Some(aid(name)),
        session: Some(sid("s1")),
        pinned_at: at(second),
        expires_at: at(until),
    }
}

async fn a_pin_is_kept_and_lives_on_with_traffic(db: &Db) {
    let first = pin("k1", "api-1", 0, 100);
    assert_eq!(tx!(db, tx => tx.pin(&first, at(0))), first);
    let held = tx!(db, tx => tx.pin(&pin("k1", "api-2", 50, 150), at(50)));
    assert_eq!(held, Pin { expires_at: at(150), ..first.clone() });
    let held = tx!(db, tx => tx.pin(&pin("k1", "api-2", 60, 120), at(60)));
    assert_eq!(held.expires_at, at(150), "it never ends earlier than promised");
    assert_eq!(db.store.pins(&pool("app"), &[key("k1"), key("k2")], at(149)).await.unwrap(), [held]);
    assert!(db.store.pins(&pool("app"), &[key("k1")], at(150)).await.unwrap().is_empty());
    let next = pin("k1", "api-2", 150, 250);
    assert_eq!(tx!(db, tx => tx.pin(&next, at(150))), next, "an expired pin holds nothing");
    assert_eq!(db.store.pin_counts(&pool("app"), at(151)).await.unwrap(), [(server("api-2"), 1)]);
}

async fn a_fenced_key_gets_no_pin(db: &Db) {
    tx!(db, tx => tx.pin(&pin("k1", "api-1", 0, 100), at(0)));
    tx!(db, tx => tx.fence_keys(&[key("k1"), key("k2")], at(50)));
    let held = tx!(db, tx => tx.pin(&pin("k1", "api-2", 10, 200), at(10)));
    assert_eq!((held.server, held.expires_at), (server("api-1"), at(100)), "a fenced pin does not live on");
    assert_eq!(tx!(db, tx => tx.unpin(&pool("app"), &[key("k1")])), 1);
    let asked = pin("k1", "api-2", 11, 200);
    assert_eq!(tx!(db, tx => tx.pin(&asked, at(11))), asked);
    assert!(db.store.pins(&pool("app"), &[key("k1"), key("k2")], at(12)).await.unwrap().is_empty());
    assert!(db.store.pin_counts(&pool("app"), at(12)).await.unwrap().is_empty());
    tx!(db, tx => tx.lift_keys(&[key("k1")]));
    tx!(db, tx => tx.pin(&asked, at(13)));
    assert_eq!(db.store.pins(&pool("app"), &[key("k1")], at(14)).await.unwrap(), [asked]);
    tx!(db, tx => tx.pin(&pin("k2", "api-1", 49, 200), at(49)));
    assert!(db.store.pins(&pool("app"), &[key("k2")], at(49)).await.unwrap().is_empty());
    tx!(db, tx => tx.pin(&pin("k2", "api-1", 50, 200), at(50)));
    assert_eq!(db.store.pins(&pool("app"), &[key("k2")], at(50)).await.unwrap().len(), 1, "a fence ends by itself");
}

async fn many_at_once_are_pinned_as_each_alone_would_be(db: &Db) {
    for (key, server, until) in [("kept", "api-1", 100), ("longer", "api-1", 300), ("expired", "api-1", 5)] {
        tx!(db, tx => tx.pin(&pin(key, server, 0, until), at(0)));
    }
    tx!(db, tx => tx.fence_keys(&[key("fenced")], at(50)));
    let asked: Vec<Pin> =
        ["new", "kept", "fenced", "longer", "expired"].map(|key| pin(key, "api-2", 10, 200)).into_iter().collect();
    let held = tx!(db, tx => tx.pin_all(&asked, at(10)));
    let told: Vec<_> = held.iter().map(|pin| (pin.key.as_str(), pin.server.as_str(), pin.expires_at)).collect();
    assert_eq!(
        told,
        [
            ("new", "api-2", at(200)),
            ("kept", "api-1", at(200)),
            ("fenced", "api-2", at(200)),
            ("longer", "api-1", at(300)),
            ("expired", "api-2", at(200)),
        ]
    );
    let keys: Vec<_> = asked.iter().map(|pin| pin.key.clone()).collect();
    let there = db.store.pins(&pool("app"), &keys, at(11)).await.unwrap();
    let mut expected: Vec<_> = held.into_iter().filter(|pin| pin.key != key("fenced")).collect();
    expected.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(there, expected, "all but the fenced one");
    let counts = db.store.pin_counts(&pool("app"), at(11)).await.unwrap();
    assert_eq!(counts, [(server("api-1"), 2), (server("api-2"), 2)]);
    assert_eq!(tx!(db, tx => tx.pin_all(&[], at(12))), []);
}

async fn a_longer_fence_stays(db: &Db) {
    tx!(db, tx => tx.fence_keys(&[key("k1")], at(100)));
    tx!(db, tx => tx.fence_keys(&[key("k1")], at(50)));
    tx!(db, tx => tx.pin(&pin("k1", "api-1", 60, 200), at(60)));
    assert!(db.store.pins(&pool("app"), &[key("k1")], at(60)).await.unwrap().is_empty());
}

async fn a_fence_waits_for_a_pin_that_had_begun(db: &Db) {
    // On SQLite there is one writer, so a fence waits in any case.
    let mut one = db.store.begin().await.unwrap();
    one.pin(&pin("k1", "api-1", 0, 100), at(0)).await.unwrap();
    let store = db.store.clone();
    let fence = tokio::spawn(async move {
        let mut two = store.begin().await.unwrap();
        two.fence_keys(&[key("k1")], at(50)).await.unwrap();
        two.commit().await.unwrap();
        store.pins(&pool("app"), &[key("k1")], at(1)).await.unwrap().len()
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!fence.is_finished(), "the fence did not wait");
    one.commit().await.unwrap();
    assert_eq!(fence.await.unwrap(), 1, "who fenced must see the pin, to clear it");
}

async fn two_that_pin_one_key_at_once_agree(db: &Db) {
    let ask = |on: &'static str| {
        let store = db.store.clone();
        async move {
            loop {
                let mut tx = store.begin().await.unwrap();
                match tx.pin(&pin("k1", on, 0, 100), at(0)).await {
                    Ok(held) => match tx.commit().await {
                        Ok(()) => return held.server,
                        Err(error) => assert!(error.is_busy(), "{error:?}"),
                    },
                    Err(error) => assert!(error.is_busy(), "{error:?}"),
                }
            }
        }
    };
    let held = tokio::join!(ask("api-1"), ask("api-2"), ask("api-3"));
    assert_eq!((&held.0, &held.0), (&held.1, &held.2));
    assert_eq!(db.store.pin_counts(&pool("app"), at(1)).await.unwrap(), [(held.0, 1)]);
}

/// Compares the kept counts with a count.
async fn recount(db: &Db, second: i64) {
    let kept = db.store.pin_counts(&pool("app"), at(second)).await.unwrap();
    let total: i64 = kept.iter().map(|(_, n)| n).sum();
    for (name, n) in &kept {
        let sql = format!(
            "SELECT count(*) FROM embedded_pins WHERE server = '{name}' AND expires_at > {}",
            at(second).micros()
        );
        assert_eq!(db.number(&sql).await, *n, "{name}");
    }
    let sql = format!("SELECT count(*) FROM embedded_pins WHERE expires_at > {}", at(second).micros());
    assert_eq!(db.number(&sql).await, total);
}

async fn counts_equal_a_recount_after_anything(db: &Db) {
    let dice = Dice::new(9);
    for second in 0..80 {
        let name = format!("k{}", dice.below(25));
        let on = *dice.pick(&["api-1", "api-2", "api-3"]);
        let until = second + 1 + i64::try_from(dice.below(20)).unwrap();
        match dice.below(6) {
            0 => drop(tx!(db, tx => tx.unpin(&pool("app"), &[key(&name), key("k1")]))),
            1 => {
                let pins = [(name.as_str(), on), ("k2", on), ("k2", "api-1")].map(|(k, on)| pin(k, on, second, until));
                tx!(db, tx => tx.import_pins(&pins));
            }
            2 => tx!(db, tx => tx.fence_keys(&[key(&name)], at(until))),
            _ => drop(tx!(db, tx => tx.pin(&pin(&name, on, second, until), at(second)))),
        }
        recount(db, second).await;
        recount(db, second + 10).await;
    }
    assert!(db.number("SELECT count(*) FROM embedded_pins").await <= 25);
}

async fn expired_pins_are_swept_by_new_ones(db: &Db) {
    let old: Vec<Pin> = (0..30).map(|n| pin(&format!("old{n}"), "api-1", 0, 10)).collect();
    tx!(db, tx => tx.import_pins(&old));
    for n in 0..10 {
        tx!(db, tx => tx.pin(&pin(&format!("new{n}"), "api-2", 20, 90), at(20)));
    }
    assert_eq!(db.number("SELECT count(*) FROM embedded_pins").await, 10);
    recount(db, 20).await;
}

async fn pages_show_every_unexpired_pin_once(db: &Db) {
    let on = |n: u32| if n.is_multiple_of(3) { "api-2" } else { "api-1" };
    let pins: Vec<Pin> = (0..40).map(|n| pin(&format!("k{n:02}"), on(n), 0, if n % 4 == 0 { 5 } else { 50 })).collect();
    tx!(db, tx => tx.import_pins(&pins));
    let good = |n: &u32| !n.is_multiple_of(4);
    for (of, expected) in [
        (None, (0..40).filter(good).collect::<Vec<u32>>()),
        (Some(server("api-2")), (0..40).filter(good).filter(|n| on(*n) == "api-2").collect()),
        (Some(server("api-3")), Vec::new()),
    ] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = db.store.pins_page(&pool("app"), of.as_ref(), after.as_ref(), at(10), 7).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            assert!(page.len() <= 7);
            seen.extend(page.into_iter().map(|pin| pin.key.to_string()));
        }
        assert_eq!(seen, expected.iter().map(|n| format!("k{n:02}")).collect::<Vec<_>>(), "{of:?}");
    }
}

async fn servers_come_back_as_they_were(db: &Db) {
    let fed = EmbeddedServer {
        pool: pool("app"),
        name: server("api-1"),
        state: Health::Draining,
        held: ServerState::Ready,
        counters: Counters { requests: 10, errors: 2, response_ms: 30 },
        updated_at: at(1),
    };
    tx!(db, tx => tx.save_embedded_server(&fed));
    let again = EmbeddedServer { state: Health::Healthy, updated_at: at(2), ..fed.clone() };
    tx!(db, tx => tx.save_embedded_server(&again));
    assert_eq!(db.store.embedded_servers().await.unwrap(), std::slice::from_ref(&again));
    assert!(tx!(db, tx => tx.hold_embedded_server(&pool("app"), &server("api-1"), ServerState::Maint)));
    tx!(db, tx => tx.save_embedded_server(&again));
    let held = &db.store.embedded_servers().await.unwrap()[0];
    assert_eq!((held.held, held.health()), (ServerState::Maint, Health::Maintenance), "a report does not change it");
    assert!(tx!(db, tx => tx.hold_embedded_server(&pool("app"), &server("api-1"), ServerState::Ready)));
    assert!(!tx!(db, tx => tx.hold_embedded_server(&pool("app"), &server("api-9"), ServerState::Drain)));
    assert_eq!(db.store.embedded_servers().await.unwrap(), [again]);
}
