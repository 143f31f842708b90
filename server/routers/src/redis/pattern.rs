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
        let (Some((front, my_front)), Some((end, my_end))) = (
            longer(&self.before, &other.before, str::strip_prefix),
            longer(&self.after, &other.after, str::strip_suffix),
        ) else {
            return false;
        };
        let is_key = |text: &str| RouteKey::parse(text).is_ok();
        if my_front == my_end || front.is_empty() || end.is_empty() {
            // What one has more stands around its key, inside the other's key: `app:x-{key}` and `app:{key}`.
            return is_key(&format!("{front}0{end}"));
        }
        // Each has more on another side: `a:x{key}` and `a:{key}y`. The two may share letters too, as in `_:a`,
        // which is of `_:{key}` and of `{key}:a`.
        (0..=front.len().min(end.len())).any(|shared| {
            let parts = front.split_at_checked(front.len() - shared).zip(end.split_at_checked(shared));
            parts.is_some_and(|((first, twice), (again, last))| twice == again && is_key(first) && is_key(last))
        })
    }
}

/// What the longer of two texts has more than the other, and whether it is the first one that is longer; `None` when
/// neither `strips` from the other.
fn longer<'a>(
    mine: &'a str,
    other: &'a str,
    strips: impl Fn(&'a str, &'a str) -> Option<&'a str>,
) -> Option<(&'a str, bool)> {
    strips(mine, other).map(|rest| (rest, true)).or_else(|| strips(other, mine).map(|rest| (rest, false)))
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
        assert!(meet("{key}:a", "_:{key}"), "_:a is both, and its colon is of each");
        assert!(meet("a:x{key}", "a:{key}y"), "a:xy is both");
        assert!(!meet("a:{key}", "a:{key}:fence"));
        assert!(!meet("a:{key}", "b:{key}"));
        assert!(!meet("a:{key}", "a:b:{key}"));
    }

    /// Every text of up to `most` letters of `letters`, the shortest first.
    fn texts(letters: &[char], most: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..most {
            let to = all.len();
            for at in from..to {
                all.extend(letters.iter().map(|letter| format!("{}{letter}", all[at])).collect::<Vec<_>>());
            }
            from = to;
        }
        all
    }

    #[test]
    fn two_patterns_meet_exactly_when_one_name_is_of_both() {
        let sides = texts(&['a', ':'], 3);
        // Seven letters: three of each side and a key of one between them.
        let names = texts(&['a', ':'], 7);
        let patterns: Vec<_> = sides
            .iter()
            .flat_map(|before| sides.iter().map(move |after| format!("{before}{{key}}{after}")))
            .filter_map(|text| Pattern::parse("p", &text).ok())
            .map(|it| (names.iter().map(|name| it.key(name.as_bytes()).is_some()).collect::<Vec<_>>(), it))
            .collect();
        assert_eq!(patterns.len(), 15 * 15 - 1);
        for (mine, it) in &patterns {
            for (its, other) in &patterns {
                let both = mine.iter().zip(its).position(|(mine, its)| *mine && *its).map(|at| &names[at]);
                assert_eq!(it.meets(other), both.is_some(), "{it:?} and {other:?}: {both:?}");
            }
        }
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
