//! Redis that hangs, is gone, restarts, or breaks off: unreachable, in time, and nothing is believed.

use std::time::{Duration, Instant};

use domain::{ServerName, Span};
use routers::{
    Router, RouterError,
    redis::{Redis, RedisConfig},
};

use super::{back, names};
use crate::lab::{Cutter, RedisLab, key, keys, pool};

async fn all_unreachable(router: &Redis, limit: Duration) {
    let (app, keys, server) = (pool("app"), [key("acc_7")], ServerName::parse("api-1").unwrap());
    let start = Instant::now();
    let told = [
        router.about().await.err(),
        router.read(&app, &keys).await.err(),
        router.clear(&app, &keys).await.err(),
        router.fence(&keys).await.err(),
        router.lift(&keys).await.err(),
        router.list(&app, 10).await.err(),
        router.of_server(&app, &server, 10).await.err(),
    ];
    for error in &told {
        assert!(matches!(error, Some(RouterError::Unreachable(_))), "{told:?}");
    }
    assert!(start.elapsed() < limit * 7, "took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_redis_that_hangs_is_given_up_in_time_and_taken_up_again() {
    let (lab, app, keys) = (RedisLab::start().await, pool("app"), [key("acc_7")]);
    lab.pin("acc_7", "api-2");
    let router = Redis::new(RedisConfig { timeout: Span::from_millis(200), ..lab.config() }).unwrap();
    assert_eq!(router.read(&app, &keys).await.unwrap().len(), 1);
    lab.process.stop();
    all_unreachable(&router, Duration::from_millis(600)).await;
    let start = Instant::now();
    let crowd = (0..20).map(|_| router.read(&app, &keys));
    for result in futures::future::join_all(crowd).await {
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{result:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    lab.process.signal("CONT");
    back(&router).await;
    // What was sent to it meanwhile it obeys now, so the entry may be there or not, and a late removal hurts nobody.
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    router.lift(&keys).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_is_gone_is_unreachable_at_once() {
    let mut lab = RedisLab::start().await;
    let router = lab.router();
    router.about().await.unwrap();
    lab.process.kill();
    all_unreachable(&router, Duration::from_millis(200)).await;
    for endpoint in ["unix:/nonexistent/redis.sock", "redis://127.0.0.1:1"] {
        let config = RedisConfig { endpoint: endpoint.parse().unwrap(), ..lab.config() };
        all_unreachable(&Redis::new(config).unwrap(), Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_restart_between_two_calls_is_not_even_noticed_except_by_who_asks() {
    let (mut lab, app, keys) =
        (RedisLab::with("--appendonly yes --appendfsync always").await, pool("app"), [key("acc_7")]);
    let router = lab.router();
    lab.pin("acc_7", "api-2");
    let before = router.about().await.unwrap();
    for _ in 0..3 {
        lab.crash().await;
        assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_7", "api-2")]);
    }
    let after = router.about().await.unwrap();
    assert_ne!(before.node, after.node);
    assert!(after.uptime.is_some());
    lab.crash().await;
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
}

/// A crash while thousands of keys are cleared: whatever is answered is what is true.
#[tokio::test]
async fn a_restart_in_the_middle_is_never_called_done() {
    let (mut lab, app, many) = (RedisLab::with("--save 3600 1 --appendonly no").await, pool("app"), keys(20_000, 22));
    let router = lab.router();
    lab.fill(&many, "api-2");
    lab.raw(&["SAVE"]);
    for _ in 0..5 {
        let middle = async {
            while lab.size() == 20_000 {
                tokio::task::yield_now().await;
            }
            lab.crash().await;
        };
        let (cleared, ()) = tokio::join!(router.clear(&app, &many), middle);
        let there = back_and_read(&router, &many).await;
        match cleared {
            Ok(left) => assert_eq!(left.len(), there, "what it read back is what is there"),
            Err(error) => assert!(matches!(error, RouterError::Unreachable(_)), "{error:?}"),
        }
    }
    assert_eq!(router.clear(&app, &many).await.unwrap(), []);
    assert_eq!(lab.size(), 0);
}

async fn back_and_read(router: &Redis, many: &[domain::RouteKey]) -> usize {
    back(router).await;
    router.read(&pool("app"), many).await.unwrap().len()
}

/// What a new connection is greeted with.
const PONG: &str = "+PONG\r\n";

/// An answer that is cut at any byte proves nothing.
#[tokio::test]
async fn an_answer_that_breaks_off_is_never_believed() {
    let (lab, app, keys) = (RedisLab::start().await, pool("app"), [key("acc_7"), key("acc_8"), key("acc_9")]);
    let door = Cutter::open(lab.path("redis.sock")).await;
    let endpoint: routers::redis::Endpoint = format!("redis://{}", door.address).parse().unwrap();
    let router = || Redis::new(RedisConfig { endpoint: endpoint.clone(), ..lab.config() }).unwrap();
    lab.pin("acc_8", "api-2");
    // :-2, $0 and nothing; :-1, $5 and api-2.
    let whole = (PONG.len() + ":-2\r\n$0\r\n\r\n".len() * 2 + ":-1\r\n$5\r\napi-2\r\n".len()) as u64;
    for bytes in 0..whole {
        door.after(bytes);
        let result = router().read(&app, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes} of {whole}: {result:?}");
        let result = router().list(&app, 10).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes} of {whole}: {result:?}");
    }
    door.after(whole);
    assert_eq!(names(&router().read(&app, &keys).await.unwrap()), [("acc_8", "api-2")]);
    // Three pairs of «missing»; the three numbers before are shorter, and a second connection may have its own share.
    let whole = (PONG.len() + 3 * ":-2\r\n$0\r\n\r\n".len()) as u64;
    for bytes in 0..whole {
        door.after(u64::MAX);
        lab.fill(&keys, "api-2");
        door.after(bytes);
        let result = router().clear(&app, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes} of {whole}: {result:?}");
    }
    door.after(u64::MAX);
    assert_eq!(router().clear(&app, &keys).await.unwrap(), []);
}

/// A door that breaks off while a map is listed: the cursor of a connection that is gone is not used on another.
#[tokio::test]
async fn a_listing_over_which_the_connection_breaks_begins_anew() {
    let (lab, app, many) = (RedisLab::start().await, pool("app"), keys(5_000, 22));
    lab.fill(&many, "api-2");
    let door = Cutter::open(lab.path("redis.sock")).await;
    let endpoint = format!("redis://{}", door.address).parse().unwrap();
    let router = Redis::new(RedisConfig { endpoint, ..lab.config() }).unwrap();
    door.after(60_000);
    assert!(matches!(router.list(&app, 5_000).await, Err(RouterError::Unreachable(_))));
    let listing = router.list(&app, 5_000);
    let mending = async { door.after(u64::MAX) };
    let (listing, ()) = tokio::join!(listing, mending);
    assert!(matches!(listing, Ok(routers::Listing::All(all)) if all.len() == 5_000));
}
