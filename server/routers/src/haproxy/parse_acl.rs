//! Reads `get acl`: one line for each way in which the file is used,
//! `type=str, case=sensitive, match=yes, idx=tree, pattern="…"`.

/// What an ACL file says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It has the key.
    Yes,
    /// It does not.
    No,
    /// It compares in another way than by equality of texts, so that it could hit other customers.
    Loose,
}

/// Reads the reply for `key`; `None` when this is no such reply.
pub(super) fn found(text: &str, key: &str) -> Option<Found> {
    let mut all: Option<Found> = None;
    for line in text.lines() {
        let one = found_in(line, key)?;
        all = Some(match (all, one) {
            (Some(Found::Loose), _) | (_, Found::Loose) => Found::Loose,
            (Some(Found::No), _) | (_, Found::No) => Found::No,
            _ => Found::Yes,
        });
    }
    all
}

fn found_in(line: &str, key: &str) -> Option<Found> {
    // The pattern comes last and may hold anything.
    let (facts, pattern) = line.split_once(", pattern=").unwrap_or((line, ""));
    let fact = |name: &str| {
        facts
            .split(", ")
            .filter_map(|fact| fact.split_once('='))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    };
    let exact = fact("type")? == "str" && fact("case")? == "sensitive";
    match fact("match")? {
        _ if !exact => Some(Found::Loose),
        "yes" if pattern.trim_matches('"') == key => Some(Found::Yes),
        "yes" => Some(Found::Loose),
        "no" => Some(Found::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_replies_are_read() {
        let yes = "type=str, case=sensitive, match=yes, idx=tree, pattern=\"acc2\"\n";
        let no = "type=str, case=sensitive, match=no\n";
        assert_eq!(found(yes, "acc2"), Some(Found::Yes));
        assert_eq!(found(no, "acc2"), Some(Found::No));
        assert_eq!(found(&format!("{yes}{no}"), "acc2"), Some(Found::No));
        assert_eq!(found(&format!("{yes}{yes}"), "acc2"), Some(Found::Yes));
    }

    #[test]
    fn an_acl_that_hits_others_is_told() {
        for text in [
            "type=str, case=sensitive, match=yes, idx=tree, pattern=\"acc\"",
            "type=str, case=insensitive, match=no",
            "type=beg, case=sensitive, match=no",
            "type=reg, case=sensitive, match=yes, idx=list, pattern=\"acc2\"",
        ] {
            assert_eq!(found(text, "acc2"), Some(Found::Loose), "{text}");
        }
    }

    #[test]
    fn rubbish_says_nothing() {
        for text in ["", "hello\n", "type=str, case=sensitive\n", "type=str, case=sensitive, match=perhaps\n"] {
            assert_eq!(found(text, "a"), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = found(&String::from_utf8_lossy(&bytes), "a");
        }
    }
}
