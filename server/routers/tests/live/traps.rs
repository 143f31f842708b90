//! What HAProxy does to whoever trusts its runtime API: each of these reproduces it past the code under test, and then shows
//! that a router is not taken in.

use std::{io::ErrorKind, time::Duration};

use domain::{RouteKey, ServerName};
use routers::{
    Listing, Router, RouterError,
    haproxy::{Haproxy, HaproxyConfig},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::lab::{Lab, key, keys, pool};

/// The rows of `table`, as HAProxy tells them.
async fn there(lab: &Lab, table: &str) -> Vec<String> {
    let text = lab.raw(&format!("show table {table}")).await;
    let key = |line: &str| line.split_once("key=")?.1.split(' ').next().map(str::to_owned);
    text.lines().filter_map(key).collect()
}

#[tokio::test]
async fn clear_answers_the_same_whether_it_did_anything_or_not() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    lab.get("accounts", "acc_7", "/").await;
    let (cleared, absent, missed) = (
        lab.raw("clear table accounts key acc_7").await,
        lab.raw("clear table accounts key acc_7").await,
        lab.raw("clear table accounts key acc_7\\ ").await,
    );
    assert_eq!([cleared.as_str(), &absent, &missed], ["\n"; 3]);
    // What is read back counts: a row that was there and one that was not are told apart.
    lab.get("accounts", "acc_7", "/").await;
    assert_eq!(router.read(&accounts, &[key("acc_7"), key("acc_8")]).await.unwrap().len(), 1);
    assert_eq!(router.clear(&accounts, &[key("acc_7"), key("acc_8")]).await.unwrap(), []);
}

#[tokio::test]
async fn a_semicolon_begins_another_command_and_a_blank_cuts_a_key_so_neither_can_be_in_one() {
    let lab = Lab::start().await;
    for name in ["acc_2", "acc_3", "a"] {
        lab.get("accounts", name, "/").await;
    }
    lab.raw("clear table accounts key acc_2; clear table accounts key acc_3").await;
    assert_eq!(there(&lab, "accounts").await, ["a"], "both commands ran");
    lab.raw("clear table accounts key a b").await;
    assert_eq!(there(&lab, "accounts").await, Vec::<String>::new(), "another key went");
    for text in ["acc_2; clear table accounts key acc_3", "a b", "a\nb", "a\\ b", ""] {
        assert!(RouteKey::parse(text).is_err(), "{text:?} became a key");
    }
}

#[tokio::test]
async fn a_line_of_16_kb_is_never_answered_and_ours_are_half_as_long() {
    let (lab, accounts, many) = (Lab::start().await, pool("accounts"), keys(400, 64));
    let line: Vec<String> = many.iter().map(|key| format!("show table accounts key {key}")).collect();
    let line = line.join(";") + "\n";
    assert!(line.len() > 16_384);
    let mut stream = UnixStream::connect(lab.path("operator.sock")).await.unwrap();
    let asked = async {
        let mut text = String::new();
        // It may also close the connection; an answer it never gives.
        let _ = stream.write_all(line.as_bytes()).await;
        let _ = stream.read_to_string(&mut text).await;
        text
    };
    let told = tokio::time::timeout(Duration::from_millis(700), asked).await.unwrap_or_default();
    assert_eq!(told.trim(), "", "HAProxy {}", lab.raw("show info").await.lines().nth(1).unwrap_or_default());
    lab.fill("accounts", &many).await;
    assert_eq!(lab.router().read(&accounts, &many).await.unwrap().len(), 400);
    assert_eq!(lab.router().clear(&accounts, &many).await.unwrap(), []);
}

