//! Cards, empty states, notes.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::tag::Tone;

/// A card with a heading, and beside it a note.
pub(crate) fn card(title: &str, note: Markup, body: Markup) -> Markup {
    let id = anchor(title);
    view! {
        <section class="card" aria-labelledby=id.clone()>
            <div class="h">
                <h2 id=id.clone()>{title.to_owned()}</h2>
                <small>{note}</small>
            </div>
            {body}
        </section>
    }
    .written()
}

/// A heading's id: its words in lower case with `-` between.
fn anchor(title: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
    };
    title.chars().map(letter).collect::<String>().trim_matches('-').to_owned()
}

/// What stands where a list would be: why there is nothing, and what to do next.
pub(crate) fn empty(words: &str, next: Markup) -> Markup {
    view! {
        <div class="empty">
            <p>{words.to_owned()}</p>
            {next}
        </div>
    }
    .written()
}

/// A link in the look of a button.
pub(crate) fn button(url: String, words: &str, class: &str) -> Markup {
    view! { <a class=format!("btn {class}") href=url>{words.to_owned()}</a> }.written()
}

/// A note above a page or a form.
pub(crate) fn note(tone: Tone, body: impl IntoView + 'static) -> Markup {
    let role = if matches!(tone, Tone::Bad | Tone::Warn) { "alert" } else { "status" };
    view! { <div class=format!("note {}", tone.class()) role=role>{body}</div> }.written()
}

/// Lines (each a `<li>`) of which the first few are seen at once and the rest when asked for.
pub(crate) fn listed(mut lines: Vec<Markup>) -> Markup {
    /// How many are seen; one more would take as much room as what says that there is more.
    const SEEN: usize = 5;
    let rest = if lines.len() > SEEN + 1 { lines.split_off(SEEN) } else { Vec::new() };
    let more = (!rest.is_empty()).then(|| {
        let words = format!("and {} more", rest.len());
        view! { <details class="rest"><summary>{words}</summary><ul>{rest}</ul></details> }
    });
    view! { <ul>{lines}</ul> {more} }.written()
}

/// `Accounts › …`: the way back.
pub(crate) fn crumb(url: &str, words: &str) -> Markup {
    view! { <p class="crumb"><a href=url.to_owned()>{words.to_owned()}</a></p> }.written()
}
