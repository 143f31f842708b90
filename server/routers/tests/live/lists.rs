//! Whole tables and the rows of one server.

use domain::ServerName;
use routers::{Entry, Listing, Router};

use crate::lab::{Lab, key, keys, pool};

fn all(listing: Listing) -> Vec<(String, Option<String>)> {
    let Listing::All(entries) = listing else { panic!("{listing:?}") };
    entries.into_iter().map(|Entry { key, server, .. }| (key.into(), server.map(String::from))).collect()
}

fn pair(key: &str, server: Option<&str>) -> (String, Option<String>) {
    (key.to_owned(), server.map(str::to_owned))
}

#[tokio::test]
async fn every_form_of_a_row_finds_its_server() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    let server = lab.get("accounts", "by-traffic", "/").await.server;
    for command in [
        "set table accounts key by-number data.server_id 2",
        "set table accounts key by-number-that-is-gone data.server_id 77",
        "set table accounts key by-nothing",
        "set table accounts key not\\ ours data.server_id 1",
        // The text of a row wins over its number, in HAProxy's routing and here.
        "set table accounts key by-traffic data.server_id 3",
    ] {
        assert_eq!(lab.raw(command).await.trim(), "", "{command}");
    }
    let wanted = [
        pair("by-nothing", None),
        pair("by-number", Some("api-2")),
        pair("by-number-that-is-gone", None),
        pair("by-traffic", Some(&server)),
    ];
    assert_eq!(all(router.list(&accounts, 100).await.unwrap()), wanted);
    let keys = ["by-nothing", "by-number", "by-number-that-is-gone", "by-traffic"].map(key);
    assert_eq!(all(Listing::All(router.read(&accounts, &keys).await.unwrap())), wanted);
    let of = |name: &str| {
        let name = ServerName::parse(name).unwrap();
        let (router, accounts) = (&router, &accounts);
        async move { all(router.of_server(accounts, &name, 100).await.unwrap()) }
    };
    assert!(of(&server).await.contains(&pair("by-traffic", Some(&server))));
    assert!(of("api-2").await.contains(&pair("by-number", Some("api-2"))));
    assert_eq!(of("api-9").await, []);
}

#[tokio::test]
async fn a_row_that_names_an_address_finds_its_server() {
    let (lab, addressed) = (Lab::start().await, pool("addressed"));
    let server = lab.get("addressed", "acc_7", "/").await.server;
    let text = lab.raw("show table addressed").await;
    assert!(text.contains("server_key=127.0.0.1:"), "{text}");
    let wanted = [pair("acc_7", Some(&server))];
    assert_eq!(all(Listing::All(lab.router().read(&addressed, &[key("acc_7")]).await.unwrap())), wanted);
    assert_eq!(all(lab.router().list(&addressed, 10).await.unwrap()), wanted);
}

#[tokio::test]
async fn a_table_over_the_limit_is_counted_and_not_read() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    lab.fill("accounts", &keys(1_000, 20)).await;
    lab.raw("set table accounts key other data.server_id 1").await;
    assert_eq!(router.list(&accounts, 1_000).await.unwrap(), Listing::TooMany(1_001));
    assert_eq!(all(router.list(&accounts, 1_001).await.unwrap()).len(), 1_001);
    let of =
        async |name: &str, limit| router.of_server(&accounts, &ServerName::parse(name).unwrap(), limit).await.unwrap();
    assert_eq!(of("api-2", 999).await, Listing::TooMany(1_000));
    assert_eq!(all(of("api-2", 1_000).await).len(), 1_000, "by number, for the table is bigger");
    assert_eq!(all(of("api-1", 5).await), [pair("other", Some("api-1"))]);
    assert_eq!(of("api-3", 5).await, Listing::All(Vec::new()));
    assert_eq!(of("api-gone", 5).await, Listing::All(Vec::new()));
}
