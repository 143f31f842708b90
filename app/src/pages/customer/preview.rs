//! What a reset would do, before it is done: which device stays, what ends, and the one confirmation.

use domain::view::{OwnPage, OwnSession, ResetPreview};
use leptos::prelude::*;

use super::{Loading, Shown, device, for_customers, told_note};
use crate::{
    api::{ctx, customer},
    components::{
        card::{card, crumb, note},
        form::{hidden, token},
        markup::{Markup, Written},
        tag::Tone,
        text::{foreign, len, plural},
        time::ago,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    for_customers(async {
        let (page, stays, preview) = customer::preview().await?;
        Ok(Shown::new("Reset your sessions", show(&page, &stays, preview.as_ref())))
    })
}

fn show(page: &OwnPage, stays: &str, preview: Option<&ResetPreview>) -> Markup {
    view! {
        {crumb(routes::SELF, "Your sessions")}
        <h1>"Reset your sessions"</h1>
        {told_note(customer::told())}
        {choose(page, stays)}
        {preview.map(|preview| will(page, stays, preview))}
    }
    .written()
}

/// Which device stays signed in: a form that shows, and changes nothing.
fn choose(page: &OwnPage, stays: &str) -> Markup {
    let this = page.sessions.iter().find(|session| session.this);
    let radio = |value: String, words: Markup| {
        let checked = value == stays;
        view! {
            <label class="choice">
                <input type="radio" name="stays" value=value required checked=checked/>
                <span>{words}</span>
            </label>
        }
    };
    let one = |it: &OwnSession| {
        let words =
            view! { {foreign(&device(&it.client))} <small>", last seen " {ago(it.last_seen_at, page.now)}</small> };
        radio(it.id.to_string(), words.written())
    };
    let choices: Vec<_> = match this {
        Some(it) => {
            let words = view! { "This device: " {foreign(&device(&it.client))} };
            vec![radio("this".to_owned(), words.written())]
        }
        None => page.sessions.iter().take(20).map(one).collect(),
    };
    if choices.is_empty() {
        return ().written();
    }
    view! {
        <form class="card pad form" method="get" action=routes::SELF_RESET>
            <fieldset>
                <legend>"Which device stays signed in?"</legend>
                {choices}
                {radio("nobody".to_owned(), "None: sign me out everywhere".written())}
            </fieldset>
            <p class="do"><button class="btn">"Show what would happen"</button></p>
        </form>
    }
    .written()
}

fn will(page: &OwnPage, stays: &str, preview: &ResetPreview) -> Markup {
    let line = |text: &String| view! { <li>{text.clone()}</li> };
    let ends = (!preview.ends.is_empty()).then(|| {
        let row = |it: &OwnSession| {
            view! { <li class="row"><b>{foreign(&device(&it.client))}</b> <small>"last seen " {ago(it.last_seen_at, page.now)}</small></li> }
        };
        let body = view! { <ul class="rows">{preview.ends.iter().take(50).map(row).collect_view()}</ul> };
        card("Signed out", plural(len(&preview.ends), "device", "devices").written(), body.written())
    });
    let told = view! { <ul class="will">{preview.says.iter().map(line).collect_view()}</ul> };
    view! {
        {card("What will happen", ().written(), told.written())}
        {ends}
        {confirm(stays, preview)}
    }
    .written()
}

fn confirm(stays: &str, preview: &ResetPreview) -> Markup {
    if let Some(id) = &preview.under_way {
        let link = view! { " " <a href=routes::own_progress(id, None)>"See how far it is"</a> };
        return note(
            Tone::Warn,
            view! { "Your account is being cleaned up just now. When that is done, you can reset." {link} },
        );
    }
    if preview.nothing {
        return ().written();
    }
    let words = match preview.ends.len() {
        0 => "Reset".to_owned(),
        _ => format!("Reset, and sign out {}", plural(len(&preview.ends), "device", "devices")),
    };
    view! {
        <form method="post" action=routes::action::OWN_RESET>
            {token(&ctx::csrf())}
            {hidden("stays", stays)}
            {hidden("hash", &preview.hash.0)}
            <button class="btn p whole">{words}</button>
        </form>
    }
    .written()
}
