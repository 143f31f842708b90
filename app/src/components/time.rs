//! Instants and spans for people: short to read, exact on hover and for machines.

use domain::{Instant, Span};
use leptos::prelude::*;

/// `3 min ago`.
pub(crate) fn ago(at: Instant, now: Instant) -> View<impl IntoView + use<>> {
    view! { <time datetime=at.to_string() title=at.to_text()>{at.relative_to(now)}</time> }
}

/// `3 min`: how long something has been so.
#[cfg(feature = "ssr")]
pub(crate) fn since(at: Instant, now: Instant) -> View<impl IntoView + use<>> {
    view! { <time datetime=at.to_string() title=format!("since {}", at.to_text())>{now.since(at).to_string()}</time> }
}

/// `12:00:00.412`.
pub(crate) fn clock(at: Instant) -> View<impl IntoView + use<>> {
    view! { <time datetime=at.to_string() title=at.to_text()>{at.to_clock()}</time> }
}

/// `+0.31 s`, `+30.1 s`, `+2 min 5 s`: how long after a beginning.
pub(crate) fn after(span: Span) -> String {
    let millis = span.millis().max(0);
    match millis {
        0..10_000 => format!("+{}.{:02} s", millis / 1_000, millis % 1_000 / 10),
        10_000..60_000 => format!("+{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("+{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!("+{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_to_the_digit_that_matters() {
        assert_eq!(after(Span::ZERO), "+0.00 s");
        assert_eq!(after(Span::from_millis(312)), "+0.31 s");
        assert_eq!(after(Span::from_millis(30_120)), "+30.1 s");
        assert_eq!(after(Span::from_secs(125)), "+2 min 5 s");
        assert_eq!(after(Span::from_secs(7_260)), "+2 h 1 min");
    }
}
