//! A customer's sessions: whether they are the cause, and where one is signed in.

use domain::view::{OwnDiagnosis, OwnPage, OwnSession};
use leptos::prelude::*;

use super::{device, leave};
use crate::{
    components::{
        card::{card, empty},
        markup::{Markup, Written},
        tag::{Tone, tag},
        text::{foreign, plural},
        time::ago,
    },
    routes,
};

/// The page's body.
pub(super) fn show(page: &OwnPage, diagnosis: Option<&OwnDiagnosis>, told: Option<Markup>) -> Markup {
    let name = (!page.name.is_empty()).then(|| view! { ", " {foreign(&page.name)} });
    view! {
        <h1>"Your sessions" {name}</h1>
        {told}
        {diagnosis.map_or_else(unknown, cause)}
        {next(page, diagnosis)}
        {devices(page)}
        {leave()}
    }
    .written()
}

fn cause(diagnosis: &OwnDiagnosis) -> Markup {
    let tone = Tone::from(diagnosis.verdict);
    let line = |text: &String| view! { <li>{text.clone()}</li> };
    let lines = (!diagnosis.findings.is_empty())
        .then(|| view! { <ul class="hints">{diagnosis.findings.iter().map(line).collect_view()}</ul> });
    view! {
        <section class=format!("verdict {}", tone.class()) aria-label="What we found">
            <i class="mark"></i>
            <div class="say">
                <p>{diagnosis.says.clone()}</p>
                {lines}
            </div>
        </section>
    }
    .written()
}

fn unknown() -> Markup {
    view! { <p class="note off">"We looked often enough for now. In an hour you can have it looked at again."</p> }
        .written()
}

fn next(page: &OwnPage, diagnosis: Option<&OwnDiagnosis>) -> Markup {
    if let Some(id) = &page.under_way {
        return view! {
            <p>"A reset or another clean-up of your account is under way."</p>
            <p class="do"><a class="btn p" href=routes::own_progress(id, None)>"See how far it is"</a></p>
        }
        .written();
    }
    let helps = diagnosis.is_none_or(|diagnosis| diagnosis.reset_helps);
    let (class, words) = if helps { ("btn p", "Reset …") } else { ("btn", "Reset all the same …") };
    view! {
        <p class="do">
            <a class=class href=routes::own_reset("", None)>{words}</a>
            <span class="hint">"You see first what it would do."</span>
        </p>
    }
    .written()
}

fn devices(page: &OwnPage) -> Markup {
    let row = |it: &OwnSession| {
        let this = it.this.then(|| view! { " " {tag(Tone::Ok, "this one")} });
        view! {
            <li class="row">
                <span><b>{foreign(&device(&it.client))}</b> {this}</span>
                <small>"signed in " {ago(it.created_at, page.now)} ", last seen " {ago(it.last_seen_at, page.now)}</small>
            </li>
        }
    };
    let shown = i64::try_from(page.sessions.len()).unwrap_or(i64::MAX);
    let more = (page.signed_in > shown).then(|| {
        view! { <p class="pad hint">{format!("and {}", plural(page.signed_in - shown, "older one", "older ones"))}</p> }
    });
    let body = if page.sessions.is_empty() {
        empty("You are signed in nowhere.", ().written())
    } else {
        view! { <ul class="rows">{page.sessions.iter().map(row).collect_view()}</ul> {more} }.written()
    };
    card("Where you are signed in", plural(page.signed_in, "device", "devices").written(), body)
}
