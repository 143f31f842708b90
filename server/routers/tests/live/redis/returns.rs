//! What comes back after it was cleared: after a crash, by an old request, by a proxy.

use routers::{
    Router,
    redis::{Redis, ValueFormat},
};

use super::{back, names};
use crate::lab::{RedisLab, free_port, key, pool};

/// With Debian's defaults a deletion is only in memory until the next snapshot.
#[tokio::test]
async fn a_crash_brings_a_cleared_key_back_and_the_next_look_sees_it() {
    let (mut lab, app) =
        (RedisLab::with("--save '3600 1' --appendonly no".replace('\'', "").as_str()).await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    lab.pin("acc_7", "api-2");
    lab.raw(&["SAVE"]);
    let before = router.about().await.unwrap();
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    assert_eq!(router.read(&app, &keys).await.unwrap(), []);
    lab.crash().await;
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_7", "api-2")], "the snapshot had it");
    let after = back(&router).await;
    assert_ne!(before.node, after.node, "who looks at it is told of the restart");
    assert!(router.caveats().iter().any(|caveat| caveat.contains("appendonly")), "{:?}", router.caveats());
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    lab.raw(&["SAVE"]);
    lab.crash().await;
    assert_eq!(router.read(&app, &keys).await.unwrap(), [], "gone from the snapshot too");
}

#[tokio::test]
async fn with_an_append_only_file_a_crash_brings_nothing_back() {
    let (mut lab, app) = (RedisLab::with("--appendonly yes --appendfsync always").await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7"), key("acc_8")]);
    lab.pin("acc_7", "api-2");
    lab.pin("acc_8", "api-2");
    assert_eq!(router.clear(&app, &keys[..1]).await.unwrap(), []);
    lab.crash().await;
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_8", "api-2")]);
    back(&router).await;
    assert_eq!(router.caveats().len(), 1, "only that `files` has no fence: {:?}", router.caveats());
}

/// A proxy that writes back what it read before: the reading back of `clear` tells it, or the next look does.
#[tokio::test]
async fn a_proxy_that_writes_all_the_time_is_never_called_gone_for_good() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let (router, keys) = (lab.router(), [key("acc_7")]);
    lab.pin("acc_7", "api-2");
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    lab.pin("acc_7", "api-2");
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_7", "api-2")]);
}

/// Replication is asynchronous: what was cleaned on the primary just before it died is there again on the replica that takes
/// its place. It calls itself otherwise, so whoever looks at it looks again at once.
#[tokio::test]
async fn a_replica_that_takes_over_may_not_know_what_was_cleaned_and_is_seen_to_be_another() {
    let port = free_port();
    let (primary, replica) =
        (RedisLab::with(&format!("--save '' --port {port} --bind 127.0.0.1")).await, RedisLab::start().await);
    let (app, keys) = (pool("app"), [key("acc_7")]);
    let (old, new) = (primary.router(), replica.router());
    primary.pin("acc_7", "api-2");
    replica.raw(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    while new.read(&app, &keys).await.unwrap_or_default().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // From here on the replica hears nothing of it, as when the line between them breaks; then the primary dies.
    replica.raw(&["REPLICAOF", "127.0.0.1", "1"]);
    let before = old.about().await.unwrap();
    old.fence(&keys).await.unwrap();
    assert_eq!(old.clear(&app, &keys).await.unwrap(), []);
    drop(primary);
    replica.raw(&["REPLICAOF", "NO", "ONE"]);
    let after = back(&new).await;
    assert_ne!(before.node, after.node);
    assert_eq!(names(&new.read(&app, &keys).await.unwrap()), [("acc_7", "api-2")], "the clearing never arrived");
    assert_eq!(new.clear(&app, &keys).await.unwrap(), [], "the next round ends it");
}

/// What the README asks of a proxy: an entry older than the customer's session is none, whatever brought it back.
#[tokio::test]
async fn an_old_generation_is_recognised_after_a_rollback() {
    const READ: &str = "local text = redis.call('GET', KEYS[1]) if not text then return false end \
                        local entry = cjson.decode(text) \
                        if (tonumber(entry.gen) or 0) < tonumber(ARGV[1]) then return false end return entry.server";
    let mut lab = RedisLab::with("--save 3600 1 --appendonly no").await;
    let mut config = lab.config();
    config.pools[0].value = ValueFormat::parse("json:server", None).unwrap().with_generation("gen").unwrap();
    let (router, app, keys) = (Redis::new(config).unwrap(), pool("app"), [key("acc_7")]);
    let generations = async || {
        let entries = router.read(&app, &keys).await.unwrap();
        entries.into_iter().map(|entry| entry.generation).collect::<Vec<_>>()
    };
    lab.pin("acc_7", r#"{"server":"api-2","gen":3}"#);
    assert_eq!(generations().await, [Some(3)]);
    lab.raw(&["SAVE"]);
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    lab.crash().await;
    back(&router).await;
    assert_eq!(generations().await, [Some(3)], "the snapshot had it, and it tells its age");
    let asks = |generation: &str| lab.raw(&["EVAL", READ, "1", "affinity:app:acc_7", generation]);
    assert_eq!(asks("4"), redis::Value::Nil, "a session since the clean-up is not sent there");
    assert_eq!(asks("3"), redis::Value::BulkString(b"api-2".to_vec()));
    for odd in [r#"{"server":"api-2","gen":"x"}"#, r#"{"server":"api-2"}"#] {
        lab.pin("acc_7", odd);
        assert_eq!(generations().await, [None], "{odd}");
    }
}
