//! Reads `show info`: one `Name: value` a line.

use domain::Span;

use crate::About;

/// What it says of itself; `None` when this is no such reply.
pub(super) fn about(text: &str) -> Option<About> {
    let field = |wanted: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.trim())
    };
    let product = format!("{} {}", clean(field("Name")?), release(&clean(field("Version")?)));
    let uptime = field("Uptime_sec").and_then(|secs| secs.parse().ok()).filter(|secs| *secs >= 0).map(Span::from_secs);
    let node = clean(field("node").unwrap_or_default());
    Some(About { product, uptime, node, takes_changes: true })
}

/// A version without what a distribution adds: `2.6.12` of `2.6.12-1+deb12u4`, all of `3.1-dev5`.
fn release(version: &str) -> &str {
    match version.split_once('-') {
        Some((release, rest)) if !rest.starts_with("dev") => release,
        _ => version,
    }
}

/// Keeps what a person can read, and not too much of it.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_recorded_answer_is_read() {
        let about = about(include_str!("fixtures/info.txt")).unwrap();
        assert_eq!(about.product, "HAProxy 2.6.12");
        assert_eq!(about.node, "lb-1");
        assert!(about.uptime.is_some());
    }

    #[test]
    fn versions_are_cut_where_the_distribution_begins() {
        assert_eq!(release("2.6.12-1+deb12u4"), "2.6.12");
        assert_eq!(release("3.1-dev5-0a1b2c"), "3.1-dev5-0a1b2c");
        assert_eq!(release("3.0.5"), "3.0.5");
    }

    #[test]
    fn what_is_missing_is_not_invented() {
        assert!(about("").is_none());
        assert!(about("Name: HAProxy\n").is_none());
        let about = about("Name: HAProxy\nVersion: 2.8.1\nUptime_sec: soon\n").unwrap();
        assert_eq!((about.uptime, about.node.as_str()), (None, ""));
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = about(&text);
            let _ = about(&format!("Name: {text}\nVersion: {text}\nUptime_sec: {text}"));
        }
    }
}
