use proptest::prelude::*;

use super::*;

const DUMP: &str = include_str!("fixtures/dump.txt");

fn rows(text: &str) -> Vec<Row> {
    text.lines().filter_map(row).collect()
}

#[test]
fn a_recorded_overview_is_read() {
    let tables: Vec<Table<'_>> = tables(include_str!("fixtures/tables.txt")).collect();
    let names: Vec<_> = tables.iter().map(|table| (table.name, table.kind)).collect();
    assert_eq!(names, [("addresses", "ip"), ("sessions", "string"), ("app", "string")]);
    assert_eq!((tables[2].size, tables[2].used), (1024, 7));
}

#[test]
fn recorded_rows_are_read() {
    let rows = rows(DUMP);
    let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["a b\\c;d=e", "acc_0", "acc_1", "acc_2", "acc_bad", "set-by-hand"]);
    let held: Vec<&str> = rows.iter().filter(|row| row.in_use).map(|row| row.key.as_str()).collect();
    assert_eq!(held, ["acc_2"]);
    let by_hand = &rows[5];
    assert_eq!((by_hand.server_id, by_hand.server_key.as_deref()), (Some(3), None));
    assert_eq!((rows[4].server_id, rows[4].server_key.as_deref()), (Some(2), Some("api-2")));
    assert!(rows[1].expires_ms.is_some_and(|ms| (1_790_000..=1_800_000).contains(&ms)));
}

#[test]
fn the_row_of_a_key_is_one_row_or_none() {
    let found = row_of_key(include_str!("fixtures/row.txt")).unwrap().unwrap();
    assert_eq!(found.key, "acc_1");
    assert_eq!(row_of_key(""), Ok(None));
    assert_eq!(row_of_key(DUMP), Err(()), "rows of others");
    assert_eq!(row_of_key("# table: app, type: string, size:1, used:1\n"), Err(()), "a head without a row");
    assert_eq!(row_of_key("Permission denied\n"), Err(()));
    assert_eq!(row_of_key(include_str!("fixtures/withheld.txt")), Err(()));
}

#[test]
fn newer_versions_say_more() {
    let newer = "0x7f: key=acc use=2 exp=5 shard=0 server_id=4 new_thing(10s)=7 server_key=web gpc0=1,2";
    let read = row(newer).unwrap();
    assert_eq!((read.key.as_str(), read.in_use, read.expires_ms), ("acc", true, Some(5)));
    assert_eq!((read.server_id, read.server_key.as_deref()), (Some(4), Some("web")));
    let table = head("# table: t, type: string, len: 64, size:9, used:3, shards: 2").unwrap();
    assert_eq!((table.name, table.kind, table.used), ("t", "string", 3));
}

#[test]
fn a_row_without_an_expiry_or_a_server_says_so() {
    let read = row("0x1: key=a use=0 exp=0 server_id=0 server_key=-").unwrap();
    assert_eq!((read.expires_ms, read.server_id, read.server_key), (None, None, None));
}

#[test]
fn a_key_cannot_pretend_to_be_a_field() {
    let read = row("0x1: key=a\\ use\\=0\\ server_key\\=evil use=1 exp=9 server_id=1 server_key=web").unwrap();
    assert_eq!(read.key, "a use=0 server_key=evil");
    assert!(read.in_use);
    assert_eq!(read.server_key.as_deref(), Some("web"));
    assert_eq!(row("0x1: key=a\\x0a\\tb\\n use=0 exp=1").unwrap().key, "a\n\tb\n");
    assert_ne!(row("0x1: key=a\\xff use=0 exp=1").unwrap().key, "a");
}

#[test]
fn what_is_no_row_is_none() {
    for text in
        ["", "0x1: key=", "0x1: key=a", "0x1: key=a\\", "0x1: key=a\\x", "0x1: key=a exp=3", "key=a use=0 exp=1"]
    {
        assert_eq!(row(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = (tables(&text).count(), row_of_key(&text), row(&text), row(&format!("0x1: key={text}")));
    }

    #[test]
    fn hostile_rows_do_not_panic(text in "[ a-z0-9=\\\\:,#é-]{0,120}") {
        let _ = row(&format!("0x1: key={text}"));
        let _ = head(&format!("# table: {text}"));
    }

    /// Whatever the key, written as HAProxy writes it, it is read back and takes nothing with it.
    #[test]
    fn escapes_come_undone(key in "[ -~]{1,80}", held in any::<bool>()) {
        let mut written = String::new();
        for c in key.chars() {
            if matches!(c, ' ' | '\\' | '=') {
                written.push('\\');
            }
            written.push(c);
        }
        let read = row(&format!("0x1: key={written} use={} exp=7 server_id=1 server_key=web", u8::from(held))).unwrap();
        prop_assert_eq!(read.key, key);
        prop_assert_eq!(read.in_use, held);
        prop_assert_eq!(read.server_key.as_deref(), Some("web"));
    }
}
