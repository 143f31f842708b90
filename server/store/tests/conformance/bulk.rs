//! Loading much at once gives what loading it in small pieces gives.

use domain::{Account, EndReason, Query, RouteKey, Scope, Session, SessionState, view::SessionFilter};
use store::{Engine, Pin, RouteChange, Store, testing};

use crate::world::{Db, aid, at, key, place, pool, server, sid};

both! {
    a_load_is_complete_counted_and_found,
    loading_again_changes_nothing,
    an_import_goes_on_where_it_stopped,
    a_first_load_puts_indexes_off_and_makes_them_at_its_end,
    indexes_that_a_dead_load_put_off_are_made_by_whoever_opens_the_database_next,
}

fn account(n: i64) -> Account {
    let id = aid(&format!("acc_{n}"));
    Account {
        key: RouteKey::of_account(&id),
        id,
        email: format!("user{n}@example.com"),
        name: format!("User {n}"),
        plan: String::new(),
        time_zone: String::new(),
        created_at: at(n),
        last_seen_at: None,
        generation: 0,
        live_sessions: 99,
        leftover_sessions: 99,
        total_sessions: 99,
        sample: true,
    }
}

fn session(n: i64, k: i64) -> Session {
    let (reason, ended_at) = (EndReason::Expired, at(50));
    let state = match k % 3 {
        0 => SessionState::Active,
        1 => SessionState::Ended { reason, at: ended_at },
        _ => SessionState::Cleaned { reason, ended_at, at: at(60) },
    };
    Session {
        id: sid(&format!("s_{n}_{k}")),
        account: aid(&format!("acc_{n}")),
        key: key(&format!("s_{n}_{k}")),
        client: String::new(),
        user_agent: String::new(),
        ip: format!("10.0.0.{}", n % 200),
        created_at: at(k),
        last_seen_at: at(k + 1),
        state,
        generation: 0,
    }
}

async fn a_load_is_complete_counted_and_found(db: &Db) {
    let accounts: Vec<Account> = (0..30).map(account).collect();
    let sessions: Vec<Session> = (0..30).flat_map(|n| (0..50).map(move |k| session(n, k))).collect();
    let pins = [Pin {
        pool: pool("app"),
        key: key("acc_1"),
        scope: Scope::Account,
        server: server("api-1"),
        account: Some(aid("acc_1")),
        session: None,
        pinned_at: at(0),
        expires_at: at(900),
    }];
    let change = RouteChange {
        place: place("embedded", "app"),
        key: key("acc_1"),
        scope: Scope::Account,
        session: None,
        from: None,
        to: Some(server("api-1")),
        at: at(3),
        why: "first seen".to_owned(),
    };
    db.store.bulk_begin().await.unwrap();
    db.store.bulk_load(&accounts, &sessions[..700], &pins, &[(aid("acc_1"), change)]).await.unwrap();
    db.store.bulk_load(&[], &sessions[700..], &[], &[]).await.unwrap();
    db.store.bulk_end().await.unwrap();
    for n in [0, 13, 14, 29] {
        let stored = db.store.account(&aid(&format!("acc_{n}"))).await.unwrap().unwrap();
        let counts = (stored.live_sessions, stored.leftover_sessions, stored.total_sessions);
        assert_eq!((counts, stored.last_seen_at, stored.sample), ((17, 17, 50), Some(at(50)), true), "acc_{n}");
    }
    let cleaned = db.store.sessions_page(&aid("acc_3"), SessionFilter::Cleaned, None, 99).await.unwrap();
    assert_eq!(cleaned.items.len(), 16);
    let found = db.store.search(&Query::parse("ser17@ex").unwrap(), None, 9).await.unwrap();
    assert_eq!(found.rows[0].account.id, aid("acc_17"));
    assert_eq!(db.store.pin_counts(&pool("app"), at(5)).await.unwrap(), [(server("api-1"), 1)]);
    assert_eq!(db.store.route_history(&aid("acc_1"), at(0), 9).await.unwrap().len(), 1);
}

async fn loading_again_changes_nothing(db: &Db) {
    let accounts: Vec<Account> = (0..5).map(account).collect();
    let sessions: Vec<Session> = (0..5).flat_map(|n| (0..6).map(move |k| session(n, k))).collect();
    db.store.bulk_load(&accounts[..3], &sessions[..12], &[], &[]).await.unwrap();
    db.store.bulk_load(&accounts, &sessions, &[], &[]).await.unwrap();
    db.store.bulk_load(&accounts, &sessions, &[], &[]).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM sessions").await, 30);
    for n in 0..5 {
        let stored = db.store.account(&aid(&format!("acc_{n}"))).await.unwrap().unwrap();
        assert_eq!((stored.live_sessions, stored.leftover_sessions, stored.total_sessions), (2, 2, 6));
    }
}

async fn an_import_goes_on_where_it_stopped(db: &Db) {
    assert_eq!(db.store.import_line("abc").await.unwrap(), None);
    tx!(db, tx => tx.save_import("abc", 1_000, at(1)));
    tx!(db, tx => tx.save_import("abc", 2_000, at(2)));
    assert_eq!(db.store.import_line("abc").await.unwrap(), Some(2_000));
    assert_eq!(db.store.import_line("other").await.unwrap(), None);
    tx!(db, tx => tx.clear_import("abc"));
    assert_eq!(db.store.import_line("abc").await.unwrap(), None);
}

/// How many indexes there are.
async fn indexes(db: &Db) -> i64 {
    db.number(match db.store.engine() {
        Engine::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        Engine::Postgres => "SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()",
    })
    .await
}

async fn a_first_load_puts_indexes_off_and_makes_them_at_its_end(db: &Db) {
    let whole = indexes(db).await;
    assert!(db.store.bulk_begin().await.unwrap(), "there is no session yet");
    assert_eq!(indexes(db).await, whole - 6);
    let sessions: Vec<Session> = (0..50).map(|k| session(0, k)).collect();
    db.store.bulk_load(&[account(0)], &sessions, &[], &[]).await.unwrap();
    db.store.bulk_end().await.unwrap();
    assert_eq!(indexes(db).await, whole);
    assert!(!db.store.bulk_begin().await.unwrap(), "rows are there now, and perhaps somebody who reads them");
    assert_eq!(indexes(db).await, whole);
}

async fn indexes_that_a_dead_load_put_off_are_made_by_whoever_opens_the_database_next(db: &Db) {
    let whole = indexes(db).await;
    assert!(db.store.bulk_begin().await.unwrap());
    let open = || Store::open(&db.url, testing::options());
    let (one, two) = tokio::join!(open(), open());
    assert_eq!(indexes(db).await, whole);
    one.unwrap().bulk_end().await.unwrap();
    two.unwrap().bulk_end().await.unwrap();
    assert_eq!(indexes(db).await, whole, "each is made once");
}
