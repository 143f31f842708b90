//! Words, names, ids and numbers.

use domain::{Piece, Rich};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

/// A sentence with its marks.
pub(crate) fn rich(text: &Rich) -> Vec<Markup> {
    let piece = |piece: &Piece| match piece {
        // A figure and its sign stay on one line.
        Piece::Text(words) => words.replace(" %", "\u{a0}%").written(),
        Piece::Strong(words) => view! { <b>{words.clone()}</b> }.written(),
        Piece::Code(words) => view! { <code>{words.clone()}</code> }.written(),
    };
    text.0.iter().map(piece).collect()
}

/// An id of the machine's world, with a button that copies it (there is none without scripts; `islands::Comfort` makes
/// it work).
pub(crate) fn id(text: &str) -> View<impl IntoView + use<>> {
    view! {
        <span class="id">
            <code>{text.to_owned()}</code>
            <button type="button" class="copy" data-copy aria-label="Copy"></button>
        </span>
    }
}

/// A text of somebody else's making: it may be of any script and direction, and must not turn what is around it.
pub(crate) fn foreign(text: &str) -> View<impl IntoView + use<>> {
    view! { <bdi>{text.to_owned()}</bdi> }
}

/// `1 session`, `12,345 sessions`.
pub(crate) fn plural(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `12,345`.
pub(crate) fn number(n: i64) -> String {
    if (0..1_000).contains(&n) {
        return n.to_string();
    }
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many there are, as an `i64`.
pub(crate) fn len<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// `words` with a capital at its beginning and a stop at its end.
pub(crate) fn sentence(words: &str) -> String {
    let words = words.trim();
    let mut letters = words.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let stop = if words.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_thousands() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(-12_345), "−12,345");
        assert_eq!(plural(1, "route", "routes"), "1 route");
        assert_eq!(plural(1_000, "route", "routes"), "1,000 routes");
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("there is no such account"), "There is no such account.");
        assert_eq!(sentence("Wait!"), "Wait!");
        assert_eq!(sentence(""), "");
    }
}
