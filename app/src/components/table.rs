//! Tables that scroll by themselves where they are too wide, filters as links, and the way to the next page.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

/// A table. `heads` are its columns: those that begin with `!` are left out on narrow screens, those with `#` hold
/// numbers. Rows bring their own cells, with class `x` or `n` for the same.
pub(crate) fn table(caption: &str, heads: &'static [&'static str], rows: Vec<Markup>) -> Markup {
    let head = |head: &&'static str| {
        let words = head.trim_start_matches(['!', '#']);
        let marks = head.get(..head.len() - words.len()).unwrap_or_default();
        let class = match marks {
            "!" => Some("x"),
            "#" => Some("n"),
            "!#" => Some("x n"),
            _ => None,
        };
        view! { <th scope="col" class=class>{words}</th> }
    };
    view! {
        <div class="wide" role="region" aria-label=format!("Table: {caption}") tabindex="0">
            <table>
                <thead>
                    <tr>{heads.iter().map(head).collect_view()}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .written()
}

/// Filters as links: `(words, url, whether it is the one)`.
pub(crate) fn filters(label: &str, links: Vec<(String, String, bool)>) -> Markup {
    let link = |(words, url, here): (String, String, bool)| {
        view! { <a href=url aria-current=here.then_some("true")>{words}</a> }
    };
    view! { <nav class="filters" aria-label=label.to_owned()>{links.into_iter().map(link).collect_view()}</nav> }
        .written()
}

/// The way back to the first page and on to the next one.
pub(crate) fn pager(first: Option<String>, next: Option<String>) -> Markup {
    if first.is_none() && next.is_none() {
        return ().written();
    }
    view! {
        <nav class="pager" aria-label="Pages">
            {first.map(|url| view! { <a class="btn" href=url>"First page"</a> })}
            {next.map(|url| view! { <a class="btn" rel="next" href=url>"Next page"</a> })}
        </nav>
    }
    .written()
}
