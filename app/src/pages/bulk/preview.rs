//! What a bulk clean-up would do, before it is asked for; and the lines of its list that are not part of it.

use domain::{BulkSelection, ListReport, Mode, Place, ServerName, view::BulkPage};
use leptos::prelude::*;

use crate::components::{
    card::{card, empty},
    server::health,
    text::{id, len, number, plural},
};

/// What would happen, exactly as it is known now.
pub(super) fn before(page: &BulkPage) -> AnyView {
    let it = &page.bulk;
    let customers = match it.order.mode {
        Mode::Force => format!(
            "{} end: these customers must sign in again.",
            plural(it.live_sessions, "live session", "live sessions")
        ),
        Mode::Stale => "Nobody is signed out.".to_owned(),
        Mode::Unstick => "Nobody is signed out. Their next request may land on another server.".to_owned(),
    };
    let chosen = match &it.selection {
        BulkSelection::Filter(filter) => format!("Accounts {}, as they were when the list was frozen.", filter.words()),
        BulkSelection::List(report) => format!("A list of {}.", plural(report.lines, "line", "lines")),
    };
    let summary = view! {
        <ul class="will">
            <li>{plural(it.counts.total(), "account", "accounts")}</li>
            <li>{customers}</li>
            <li>{plural(it.leftover_sessions, "left-over session is cleaned", "left-over sessions are cleaned")}</li>
            <li>{chosen}</li>
            <li>{format!("At most {} under way at once and {} begun a second; it stops by itself when more than {} are in trouble.", number(it.order.wave.into()), number(it.order.rate.into()), number(it.order.failure_limit.into()))}</li>
            <li>{format!("It takes about {}.", page.takes)}</li>
        </ul>
        <p class="pad">"List " {id(&it.hash.0)}</p>
    };
    let route = |(place, server, n): &(Place, ServerName, i64)| {
        view! { <li class="row"><span>{format!("{} / {}", place.router, place.pool)}</span><span><b>{server.to_string()}</b> {format!(" · {}", plural(*n, "route", "routes"))}</span></li> }
    };
    let routes = if page.routes.is_empty() {
        empty("No router holds a route of these accounts, as far as they were last read.", ().into_any())
    } else {
        view! { <ul class="rows">{page.routes.iter().map(route).collect_view()}</ul> }.into_any()
    };
    let targets = (!page.targets.is_empty()).then(|| {
        let target = |server: &domain::ServerStatus| {
            view! { <li class="row"><span>{server.name.to_string()} " " {health(server.health, true)}</span><small>{server.pinned.map(|n| format!("holds {}", number(n)))}</small></li> }
        };
        let body = view! { <ul class="rows">{page.targets.iter().map(target).collect_view()}</ul> };
        card("Where they would go", "the pool’s other servers that are well".into_any(), body.into_any())
    });
    view! {
        <div class="grid even">
            <div class="stack">{card("What will happen", ().into_any(), summary.into_any())}</div>
            <div class="stack">{card("Their routes now", "as last read; what is left over of them is cleared".into_any(), routes)} {targets}</div>
        </div>
    }
    .into_any()
}

/// Lines of the list that name no account of it.
pub(super) fn problems(selection: &BulkSelection) -> AnyView {
    let BulkSelection::List(report) = selection else { return ().into_any() };
    let ListReport { unknown, duplicates, malformed, problems, .. } = report;
    let all = unknown + duplicates + malformed;
    if all == 0 {
        return ().into_any();
    }
    let line = |it: &domain::ListProblem| {
        view! { <li class="row"><span>{format!("line {} ", it.line)} <code>{it.text.clone()}</code></span><small>{it.why.clone()}</small></li> }
    };
    let first = problems.iter().take(20).map(line).collect_view();
    let shown = len(&problems[..problems.len().min(20)]);
    let rest = (all > shown).then(|| view! { <p class="pad">{format!("and {} more.", number(all - shown))}</p> });
    let told = format!("{unknown} unknown, {duplicates} twice, {malformed} no id");
    let body = view! { <ul class="rows">{first}</ul> {rest} };
    card("Lines that are not part of it", told.into_any(), body.into_any())
}