/// Whoever sits in it, a monitor or a forgotten shell, keeps all others out until `stats timeout`.
#[tokio::test]
async fn ten_who_sit_in_the_runtime_api_keep_everybody_out_and_that_is_not_taken_for_an_answer() {
    let (lab, accounts, mine) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    lab.get("accounts", "acc_7", "/").await;
    let (mut idle, began) = (Vec::new(), std::time::Instant::now());
    while idle.len() < 12 {
        match UnixStream::connect(lab.path("operator.sock")).await {
            Ok(stream) => idle.push(stream),
            // Its queue is full, for on a busy machine it has not taken the first ones in yet.
            Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < Duration::from_secs(20) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let router = Haproxy::new(HaproxyConfig { timeout: domain::Span::from_millis(300), ..lab.config() }).unwrap();
    for _ in 0..2 {
        let told = router.clear(&accounts, &mine).await;
        assert!(matches!(told, Err(RouterError::Unreachable(_))), "{told:?}");
    }
    drop(idle);
    // Those that were given up were never asked, or are asked now: either way the next answer is true. HAProxy needs a
    // moment to see that they are gone.
    let (router, began) = (lab.router(), std::time::Instant::now());
    let left = loop {
        match router.clear(&accounts, &mine).await {
            Err(RouterError::Unreachable(why)) => assert!(began.elapsed() < Duration::from_secs(20), "{why}"),
            answer => break answer.unwrap(),
        }
    };
    assert_eq!((left, lab.rows("accounts").await), (Vec::new(), 0));
}

/// F4: the text of a row wins over its number, and only the number can be set.
#[tokio::test]
async fn setting_the_server_of_a_row_moves_nobody_and_pinning_does() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    let old = lab.get("accounts", "acc_7", "/").await.server;
    let id = ["1", "2", "3"].into_iter().find(|id| !old.ends_with(id)).unwrap();
    assert_eq!(lab.raw(&format!("set table accounts key acc_7 data.server_id {id}")).await.trim(), "");
    assert_eq!(lab.get("accounts", "acc_7", "/").await.server, old, "it says nothing and does nothing");
    let new = ServerName::parse(format!("api-{id}")).unwrap();
    let read = router.pin(&accounts, &key("acc_7"), &new).await.unwrap().unwrap();
    assert_eq!(read.server, Some(new.clone()));
    assert_eq!(lab.get("accounts", "acc_7", "/").await.server, new.as_str());
}

/// F9: a row whose follower is in use is passed over too, and nobody is told.
#[tokio::test]
async fn clearing_by_a_filter_leaves_rows_and_clearing_key_by_key_leaves_only_what_is_held() {
    let (lab, tracked) = (Lab::start().await, pool("tracked"));
    let names = ["A1", "A2", "A3", "A4", "A5"];
    for name in names {
        lab.get("tracked", name, "/").await;
    }
    let holders = ["A2", "A4"].map(key);
    let rows = lab.router().read(&tracked, &holders).await.unwrap();
    let gates: Vec<_> = rows.iter().map(|row| lab.origin(row.server.as_ref().unwrap().as_str())).collect();
    let held = futures::future::join(lab.get("tracked", "A2", "/hold"), lab.get("tracked", "A4", "/hold"));
    let clearing = async {
        for gate in &gates {
            gate.arrival().await;
        }
        assert_eq!(lab.raw("clear table tracked data.server_id gt 0").await.trim(), "");
        let left = there(&lab, "tracked").await;
        assert!(left.len() > 2, "in use are two, and more stayed: {left:?}");
        let left = lab.router().clear(&tracked, &names.map(key)).await.unwrap();
        let told: Vec<(&str, bool)> = left.iter().map(|row| (row.key.as_str(), row.in_use)).collect();
        assert_eq!(told, [("A2", true), ("A4", true)]);
        for gate in &gates {
            gate.release();
        }
    };
    tokio::join!(held, clearing);
    assert_eq!(lab.router().clear(&tracked, &names.map(key)).await.unwrap(), []);
    assert_eq!(lab.rows("tracked").await, 0);
}

/// A server's name in a filter is compared as nothing with nothing: every row matches.
#[tokio::test]
async fn a_filter_by_a_servers_name_empties_the_table_so_a_servers_rows_are_cleared_by_their_keys() {
    let (lab, accounts, api_2) = (Lab::start().await, pool("accounts"), ServerName::parse("api-2").unwrap());
    let router = lab.router();
    let visit = async || {
        for n in 0..9 {
            lab.get("accounts", &format!("acc_{n}"), "/").await;
        }
    };
    visit().await;
    lab.raw("clear table accounts data.server_key eq 0").await;
    assert_eq!(lab.rows("accounts").await, 0, "the customers of every server lost their row");
    visit().await;
    let Listing::All(mine) = router.of_server(&accounts, &api_2, 100).await.unwrap() else { panic!() };
    assert!(!mine.is_empty() && mine.len() < 9, "{mine:?}");
    let keys: Vec<RouteKey> = mine.into_iter().map(|entry| entry.key).collect();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    assert_eq!(lab.rows("accounts").await, 9 - keys.len(), "nobody else's");
}

/// haproxy#2118: a row whose key is a blank can be named by no command (before 3.0), and pins whoever has that key. It is not
/// ours, and keeps nobody of ours from being read or cleaned.
#[tokio::test]
async fn a_row_that_no_command_can_name_disturbs_nobody() {
    let lab = Lab::with(
        "backend odd
  stick-table type string len 64 size 1k expire 30m store server_id
frontend odd_web
  bind unix@{dir}/odd.sock
  http-request track-sc0 \"str( )\" table odd
  http-request track-sc1 hdr(x-key) table odd
  http-request return status 200",
    )
    .await;
    let mut config = lab.config();
    (config.pools[0].table, config.pools[0].backend) = ("odd".to_owned(), "accounts".to_owned());
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    let mut visit = UnixStream::connect(lab.path("odd.sock")).await.unwrap();
    visit.write_all(b"GET / HTTP/1.0\r\nx-key: acc_7\r\n\r\n").await.unwrap();
    let mut text = String::new();
    visit.read_to_string(&mut text).await.unwrap();
    assert_eq!(lab.rows("odd").await, 2, "{}", lab.raw("show table odd").await);
    let Listing::All(listed) = router.list(&accounts, 10).await.unwrap() else { panic!() };
    assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["acc_7"]);
    assert_eq!(router.clear(&accounts, &[key("acc_7")]).await.unwrap(), []);
    assert_eq!(lab.rows("odd").await, 1, "what is not ours stays");
}

