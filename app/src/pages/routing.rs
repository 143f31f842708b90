//! Routers, their pools, and how their servers are.

use domain::{
    Instant, ServerStatus,
    view::{PoolCard, RouterCard, RoutingPage},
};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::routing,
    components::{
        card::{empty, note},
        frame::Tab,
        server::{Palette, health, share},
        table::table,
        tag::{Tone, tag},
        text::{number, plural},
        time::{ago, since},
    },
    routes,
};

const HEADS: &[&str] = &["Server", "Health", "#Errors", "#Answers in", "!Pinned", "!Read"];

/// The page.
#[component]
pub(crate) fn Routing() -> impl IntoView {
    framed(Tab::Routing, async { Ok(Shown::new("Routing", show(&routing::routing().await?))) })
}

fn show(page: &RoutingPage) -> AnyView {
    let servers = page.routers.iter().flat_map(|router| &router.pools).flat_map(|pool| &pool.servers);
    let palette = Palette::of(servers.map(|server| &server.name));
    let body = if page.routers.is_empty() {
        let words = "No router is configured. Name your load balancers in unstick.toml, each as a [[router]] with its pools, \
                     and start again.";
        view! { <section class="card">{empty(words, view! { <code>"admin-tool doctor"</code> }.into_any())}</section> }
            .into_any()
    } else {
        page.routers.iter().map(|it| router(it, page.now, &palette)).collect_view().into_any()
    };
    view! {
        <div class="head"><h1>"Routing"</h1><p class="meta">"read " {ago(page.now, page.now)}</p></div>
        <div class="stack">{body}</div>
    }
    .into_any()
}

fn router(it: &RouterCard, now: Instant, palette: &Palette) -> AnyView {
    let heading = format!("router-{}", it.name);
    let trouble = it.trouble.as_ref().map(|why| {
        note(Tone::Bad, view! { <b>"It does not answer: "</b> {why.clone()} ". What is below is what was read last." })
    });
    let owed = (it.owed > 0).then(|| {
        let words = format!("{} for it", plural(it.owed, "step waits", "steps wait"));
        view! { <a href=routes::cleanups(Some(domain::Status::Owed), None)>{tag(Tone::Warn, words)}</a> }
    });
    view! {
        <section class="card" aria-labelledby=heading.clone()>
            <div class="h">
                <h2 id=heading.clone()><code>{it.name.to_string()}</code></h2>
                <small>{it.kind.as_str()} {(!it.about.is_empty()).then(|| format!(" · {}", it.about))} " " {owed}</small>
            </div>
            {trouble}
            {it.pools.iter().map(|it| pool(it, now, palette)).collect_view()}
        </section>
    }
    .into_any()
}

fn pool(it: &PoolCard, now: Instant, palette: &Palette) -> AnyView {
    let total: i64 = it.servers.iter().filter_map(|server| server.pinned).sum();
    let row = |server: &ServerStatus| row(server, total, now, palette);
    let body = if it.servers.is_empty() {
        empty("Nothing is known of this pool’s servers yet.", ().into_any())
    } else {
        table(&format!("Servers of {}", it.pool), HEADS, it.servers.iter().map(row).collect())
    };
    view! {
        <h3>"Pool " <code>{it.pool.to_string()}</code> <small>{format!(" sticks on the {}", it.scope.as_str())}</small></h3>
        {body}
    }
    .into_any()
}

fn row(server: &ServerStatus, total: i64, now: Instant, palette: &Palette) -> AnyView {
    let pinned = server.pinned.map(|pinned| {
        let percent = if total > 0 { pinned * 100 / total } else { 0 };
        view! {
            <span class="pinned">
                <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                    <rect class=palette.class(&server.name) width=percent height="4"></rect>
                </svg>
                <a href=routes::accounts_on(&server.place, &server.name, None)>{number(pinned)}</a>
                {format!(" · {percent} %")}
            </span>
        }
    });
    view! {
        <tr>
            <td>{palette.dot(&server.name, server.health)} <b>{server.name.to_string()}</b></td>
            <td>{health(server.health, false)} " " <small>{since(server.since, now)}</small></td>
            <td class="n">{server.error_permille.map_or_else(|| "–".to_owned(), share)}</td>
            <td class="n">{server.response_ms.map_or_else(|| "–".to_owned(), |time| format!("{time} ms"))}</td>
            <td class="x">{pinned}</td>
            <td class="x">{ago(server.read_at, now)}</td>
        </tr>
    }
    .into_any()
}
