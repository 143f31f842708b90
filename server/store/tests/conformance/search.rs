//! Search: what is typed is found, exact first, once, and `_` and `%` are letters.

use std::collections::BTreeSet;

use domain::{Query, view::Field};
use store::{Found, StoreError};

use crate::world::{Db, at, create, person};

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
