//! How far a reset is. The page loads itself again, with and without scripts, for as long as something may happen.

use domain::{Status, view::ResetState};
use http::HeaderName;
use leptos::prelude::*;

use super::{Loading, Shown, for_customers, leave, told_note};
use crate::{
    api::{ctx, customer},
    components::{
        markup::{Markup, Written},
        tag::{Tone, tag},
        text::id,
        time::ago,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    for_customers(async {
        let state = customer::state().await?;
        if let Some(seconds) = again(state.status) {
            ctx::set_header(HeaderName::from_static("refresh"), seconds);
        }
        Ok(Shown::new(format!("{} – your reset", word(state.status)), show(&state)))
    })
}

/// Seconds after which the page is worth loading again.
const fn again(status: Status) -> Option<&'static str> {
    match status {
        Status::Running => Some("2"),
        Status::Owed => Some("10"),
        Status::NeedsAttention | Status::Done => None,
    }
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Running => "under way",
        Status::Owed => "almost done",
        Status::NeedsAttention => "our staff look at it",
        Status::Done => "done",
    }
}

fn show(state: &ResetState) -> Markup {
    let tone = Tone::from(state.status);
    let finished = state.finished_at.map(|at| view! { <span>"done " {ago(at, state.now)}</span> });
    view! {
        <h1>"Your reset"</h1>
        {told_note(customer::told())}
        <section class=format!("verdict {}", tone.class()) aria-label="How far it is">
            <i class="mark"></i>
            <div class="say"><p role="status">{state.says.clone()}</p></div>
        </section>
        <div class="meta">
            {tag(tone, word(state.status))}
            <span>"asked for " {ago(state.requested_at, state.now)}</span>
            {finished}
            <span>"number " {id(state.id.as_str())}</span>
        </div>
        <p class="do"><a class="btn" href=routes::SELF>"Your sessions"</a></p>
        {leave()}
    }
    .written()
}
