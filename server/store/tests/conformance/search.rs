//! Search: what is typed is found, exact first, once, and `_` and `%` are letters.

use std::collections::BTreeSet;

use domain::{Query, view::Field};
use store::{Found, SessionCreate, StoreError, Touch};

use crate::world::{Db, at, create, person, sid};

both! {
    every_field_is_found_and_says_so,
    wildcards_are_letters,
    the_best_reason_wins_and_exact_comes_first,
    what_is_not_there_is_not_found,
    a_changed_name_is_found_and_the_old_one_is_not,
    pages_show_every_hit_once,
    more_than_a_thousand_are_not_counted,
    many_sessions_of_one_account_are_one_hit,
    a_cursor_that_nobody_made_is_an_error,
    very_long_names_can_be_kept_and_found,
    addresses_are_found_by_beginning_and_by_network,
    an_address_that_is_written_otherwise_is_the_same,
    names_are_found_without_their_accents,
    words_are_found_in_any_order,
    an_answer_that_is_cut_says_so,
}

async fn search(db: &Db, text: &str) -> Found {
    db.store.search(&Query::parse(text).unwrap(), None, 100).await.unwrap()
}

/// The ids that `text` finds, in order.
async fn found(db: &Db, text: &str) -> Vec<String> {
    search(db, text).await.rows.into_iter().map(|row| row.account.id.into()).collect()
}

async fn people(db: &Db) {
    let items = [
        person("acc_1", "dana@example.com", "Dana Müller"),
        person("acc%1", "erin@example.com", "Erin Strauß"),
        person("accX1", "dan@other.org", "ΟΔΥΣΣΕΥΣ"),
        person("ses_4348e900", "zoe@example.com", "日本太郎さん"),
        person("Acc_2", "", "O'Neil \"Q\" \\ Back"),
    ];
    tx!(db, tx => tx.upsert_accounts(&items, at(0)));
    let mut sessions =
        vec![create("ses_4348e900", "acc_1", 1), create("ses_4348f111", "accX1", 2), create("tok9", "acc%1", 3)];
    "10.2.3.4".clone_into(&mut sessions[0].ip);
    "10.20.3.4".clone_into(&mut sessions[1].ip);
    "2001:db8::1".clone_into(&mut sessions[2].ip);
    tx!(db, tx => tx.create_sessions(&sessions, at(9)));
}

async fn every_field_is_found_and_says_so(db: &Db) {
    people(db).await;
    for (text, id, field, exact, shown) in [
        ("acc_1", "acc_1", Field::AccountId, true, "acc_1"),
        ("tok9", "acc%1", Field::SessionId, true, "tok9"),
        ("ses_4348f", "accX1", Field::SessionId, false, "ses_4348f111"),
        ("10.2.3.4", "acc_1", Field::Ip, true, "10.2.3.4"),
        ("10.20.", "accX1", Field::Ip, false, "10.20.3.4"),
        ("2001:DB8::1", "acc%1", Field::Ip, true, "2001:db8::1"),
        ("DANA@example.COM", "acc_1", Field::Email, true, "dana@example.com"),
        ("erin@", "acc%1", Field::Email, false, "erin@example.com"),
        ("erin strauß", "acc%1", Field::Name, true, "Erin Strauß"),
        ("Strau", "acc%1", Field::Name, false, "Erin Strauß"),
        ("müll", "acc_1", Field::Name, false, "Dana Müller"),
        ("本太郎", "ses_4348e900", Field::Name, false, "日本太郎さん"),
        ("οδυσσευς", "accX1", Field::Name, true, "ΟΔΥΣΣΕΥΣ"),
        ("ΟΔΥΣ", "accX1", Field::Name, false, "ΟΔΥΣΣΕΥΣ"),
        ("\"Q\"", "Acc_2", Field::Name, false, "O'Neil \"Q\" \\ Back"),
        (" \\ b", "Acc_2", Field::Name, false, "O'Neil \"Q\" \\ Back"),
        ("other.o", "accX1", Field::Email, false, "dan@other.org"),
    ] {
        let hits = search(db, text).await;
        let first = hits.rows.first().unwrap_or_else(|| panic!("{text:?} found nothing"));
        assert_eq!(
            (first.account.id.as_str(), first.field, first.exact, first.text.as_str()),
            (id, field, exact, shown),
            "{text:?}"
        );
    }
}

