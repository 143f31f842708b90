//! HAProxy that hangs, is gone, or breaks off: unreachable, in time, and nothing is believed.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use domain::{ServerName, Span};
use routers::{
    Router, RouterError,
    haproxy::{Endpoint, Haproxy, HaproxyConfig},
};

use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::lab::{Lab, Relay, key, keys, pool};

async fn unreachable<T: std::fmt::Debug>(limit: Duration, work: impl Future<Output = Result<T, RouterError>>) {
    let start = Instant::now();
    let result = work.await;
    let took = start.elapsed();
    assert!(matches!(result, Err(RouterError::Unreachable(_))), "{result:?}");
    assert!(took < limit, "took {took:?}");
}

async fn all_unreachable(router: &Haproxy, limit: Duration) {
    let (accounts, keys) = (pool("accounts"), [key("acc_7")]);
    unreachable(limit, router.about()).await;
    unreachable(limit, router.servers()).await;
    unreachable(limit, router.read(&accounts, &keys)).await;
    unreachable(limit, router.clear(&accounts, &keys)).await;
    unreachable(limit, router.fence(&keys)).await;
    unreachable(limit, router.lift(&keys)).await;
    unreachable(limit, router.list(&accounts, 10)).await;
    unreachable(limit, router.of_server(&accounts, &ServerName::parse("api-1").unwrap(), 10)).await;
}

#[tokio::test]
async fn a_haproxy_that_hangs_is_given_up_in_time_and_taken_up_again() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    lab.get("accounts", "acc_7", "/").await;
    let router = Haproxy::new(HaproxyConfig { timeout: Span::from_millis(300), ..lab.config() }).unwrap();
    lab.process.stop();
    all_unreachable(&router, Duration::from_millis(900)).await;
    // More than there are seats: the ones that wait are given up too.
    let start = Instant::now();
    let crowd = (0..20).map(|_| router.read(&accounts, &keys));
    for result in futures::future::join_all(crowd).await {
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{result:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
    lab.process.signal("CONT");
    // What was sent to it meanwhile it obeys now, so the row may be there or not.
    assert!(lab.router().read(&accounts, &keys).await.is_ok());
    assert_eq!(lab.router().clear(&accounts, &keys).await.unwrap(), []);
}

#[tokio::test]
async fn a_haproxy_that_is_gone_is_unreachable_at_once() {
    let lab = Lab::start().await;
    lab.process.signal("KILL");
    while lab.process.lives() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    all_unreachable(&lab.router(), Duration::from_secs(1)).await;
    all_unreachable(&lab.router_at(Endpoint::Unix(lab.path("none.sock"))), Duration::from_secs(1)).await;
    let nobody = Endpoint::Tcp(([127, 0, 0, 1], 1).into());
    all_unreachable(&lab.router_at(nobody), Duration::from_secs(1)).await;
}

/// An answer that is cut at any byte proves nothing: neither that a row is there nor that it is gone.
#[tokio::test]
async fn an_answer_that_breaks_off_is_never_believed() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7"), key("acc_8"), key("acc_9")]);
    let relay = Relay::open(lab.path("operator.sock")).await;
    let router = lab.router_at(Endpoint::Tcp(relay.address));
    lab.get("accounts", "acc_8", "/").await;

    let shows = "show table;show table accounts key acc_7;show table accounts key acc_8;show table accounts key acc_9";
    let whole = 1 + lab.raw(shows).await.len();
    for bytes in 0..whole {
        relay.break_after("acc_9", bytes);
        let result = router.read(&accounts, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes} of {whole}: {result:?}");
    }
    for command in ["show table accounts", "show servers state accounts", "show table"] {
        let whole = 1 + lab.raw(command).await.len();
        for bytes in 0..whole {
            relay.break_after(&format!(";{command}"), bytes);
            let result = router.list(&accounts, 10).await;
            assert!(matches!(result, Err(RouterError::Unreachable(_))), "{command}, {bytes} of {whole}: {result:?}");
        }
    }
    relay.mend();
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 1);

    // The rows go, but nobody may say so before it was read.
    lab.fill("accounts", &keys).await;
    let whole = 1 + lab.raw("show table").await.len() + 2 * keys.len();
    for bytes in 0..whole {
        relay.break_after("acc_9", bytes);
        let result = router.clear(&accounts, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes} of {whole}: {result:?}");
    }
    relay.mend();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
}

/// The same where several lines go through one connection.
#[tokio::test]
async fn a_talk_that_breaks_off_is_never_believed() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), keys(300, 22));
    let relay = Relay::open(lab.path("operator.sock")).await;
    let router = lab.router_at(Endpoint::Tcp(relay.address));
    lab.fill("accounts", &keys).await;
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 300);
    // Two prompts, and then a row of some eighty bytes for each key.
    for bytes in (0..24_000).step_by(191) {
        relay.break_after("number", bytes);
        let result = router.read(&accounts, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes}: {result:?}");
    }
    // Each prompt has three bytes: the last one is the last key's, read back.
    let overview = lab.raw("show table").await.len();
    for bytes in (0..2 * 3 + 2 * 300 * 3).step_by(7).chain([2 * 300 * 3 + overview]) {
        relay.break_after("number", bytes);
        let result = router.clear(&accounts, &keys).await;
        assert!(matches!(result, Err(RouterError::Unreachable(_))), "{bytes}: {result:?}");
        lab.fill("accounts", &keys).await;
    }
    relay.mend();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(lab.rows("accounts").await, 0);
}

/// Somebody who sends `part` every 20 ms, for ever.
async fn babbler(part: Vec<u8>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let part = part.clone();
            tokio::spawn(async move {
                while stream.write_all(&part).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    Endpoint::Tcp(address)
}

#[tokio::test]
async fn an_answer_without_end_is_ended() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    for part in [b"\n".to_vec(), b"x".to_vec(), vec![b'x'; 2 << 20], b"\n# table: accounts, ".to_vec()] {
        let config = HaproxyConfig { endpoint: babbler(part).await, timeout: Span::from_millis(60), ..lab.config() };
        let router = Haproxy::new(config).unwrap();
        let start = Instant::now();
        assert!(router.read(&accounts, &[key("acc_7")]).await.is_err());
        assert!(router.list(&accounts, 10).await.is_err());
        assert!(router.servers().await.is_err());
        assert!(start.elapsed() < Duration::from_secs(4), "took {:?}", start.elapsed());
    }
}
