//! What comes back after it was cleared: after a crash, by an old request, by a proxy.

use routers::Router;

use super::{back, names};
use crate::lab::{RedisLab, key, pool};

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
