//! The limits of the runtime API: short lines, few connections.

use routers::{
    Router,
    haproxy::{Endpoint, Haproxy},
};

use crate::lab::{Lab, Relay, keys, pool};

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
