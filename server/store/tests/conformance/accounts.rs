//! Accounts: what is told is kept, and pages end.

use crate::world::{Db, aid, at, person, upsert};
use domain::{AccountId, RouteKey, Scope};
use store::AccountUpsert;

both! {
    what_is_not_told_is_kept,
    the_last_of_a_batch_counts,
    counters_survive_an_upsert,
    odd_ids_and_texts_come_back_as_they_were,
    a_character_that_one_engine_cannot_keep_is_replaced_on_both,
    pages_by_id_show_every_account_once_in_the_order_of_bytes,
    those_with_the_most_left_over_come_first,
    a_generation_only_grows,
    a_key_tells_whose_it_is,
    the_number_of_accounts_is_exact_while_they_are_few,
    what_is_not_committed_did_not_happen,
}

async fn what_is_not_told_is_kept(db: &Db) {
    let first = AccountUpsert {
        plan: Some("pro".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        created_at: Some(at(-9)),
        ..person("acc_1", "Dana@Example.com", "Dana Müller")
    };
    let made = tx!(db, tx => tx.upsert_accounts(&[first], at(5)));
    assert!(made[0].1);
    let renamed = AccountUpsert { name: Some("Dana Meyer".to_owned()), ..upsert("acc_1") };
    let changed = tx!(db, tx => tx.upsert_accounts(&[renamed], at(6)));
    assert!(!changed[0].1);
    let account = db.store.account(&aid("acc_1")).await.unwrap().unwrap();
    assert_eq!(account, changed[0].0);
    assert_eq!((account.name.as_str(), account.email.as_str()), ("Dana Meyer", "Dana@Example.com"));
    assert_eq!((account.plan.as_str(), account.time_zone.as_str()), ("pro", "Europe/Berlin"));
    assert_eq!(account.created_at, at(-9));
}

async fn the_last_of_a_batch_counts(db: &Db) {
    let items = [person("a", "one@x.org", "One"), upsert("b"), person("a", "two@x.org", "Two")];
    let made = tx!(db, tx => tx.upsert_accounts(&items, at(0)));
    assert_eq!(made.iter().map(|(_, new)| *new).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(db.store.account(&aid("a")).await.unwrap().unwrap().name, "Two");
    assert_eq!(db.number("SELECT count(*) FROM accounts").await, 2);
}

async fn counters_survive_an_upsert(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 1).await;
    let again = tx!(db, tx => tx.upsert_accounts(&[person("a", "a@x.org", "A")], at(2)));
    assert_eq!(again[0].0.live_sessions, 1);
    assert_eq!(db.store.account(&aid("a")).await.unwrap().unwrap().live_sessions, 1);
}

async fn odd_ids_and_texts_come_back_as_they_were(db: &Db) {
    let ids = ["auth0|5f7c", "ключ клиента", "a'b\"c\\d", "%_", "日本", "x".repeat(128).as_str()].map(str::to_owned);
    let items: Vec<AccountUpsert> =
        ids.iter().map(|id| person(id, "o'neil+\"x\"@example.com", "Ω \u{1F600} {\"json\": [1]}\\u0000")).collect();
    tx!(db, tx => tx.upsert_accounts(&items, at(0)));
    for (id, item) in ids.iter().zip(&items) {
        let account = db.store.account(&aid(id)).await.unwrap().unwrap();
        assert_eq!(account.id.as_str(), id);
        assert_eq!(Some(&account.name), item.name.as_ref());
        assert_eq!(Some(&account.email), item.email.as_ref());
        assert_eq!(account.key, RouteKey::of_account(&account.id));
    }
}

async fn a_character_that_one_engine_cannot_keep_is_replaced_on_both(db: &Db) {
    tx!(db, tx => tx.upsert_accounts(&[person("a", "a\0b@x.org", "N\0")], at(0)));
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.email.as_str(), account.name.as_str()), ("a\u{fffd}b@x.org", "N\u{fffd}"));
}