async fn wildcards_are_letters(db: &Db) {
    people(db).await;
    assert_eq!(found(db, "acc_").await, ["acc_1", "Acc_2"], "only where a line is written");
    assert_eq!(found(db, "acc%").await, ["acc%1"]);
    assert_eq!(found(db, "%_").await, [""; 0]);
    assert_eq!(found(db, "%%%").await, [""; 0]);
    assert_eq!(found(db, "___").await, [""; 0]);
    assert_eq!(found(db, "c%1").await, ["acc%1"]);
    assert_eq!(found(db, "c_1").await, ["acc_1"]);
}

async fn the_best_reason_wins_and_exact_comes_first(db: &Db) {
    people(db).await;
    let hits = search(db, "ses_4348e900").await;
    let told: Vec<_> = hits.rows.iter().map(|row| (row.account.id.as_str(), row.field, row.exact)).collect();
    assert_eq!(told, [("ses_4348e900", Field::AccountId, true), ("acc_1", Field::SessionId, true)]);
    assert_eq!((hits.count.n, hits.count.more, hits.next), (2, false, None));
    assert_eq!(found(db, "dan").await, ["accX1", "acc_1"], "each once, though e-mail, name and part all meet it");
}

async fn what_is_not_there_is_not_found(db: &Db) {
    people(db).await;
    for text in [
        "nobody",
        "10.2.3.40",
        "ses_5",
        "'; DROP TABLE accounts; --",
        "\" OR \"1\"=\"1",
        "accounts_fts",
        "NEAR(a b)",
        "a*",
    ] {
        let hits = search(db, text).await;
        assert_eq!((hits.rows.len(), hits.count.n, hits.count.more), (0, 0, false), "{text:?}");
    }
}

async fn a_changed_name_is_found_and_the_old_one_is_not(db: &Db) {
    people(db).await;
    tx!(db, tx => tx.upsert_accounts(&[person("acc_1", "new@example.com", "Renamed Person")], at(5)));
    assert_eq!(found(db, "named per").await, ["acc_1"]);
    assert_eq!(found(db, "müller").await, [""; 0]);
    assert_eq!(found(db, "dana@").await, [""; 0]);
}

