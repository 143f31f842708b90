//! How fast: printed, not asserted, for machines differ. `cargo test -p routers --release redis::speed -- --nocapture`

use std::time::Instant;

use redis::{Pipeline, Value};
use routers::{Listing, Router};

use crate::lab::{RedisLab, keys, pool};

#[tokio::test]
async fn ten_thousand_keys() {
    let (lab, app, keys) = (RedisLab::start().await, pool("app"), keys(10_000, 22));
    let router = lab.router();
    let client = redis::Client::open(format!("unix:{}", lab.path("redis.sock").display())).unwrap();
    let mut open = client.get_multiplexed_async_connection().await.unwrap();
    for round in 0..3 {
        lab.fill(&keys, "api-2");
        let start = Instant::now();
        // One pipeline for all, as one would do it by hand: remove, then look.
        for verb in ["UNLINK", "GET"] {
            let mut commands = Pipeline::new();
            for key in &keys {
                commands.cmd(verb).arg(format!("affinity:app:{key}"));
            }
            let answers: Vec<Value> = commands.query_async(&mut open).await.unwrap();
            assert_eq!(answers.len(), 10_000);
        }
        let bare = start.elapsed();
        lab.fill(&keys, "api-2");
        let start = Instant::now();
        assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
        let ours = start.elapsed();
        println!(
            "round {round}: 10,000 keys bare {bare:?}, cleared and read back {ours:?}: {:.0} %",
            100.0 * bare.as_secs_f64() / ours.as_secs_f64()
        );
    }
    lab.fill(&keys, "api-2");
    let start = Instant::now();
    assert_eq!(router.read(&app, &keys).await.unwrap().len(), 10_000);
    println!("10,000 keys read: {:?}", start.elapsed());
    let start = Instant::now();
    assert!(matches!(router.list(&app, 20_000).await, Ok(Listing::All(all)) if all.len() == 10_000));
    println!("10,000 entries listed: {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(router.clear(&app, &keys[..20]).await.unwrap(), []);
    println!("20 keys cleared and read back: {:?}", start.elapsed());
}
