//! How full a server is against its fair share: a bar with a mark. The words beside it say the same, so nobody has to see
//! it, and it needs no style of its own: the content security policy allows none.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

/// A bar of `pinned` with a mark at `fair`, of a pool in which no bar and no mark goes beyond `most`: they have one scale.
pub(crate) fn bar(pinned: i64, fair: Option<i64>, most: i64, class: &'static str) -> Markup {
    let scale = most.max(1);
    let mark = fair.filter(|fair| *fair > 0).map(|fair| {
        // The mark is one wide and stays inside. (Its class is not `mark`: icons are, and the style sheet would size it.)
        view! { <rect class="share" x=across(fair, scale).min(99) width="1" height="6"></rect> }
    });
    view! {
        <svg class="bar fair" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class=class y="1" width=across(pinned, scale) height="4"></rect>
            {mark}
        </svg>
    }
    .written()
}

/// `n` in hundredths of `scale`; what is not nothing is seen.
fn across(n: i64, scale: i64) -> i64 {
    let hundredths = i128::from(n.max(0)) * 100 / i128::from(scale.max(1));
    i64::try_from(hundredths).unwrap_or(100).clamp(i64::from(n > 0), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_it_should_be_and_never_longer() {
        assert_eq!(across(0, 50), 0);
        assert_eq!(across(25, 50), 50);
        assert_eq!(across(1, 1_000_000), 1, "one customer is seen too");
        assert_eq!(across(i64::MAX, 1), 100);
        assert_eq!(across(-5, 0), 0);
    }
}
