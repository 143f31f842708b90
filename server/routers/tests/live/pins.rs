//! Entries that real requests made: read, cleared, read back.

use std::time::Duration;

use domain::RouteKey;
use routers::{Entry, Router};

use crate::lab::{Lab, key, pool};

fn names(entries: &[Entry]) -> Vec<(&str, &str)> {
    entries.iter().map(|entry| (entry.key.as_str(), entry.server.as_ref().map_or("-", |name| name.as_str()))).collect()
}

#[tokio::test]
async fn what_requests_pinned_is_read_and_cleared() {
    let (lab, accounts, sessions) = (Lab::start().await, pool("accounts"), pool("sessions"));
    let router = lab.router();
    let anna = lab.get("accounts", "acc_anna", "/").await.server;
    let ben = lab.get("accounts", "acc_ben", "/").await.server;
    let phone = lab.get("sessions", "s-phone", "/").await.server;
    assert_eq!(lab.get("accounts", "acc_anna", "/").await.server, anna, "it sticks");

    let keys = [key("acc_anna"), key("acc_nobody"), key("acc_ben"), key("acc_anna")];
    let found = router.read(&accounts, &keys).await.unwrap();
    assert_eq!(names(&found), [("acc_anna", anna.as_str()), ("acc_ben", ben.as_str())]);
    assert!(found.iter().all(|entry| !entry.in_use && entry.expires_in.is_some_and(|left| left.secs() > 1_700)));
    assert_eq!(names(&router.read(&sessions, &[key("s-phone")]).await.unwrap()), [("s-phone", phone.as_str())]);
    assert_eq!(router.read(&sessions, &keys).await.unwrap(), [], "another pool's keys");

    assert_eq!(router.clear(&accounts, &keys[..2]).await.unwrap(), []);
    assert_eq!(names(&router.read(&accounts, &keys).await.unwrap()), [("acc_ben", ben.as_str())], "no other row went");
    assert_eq!(lab.rows("sessions").await, 1, "no other table was touched");
    assert_eq!(router.clear(&accounts, &[]).await.unwrap(), []);
    assert_eq!(lab.rows("accounts").await, 1, "no keys never means all");
}

#[tokio::test]
async fn a_request_under_way_brings_its_row_back_and_the_second_clearing_ends_it() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    let server = lab.get("accounts", "acc_7", "/").await.server;
    let origin = lab.origin(&server);
    let held = lab.get("accounts", "acc_7", "/hold");
    let clearing = async {
        origin.arrival().await;
        assert_eq!(router.clear(&accounts, &keys).await.unwrap(), [], "gone, for now");
        assert_eq!(router.read(&accounts, &keys).await.unwrap(), []);
        origin.release();
    };
    let (page, ()) = tokio::join!(held, clearing);
    assert_eq!(page.server, server);
    let back = router.read(&accounts, &keys).await.unwrap();
    assert_eq!(names(&back), [("acc_7", server.as_str())], "the old request's end brought it back");
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(router.read(&accounts, &keys).await.unwrap(), []);
}

#[tokio::test]
async fn a_row_in_use_is_told_and_goes_when_it_is_let_go() {
    let (lab, tracked) = (Lab::start().await, pool("tracked"));
    let (router, keys) = (lab.router(), [key("acc_7"), key("acc_8")]);
    for key in &keys {
        lab.get("tracked", key.as_str(), "/").await;
    }
    let server = router.read(&tracked, &keys[..1]).await.unwrap()[0].server.clone().unwrap();
    let origin = lab.origin(server.as_str());
    let held = lab.get("tracked", "acc_7", "/hold");
    let clearing = async {
        origin.arrival().await;
        let left = router.clear(&tracked, &keys).await.unwrap();
        assert_eq!(names(&left), [("acc_7", server.as_str())], "the other one went");
        assert!(left[0].in_use);
        let letting_go = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            origin.release();
        };
        tokio::join!(router.clear(&tracked, &keys), letting_go).0.unwrap()
    };
    let (_, left) = tokio::join!(held, clearing);
    // Whether the row comes back as the request ends depends on which of the two was first; it is not held any more.
    assert!(left.iter().all(|entry| !entry.in_use), "{left:?}");
    assert_eq!(router.clear(&tracked, &keys).await.unwrap(), []);
    assert_eq!(lab.rows("tracked").await, 0);
}

#[tokio::test]
async fn hostile_ids_change_nothing_but_their_own_row() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    let hostile = ["acc2; clear table accounts key acc_3", "acc_3 ", "acc_3\\ x", "a\n;clear table accounts", "acc_3;"];
    for text in hostile {
        assert!(RouteKey::parse(text).is_err(), "{text:?} became a key");
    }
    let ids = (0..200).map(|number| format!("{} {number}", hostile[number % hostile.len()].replace('\n', " ")));
    let keys: Vec<RouteKey> = ids.map(|id| RouteKey::of_account(&domain::AccountId::parse(id).unwrap())).collect();
    for name in ["acc_1", "acc_2", "acc_3"] {
        lab.get("accounts", name, "/").await;
    }
    lab.fill("accounts", &keys).await;
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(lab.rows("accounts").await, 3, "the other customers' rows");
}

#[tokio::test]
async fn keys_that_look_like_words_of_the_runtime_api_are_just_keys() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    let keys = ["-", "--", "-f", "key", "data", "ptr", "0", "0x1", "_", "prompt", "help", "accounts"].map(key);
    lab.fill("accounts", &keys).await;
    lab.get("accounts", "bystander", "/").await;
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), keys.len());
    router.fence(&keys).await.unwrap();
    for key in &keys {
        assert_eq!(router.clear(&accounts, std::slice::from_ref(key)).await.unwrap(), []);
    }
    router.lift(&keys).await.unwrap();
    assert_eq!(lab.rows("accounts").await, 1);
    assert_eq!(lab.raw(&format!("show acl {}", lab.path("blocked.acl").display())).await.trim(), "");
}
