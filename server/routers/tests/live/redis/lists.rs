//! Whole maps and the entries of one server, between millions of other keys.

use domain::ServerName;
use routers::{Entry, Listing, Router, redis::Redis};

use super::refused;
use crate::lab::{RedisLab, keys, pool};

fn all(listing: Listing) -> Vec<(String, Option<String>)> {
    let Listing::All(entries) = listing else { panic!("{listing:?}") };
    entries.into_iter().map(|Entry { key, server, .. }| (key.into(), server.map(String::from))).collect()
}

#[tokio::test]
async fn a_map_between_other_keys_is_listed_whole() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let router = lab.router();
    lab.fill_other("noise:", &keys(50_000, 20), "x");
    let many = keys(2_500, 20);
    lab.fill(&many, "api-2");
    lab.fill(&["other"], "api-1");
    router.fence(&many[..100]).await.unwrap();
    let listed = all(router.list(&app, 2_501).await.unwrap());
    assert_eq!(listed.len(), 2_501);
    assert!(listed.windows(2).all(|pair| pair[0].0 < pair[1].0), "each once");
    assert_eq!(router.list(&app, 2_500).await.unwrap(), Listing::TooMany(2_501));
    let Listing::TooMany(count) = router.list(&app, 100).await.unwrap() else { panic!() };
    assert!(count > 100);
    let of = async |name: &str, limit| router.of_server(&app, &ServerName::parse(name).unwrap(), limit).await.unwrap();
    assert_eq!(all(of("api-2", 2_500).await).len(), 2_500);
    assert_eq!(of("api-2", 2_499).await, Listing::TooMany(2_500));
    assert_eq!(all(of("api-1", 5).await), [("other".to_owned(), Some("api-1".to_owned()))]);
    assert_eq!(of("api-3", 5).await, Listing::All(Vec::new()));
    assert_eq!(of("api-gone", 0).await, Listing::All(Vec::new()));
}

/// A `value` that was misspelt would make every pin look like none.
#[tokio::test]
async fn a_map_that_cannot_be_understood_at_all_is_no_map_without_servers() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let mut config = lab.config();
    config.pools[0].value = routers::redis::ValueFormat::parse("json:server", None).unwrap();
    let router = Redis::new(config).unwrap();
    lab.fill(&keys(9, 5), "api-1");
    assert_eq!(all(router.list(&app, 100).await.unwrap()).len(), 9, "few may be hostile");
    lab.fill(&keys(50, 5), "api-1");
    refused(router.list(&app, 100).await, "correct `value`");
    lab.pin("one", r#"{"server":"api-1"}"#);
    assert_eq!(all(router.list(&app, 100).await.unwrap()).len(), 51);
}
