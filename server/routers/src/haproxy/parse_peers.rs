//! Reads `show peers`: a line for each peer, `id=lb-2(remote,active)`, and below it one for each table that is shared with
//! it, `table:0x5595 id=app`.

use std::collections::BTreeSet;

use super::command::Word;

/// The names of the other load balancers with which one of `tables` is shared.
pub(super) fn peers(text: &str, tables: &[&Word]) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut current: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some((name, place)) = peer_of(line) {
            current = (place == "remote").then_some(name);
        } else if let (Some(name), Some(table)) = (&current, table_of(line))
            && tables.iter().any(|known| known.as_str() == table)
        {
            found.insert(name.clone());
        }
    }
    found.into_iter().collect()
}

/// The name of a peer, and whether it is `local` (this one) or `remote`.
fn peer_of(line: &str) -> Option<(String, &str)> {
    let (_, rest) = line.split_once(": id=")?;
    let (name, rest) = rest.split_once('(')?;
    let place = rest.split([',', ')']).next()?;
    let clean = name.chars().filter(|c| !c.is_control()).take(100).collect();
    Some((clean, place))
}

fn table_of(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix("table:")?.split_once(" id=")?;
    rest.split(' ').next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Word {
        Word::parse("table", text).unwrap()
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let text = include_str!("fixtures/peers.txt");
        assert_eq!(peers(text, &[&word("app")]), ["lb-1"]);
        assert_eq!(peers(text, &[&word("other"), &word("app")]), ["lb-1"]);
        assert_eq!(peers(text, &[&word("other")]), Vec::<String>::new(), "another table's peers");
        assert_eq!(peers("", &[&word("app")]), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = peers(&text, &[&word("app")]);
            let _ = peers(&format!("0x1: id={text}(remote,{text})\ntable:{text} id=app {text}"), &[&word("app")]);
        }
    }
}
