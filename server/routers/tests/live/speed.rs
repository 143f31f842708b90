//! How fast: printed, not asserted, for machines differ. `cargo test --release -p routers speed -- --nocapture`

use std::{fmt::Write as _, time::Instant};

use routers::Router;

use crate::lab::{Lab, key, keys, pool};

#[tokio::test]
async fn ten_thousand_keys() {
    let (lab, accounts, keys) = (Lab::start().await, pool("accounts"), keys(10_000, 22));
    let router = lab.router();
    for round in 0..3 {
        lab.fill("accounts", &keys).await;
        let start = Instant::now();
        for some in keys.chunks(300) {
            let mut line = String::new();
            for key in some {
                let _ = write!(line, "clear table accounts key {key};");
            }
            lab.raw(line.trim_end_matches(';')).await;
        }
        let bare = start.elapsed();
        lab.fill("accounts", &keys).await;
        let start = Instant::now();
        assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
        let ours = start.elapsed();
        assert_eq!(lab.rows("accounts").await, 0);
        println!(
            "round {round}: 10,000 keys bare {bare:?}, cleared and read back {ours:?}: {:.0} %",
            100.0 * bare.as_secs_f64() / ours.as_secs_f64()
        );
    }
    lab.fill("accounts", &keys).await;
    let start = Instant::now();
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 10_000);
    println!("10,000 keys read: {:?}", start.elapsed());
    let start = Instant::now();
    assert!(matches!(router.list(&accounts, 20_000).await, Ok(routers::Listing::All(all)) if all.len() == 10_000));
    println!("10,000 rows listed: {:?}", start.elapsed());
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(router.clear(&accounts, &keys[..20]).await.unwrap(), []);
        let cleared = start.elapsed();
        assert_eq!(router.read(&accounts, &[key("none")]).await.unwrap(), []);
        println!(
            "20 keys cleared and read back: {cleared:?}, one key read: {:?}",
            start.elapsed().saturating_sub(cleared)
        );
    }
}
