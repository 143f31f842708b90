//! What operators set, what checks say, what was counted, and what HAProxy says of itself.

use domain::{Counters, Health};
use routers::{Router, ServerReading, haproxy::Haproxy};

use crate::lab::Lab;

async fn reading(router: &Haproxy, pool: &str, name: &str) -> ServerReading {
    let readings = router.servers().await.unwrap();
    let found = readings.into_iter().find(|reading| reading.pool.as_str() == pool && reading.name.as_str() == name);
    found.unwrap_or_else(|| panic!("{name} is missing"))
}

#[tokio::test]
async fn an_operators_words_are_read() {
    let lab = Lab::start().await;
    let router = lab.router();
    for (state, wanted) in [
        ("ready", Health::Healthy),
        ("drain", Health::Draining),
        ("maint", Health::Maintenance),
        ("ready", Health::Healthy),
    ] {
        assert_eq!(lab.raw(&format!("set server accounts/api-2 state {state}")).await.trim(), "");
        assert_eq!(reading(&router, "accounts", "api-2").await.state, wanted, "{state}");
        assert_eq!(reading(&router, "accounts", "api-1").await.state, Health::Healthy);
        assert_eq!(reading(&router, "sessions", "api-2").await.state, Health::Healthy, "another back end's");
    }
    lab.raw("set server accounts/api-2 weight 0").await;
    assert_eq!(reading(&router, "accounts", "api-2").await.state, Health::Draining, "no weight, no new customers");
    assert_eq!(router.servers().await.unwrap().len(), 15);
}

#[tokio::test]
async fn what_checks_say_is_read() {
    let lab = Lab::with(
        "backend checked
  default-server check inter 50ms fall 1 rise 1
  stick-table type string len 64 size 1k
  server dead 127.0.0.1:1
  server off 127.0.0.1:1 disabled
  server new 127.0.0.1:1 check inter 1h fall 2 rise 1",
    )
    .await;
    let mut config = lab.config();
    (config.pools[0].table, config.pools[0].backend) = ("checked".to_owned(), "checked".to_owned());
    let router = Haproxy::new(config).unwrap();
    let state = async |name| reading(&router, "accounts", name).await.state;
    for _ in 0..200 {
        if state("dead").await == Health::Down {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(state("dead").await, Health::Down);
    assert_eq!(state("off").await, Health::Maintenance);
    assert_eq!(state("new").await, Health::Unknown, "HAProxy calls it up, but its first check is an hour away");
}

#[tokio::test]
async fn failures_are_counted_once_and_never_missed() {
    let lab = Lab::with(
        "backend lonely
  stick-table type string len 64 size 1k
  server dead 127.0.0.1:1",
    )
    .await;
    let mut config = lab.config();
    (config.pools[2].table, config.pools[2].backend) = ("lonely".to_owned(), "lonely".to_owned());
    let router = Haproxy::new(config).unwrap();
    let server = lab.get("accounts", "acc_7", "/").await.server;
    for (path, status, count) in [("/", 200, 9), ("/fail", 500, 3), ("/drop", 502, 2)] {
        for _ in 0..count {
            assert_eq!(lab.get("accounts", "acc_7", path).await.status, status);
        }
    }
    for _ in 0..4 {
        assert_eq!(lab.get("lonely", "acc_7", "/").await.status, 503);
    }
    let Counters { requests, errors, .. } = reading(&router, "accounts", &server).await.counters;
    assert_eq!((requests, errors), (15, 5));
    let Counters { requests, errors, .. } = reading(&router, "tracked", "dead").await.counters;
    assert_eq!((requests, errors), (4, 4), "a server that refuses is seen although it answered nothing");
    let idle = lab.origins.iter().find(|origin| origin.name != server).unwrap();
    assert_eq!(reading(&router, "accounts", idle.name).await.counters, Counters::default());
}

#[tokio::test]
async fn pools_of_one_back_end_both_have_its_servers() {
    let lab = Lab::start().await;
    let mut config = lab.config();
    config.pools[1].backend = "accounts".to_owned();
    lab.get("accounts", "acc_7", "/").await;
    let readings = Haproxy::new(config).unwrap().servers().await.unwrap();
    let of = |pool: &str| -> Vec<_> {
        let these = readings.iter().filter(|reading| reading.pool.as_str() == pool);
        these.map(|reading| (reading.name.clone(), reading.counters)).collect()
    };
    assert_eq!(of("accounts"), of("sessions"));
    assert_eq!(of("sessions").len(), 3);
}

#[tokio::test]
async fn it_says_who_it_is() {
    let lab = Lab::start().await;
    let about = lab.router().about().await.unwrap();
    assert!(about.product.starts_with("HAProxy ") && about.product.len() > 10, "{}", about.product);
    assert_eq!(about.node, "lb-test");
    assert!(about.uptime.is_some_and(|uptime| uptime.secs() < 60));
}
