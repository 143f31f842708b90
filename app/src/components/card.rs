//! Cards, empty states, notes.

use leptos::prelude::*;

use super::tag::Tone;

/// A card with a heading, and beside it a note.
pub(crate) fn card(title: &str, note: AnyView, body: AnyView) -> AnyView {
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
    .into_any()
}

/// A heading's id: its words in lower case with `-` between.
fn anchor(title: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
    };
    title.chars().map(letter).collect::<String>().trim_matches('-').to_owned()
}

/// What stands where a list would be: why there is nothing, and what to do next.
pub(crate) fn empty(words: &str, next: AnyView) -> AnyView {
    view! {
        <div class="empty">
            <p>{words.to_owned()}</p>
            {next}
        </div>
    }
    .into_any()
}

/// A link in the look of a button.
pub(crate) fn button(url: String, words: &str, class: &str) -> AnyView {
    view! { <a class=format!("btn {class}") href=url>{words.to_owned()}</a> }.into_any()
}

/// A note above a page or a form.
pub(crate) fn note(tone: Tone, body: impl IntoView + 'static) -> AnyView {
    let role = if matches!(tone, Tone::Bad | Tone::Warn) { "alert" } else { "status" };
    view! { <div class=format!("note {}", tone.class()) role=role>{body}</div> }.into_any()
}

/// Lines (each a `<li>`) of which the first few are seen at once and the rest when asked for.
pub(crate) fn listed(mut lines: Vec<AnyView>) -> AnyView {
    /// How many are seen; one more would take as much room as what says that there is more.
    const SEEN: usize = 5;
    let rest = if lines.len() > SEEN + 1 { lines.split_off(SEEN) } else { Vec::new() };
    let more = (!rest.is_empty()).then(|| {
        let words = format!("and {} more", rest.len());
        view! { <details class="rest"><summary>{words}</summary><ul>{rest}</ul></details> }
    });
    view! { <ul>{lines}</ul> {more} }.into_any()
}

/// `Accounts › …`: the way back.
pub(crate) fn crumb(url: &str, words: &str) -> AnyView {
    view! { <p class="crumb"><a href=url.to_owned()>{words.to_owned()}</a></p> }.into_any()
}
