//! What is left over anywhere, as the census found it: how much of each kind, since when, and what is not known.

use domain::{
    Instant, RouterName,
    census::{Census, CensusFinding, CensusKind, CensusOutcome, FindingAge, FindingFilter, FindingsPage},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        census, ctx,
        flash::{self, Flash},
    },
    components::{
        card::{button, card, empty, listed, note},
        form::{field, token},
        frame::Tab,
        markup::{Markup, Written},
        table::{pager, table},
        tag::{Tone, tag},
        text::{id, number, plural, rich},
        time::{ago, since},
        trend::{self, trend},
    },
    routes,
};

const HEADS: &[&str] = &["What", "Kind", "!Account", "Known for", "!Looks", "!Seen"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Findings, async {
        let page = census::findings().await?;
        let flash = flash::take().await;
        Ok(Shown::new("Findings", show(&page, flash.as_ref())))
    })
}

fn show(page: &FindingsPage, flash: Option<&Flash>) -> Markup {
    let told = flash.map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    view! {
        <div class="head">
            <h1>"Findings"</h1>
            <div class="meta">{when(page)} {run(page)}</div>
        </div>
        {told}
        <div class="stack">
            {unread(page)}
            {totals(page)}
            {drawing(page)}
            {sieve(page)}
            {list(page)}
        </div>
    }
    .written()
}

/// When the last census was, and what became of a newer one.
fn when(page: &FindingsPage) -> Markup {
    let last = page.last.as_ref().map(|census| {
        let read = census.note.read;
        let words = format!(
            "Last census: {} and {} read, ended ",
            plural(read.sessions, "session", "sessions"),
            plural(read.routes, "route", "routes")
        );
        view! { <span>{words} {ago(census.ended_at.unwrap_or(census.started_at), page.now)} "."</span> }
    });
    let newest = page.newest.as_ref().map(|census| newest(census, page.now));
    view! { {last} {newest} }.written()
}

fn newest(census: &Census, now: Instant) -> Markup {
    let began = ago(census.started_at, now);
    match census.outcome {
        CensusOutcome::Running => view! { <span>{tag(Tone::Busy, "running")} " since " {began}</span> }.written(),
        CensusOutcome::Failed => {
            view! { <span>{tag(Tone::Bad, "failed")} " the one of " {began} ": see the server’s log"</span> }.written()
        }
        CensusOutcome::Abandoned | CensusOutcome::Done => {
            view! { <span>{tag(Tone::Warn, "broke off")} " the one of " {began}</span> }.written()
        }
    }
}

fn run(page: &FindingsPage) -> Markup {
    let running = page.newest.as_ref().is_some_and(|census| census.outcome == CensusOutcome::Running);
    let why = match (page.may_run, running) {
        (false, _) => Some("Support and admins may run one."),
        (true, true) => Some("One is under way."),
        (true, false) => None,
    };
    view! {
        <form method="post" action=routes::action::CENSUS>
            {token(&ctx::csrf())}
            <button class="btn" disabled=why.is_some()>"Run now"</button>
            {why.map(|why| view! { " " <small>{why}</small> })}
        </form>
    }
    .written()
}

/// What is not known, and why. Its findings stay as they were.
fn unread(page: &FindingsPage) -> Markup {
    let places = page.last.as_ref().map_or(&[][..], |census| &census.note.unread);
    if places.is_empty() {
        return ().written();
    }
    let item = |place: &domain::census::UnreadPlace| {
        let name = format!("{} / {}", place.place.router, place.place.pool);
        let but: Vec<&str> = place.but.iter().map(domain::ServerName::as_str).collect();
        let but = (!but.is_empty()).then(|| format!(" Read all the same: {}.", but.join(", ")));
        view! { <li><code>{name}</code> ": " {place.why.clone()} {but}</li> }
    };
    let body = view! {
        <b>"Not everything is known. "</b>
        "The last census could not read the following, so what was found there before stays as it was:"
        {listed(places.iter().map(|it| item(it).written()).collect())}
    };
    note(Tone::Warn, body)
}

/// How much of each kind, each a filter.
fn totals(page: &FindingsPage) -> Markup {
    let Some(last) = &page.last else { return ().written() };
    let figure = |kind: CensusKind| {
        let tally = last.note.tallies.iter().find(|tally| tally.kind == kind);
        let (open, once) = tally.map_or((0, 0), |tally| (tally.open, tally.suspected));
        let here = page.filter.kind == Some(kind);
        let filter = FindingFilter { kind: (!here).then_some(kind), ..page.filter.clone() };
        view! {
            <a href=routes::findings(&filter, None) aria-current=here.then_some("true")>
                <b>{number(open)}</b>
                <span class="k"><i class=format!("dot {}", trend::class(kind))></i>{kind.label()}</span>
                {(once > 0).then(|| view! { <span>{format!("{} seen once", number(once))}</span> })}
            </a>
        }
    };
    let body = view! { <div class="figures">{CensusKind::ALL.map(figure).into_iter().collect_view()}</div> };
    let words = "What counts was seen by two censuses. Choose a kind to see only that.";
    card("Open, by kind", words.written(), body.written())
}

