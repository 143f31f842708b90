//! The columns for searching: texts as [`domain::fold`] has them.

use domain::fold;

/// Longest key that is indexed, in bytes. A query is at most 200 (`domain::Query`), and Postgres refuses index rows above
/// 2.7 kB.
const LONGEST_KEY: usize = 256;

/// What the columns for searching hold.
pub(crate) struct SearchKeys {
    pub email: String,
    pub name: String,
    pub text: String,
}

impl SearchKeys {
    pub fn of(id: &str, email: &str, name: &str) -> Self {
        let (id, email, name) = (fold(id), fold(email), fold(name));
        let text = format!("{id}\n{email}\n{name}");
        Self { email: clip(email), name: clip(name), text }
    }
}

fn clip(mut text: String) -> String {
    if text.len() > LONGEST_KEY {
        let end = (0..=LONGEST_KEY).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// The first text after all that begin with `prefix`, in the order of code points, which is that of UTF-8's bytes.
pub(crate) fn after_prefix(prefix: &str) -> String {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // One past the last character, over the gap that is left for surrogates.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return text;
        }
    }
    char::MAX.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_holds_what_begins_so_and_nothing_else() {
        for prefix in ["ses_", "a%", "z", "ÿ", "\u{d7ff}", "x\u{10ffff}", "日本"] {
            let end = after_prefix(prefix);
            assert!(prefix < end.as_str());
            for tail in ["", "0", "zzz", "\u{fffd}"] {
                assert!(format!("{prefix}{tail}").as_str() < end.as_str(), "{prefix}{tail}");
            }
        }
        assert_eq!(after_prefix("ses_"), "ses`");
    }

    #[test]
    fn a_long_key_is_cut_between_characters() {
        assert!(SearchKeys::of("a", "", &"ü".repeat(1_000)).name.len() <= LONGEST_KEY);
        assert!(SearchKeys::of("a", "", &"日".repeat(1_000)).name.len() <= LONGEST_KEY);
    }
}
