//! What a bulk clean-up would do, before it is asked for; and the lines of its list that are not part of it.

use domain::{BulkSelection, ListReport, Mode, MoveView, Place, ServerName, ServerStatus, Unread, view::BulkPage};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::super::move_off::advice;
use crate::components::{
    card::{card, empty},
    server::health,
    text::{id, len, number, plural},
    time::ago,
};

/// What would happen, exactly as it is known now.
pub(super) fn before(page: &BulkPage) -> Markup {
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
            <li>{plural(it.counts.total(), "account", "accounts")} "."</li>
            <li>{customers}</li>
            {(it.order.mode != Mode::Unstick).then(|| view! { <li>{plural(it.leftover_sessions, "left-over session is cleaned", "left-over sessions are cleaned")} "."</li> })}
            <li>{chosen}</li>
            {page.server_move.as_ref().map(|moved| moved_words(moved).into_iter().map(|words| view! { <li>{words}</li> }).collect_view())}
            <li>{format!("At most {} under way at once and {} begun a second; it stops by itself when more than {} are in trouble.", number(it.order.wave.into()), number(it.order.rate.into()), number(it.order.failure_limit.into()))}</li>
            <li>{format!("It takes about {}.", page.takes)}</li>
        </ul>
        <p class="pad">"List " {id(&it.hash.0)}</p>
    };
    let route = |(place, server, n): &(Place, ServerName, i64)| {
        view! { <li class="row"><span>{format!("{} / {}", place.router, place.pool)}</span><span><b>{server.to_string()}</b> {format!(" · {}", plural(*n, "route", "routes"))}</span></li> }
    };
    let counts = if page.routes_at.is_none() {
        empty("They were not counted when this list was frozen.", ().written())
    } else if page.routes.is_empty() {
        empty("No router that answered holds a route of these accounts.", ().written())
    } else {
        view! { <ul class="rows">{page.routes.iter().map(route).collect_view()}</ul> }.written()
    };
    let uncounted =
        |it: &Unread| view! { <p class="pad">{format!("{}. Its routes are not counted here.", it.words())}</p> };
    let routes = view! { {counts} {page.unread.iter().map(uncounted).collect_view()} }.written();
    let cleared = match it.order.mode {
        Mode::Stale => "what is left over of them is cleared",
        Mode::Unstick | Mode::Force => "all of them are cleared",
    };
    let counted = match page.routes_at {
        Some(at) => view! { "as every router said " {ago(at, page.now)} "; " {cleared} }.written(),
        None => ().written(),
    };
    let targets = (!page.targets.is_empty()).then(|| {
        let target = |server: &ServerStatus| {
            let share = page.server_move.is_some().then(|| gets(page, server)).flatten();
            let words: Vec<String> =
                [server.pinned.map(|n| format!("holds {}", number(n))), share].into_iter().flatten().collect();
            view! { <li class="row"><span>{format!("{} / ", server.place.router)} <b>{server.name.to_string()}</b> " " {health(server.health, true)}</span><small>{words.join(", ")}</small></li> }
        };
        let body = view! { <ul class="rows">{page.targets.iter().map(target).collect_view()}</ul> };
        card("Where they would go", "the pool’s other servers that are well".written(), body.written())
    });
    view! {
        <div class="grid even">
            <div class="stack">{card("What will happen", ().written(), summary.written())}</div>
            <div class="stack">{card("Their routes", counted, routes)} {targets}</div>
        </div>
    }
    .written()
}

/// How many routes a server would get, when all are spread evenly.
fn gets(page: &BulkPage, server: &ServerStatus) -> Option<String> {
    let moved: i64 = page.routes.iter().filter(|(place, ..)| *place == server.place).map(|(.., n)| n).sum();
    let takers = page.targets.iter().filter(|other| other.place == server.place).count();
    let takers = i64::try_from(takers).ok().filter(|n| *n > 0)?;
    Some(format!("gets about {}", number((moved + takers - 1) / takers)))
}

/// What there is to know beside the rest when a server is emptied.
fn moved_words(moved: &MoveView) -> Vec<String> {
    let order = &moved.order;
    let only = format!(
        "Only routes to {} are cleared, on every load balancer of the fleet; a route that leads there again is cleared again.",
        order.server
    );
    let to = order
        .to
        .as_ref()
        .map(|to| format!("All of them are pinned to {to}, on every load balancer, when the longest request is over."));
    let guard = order.guard.words().map(|words| format!("It stops by itself when {words}."));
    let unknown = (moved.unknown > 0).then(|| {
        format!("{} to nobody known: they stay.", plural(moved.unknown, "route to it belongs", "routes to it belong"))
    });
    let drain = (!moved.is_closed).then(|| advice(&order.server));
    [Some(only), to, guard, unknown, drain].into_iter().flatten().collect()
}

/// Lines of the list that name no account of it.
pub(super) fn problems(selection: &BulkSelection) -> Markup {
    let BulkSelection::List(report) = selection else { return ().written() };
    let ListReport { unknown, duplicates, malformed, problems, .. } = report;
    let all = unknown + duplicates + malformed;
    if all == 0 {
        return ().written();
    }
    let line = |it: &domain::ListProblem| {
        view! { <li class="row"><span>{format!("line {} ", it.line)} <code>{it.text.clone()}</code></span><small>{it.why.clone()}</small></li> }
    };
    let first = problems.iter().take(20).map(line).collect_view();
    let shown = len(&problems[..problems.len().min(20)]);
    let rest = (all > shown).then(|| view! { <p class="pad">{format!("and {} more.", number(all - shown))}</p> });
    let told = format!("{unknown} unknown, {duplicates} twice, {malformed} no id");
    let body = view! { <ul class="rows">{first}</ul> {rest} };
    card("Lines that are not part of it", told.written(), body.written())
}