async fn pages_by_id_show_every_account_once_in_the_order_of_bytes(db: &Db) {
    let mut ids: Vec<String> = (0..95).map(|n| format!("acc-{n:03}")).collect();
    ids.extend(["B", "a", "_", "ä", "Z", "acc_1"].map(str::to_owned));
    db.accounts(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (mut seen, mut after): (Vec<String>, Option<AccountId>) = (Vec::new(), None);
    loop {
        let page = db.store.accounts_page(after.as_ref(), 10).await.unwrap();
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|account| account.id.into()));
    }
    ids.sort();
    assert_eq!(seen, ids);
}

async fn those_with_the_most_left_over_come_first(db: &Db) {
    let ids: Vec<String> = (0..30).map(|n| format!("a{n:02}")).collect();
    db.accounts(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut expected: Vec<(i64, String)> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let left = n % 4;
        for k in 0..left {
            let session = format!("s-{id}-{k}");
            db.session(&session, id, 1).await;
            db.end(&session, 2, false).await;
        }
        if left > 0 {
            expected.push((-i64::try_from(left).unwrap(), id.clone()));
        }
    }
    expected.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.accounts_most_left_over(after.clone(), 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.leftover_sessions, last.id.clone()));
        seen.extend(page.into_iter().map(|account| (-account.leftover_sessions, String::from(account.id))));
    }
    assert_eq!(seen, expected);
}

async fn a_generation_only_grows(db: &Db) {
    db.accounts(&["a"]).await;
    assert_eq!(tx!(db, tx => tx.bump_generation(&aid("a"))), 1);
    assert_eq!(tx!(db, tx => tx.bump_generation(&aid("a"))), 2);
    db.session("s1", "a", 1).await;
    assert_eq!(db.store.session(&crate::world::sid("s1")).await.unwrap().unwrap().generation, 2);
    let mut tx = db.store.begin().await.unwrap();
    assert!(tx.bump_generation(&aid("nobody")).await.is_err());
}

async fn a_key_tells_whose_it_is(db: &Db) {
    let odd = aid("auth0|x; y");
    db.accounts(&["plain", odd.as_str(), "both"]).await;
    db.session("s1", "plain", 1).await;
    db.session("both", "plain", 1).await;
    let odd_key = RouteKey::of_account(&odd);
    let keys = ["plain", "s1", "both", "unknown"].map(crate::world::key);
    let mut asked = keys.to_vec();
    asked.push(odd_key.clone());
    let owners = db.store.owners_of_keys(&asked).await.unwrap();
    let mut told: Vec<(String, Scope, String, Option<String>)> = owners
        .into_iter()
        .map(|owner| (owner.key.into(), owner.scope, owner.account.into(), owner.session.map(Into::into)))
        .collect();
    told.sort();
    let (account, session) = (Scope::Account, Scope::Session);
    let text = |text: &str| text.to_owned();
    let mut expected = vec![
        (odd_key.into(), account, odd.into(), None),
        (text("both"), account, text("both"), None),
        (text("both"), session, text("plain"), Some(text("both"))),
        (text("plain"), account, text("plain"), None),
        (text("s1"), session, text("plain"), Some(text("s1"))),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

async fn the_number_of_accounts_is_exact_while_they_are_few(db: &Db) {
    assert_eq!(db.store.estimated_accounts().await.unwrap(), 0);
    db.accounts(&["a", "b", "c"]).await;
    assert_eq!(db.store.estimated_accounts().await.unwrap(), 3);
}

async fn what_is_not_committed_did_not_happen(db: &Db) {
    let mut tx = db.store.begin().await.unwrap();
    tx.upsert_accounts(&[upsert("a")], at(0)).await.unwrap();
    drop(tx);
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(tx.account_for_update(&aid("a")).await.unwrap(), None);
    tx.rollback().await.unwrap();
    assert_eq!(db.store.account(&aid("a")).await.unwrap(), None);
}
