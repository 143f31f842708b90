//! Fences: a tombstone that a cooperating proxy looks at in the script in which it pins.

use domain::Span;
use redis::Value;
use routers::{
    Router,
    redis::{Redis, RedisConfig},
};

use super::names;
use crate::lab::{RedisLab, key, keys, pool};

/// What the proxy runs for each request that has no pin: the fence and the entry in one step.
const PIN: &str = "if redis.call('EXISTS', KEYS[1] .. ':fence') == 1 then return 0 end \
                   redis.call('SET', KEYS[1], ARGV[1]) return 1";

fn request(lab: &RedisLab, key: &str) -> bool {
    lab.raw(&["EVAL", PIN, "1", &format!("affinity:app:{key}"), "api-2"]) == Value::Int(1)
}

#[tokio::test]
async fn a_fence_a_drain_and_two_clearings_leave_nothing_behind() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    assert!(router.can_fence());
    assert!(request(&lab, "acc_7"));
    router.fence(&keys).await.unwrap();
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    assert!(!request(&lab, "acc_7"), "a new request makes no entry");
    assert!(request(&lab, "acc_8"), "another customer's does");
    // An old request that looked before the fence was there.
    lab.pin("acc_7", "api-2");
    assert_eq!(names(&router.clear(&app, &keys).await.unwrap()), []);
    assert!(!request(&lab, "acc_7"));
    assert_eq!(router.read(&app, &keys).await.unwrap(), []);
    router.lift(&keys).await.unwrap();
    assert!(request(&lab, "acc_7"), "and sticks again");
}

#[tokio::test]
async fn a_fence_ends_by_itself_and_is_no_entry() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let router = lab.router();
    let many = keys(1_200, 40);
    router.fence(&many).await.unwrap();
    router.fence(&many[..700]).await.unwrap();
    router.fence(&[]).await.unwrap();
    assert_eq!(lab.size(), 1_200, "one for each key, none for the pool without a fence");
    let Value::Int(left) = lab.raw(&["PTTL", &format!("affinity:app:{}:fence", many[0])]) else { panic!() };
    assert!((500_000..=600_000).contains(&left), "{left}");
    assert_eq!(router.list(&app, 10).await.unwrap(), routers::Listing::All(Vec::new()));
    router.lift(&many[..900]).await.unwrap();
    router.lift(&many[..900]).await.unwrap();
    assert_eq!(lab.size(), 300);
}

#[tokio::test]
async fn a_fence_of_another_name_and_none_at_all() {
    let lab = RedisLab::start().await;
    let mut config = lab.config();
    config.pools[0].fence_pattern = Some("blocked:{key}".to_owned());
    Redis::new(config).unwrap().fence(&[key("acc_7")]).await.unwrap();
    assert_eq!(lab.raw(&["EXISTS", "blocked:acc_7"]), Value::Int(1));

    let mut config: RedisConfig = lab.config();
    config.pools[0].fence = false;
    let router = Redis::new(config).unwrap();
    assert!(!router.can_fence());
    router.fence(&[key("acc_8")]).await.unwrap();
    router.lift(&[key("acc_8")]).await.unwrap();
    assert_eq!(lab.size(), 1, "does nothing");
    assert_eq!(router.caveats().len(), 2, "{:?}", router.caveats());
}

#[tokio::test]
async fn a_fence_that_falls_before_old_requests_end_is_not_accepted() {
    let lab = RedisLab::start().await;
    assert!(Redis::new(RedisConfig { fence_ttl: Span::from_secs(5), ..lab.config() }).is_err());
}