/// With `nopurge` a full table drops nobody and takes nobody: who is new is not pinned, and the doctor says why.
#[tokio::test]
async fn a_full_table_that_purges_nothing_takes_nobody_new_and_is_told() {
    let lab = Lab::with(
        "backend keeps\n  stick-table type string len 64 size 100 nopurge expire 30m store server_id\n\
         frontend keeps_web\n  bind unix@{dir}/keeps.sock\n  http-request track-sc0 hdr(x-key) table keeps\n  \
         http-request return status 200",
    )
    .await;
    let mut config = lab.config();
    config.pools[0].table = "keeps".to_owned();
    let (router, accounts, many) = (Haproxy::new(config).unwrap(), pool("accounts"), keys(200, 20));
    for key in &many {
        let mut visit = UnixStream::connect(lab.path("keeps.sock")).await.unwrap();
        visit.write_all(format!("GET / HTTP/1.0\r\nx-key: {key}\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        visit.read_to_string(&mut text).await.unwrap();
    }
    let there = router.read(&accounts, &many).await.unwrap();
    assert!(there.iter().any(|entry| entry.key == many[0]), "the oldest stayed");
    assert!(there.iter().all(|entry| entry.key != many[199]), "the newest never came in");
    let told = router.caveats();
    assert!(told.iter().any(|caveat| caveat.contains("keeps is full")), "{told:?}");
    assert_eq!(router.clear(&accounts, &many).await.unwrap(), []);
}

/// Keys that are no text can be shown and cleared by no command in 2.6: such a table is refused before anything is asked of it.
#[tokio::test]
async fn a_table_of_binary_keys_is_refused() {
    let lab = Lab::with("backend bytes\n  stick-table type binary len 16 size 1k").await;
    let mut config = lab.config();
    config.pools[0].table = "bytes".to_owned();
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    for told in [
        router.read(&accounts, &[key("acc_7")]).await.map(drop),
        router.clear(&accounts, &[key("acc_7")]).await.map(drop),
        router.list(&accounts, 10).await.map(drop),
    ] {
        match told {
            Err(RouterError::Refused(why)) => assert!(why.contains("binary"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A proxy in front keeps few connections and sends everybody's requests through them: each request is a customer of its own, and
/// one who is cleaned loses neither the connection nor the others their server.
#[tokio::test]
async fn customers_who_share_a_connection_are_cleaned_one_by_one() {
    let (lab, accounts) = (Lab::start().await, pool("accounts"));
    let router = lab.router();
    let mut shared = UnixStream::connect(lab.path("web.sock")).await.unwrap();
    let mut visit = async |name: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: test\r\nX-Pool: accounts\r\nCookie: k={name}\r\n\r\n");
        shared.write_all(head.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        let mut part = [0; 1024];
        // An answer ends with the name of its server: api-1.
        while !text.windows(8).any(|bytes| bytes == b"\r\n\r\napi-")
            || !text.ends_with(b"1") && !text.ends_with(b"2") && !text.ends_with(b"3")
        {
            let read = shared.read(&mut part).await.unwrap();
            assert!(read > 0, "the connection was cut");
            text.extend_from_slice(&part[..read]);
        }
        String::from_utf8_lossy(&text[text.len() - 5..]).into_owned()
    };
    let mut before = Vec::new();
    for name in ["acc_1", "acc_2", "acc_3", "acc_1", "acc_2", "acc_3"] {
        before.push(visit(name).await);
    }
    assert_eq!(before[..3], before[3..], "each has a server, whoever shares the connection");
    assert_eq!(router.clear(&accounts, &[key("acc_1")]).await.unwrap(), []);
    assert_eq!(lab.rows("accounts").await, 2);
    assert_eq!([visit("acc_2").await, visit("acc_3").await], before[1..3], "nobody else was moved");
    visit("acc_1").await;
    assert_eq!(
        router.read(&accounts, &[key("acc_1")]).await.unwrap().len(),
        1,
        "and is pinned anew on the same connection"
    );
}

/// haproxy#2729: «the only way is to temporarily set the backup server DOWN». Clearing the entry is another one, and that they
/// are there is told.
#[tokio::test]
async fn customers_who_stay_on_a_backup_server_are_told_and_freed_by_a_clearing() {
    let lab = Lab::with(
        "backend spared\n  stick-table type string len 64 size 1k expire 30m\n  stick on req.cook(k)\n  \
         server api-1 {api-1}\n  server api-2 {api-2} backup",
    )
    .await;
    let mut config = lab.config();
    (config.pools[0].table, config.pools[0].backend) = ("spared".to_owned(), "spared".to_owned());
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    let told = async || {
        router.servers().await.unwrap();
        router.caveats().into_iter().filter(|caveat| caveat.contains("backup server")).collect::<Vec<_>>()
    };
    assert_eq!(lab.get("spared", "acc_1", "/").await.server, "api-1");
    assert_eq!(told().await, Vec::<String>::new(), "nobody uses it");
    lab.raw("set server spared/api-1 state maint").await;
    assert_eq!(lab.get("spared", "acc_7", "/").await.server, "api-2");
    assert_eq!(told().await, Vec::<String>::new(), "it is what it is for");
    lab.raw("set server spared/api-1 state ready").await;
    assert_eq!(told().await, Vec::<String>::new(), "nobody was served by it since");
    // HAProxy counts in whole seconds.
    let began = std::time::Instant::now();
    let told = loop {
        assert_eq!(lab.get("spared", "acc_7", "/").await.server, "api-2", "though the other one is back");
        if let Some(told) = told().await.pop() {
            break told;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it is never told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(told.starts_with("api-2 in pool accounts is a backup server"), "{told}");
    assert_eq!(router.clear(&accounts, &[key("acc_7")]).await.unwrap(), []);
    assert_eq!(lab.get("spared", "acc_7", "/").await.server, "api-1");
}

/// What was read a moment ago is not what is there now: the next request rewrites such a row. It is found by its key all the same.
#[tokio::test]
async fn a_row_that_leads_nowhere_is_rewritten_by_the_next_request_and_cleared_by_its_key() {
    let lab = Lab::with(
        "backend dying\n  option redispatch\n  retries 1\n  stick-table type string len 64 size 1k expire 30m\n  \
         stick on req.cook(k)\n  server gone 127.0.0.1:1\n  server api-2 {api-2}",
    )
    .await;
    let mut config = lab.config();
    (config.pools[0].table, config.pools[0].backend) = ("dying".to_owned(), "dying".to_owned());
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    let on = async |name: &str| {
        let mut found = router.read(&accounts, &[key(name)]).await.unwrap();
        found.pop().and_then(|entry| entry.server).map(String::from)
    };
    lab.raw("set table dying key acc_7 data.server_id 1").await;
    lab.raw("set table dying key acc_8 data.server_id 77").await;
    assert_eq!((on("acc_7").await.as_deref(), on("acc_8").await), (Some("gone"), None));
    for name in ["acc_7", "acc_8"] {
        assert_eq!(lab.get("dying", name, "/").await.server, "api-2", "{name}");
        assert_eq!(on(name).await.as_deref(), Some("api-2"), "{name}");
    }
    assert_eq!(router.clear(&accounts, &[key("acc_7"), key("acc_8")]).await.unwrap(), []);
    assert_eq!(lab.rows("dying").await, 0);
}

/// A table without `expire` keeps its rows for ever; that is no row that is about to end.
#[tokio::test]
async fn a_row_without_an_end_is_told_as_such_and_cleared() {
    let lab = Lab::with(
        "backend ever\n  stick-table type string len 64 size 1k\n  stick on req.cook(k)\n  server api-1 {api-1}",
    )
    .await;
    let mut config = lab.config();
    (config.pools[0].table, config.pools[0].backend) = ("ever".to_owned(), "ever".to_owned());
    let (router, accounts) = (Haproxy::new(config).unwrap(), pool("accounts"));
    lab.get("ever", "acc_7", "/").await;
    let found = router.read(&accounts, &[key("acc_7")]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].expires_in, None, "{}", lab.raw("show table ever").await);
    assert_eq!(router.clear(&accounts, &[key("acc_7")]).await.unwrap(), []);
}
