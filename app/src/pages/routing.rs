//! Routers, their pools, how their servers are and how customers are spread over them; what waits for a router; the last
//! census.

use domain::{
    Instant, OwedList, OwedStep, ServerStatus, SetState, Spread, Trouble,
    census::{Census, CensusTally, FindingFilter},
    view::{PoolCard, RouterCard, RoutingPage, step_words},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::routing,
    components::{
        card::{button, card, empty, note},
        frame::Tab,
        markup::{Markup, Written},
        server::{Palette, health, share},
        spread::bar,
        table::table,
        tag::{Tone, tag},
        text::{number, plural, rich},
        time::{ago, since},
    },
    routes,
};

const HEADS: &[&str] = &["Server", "Health", "Pinned, of its fair share", "!#Errors", "!#Answers in", "!Read"];
const OWED: &[&str] = &["Waits for", "Since", "What", "!Why", "!#Tries", "Next try"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Routing, async { Ok(Shown::new("Routing", show(&routing::routing().await?))) })
}

fn show(page: &RoutingPage) -> Markup {
    let servers = page.routers.iter().flat_map(|router| &router.pools).flat_map(|pool| &pool.servers);
    let palette = Palette::of(servers.map(|server| &server.name));
    let body = if page.routers.is_empty() {
        let words = "No router is configured. Name your load balancers in unstick.toml, each as a [[router]] with its pools, \
                     and start again.";
        view! { <section class="card">{empty(words, view! { <code>"admin-tool doctor"</code> }.written())}</section> }
            .written()
    } else {
        page.routers.iter().map(|it| router(it, page.now, &palette)).collect_view().written()
    };
    view! {
        <div class="head"><h1>"Routing"</h1><p class="meta"><span>"read " {ago(page.now, page.now)}</span></p></div>
        <div class="stack">{lost(&page.lost)} {body} {owed(&page.owed, page.now)} {census(page.census.as_ref(), page.now)}</div>
    }
    .written()
}

/// States that were set and that a load balancer forgot.
fn lost(states: &[SetState]) -> Markup {
    let line = |state: &SetState| {
        let link = routes::server(&state.place, &state.server);
        view! { <li><a href=link>{state.server.to_string()}</a> {format!(": {}.", state.lost_words())}</li> }
    };
    (!states.is_empty()).then(|| note(Tone::Bad, view! { <ul>{states.iter().map(line).collect_view()}</ul> })).written()
}

fn router(it: &RouterCard, now: Instant, palette: &Palette) -> Markup {
    let heading = format!("router-{}", it.name);
    let trouble = it.trouble.as_ref().map(|why| {
        note(Tone::Bad, view! { <b>"It does not answer: "</b> {why.clone()} ". What is below is what was read last." })
    });
    let owed = (it.owed > 0).then(|| {
        let words = format!("{} for it", plural(it.owed, "step waits", "steps wait"));
        view! { <a href="#owed-work">{tag(Tone::Warn, words)}</a> }
    });
    view! {
        <section class="card" aria-labelledby=heading.clone()>
            <div class="h">
                <h2 id=heading.clone()><code>{it.name.to_string()}</code></h2>
                <small>{it.kind.as_str()} {(!it.about.is_empty()).then(|| format!(" · {}", it.about))} " " {owed}</small>
            </div>
            {trouble}
            {caveats(&it.caveats)}
            {it.pools.iter().map(|it| pool(it, now, palette)).collect_view()}
        </section>
    }
    .written()
}

/// What cannot be promised of a router, and what to do about it.
fn caveats(of: &[String]) -> Option<Markup> {
    let line = |caveat: &String| view! { <li>{format!("{caveat}.")}</li> };
    let many = i64::try_from(of.len()).unwrap_or(i64::MAX);
    let words = format!("{} of it as it is now", plural(many, "thing cannot be promised", "things cannot be promised"));
    (!of.is_empty()).then(|| {
        view! { <details class="rest"><summary>{words}</summary><ul>{of.iter().map(line).collect_view()}</ul></details> }
            .written()
    })
}

fn pool(it: &PoolCard, now: Instant, palette: &Palette) -> Markup {
    // What the longest bar or the furthest mark says: one that is drained has no mark, and its bar is compared all the same.
    let most = it.servers.iter().filter_map(|server| server.pinned).chain(it.spread.fair).max().unwrap_or(0);
    let row = |server: &ServerStatus| row(server, &it.spread, most, now, palette);
    let body = if it.servers.is_empty() {
        empty("Nothing is known of this pool’s servers yet.", ().written())
    } else {
        table(&format!("Servers of {}", it.pool), HEADS, it.servers.iter().map(row).collect())
    };
    let rule = it.rule.clone().map(|rule| view! { " by the rule " <code>{rule}</code> });
    view! {
        <h3>"Pool " <code>{it.pool.to_string()}</code> <small>{format!(" sticks on the {}", it.scope.as_str())} {rule} {fair(&it.spread)}</small></h3>
        {body}
        {gone(&it.spread)}
    }
    .written()
}

