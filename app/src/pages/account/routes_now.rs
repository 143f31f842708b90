//! Where the account's traffic goes now and why, and how the servers are that it could go to.

use std::collections::BTreeMap;

use domain::{
    Place, Scope, ServerName, ServerStatus,
    view::{AccountPage, RouteRow},
};
use leptos::prelude::*;

use crate::{
    components::{
        card::{card, empty},
        markup::{Markup, Written},
        server::{Palette, health, share},
        tag::{Tone, tag},
        text::{len, number, plural, rich},
    },
    routes,
};

/// Routes of sessions that are explained one by one; the table of sessions has all of them.
const SHOWN: usize = 1;

/// Where the traffic goes now: the account's own routes, then some of its sessions', then the rest in numbers.
pub(super) fn routes_now(page: &AccountPage, palette: &Palette) -> Markup {
    if page.routes.is_empty() {
        let words = if page.unread.is_empty() {
            "No router holds anything of this account: its next request goes wherever there is room.".to_owned()
        } else {
            let away: Vec<&str> = page.unread.iter().map(|unread| unread.router.as_str()).collect();
            format!("Not known: {} could not be read. The others hold nothing of this account.", away.join(", "))
        };
        return card("Routing now", ().written(), empty(&words, ().written()));
    }
    let (own, mut of_sessions): (Vec<&RouteRow>, Vec<&RouteRow>) =
        page.routes.iter().partition(|row| row.route.scope == Scope::Account);
    // What hurts a live session comes first.
    of_sessions.sort_by_key(|row| (row.left_over, !row.health.is_bad()));
    let rest = of_sessions.split_off(of_sessions.len().min(SHOWN));
    let rest = (!rest.is_empty()).then(|| {
        view! { <li class="sub">{in_numbers(&rest)} " " <a href="#sessions">"See the sessions"</a></li> }
    });
    let item = |row: &&RouteRow| item(row, palette);
    let note = plural(len(&page.routes), "route", "routes");
    let body = view! { <ul class="rows routes">{own.iter().chain(&of_sessions).map(item).collect_view()} {rest}</ul> };
    card("Routing now", note.written(), body.written())
}

/// `95 more routes of sessions: 60 on api-1, 35 on api-2; 90 left over.`
fn in_numbers(rest: &[&RouteRow]) -> String {
    let mut servers: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rest {
        *servers.entry(row.route.server.as_ref().map_or("no server", ServerName::as_str)).or_default() += 1;
    }
    let on: Vec<String> = servers.into_iter().map(|(server, n)| format!("{} on {server}", number(n))).collect();
    let left = i64::try_from(rest.iter().filter(|row| row.left_over).count()).unwrap_or(0);
    let left = if left > 0 { format!("; {} left over", number(left)) } else { String::new() };
    format!("{}: {}{left}.", plural(len(rest), "more route of a session", "more routes of sessions"), on.join(", "))
}

fn item(row: &RouteRow, palette: &Palette) -> Markup {
    let route = &row.route;
    let server = match &route.server {
        Some(server) => view! { {palette.dot(server, row.health)} <b>{server.to_string()}</b> }.written(),
        None => view! { <b>"no server"</b> }.written(),
    };
    let of = match (route.scope, &route.session) {
        (Scope::Account, _) => "the account".written(),
        (Scope::Session, Some(session)) => view! { <code>{session.to_string()}</code> }.written(),
        (Scope::Session, None) => view! { "key " <code>{route.key.to_string()}</code> }.written(),
    };
    view! {
        <li>
            <div>
                {of} " → " {server} " " <small>{format!("on {}", route.place.router)}</small> " " {health(row.health, true)}
                {row.left_over.then(|| tag(Tone::Warn, "left over"))}
            </div>
            <p class="sub">{rich(&row.why)} " " <a href=routes::re_pin(&route.place, &route.key)>"Pin elsewhere"</a></p>
        </li>
    }
    .written()
}

/// The servers of the pools that matter here.
pub(super) fn servers(page: &AccountPage, palette: &Palette) -> Markup {
    if page.servers.is_empty() {
        let words = "No router has told of its servers yet.";
        return card("Servers", ().written(), empty(words, ().written()));
    }
    let mut places: Vec<&Place> = page.servers.iter().map(|server| &server.place).collect();
    places.sort();
    places.dedup();
    let group = |place: &Place| {
        let servers: Vec<&ServerStatus> = page.servers.iter().filter(|server| &server.place == place).collect();
        view! {
            <h3>{format!("{} / {}", place.router, place.pool)}</h3>
            <ul class="rows">{servers.iter().map(|server| server_item(server, &servers, palette)).collect_view()}</ul>
        }
    };
    let body = view! { <div class="groups">{places.into_iter().map(group).collect_view()}</div> };
    card("Servers", ().written(), body.written())
}

fn server_item(server: &ServerStatus, all: &[&ServerStatus], palette: &Palette) -> Markup {
    let errors = server.error_permille.map(|errors| format!("{} errors", share(errors)));
    let time = server.response_ms.map(|time| format!("{time} ms"));
    let told = [errors, time].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let total: i64 = all.iter().filter_map(|it| it.pinned).sum();
    let pinned = server.pinned.filter(|_| total > 0).map(|pinned| pinned * 100 / total);
    view! {
        <li>
            <div class="row">
                <span>{palette.dot(&server.name, server.health)} {server.name.to_string()} " " {health(server.health, true)}</span>
                <small>{told}</small>
            </div>
            {pinned.map(|share| bar(share, palette.class(&server.name)))}
        </li>
    }
    .written()
}

/// A server's share of what is pinned in its pool, in percent.
fn bar(share: i64, colour: &'static str) -> impl IntoView {
    view! {
        <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=format!("{share} % of pins")>
            <title>{format!("{share} % of what is pinned in this pool")}</title>
            <rect class=colour width=share height="4"></rect>
        </svg>
    }
}