async fn pages_show_every_hit_once(db: &Db) {
    let mut items: Vec<_> =
        (0..150).map(|n| person(&format!("x{n:03}"), &format!("u{n}@needle.example"), "N")).collect();
    items.extend((0..20).map(|n| person(&format!("needle{n}"), "", "")));
    items.extend((0..20).map(|n| person(&format!("y{n}"), "", &format!("Needle {n}"))));
    items.push(person("needle", "", ""));
    tx!(db, tx => tx.upsert_accounts(&items, at(0)));
    let query = Query::parse("needle").unwrap();
    let (mut seen, mut ranks, mut after): (Vec<String>, Vec<Field>, Option<String>) = (Vec::new(), Vec::new(), None);
    loop {
        let page = db.store.search(&query, after.as_deref(), 8).await.unwrap();
        assert_eq!((page.count.n, page.count.more), (191, false));
        assert!(page.rows.len() <= 8 && !page.rows.is_empty());
        ranks.extend(page.rows.iter().map(|row| row.field));
        seen.extend(page.rows.into_iter().map(|row| String::from(row.account.id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen[0], "needle");
    assert_eq!(seen.len(), 191);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 191);
    assert!(ranks[..21].iter().all(|field| *field == Field::AccountId));
    assert!(ranks[21..41].iter().all(|field| *field == Field::Name), "beginnings before parts");
}

async fn more_than_a_thousand_are_not_counted(db: &Db) {
    let items: Vec<_> =
        (0..1_200).map(|n| person(&format!("id{n:04}"), &format!("user{n}@many.example"), "")).collect();
    for items in items.chunks(400) {
        tx!(db, tx => tx.upsert_accounts(items, at(0)));
    }
    for text in ["many.ex", "user", "us"] {
        let query = Query::parse(text).unwrap();
        let (mut seen, mut after) = (BTreeSet::new(), None);
        loop {
            let page = db.store.search(&query, after.as_deref(), 300).await.unwrap();
            assert_eq!((page.count.n, page.count.more), (1_000, true), "{text}");
            for row in page.rows {
                assert!(seen.insert(row.account.id), "{text}: shown twice");
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 1_000, "{text}");
    }
}

async fn many_sessions_of_one_account_are_one_hit(db: &Db) {
    db.accounts(&["a", "b"]).await;
    let items: Vec<_> = (0..50).map(|n| create(&format!("same_{n:02}"), if n == 49 { "b" } else { "a" }, n)).collect();
    tx!(db, tx => tx.create_sessions(&items, at(99)));
    assert_eq!(found(db, "same_").await, ["a", "b"]);
    assert_eq!(found(db, "192.0.2.7").await, ["a", "b"]);
    assert_eq!(found(db, "192.0.").await, ["a", "b"]);
    let hits = search(db, "same_").await;
    assert_eq!(hits.rows[0].text, "same_00");
}

async fn a_cursor_that_nobody_made_is_an_error(db: &Db) {
    for bad in ["", "x", "1", "1.", "x.a", " . "] {
        let page = db.store.search(&Query::parse("abc").unwrap(), Some(bad), 5).await;
        assert!(matches!(page, Err(StoreError::Cursor)), "{bad:?}");
    }
}

async fn very_long_names_can_be_kept_and_found(db: &Db) {
    let name = "ü".repeat(5_000);
    tx!(db, tx => tx.upsert_accounts(&[person("a", &format!("{}@x.org", "e".repeat(4_000)), &name)], at(0)));
    assert_eq!(found(db, &"ü".repeat(90)).await, ["a"]);
    assert_eq!(found(db, &"e".repeat(150)).await, ["a"]);
}

/// An account with a session for each address: `ip0` has the first.
async fn addresses(db: &Db, ips: &[&str]) {
    let ids: Vec<String> = (0..ips.len()).map(|n| format!("ip{n}")).collect();
    db.accounts(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let sessions: Vec<_> = ids
        .iter()
        .zip(ips)
        .enumerate()
        .map(|(n, (id, ip))| SessionCreate { ip: (*ip).to_owned(), ..create(&format!("s_{n}"), id, 1) })
        .collect();
    tx!(db, tx => tx.create_sessions(&sessions, at(9)));
}

async fn addresses_are_found_by_beginning_and_by_network(db: &Db) {
    addresses(
        db,
        &[
            "10.106.44.7",
            "10.106.45.1",
            "10.1.44.7",
            "2001:db8:690:2d::17",
            "2001:db8:690:2d1::1",
            "2001:db8::1:2:3",
            "110.106.44.7",
            "",
        ],
    )
    .await;
    for (text, ids) in [
        ("10.106", ["ip0", "ip1"].as_slice()),
        ("10.106.", &["ip0", "ip1"]),
        ("10.106.44", &["ip0"]),
        ("10.1", &["ip2"]),
        ("10.", &["ip2", "ip0", "ip1"]),
        ("10.106.44.0/24", &["ip0"]),
        ("10.106.44.0/23", &["ip0", "ip1"]),
        ("10.106.44.7/32", &["ip0"]),
        ("2001:db8:", &["ip5", "ip3", "ip4"]),
        ("2001:db8::", &["ip5", "ip3", "ip4"]),
        ("2001:db8:690:2d", &["ip3"]),
        ("2001:DB8:0690:2d:", &["ip3"]),
        ("2001:db8:690:2d::/64", &["ip3"]),
        ("2001:db8:690::/44", &["ip3", "ip4"]),
        ("2001:db8::1:", &["ip5"]),
        ("2001:db8::1:2", &["ip5"]),
        ("2001:db8:0:0:0:1:2:3", &["ip5"]),
        ("2001:db8:690:2", &[]),
        ("10.10", &[]),
        ("10.106.46.0/24", &[]),
    ] {
        let hits = search(db, text).await;
        let mut met: Vec<_> = hits.rows.iter().map(|row| row.account.id.as_str()).collect();
        let mut ids = ids.to_vec();
        met.sort_unstable();
        ids.sort_unstable();
        assert_eq!(met, ids, "{text:?}");
        assert!(hits.rows.iter().all(|row| row.field == Field::Ip), "{text:?}");
    }
}

async fn an_address_that_is_written_otherwise_is_the_same(db: &Db) {
    addresses(db, &["2001:0DB8:0:0:0:0:0:1", "::ffff:10.9.8.7"]).await;
    for text in ["2001:db8::1", "2001:DB8:0::0:1", "2001:0db8:0:0:0:0:0:1"] {
        let hits = search(db, text).await;
        let told: Vec<_> = hits.rows.iter().map(|row| (row.text.as_str(), row.exact)).collect();
        assert_eq!(told, [("2001:db8::1", true)], "{text:?}");
    }
    tx!(db, tx => tx.upsert_accounts(&[person("other", "robin@mail.10.9.8.7.example", "")], at(5)));
    assert_eq!(found(db, "10.9.8.7").await, ["ip1"], "whoever types it does not mean those that contain it");
    tx!(db, tx => tx.touch_sessions(&[Touch { id: sid("s_1"), ip: Some("2001:DB8::0:7".to_owned()), at: None }], at(99)));
    assert_eq!(found(db, "2001:db8::7").await, ["ip1"], "where it was seen last");
    assert_eq!(found(db, "10.9.8.7").await, ["other"], "nobody has it now: then it is text like any other");
}

async fn names_are_found_without_their_accents(db: &Db) {
    let people = [
        person("a", "elodie@example.com", "Élodie Wójcik"),
        person("b", "", "Sean O’Neil"),
        person("c", "søren@example.com", "Łukasz Strauß"),
        person("d", "", "Re\u{301}my Đặng"),
    ];
    tx!(db, tx => tx.upsert_accounts(&people, at(0)));
    for (text, id, exact) in [
        ("Elodie Wojcik", "a", true),
        ("E\u{301}lodie Wo\u{301}jcik", "a", true),
        ("elodie w", "a", false),
        ("wójc", "a", false),
        ("O'Neil", "b", false),
        ("o‘neil", "b", false),
        ("lukasz", "c", false),
        ("STRAUSS", "c", false),
        ("soren@", "c", false),
        ("rémy", "d", false),
        ("remy dang", "d", true),
    ] {
        let hits = search(db, text).await;
        let told: Vec<_> = hits.rows.iter().map(|row| (row.account.id.as_str(), row.exact)).collect();
        assert_eq!(told, [(id, exact)], "{text:?}");
    }
    assert_eq!(found(db, "\u{301}").await, [""; 0], "a mark alone is not everything");
}

async fn words_are_found_in_any_order(db: &Db) {
    let people = [
        person("a", "qb@example.com", "Quynh Berg"),
        person("b", "", "Berg Quynhson"),
        person("c", "", "Quynh Ng"),
        person("d", "quynh@berg.example", ""),
        person("e", "", "Anna Maria Lopez de la Vega"),
    ];
    tx!(db, tx => tx.upsert_accounts(&people, at(0)));
    let hits = search(db, "Berg Quynh").await;
    let told: Vec<_> = hits.rows.iter().map(|row| (row.account.id.as_str(), row.field)).collect();
    assert_eq!(told, [("b", Field::Name), ("a", Field::Name), ("d", Field::Email)], "what begins so comes first");
    assert_eq!(found(db, "ng quynh").await, ["c"]);
    assert_eq!(found(db, "vega de lopez la maria anna").await, ["e"]);
    assert_eq!(found(db, "berg anna").await, [""; 0]);
    assert_eq!(found(db, "be% quynh").await, [""; 0]);
}

async fn an_answer_that_is_cut_says_so(db: &Db) {
    db.accounts(&["a", "b"]).await;
    for chunk in 0..5 {
        let items: Vec<_> = (0..500).map(|n| create(&format!("s_{chunk}_{n}"), "a", n)).collect();
        tx!(db, tx => tx.create_sessions(&items, at(999)));
    }
    let hits = search(db, "192.0.2.0/24").await;
    assert_eq!((hits.rows.len(), hits.count.n, hits.count.more), (1, 1, true), "2,000 sessions were looked at");
    assert!(!search(db, "192.0.2.7").await.count.more);
}