/// What a fair share is, once for the pool.
fn fair(spread: &Spread) -> Option<String> {
    let fair = spread.fair.filter(|_| spread.total > 0)?;
    Some(format!(" · {}, a fair share is {}", plural(spread.total, "route", "routes"), number(fair)))
}

fn gone(spread: &Spread) -> Option<Markup> {
    if spread.gone.is_empty() {
        return None;
    }
    let names: Vec<String> =
        spread.gone.iter().map(|(name, routes)| format!("{name} ({})", plural(*routes, "route", "routes"))).collect();
    let words = format!("Routes lead to servers that the pool does not have any more: {}.", names.join(", "));
    Some(view! { <p class="pad">{tag(Tone::Bad, "gone")} " " {words}</p> }.written())
}

fn row(server: &ServerStatus, spread: &Spread, most: i64, now: Instant, palette: &Palette) -> Markup {
    let pinned = server.pinned.map(|pinned| {
        view! {
            <span class="pinned">
                {bar(pinned, spread.fair_for(server), most, palette.class(&server.name))}
                <a href=routes::accounts_on(&server.place, &server.name, None)>{number(pinned)}</a>
                <small>{spread.words(server, pinned)}</small>
            </span>
        }
    });
    view! {
        <tr>
            <td>{palette.dot(&server.name, server.health)} <b><a href=routes::server(&server.place, &server.name)>{server.name.to_string()}</a></b></td>
            <td>{health(server.health, false)} " " <small>{since(server.since, now)}</small></td>
            <td>{pinned}</td>
            <td class="x n">{server.error_permille.map_or_else(|| "–".to_owned(), share)}</td>
            <td class="x n">{server.response_ms.map_or_else(|| "–".to_owned(), |time| format!("{time} ms"))}</td>
            <td class="x">{ago(server.read_at, now)}</td>
        </tr>
    }
    .written()
}

/// The work that waits for routers, oldest first.
fn owed(list: &OwedList, now: Instant) -> Markup {
    let body = if list.steps.is_empty() {
        empty(
            "Nothing waits for a router. What has to wait for one that does not answer is done as soon as it is back.",
            ().written(),
        )
    } else {
        let rest = (list.more > 0).then(|| {
            let words = format!("These are the oldest. {} more.", plural(list.more, "step waits", "steps wait"));
            view! { <p class="pad">{words}</p> }
        });
        let rows = list.steps.iter().map(|step| owed_row(step, now)).collect();
        view! { {table("Steps that wait for a router", OWED, rows)} {rest} }.written()
    };
    let all = view! { <a href=routes::cleanups(Some(domain::Status::Owed), None)>"Clean-ups that wait"</a> };
    card("Owed work", all.written(), body)
}

fn owed_row(owed: &OwedStep, now: Instant) -> Markup {
    let why = owed.step.trouble.as_ref().map(|trouble| Trouble::text(trouble).to_owned());
    let place = owed.place().map(|place| place.router.to_string());
    let next = if owed.step.next_at <= now {
        "now".written()
    } else {
        view! { "in " {owed.step.next_at.since(now).to_string()} }.written()
    };
    view! {
        <tr>
            <td><code>{place}</code></td>
            <td>{since(owed.asked_at, now)}</td>
            <td>{rich(&step_words(&owed.step))} ", " <a href=routes::cleanup(&owed.cleanup)>"its clean-up"</a></td>
            <td class="x">{why}</td>
            <td class="x n">{number(owed.step.attempts)}</td>
            <td>{next}</td>
        </tr>
    }
    .written()
}

/// When what is left over was last looked for, and what was found.
fn census(last: Option<&Census>, now: Instant) -> Markup {
    let more = view! { <a href=routes::findings(&FindingFilter::default(), None)>"Findings"</a> };
    let Some(last) = last else {
        let next = button(routes::findings(&FindingFilter::default(), None), "Run one", "");
        return card("Last census", more.written(), empty("No census has come to its end yet.", next));
    };
    let note = &last.note;
    let found: Vec<String> = note.tallies.iter().filter(|tally| tally.open > 0).map(found).collect();
    let (tone, word) = if note.open() == 0 { (Tone::Ok, "nothing open") } else { (Tone::Warn, "open") };
    let words = if found.is_empty() { "Nothing is left over.".to_owned() } else { format!("{}.", found.join(", ")) };
    let unread = (!note.unread.is_empty()).then(|| {
        let places = note.unread.iter().map(|unread| format!("{} / {}", unread.place.router, unread.place.pool));
        format!(" Not known, for it could not be read: {}.", places.collect::<Vec<_>>().join(", "))
    });
    let body = view! {
        <p class="pad">{tag(tone, word)} " " {words} {unread} " It ended " {ago(last.ended_at.unwrap_or(last.started_at), now)} "."</p>
    };
    card("Last census", more.written(), body.written())
}

fn found(tally: &CensusTally) -> String {
    format!("{} {}", number(tally.open), tally.kind.label())
}
