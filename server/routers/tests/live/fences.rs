//! Fences: while a key is in the ACL file, no new request makes a row for it.

use std::collections::HashMap;

use futures::future::join_all;
use routers::{
    Router, RouterError,
    haproxy::{Haproxy, HaproxyConfig},
};

use crate::lab::{Lab, key, keys, pool};

#[tokio::test]
async fn a_fence_a_drain_and_two_clearings_leave_nothing_behind() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    assert!(router.can_fence());
    let server = lab.get("accounts", "acc_7", "/").await.server;
    let origin = lab.origin(&server);
    let held = lab.get("accounts", "acc_7", "/hold");
    let fencing = async {
        origin.arrival().await;
        router.fence(&keys).await.unwrap();
        assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
        lab.get("accounts", "acc_7", "/").await;
        assert_eq!(router.read(&accounts, &keys).await.unwrap(), [], "a new request makes no row");
        lab.get("accounts", "acc_8", "/").await;
        assert_eq!(router.read(&accounts, &[key("acc_8")]).await.unwrap().len(), 1, "another customer's does");
        origin.release();
    };
    tokio::join!(held, fencing);
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 1, "the old request's does");
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    lab.get("accounts", "acc_7", "/").await;
    assert_eq!(router.read(&accounts, &keys).await.unwrap(), []);
    router.lift(&keys).await.unwrap();
    lab.get("accounts", "acc_7", "/").await;
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 1, "and sticks again");
}

#[tokio::test]
async fn a_fence_is_made_once_and_undone_whole() {
    let lab = Lab::start().await;
    let (router, file) = (lab.router(), lab.path("blocked.acl"));
    let show = format!("show acl {}", file.display());
    let many = keys(1_000, 40);
    router.fence(&many).await.unwrap();
    router.fence(&many[..700]).await.unwrap();
    router.fence(&[]).await.unwrap();
    assert_eq!(lab.raw(&show).await.trim().lines().count(), 1_000, "no key twice");
    // Somebody added one by hand: all its entries go.
    lab.raw(&format!("add acl {} {}", file.display(), many[0])).await;
    router.lift(&many[..900]).await.unwrap();
    router.lift(&many[..900]).await.unwrap();
    assert_eq!(lab.raw(&show).await.trim().lines().count(), 100);
}

#[tokio::test]
async fn an_acl_that_is_missing_or_hits_others_is_refused() {
    let lab = Lab::with(
        "frontend loose
  bind unix@{dir}/loose.sock
  acl loose hdr(x) -i -f {dir}/beside.acl
  http-request deny if loose",
    )
    .await;
    let with = |file: &str| {
        let mut config = lab.config();
        config.pools[0].acl_file = Some(file.to_owned());
        Haproxy::new(config).unwrap()
    };
    let Err(RouterError::Refused(why)) = with("/etc/nowhere.acl").fence(&[key("acc_7")]).await else { panic!() };
    assert!(why.contains("no ACL file /etc/nowhere.acl"), "{why}");
    let Err(RouterError::Refused(why)) =
        with(&lab.path("beside.acl").display().to_string()).fence(&[key("acc_7")]).await
    else {
        panic!()
    };
    assert!(why.contains("-m str"), "{why}");
}

#[tokio::test]
async fn without_an_acl_file_a_fence_does_nothing() {
    let lab = Lab::start().await;
    let mut config: HaproxyConfig = lab.config();
    config.pools[0].acl_file = None;
    let router = Haproxy::new(config).unwrap();
    assert!(!router.can_fence());
    router.fence(&[key("acc_7")]).await.unwrap();
    router.lift(&[key("acc_7")]).await.unwrap();
}

/// Many accounts, each with a request that is open while it is cleaned (goal R4): when the requests end they write their
/// rows back, the second clearing ends that, and the customers' further requests make no row while the fence is up.
#[tokio::test]
async fn what_many_requests_in_flight_write_back_is_gone_after_the_second_clearing() {
    let many = std::env::var("UNSTICK_TORTURE_FLIGHTS").ok().map_or(20, |text| text.parse().unwrap());
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let (router, keys) = (lab.router(), keys(many, 20));
    let mut arrivals: HashMap<String, usize> = HashMap::new();
    for key in &keys {
        *arrivals.entry(lab.get("accounts", key.as_str(), "/").await.server).or_default() += 1;
    }
    let held = join_all(keys.iter().map(|key| lab.get("accounts", key.as_str(), "/hold")));
    let cleaning = async {
        for (server, requests) in &arrivals {
            for _ in 0..*requests {
                lab.origin(server).arrival().await;
            }
        }
        router.fence(&keys).await.unwrap();
        assert_eq!(router.clear(&accounts, &keys).await.unwrap(), [], "in flight, and cleared once");
        for (server, requests) in &arrivals {
            (0..*requests).for_each(|_| lab.origin(server).release());
        }
    };
    let (pages, ()) = tokio::join!(held, cleaning);
    assert!(pages.iter().all(|page| page.status == 200));
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), many, "each wrote its row back");
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    for _ in 0..3 {
        for key in &keys {
            lab.get("accounts", key.as_str(), "/").await;
        }
        assert_eq!(router.read(&accounts, &keys).await.unwrap(), [], "and nothing comes back");
    }
    if many > 20 {
        println!(
            "R4  {many} accounts with a request open while they were cleaned: {many} rows written back, 0 left, 0 in {} later requests",
            many * 3
        );
    }
}
