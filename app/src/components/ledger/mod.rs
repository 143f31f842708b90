//! A clean-up's ledger. Rendered on the server, and again in the browser for each live update: the one part of a page
//! that both do.

mod phases;
mod proof;
mod steps;

use domain::{Instant, Return, RouterName, Status, StepKind, Watch, view::LedgerView};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::{tag::Tone, text::rich};
use crate::routes;

/// The ledger; `csrf` is for its form.
pub(crate) fn ledger(view: &LedgerView, csrf: &str) -> Markup {
    let cleanup = &view.cleanup;
    view! {
        <section class=format!("verdict {}", Tone::from(cleanup.status).class()) aria-label="Where it is">
            <i class="mark"></i>
            <div class="say" aria-live="polite" aria-atomic="true">
                <p>{rich(&view.headline)}</p>
                {short_proof(view).map(|words| view! { <p class="times">{words}</p> })}
                {view.watch.as_ref().map(|watch| view! { <p class="times">{watched(watch, view.now)}</p> })}
            </div>
            {retry(view, csrf)}
        </section>
        {came_back(view)}
        {phases::phases(view)}
        <div class="grid turned">
            <div class="stack">
                {view.reply.as_deref().map(proof::reply)}
                {proof::milestones(view)}
            </div>
            <div>{steps::steps(view)}</div>
        </div>
    }
    .written()
}

/// `cleared at 12:00:00.412 · verified at 12:00:31.009`.
fn short_proof(view: &LedgerView) -> Option<String> {
    let steps = || view.steps.iter().map(|step| &step.step);
    let routes = steps().filter(|step| step.kind == StepKind::Unroute);
    let cleared: Option<Instant> = routes.filter_map(|step| step.cleared_at).max();
    let verified = view.cleanup.finished_at.filter(|_| view.cleanup.status == Status::Done)?;
    Some(match cleared {
        Some(at) => format!("cleared at {} · verified at {} UTC", at.to_clock(), verified.to_clock()),
        None => format!("verified at {} UTC", verified.to_clock()),
    })
}

/// `watched until 12:10:31 UTC · looked 4 times, last 12 s ago: still gone`.
fn watched(watch: &Watch, now: Instant) -> String {
    let seconds = |at: Instant| at.to_clock().split('.').next().unwrap_or_default().to_owned();
    let until = seconds(watch.until);
    let away: Vec<&str> = watch.unread.iter().map(RouterName::as_str).collect();
    match (watch.is_over(), away.is_empty(), watch.looked_at) {
        (true, _, Some(at)) => format!("watched until {} UTC: still gone", seconds(at)),
        (_, false, _) => format!("watched until {until} UTC · {} did not answer the last look", away.join(", ")),
        (_, true, Some(at)) => {
            let times = if watch.looks == 1 { "once".to_owned() } else { format!("{} times, last", watch.looks) };
            format!("watched until {until} UTC · looked {times} {}: still gone", at.relative_to(now))
        }
        (_, true, None) => format!("watched until {until} UTC: whatever comes back is cleaned again"),
    }
}

/// What came back after it was verified, and how it probably came.
fn came_back(view: &LedgerView) -> Option<Markup> {
    let item = |it: &Return| {
        let on = it.server.as_ref().map(|server| view! { " → " <b>{server.to_string()}</b> });
        let (key, router) = (it.key.to_string(), it.place.router.to_string());
        view! {
            <li>
                {format!("{} UTC: ", it.at.to_clock())}
                <code>{key}</code> {on} " on " <code>{router}</code>
                {format!(", probably because {}.", it.way.words())}
            </li>
        }
    };
    let again = if view.cleanup.status == Status::Done { "It was cleaned again." } else { "It is cleaned again." };
    (!view.returns.is_empty()).then(|| {
        view! {
            <div class="note warn">
                <b>"It came back after it was verified. "</b> {again}
                <ul>{view.returns.iter().map(item).collect_view()}</ul>
            </div>
        }
        .written()
    })
}

fn retry(view: &LedgerView, csrf: &str) -> Option<Markup> {
    let cleanup = &view.cleanup;
    if view.may_retry {
        let form = view! {
            <form class="do" method="post" action=routes::action::RETRY>
                <input type="hidden" name="csrf" value=csrf.to_owned()/>
                <input type="hidden" name="id" value=cleanup.id.to_string()/>
                <button class="btn p">"Try again now"</button>
            </form>
        };
        return Some(form.written());
    }
    let waits = matches!(cleanup.status, Status::Owed | Status::NeedsAttention);
    waits.then(|| view! { <p class="do hint">"Your role may not retry it: ask support or an admin."</p> }.written())
}