fn drawing(page: &FindingsPage) -> Markup {
    let Some(lines) = trend(&page.ends, &page.trend) else { return ().written() };
    card("Trend", "open at the end of each census".written(), view! { <div class="pad">{lines}</div> }.written())
}

fn sieve(page: &FindingsPage) -> Markup {
    let filter = &page.filter;
    let option = |value: &str, words: &str, here: bool| {
        view! { <option value=value.to_owned() selected=here>{words.to_owned()}</option> }
    };
    let kind = |kind: CensusKind| option(kind.as_str(), kind.label(), filter.kind == Some(kind));
    let router = |name: &RouterName| option(name.as_str(), name.as_str(), filter.router.as_ref() == Some(name));
    let age = |age: FindingAge| option(age.as_str(), age.label(), filter.age == age);
    let server = filter.server.as_ref().map_or_else(String::new, ToString::to_string);
    let kinds = view! {
        <select id="kind" name="kind">{option("", "any kind", filter.kind.is_none())} {CensusKind::ALL.map(kind).into_iter().collect_view()}</select>
    };
    let routers = view! {
        <select id="router" name="router">{option("", "any router", filter.router.is_none())} {page.routers.iter().map(router).collect_view()}</select>
    };
    let ages = view! { <select id="age" name="age">{FindingAge::ALL.map(age).into_iter().collect_view()}</select> };
    let servers = view! {
        <input id="server" name="server" type="text" value=server autocomplete="off" spellcheck="false" placeholder="api-2"/>
    };
    view! {
        <form class="card sieve four" action=routes::FINDINGS role="search" aria-label="Filter findings">
            {field("kind", "Kind", "", None, kinds.written())}
            {field("router", "Router", "", None, routers.written())}
            {field("server", "Server", "", None, servers.written())}
            {field("age", "Known for", "", None, ages.written())}
            <div class="do">
                <button class="btn p">"Filter"</button>
                {button(routes::FINDINGS.to_owned(), "Clear", "q")}
            </div>
        </form>
    }
    .written()
}

fn list(page: &FindingsPage) -> Markup {
    let rows = &page.page.items;
    let body = if rows.is_empty() {
        nothing(page)
    } else {
        let rows = rows.iter().map(|it| row(it, page.now)).collect();
        view! { <div class="stacks">{table("Findings", HEADS, rows)}</div> }.written()
    };
    let repairable = page.filter.kind.is_none_or(CensusKind::is_repairable) && !rows.is_empty();
    let plan =
        (repairable && page.may_repair).then(|| button(routes::repair(&page.filter), "Plan a repair", "p")).or_else(
            || (repairable && !page.may_repair).then(|| view! { <small>"Admins may repair them."</small> }.written()),
        );
    let first = ctx::asked("after").map(|_| routes::findings(&page.filter, None));
    let next = page.page.next.as_deref().map(|after| routes::findings(&page.filter, Some(after)));
    view! {
        <section class="card" aria-labelledby="list">
            <div class="h"><h2 id="list">"Oldest first"</h2> {plan}</div>
            {body}
        </section>
        {pager(first, next)}
    }
    .written()
}

fn nothing(page: &FindingsPage) -> Markup {
    let any = page.filter == FindingFilter::default();
    let all = || button(routes::FINDINGS.to_owned(), "Show all", "");
    let words = match (&page.last, any) {
        (None, _) if page.every.micros() > 0 => format!(
            "No census has come to its end yet. One runs by itself every {}; run one now to begin. What the first one sees \
             counts when a second one sees it again.",
            page.every
        ),
        (None, _) => "No census has run yet, and none runs by itself (census_every is 0): run one now.".to_owned(),
        (Some(_), false) => return empty("Nothing open fits this filter.", all()),
        (Some(last), true) if last.note.suspected() > 0 => {
            "Nothing is open. What was seen once counts when the next census sees it again.".to_owned()
        }
        (Some(_), true) => "Nothing is left over anywhere that was read.".to_owned(),
    };
    empty(&words, button(routes::ROUTING.to_owned(), "See routing", ""))
}

fn row(finding: &CensusFinding, now: Instant) -> Markup {
    let seen = &finding.seen;
    let account =
        seen.account.as_ref().map(|account| view! { <a href=routes::account(account)>{id(account.as_str())}</a> });
    view! {
        <tr>
            <td class="fold">{rich(&seen.sentence())}</td>
            <td>{tag(seen.severity, seen.kind.as_str().replace('_', " "))}</td>
            <td class="x">{account}</td>
            <td>{since(seen.since.unwrap_or(finding.first_seen), now)}</td>
            <td class="x n">{number(finding.looks)}</td>
            <td class="x">{ago(finding.last_seen, now)}</td>
        </tr>
    }
    .written()
}
