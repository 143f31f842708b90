//! Where the account's traffic goes now and why, and how the servers are that it could go to.

use domain::{
    Place, Scope, ServerStatus,
    view::{AccountPage, RouteRow},
};
use leptos::prelude::*;

use crate::components::{
    card::{card, empty},
    server::{Palette, health, share},
    tag::{Tone, tag},
    text::{len, plural, rich},
};

/// Routes that are shown before the rest is folded away.
const SHOWN: usize = 4;

/// Where the traffic goes now.
pub(super) fn routes_now(page: &AccountPage, palette: &Palette) -> AnyView {
    if page.routes.is_empty() {
        let words = "No router holds anything of this account: its next request goes wherever there is room.";
        return card("Routing now", ().into_any(), empty(words, ().into_any()));
    }
    let item = |row: &RouteRow| item(row, palette);
    let (first, rest) = page.routes.split_at(page.routes.len().min(SHOWN));
    let folded = (!rest.is_empty()).then(|| {
        view! {
            <details class="more">
                <summary>{plural(len(rest), "more route", "more routes")}</summary>
                <ul class="rows routes">{rest.iter().map(item).collect_view()}</ul>
            </details>
        }
    });
    let note = plural(len(&page.routes), "route", "routes");
    let body = view! { <ul class="rows routes">{first.iter().map(item).collect_view()}</ul> {folded} };
    card("Routing now", note.into_any(), body.into_any())
}

fn item(row: &RouteRow, palette: &Palette) -> AnyView {
    let route = &row.route;
    let server = match &route.server {
        Some(server) => view! { {palette.dot(server, row.health)} <b>{server.to_string()}</b> }.into_any(),
        None => view! { <b>"no server"</b> }.into_any(),
    };
    let of = match (route.scope, &route.session) {
        (Scope::Account, _) => "the account".into_any(),
        (Scope::Session, Some(session)) => view! { <code>{session.to_string()}</code> }.into_any(),
        (Scope::Session, None) => view! { "key " <code>{route.key.to_string()}</code> }.into_any(),
    };
    view! {
        <li>
            <div>
                {of} " → " {server} " " <small>{format!("on {}", route.place.router)}</small> " " {health(row.health, true)}
                {row.left_over.then(|| tag(Tone::Warn, "left over"))}
            </div>
            <p class="sub">{rich(&row.why)}</p>
        </li>
    }
    .into_any()
}

/// The servers of the pools that matter here.
pub(super) fn servers(page: &AccountPage, palette: &Palette) -> AnyView {
    if page.servers.is_empty() {
        let words = "No router has told of its servers yet.";
        return card("Servers", ().into_any(), empty(words, ().into_any()));
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
    card("Servers", ().into_any(), body.into_any())
}

fn server_item(server: &ServerStatus, all: &[&ServerStatus], palette: &Palette) -> AnyView {
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
    .into_any()
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
