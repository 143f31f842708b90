//! HAProxy answers and will not: never mistaken for «done», always with what to do.

use domain::ServerName;
use routers::{
    Router, RouterError,
    haproxy::{Endpoint, Haproxy, HaproxyPool},
};

use crate::lab::{Lab, key, pool};

fn refused<T: std::fmt::Debug>(result: Result<T, RouterError>, part: &str) {
    match result {
        Err(RouterError::Refused(why)) => assert!(why.contains(part), "{why:?} lacks {part:?}"),
        other => panic!("{other:?} is no refusal with {part:?}"),
    }
}

fn with(lab: &Lab, change: impl Fn(&mut HaproxyPool)) -> Haproxy {
    let mut config = lab.config();
    change(&mut config.pools[0]);
    Haproxy::new(config).unwrap()
}

#[tokio::test]
async fn a_socket_of_level_user_is_not_enough() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    lab.get("accounts", "acc_7", "/").await;
    let router = lab.router_at(lab.endpoint("user"));
    let (keys, part) = ([key("acc_7")], "level operator");
    refused(router.read(&accounts, &keys).await, part);
    refused(router.clear(&accounts, &keys).await, part);
    refused(router.list(&accounts, 100).await, part);
    refused(router.of_server(&accounts, &ServerName::parse("api-1").unwrap(), 100).await, part);
    assert_eq!(lab.rows("accounts").await, 1);
    assert!(router.about().await.is_ok() && router.servers().await.is_ok(), "to look is allowed");
    assert_eq!(lab.router().clear(&accounts, &keys).await.unwrap(), []);
}

#[tokio::test]
async fn wrong_names_are_told_with_the_right_ones() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    let router = with(&lab, |pool| pool.table = "acounts".to_owned());
    refused(router.clear(&accounts, &keys).await, "no stick table called acounts");
    refused(router.clear(&accounts, &keys).await, "accounts, ");
    refused(router.read(&accounts, &keys).await, "no stick table called acounts");
    refused(router.list(&accounts, 10).await, "no stick table called acounts");
    let router = with(&lab, |pool| pool.backend = "nowhere".to_owned());
    refused(router.servers().await, "no back end called nowhere");
    refused(lab.router().clear(&pool("unknown"), &keys).await, "no pool called unknown");
}

#[tokio::test]
async fn a_table_that_cannot_hold_our_keys_is_no_empty_table() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    let router = with(&lab, |pool| pool.table = "others".to_owned());
    for result in [router.read(&accounts, &keys).await, router.clear(&accounts, &keys).await] {
        refused(result, "keys of type ip");
    }
    refused(router.list(&accounts, 10).await, "keys of type ip");
}

/// HAProxy cuts a key at the table's `len`, when it stores and when it looks up: two customers, one row.
#[tokio::test]
async fn a_table_that_cuts_keys_is_refused_before_anything_goes() {
    let (lab, short) = (Lab::start().await, pool("short"));
    let router = lab.router();
    let (mine, twin) = (format!("{:0>32}{:0>32}", 7, 1), format!("{:0>32}{:0>32}", 7, 2));
    lab.get("short", &twin, "/").await;
    refused(router.read(&short, &[key(&mine)]).await, "only the first 32 characters");
    refused(router.clear(&short, &[key("ok"), key(&mine)]).await, "only the first 32 characters");
    assert_eq!(lab.rows("short").await, 1, "the twin's row");
    // Keys that fit are served, also after the table was seen to cut longer ones.
    lab.get("short", "acc_7", "/").await;
    let fits = [key("acc_7"), key(&mine[..32])];
    assert_eq!(router.read(&short, &fits).await.unwrap().len(), 2);
    assert_eq!(router.clear(&short, &fits).await.unwrap(), []);
    lab.get("short", &twin, "/").await;
    refused(router.clear(&short, &[key(&mine)]).await, "Nothing was changed");
    assert_eq!(lab.rows("short").await, 1);
}

#[tokio::test]
async fn somebody_else_at_the_endpoint_is_no_router() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    let router = lab.router_at(Endpoint::Unix(lab.path("web.sock")));
    let part = "does not answer like HAProxy's runtime API";
    refused(router.clear(&accounts, &keys).await, part);
    refused(router.list(&accounts, 10).await, part);
    refused(router.about().await, part);
}

#[tokio::test]
async fn a_pool_tells_all_that_keeps_it_from_being_cleaned() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    assert_eq!(lab.router().troubles(&accounts).await, []);
    let words = async |router: &Haproxy, of: &str| {
        let troubles = router.troubles(&pool(of)).await;
        troubles.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let router = with(&lab, |pool| {
        pool.table = "acounts".to_owned();
        pool.backend = "nowhere".to_owned();
        pool.acl_file = Some("/nope.acl".to_owned());
    });
    let told = words(&router, "accounts").await;
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, part) in
        told.iter().zip(["no stick table called acounts", "no back end called nowhere", "no ACL file /nope.acl"])
    {
        assert!(told.contains(part), "{told}");
    }
    let told = words(&with(&lab, |pool| pool.table = "others".to_owned()), "accounts").await;
    assert!(told.len() == 1 && told[0].contains("keys of type ip"), "{told:?}");
    // A table that cuts keys looks like any other until a row shows it.
    lab.get("short", "acc_7Q2mX0cVd4_and_more_that_does_not_fit", "/").await;
    let told = words(&lab.router(), "short").await;
    assert!(told.len() == 1 && told[0].contains("len 64"), "{told:?}");
}
