//! Redis answers and will not: never mistaken for «done», always with what to do.

use std::fs;

use routers::{
    Router,
    redis::{Password, Redis, RedisConfig},
};

use super::{names, not_now, refused, unreachable};
use crate::lab::{RedisLab, key, pool};

#[tokio::test]
async fn a_failed_background_save_is_told_and_what_to_do() {
    let (lab, app) = (RedisLab::with("--save 3600 1 --appendonly no").await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    lab.pin("acc_7", "api-2");
    // The snapshot cannot be put where a folder is.
    fs::create_dir(lab.path("dump.rdb")).unwrap();
    lab.background_save("err").await;
    not_now(router.clear(&app, &keys).await, "full disk");
    not_now(router.fence(&keys).await, "full disk");
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_7", "api-2")], "to look is allowed");
    router.about().await.unwrap();
    assert!(router.caveats().iter().any(|caveat| caveat.contains("background save")), "{:?}", router.caveats());
    fs::remove_dir(lab.path("dump.rdb")).unwrap();
    lab.background_save("ok").await;
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
}

#[tokio::test]
async fn a_replica_is_told_and_a_promotion_is_another_redis() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    lab.pin("acc_7", "api-2");
    lab.raw(&["REPLICAOF", "127.0.0.1", "1"]);
    not_now(router.clear(&app, &keys).await, "point the endpoint at its primary");
    not_now(router.fence(&keys).await, "replica");
    assert_eq!(router.read(&app, &keys).await.unwrap().len(), 1);
    assert!(router.about().await.unwrap().product.ends_with(", a replica"));
    assert!(router.caveats().iter().any(|caveat| caveat.contains("replica")), "{:?}", router.caveats());
    lab.raw(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
}

#[tokio::test]
async fn passwords_and_rights() {
    let lab = RedisLab::with("--save '' --requirepass hunter2").await;
    let (app, keys) = (pool("app"), [key("acc_7")]);
    refused(lab.router().read(&app, &keys).await, "password");
    let with = |user: Option<&str>, password: &str| {
        let mut config = lab.config();
        config.endpoint.user = user.map(str::to_owned);
        Redis::new(RedisConfig { password: Some(Password::new(password)), ..config }).unwrap()
    };
    let told = with(None, "wrong-hunter3").read(&app, &keys).await;
    refused(told.clone(), "does not accept the password");
    assert!(!format!("{told:?}").contains("hunter3"));
    let admin = with(None, "hunter2");
    assert_eq!(admin.clear(&app, &keys).await.unwrap(), []);
    assert!(!format!("{admin:?}").contains("hunter2"), "{admin:?}");

    // What the refusal says that is needed is enough.
    let mut open = redis::Client::open(format!("redis+unix://{}?pass=hunter2", lab.path("redis.sock").display()))
        .unwrap()
        .get_connection()
        .unwrap();
    let mut rights = |user: &str, more: &[&str]| {
        redis::cmd("ACL")
            .arg("SETUSER")
            .arg(user)
            .arg("on")
            .arg(">s3cret")
            .arg("~affinity:*")
            .arg(more)
            .exec(&mut open)
            .unwrap();
    };
    rights("some", &["+info", "+pttl", "+getrange", "+unlink", "+exists", "+set", "+scan"]);
    rights("none", &["+info"]);
    let some = with(Some("some"), "s3cret");
    some.about().await.unwrap();
    some.fence(&keys).await.unwrap();
    assert_eq!(some.clear(&app, &keys).await.unwrap(), []);
    some.lift(&keys).await.unwrap();
    some.list(&app, 10).await.unwrap();
    refused(with(Some("none"), "s3cret").read(&app, &keys).await, "+getrange");
    refused(some.read(&pool("files"), &keys).await, "key_pattern");
}

#[tokio::test]
async fn wrong_pools_and_databases() {
    let (lab, keys) = (RedisLab::start().await, [key("acc_7")]);
    refused(lab.router().clear(&pool("unknown"), &keys).await, "no pool called unknown");
    refused(lab.router().list(&pool("unknown"), 1).await, "no pool called unknown");
    let endpoint = format!("unix:{}?db=900", lab.path("redis.sock").display()).parse().unwrap();
    let router = Redis::new(RedisConfig { endpoint, ..lab.config() }).unwrap();
    refused(router.read(&pool("app"), &keys).await, "database");
}

#[tokio::test]
async fn while_it_loads_it_is_not_there_yet() {
    let (mut lab, app) = (
        RedisLab::with("--save 3600 1 --key-load-delay 200 --loading-process-events-interval-bytes 1024").await,
        pool("app"),
    );
    let router = lab.router();
    lab.fill_other("noise:", &crate::lab::keys(5_000, 10), "x");
    lab.pin("acc_7", "api-2");
    lab.raw(&["SAVE"]);
    lab.crash_early().await;
    unreachable(router.about().await, "loading");
    unreachable(router.read(&app, &[key("acc_7")]).await, "loading");
    unreachable(router.clear(&app, &[key("acc_7")]).await, "loading");
    super::back(&router).await;
    assert_eq!(router.read(&app, &[key("acc_7")]).await.unwrap().len(), 1);
}
