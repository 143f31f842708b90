//! Entries: read, cleared, read back; and values that nobody would write on purpose.

use domain::{RouteKey, Span};
use routers::{Router, redis::RedisConfig};

use super::names;
use crate::lab::{RedisLab, key, keys, pool};

#[tokio::test]
async fn what_is_pinned_is_read_and_cleared() {
    let (lab, app, files) = (RedisLab::start().await, pool("app"), pool("files"));
    let router = lab.router();
    lab.pin("acc_anna", "api-2");
    lab.pin("acc_ben", "api-1");
    lab.raw(&["SET", "files[*]?:s-phone:pin", r#"{"server":"api-3","session":"s-phone","generation":4}"#]);
    lab.raw(&["SET", "filesX:s-phone:pin", "not a pin"]);

    let keys = [key("acc_anna"), key("acc_nobody"), key("acc_ben"), key("acc_anna")];
    let found = router.read(&app, &keys).await.unwrap();
    assert_eq!(names(&found), [("acc_anna", "api-2"), ("acc_ben", "api-1")]);
    assert!(found.iter().all(|entry| !entry.in_use && entry.expires_in.is_none()));
    let phone = router.read(&files, &[key("s-phone")]).await.unwrap();
    assert_eq!(names(&phone), [("s-phone", "api-3")]);
    assert_eq!(phone[0].session.as_ref().unwrap().as_str(), "s-phone");
    assert_eq!(router.read(&files, &keys).await.unwrap(), [], "another pool's keys");

    assert_eq!(router.clear(&app, &keys[..2]).await.unwrap(), []);
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), [("acc_ben", "api-1")], "no other entry went");
    assert_eq!(router.clear(&app, &[]).await.unwrap(), []);
    assert_eq!(router.read(&app, &[]).await.unwrap(), []);
    assert_eq!(lab.size(), 3, "no keys never means all");
    assert_eq!(router.clear(&files, &[key("s-phone")]).await.unwrap(), []);
    assert_eq!(lab.size(), 2, "the one that only looks like it stays");
}

#[tokio::test]
async fn time_left_is_told() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    lab.raw(&["SET", "affinity:app:short", "api-1", "PX", "90000"]);
    lab.pin("ever", "api-1");
    let found = lab.router().read(&app, &[key("short"), key("ever")]).await.unwrap();
    let left = found[0].expires_in.unwrap();
    assert!(left <= Span::from_secs(90) && left > Span::from_secs(60), "{left}");
    assert_eq!(found[1].expires_in, None);
}

/// An entry that cannot be understood is an entry: it is told, it hides no other one, and it can be removed.
#[tokio::test]
async fn hostile_values_are_entries_without_a_server() {
    let (lab, app, files) = (RedisLab::start().await, pool("app"), pool("files"));
    let router = lab.router();
    let huge = vec![b'x'; 40 << 20];
    let hostile: [(&str, &[u8]); 5] = [
        ("a-bytes", &[0xff, 0xfe, 0]),
        ("b-empty", b""),
        ("c-huge", &huge),
        ("d-lines", b"api-1\r\n+OK\r\n"),
        ("e-gone", b"api-9"),
    ];
    for (key, value) in hostile {
        lab.pin(key, value);
        lab.raw(&[b"SET", format!("files[*]?:{key}:pin").as_bytes(), value]);
    }
    lab.raw(&["HSET", "affinity:app:f-hash", "server", "api-1"]);
    lab.raw(&["RPUSH", "affinity:app:g-list", "api-1"]);
    lab.raw(&["SET", "files[*]?:h-json:pin", r#"{"server":{"name":"api-1"},"session":["s"]}"#]);
    lab.pin("i-good", "api-1");
    let keys = ["a-bytes", "b-empty", "c-huge", "d-lines", "e-gone", "f-hash", "g-list", "h-json", "i-good"].map(key);
    let wanted = [
        ("a-bytes", "-"),
        ("b-empty", "-"),
        ("c-huge", "-"),
        ("d-lines", "-"),
        ("e-gone", "api-9"),
        ("f-hash", "-"),
        ("g-list", "-"),
        ("i-good", "api-1"),
    ];
    assert_eq!(names(&router.read(&app, &keys).await.unwrap()), wanted);
    let found = router.read(&files, &keys).await.unwrap();
    assert!(found.len() == 6 && found.iter().all(|entry| entry.server.is_none() && entry.session.is_none()));
    let routers::Listing::All(listed) = router.list(&app, 100).await.unwrap() else { panic!() };
    assert_eq!(names(&listed), wanted);
    assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    assert_eq!(router.clear(&files, &keys).await.unwrap(), []);
    assert_eq!(lab.size(), 0);
}

#[tokio::test]
async fn a_server_that_the_configuration_does_not_name_is_told_as_it_is() {
    let lab = RedisLab::start().await;
    let router = lab.router();
    let servers = router.servers().await.unwrap();
    let told: Vec<String> = servers.iter().map(|it| format!("{}/{} {}", it.pool, it.name, it.state.as_str())).collect();
    assert_eq!(told.len(), 6);
    assert!(told.contains(&"app/api-1 unknown".to_owned()), "{told:?}");
}

#[tokio::test]
async fn hostile_ids_touch_nothing_but_their_own_entry() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    let router = lab.router();
    for text in ["a*", "a?", "a b", "a\r\nFLUSHALL", "a:b", "", "*"] {
        assert!(RouteKey::parse(text).is_err(), "{text:?} became a key");
    }
    let many = keys(3_000, 30);
    lab.fill(&many, "api-2");
    for stay in ["affinity:app:*", "affinity:app:a b", "affinity:appp:a", "other"] {
        lab.raw(&["SET", stay, "api-1"]);
    }
    assert_eq!(router.read(&app, &many).await.unwrap().len(), 3_000);
    assert_eq!(router.clear(&app, &many).await.unwrap(), []);
    assert_eq!(lab.size(), 4);
}

#[tokio::test]
async fn each_database_is_its_own() {
    let (lab, app) = (RedisLab::start().await, pool("app"));
    lab.pin("acc_7", "api-1");
    let endpoint = format!("unix:{}?db=3", lab.path("redis.sock").display()).parse().unwrap();
    let other = routers::redis::Redis::new(RedisConfig { endpoint, ..lab.config() }).unwrap();
    assert_eq!(other.read(&app, &[key("acc_7")]).await.unwrap(), []);
    assert_eq!(other.clear(&app, &[key("acc_7")]).await.unwrap(), []);
    assert_eq!(lab.size(), 1);
}
