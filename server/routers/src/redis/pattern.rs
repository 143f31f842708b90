//! Names of keys in Redis: a text with `{key}` in it, where a route key stands.

use domain::RouteKey;

/// Where the route key stands in a pattern.
const HOLE: &str = "{key}";

/// The longest pattern: names of keys are short, and each is sent twice for every reading.
const MAX_PATTERN: usize = 256;

/// A pattern, cut at its hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    before: String,
    after: String,
}

impl Pattern {
    /// Reads `text`, the value of setting `word`.
    pub(super) fn parse(word: &str, text: &str) -> Result<Self, String> {
        let (before, after) = text.split_once(HOLE).filter(|(_, after)| !after.contains(HOLE)).ok_or_else(|| {
            format!("{word} {text:?} must have {{key}} in it exactly once, as in affinity:app:{{key}}")
        })?;
        if text.len() > MAX_PATTERN || text.chars().any(char::is_control) {
            return Err(format!("{word} must be at most {MAX_PATTERN} bytes of printable text"));
        }
        if before.is_empty() && after.is_empty() {
            return Err(format!(
                "{word} must have something around {{key}}: else every key of the database would be one"
            ));
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// This pattern with `end` behind it.
    pub(super) fn with_end(&self, end: &str) -> Self {
        Self { before: self.before.clone(), after: format!("{}{end}", self.after) }
    }

    /// The name in Redis for `key`.
    pub(super) fn name(&self, key: &RouteKey) -> String {
        format!("{}{key}{}", self.before, self.after)
    }

    /// The route key in a `name`; `None` when the name is of another make.
    pub(super) fn key(&self, name: &[u8]) -> Option<RouteKey> {
        let middle = name.strip_prefix(self.before.as_bytes())?.strip_suffix(self.after.as_bytes())?;
        RouteKey::parse(std::str::from_utf8(middle).ok()?).ok()
    }

    /// The pattern for `SCAN … MATCH`: what is no hole stands for itself.
    pub(super) fn glob(&self) -> String {
        let quoted = |text: &str| {
            let quote = |c: char| if "*?[]\\^-".contains(c) { vec!['\\', c] } else { vec![c] };
            text.chars().flat_map(quote).collect::<String>()
        };
        format!("{}*{}", quoted(&self.before), quoted(&self.after))
    }

    /// Whether one name could be of both patterns, for whatever keys: then neither could be told from the other.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let rest = |a: &str, b: &str| a.strip_prefix(b).or_else(|| b.strip_prefix(a)).map(str::to_owned);
        let back = |text: &str| text.chars().rev().collect::<String>();
        let fits = |rest: Option<String>| rest.is_some_and(|text| text.is_empty() || RouteKey::parse(text).is_ok());
        fits(rest(&self.before, &other.before)) && fits(rest(&back(&self.after), &back(&other.after)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse("key_pattern", text).unwrap()
    }

    fn key(text: &str) -> RouteKey {
        RouteKey::parse(text).unwrap()
    }

    #[test]
    fn a_pattern_has_one_hole_and_something_around_it() {
        assert_eq!(pattern("affinity:app:{key}").name(&key("acc_1")), "affinity:app:acc_1");
        assert_eq!(pattern("{a}:{key}:x").name(&key("k")), "{a}:k:x");
        let long = format!("{}{{key}}", "x".repeat(300));
        for bad in ["", "affinity", "{key}", "{key}{key}", "a:{key}:{key}", "a\n{key}", "a:{KEY}", long.as_str()] {
            assert!(Pattern::parse("key_pattern", bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn signs_of_globs_stand_for_themselves() {
        assert_eq!(pattern("a*b?[c]\\-^:{key}").glob(), r"a\*b\?\[c\]\\\-\^:*");
        assert_eq!(pattern("app:{key}:pin").glob(), "app:*:pin");
    }

    #[test]
    fn a_name_of_another_make_has_no_key() {
        let it = pattern("app:{key}:pin");
        assert_eq!(it.key(b"app:acc_1:pin"), Some(key("acc_1")));
        for name in [&b"app::pin"[..], b"app:acc_1", b"app:a b:pin", b"app:\xff:pin", b"app:pin", b"", b"xapp:a:pin"] {
            assert_eq!(it.key(name), None, "{name:?}");
        }
    }

    #[test]
    fn patterns_that_could_be_mistaken_for_one_another_are_told() {
        let meet = |a: &str, b: &str| {
            assert_eq!(pattern(a).meets(&pattern(b)), pattern(b).meets(&pattern(a)), "{a} {b}");
            pattern(a).meets(&pattern(b))
        };
        assert!(meet("a:{key}", "a:{key}"));
        assert!(meet("a:{key}", "a:{key}-fence"), "the fence of k is the key k-fence");
        assert!(meet("a:{key}", "a:fence-{key}"));
        assert!(meet("a{key}", "{key}x"), "ax is both");
        assert!(!meet("a:{key}", "a:{key}:fence"));
        assert!(!meet("a:{key}", "b:{key}"));
        assert!(!meet("a:{key}", "a:b:{key}"));
    }

    proptest! {
        #[test]
        fn what_a_pattern_makes_it_reads_and_nothing_that_does_not_meet_it(
            before in "[a-c:_]{0,3}", after in "[a-c:_]{0,3}", other in "[a-c:_]{0,3}", end in "[a-c:_]{0,3}", text in "[a-c_]{1,4}",
        ) {
            let (Ok(mine), Ok(its)) = (
                Pattern::parse("p", &format!("{before}{{key}}{after}")), Pattern::parse("p", &format!("{other}{{key}}{end}")),
            ) else { return Ok(()) };
            let name = mine.name(&key(&text));
            prop_assert_eq!(mine.key(name.as_bytes()), Some(key(&text)));
            prop_assert!(mine.meets(&its) || its.key(name.as_bytes()).is_none(), "{} is of both", name);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in ".{0,40}") {
            let _ = pattern("a:{key}:b").key(&bytes);
            let _ = Pattern::parse("key_pattern", &text).map(|it| it.glob());
        }
    }
}
