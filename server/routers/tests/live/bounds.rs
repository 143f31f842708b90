//! The limits of the runtime API: short lines, few connections.

use routers::{
    Router,
    haproxy::{Endpoint, Haproxy},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::lab::{Lab, Relay, key, keys, pool};

const LONG: &str = "a-table-with-a-name-so-long-that-few-keys-fit-into-a-line-and-then-some-more-to-be-sure-of-it";

#[tokio::test]
async fn lines_stay_short_and_connections_few() {
    let lab =
        Lab::with(&format!("backend {LONG}\n  stick-table type string len 64 size 100k expire 30m store server_id"))
            .await;
    let relay = Relay::open(lab.path("operator.sock")).await;
    let mut config = lab.config();
    config.endpoint = Endpoint::Tcp(relay.address);
    config.pools[0].table = LONG.to_owned();
    let (router, accounts, keys) = (Haproxy::new(config).unwrap(), pool("accounts"), keys(3_000, 64));
    lab.fill(LONG, &keys[..2_000]).await;
    let crowd = (0..8).map(|_| router.read(&accounts, &keys));
    for found in futures::future::join_all(crowd).await {
        assert_eq!(found.unwrap().len(), 2_000);
    }
    router.fence(&keys).await.unwrap();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(lab.rows(LONG).await, 0);
    router.lift(&keys).await.unwrap();
    assert!(relay.longest() > 4_000 && relay.longest() < 8_000, "{} bytes", relay.longest());
    assert!(relay.most() <= 4, "{} connections", relay.most());
}

/// A full table drops its oldest rows without a word: what is gone is seen as gone, and the doctor says why.
#[tokio::test]
async fn a_full_table_is_told_and_what_it_dropped_is_not_believed_to_be_there() {
    let lab = Lab::with(
        "backend tiny\n  stick-table type string len 64 size 100 expire 30m store server_id\nfrontend tiny_web\n  \
         bind unix@{dir}/tiny.sock\n  http-request track-sc0 req.cook(k) table tiny\n  http-request return status 200",
    )
    .await;
    let mut config = lab.config();
    config.pools[0].table = "tiny".to_owned();
    let (router, accounts, keys) = (Haproxy::new(config).unwrap(), pool("accounts"), keys(300, 20));
    let told = || router.caveats().into_iter().filter(|caveat| caveat.contains("is full")).collect::<Vec<_>>();
    lab.fill("tiny", &keys[..10]).await;
    assert_eq!(router.read(&accounts, &keys[..10]).await.unwrap().len(), 10);
    assert_eq!(told(), Vec::<String>::new());
    for key in &keys {
        let mut visit = UnixStream::connect(lab.path("tiny.sock")).await.unwrap();
        visit.write_all(format!("GET / HTTP/1.0\r\ncookie: k={key}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        visit.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let there = router.read(&accounts, &keys).await.unwrap();
    assert!(there.len() <= 100, "{} rows", there.len());
    assert!(there.iter().all(|entry| entry.key != keys[0]), "the oldest went first");
    assert!(told()[0].contains("tiny is full with 100 entries"), "{:?}", told());
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(router.read(&accounts, &[key("none")]).await.unwrap(), []);
    assert_eq!(told(), Vec::<String>::new(), "there is room again");
}
