//! A bulk clean-up: what it would do before it is asked for, how far it is while it works, and what became of every account.

pub(crate) mod list;
pub(crate) mod new;

use domain::{
    BulkAccount, BulkOutcome, BulkSelection, BulkStatus, ListReport, Mode, Place, ServerName, view::BulkPage,
};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::{
        bulk, ctx,
        flash::{self, Flash},
    },
    components::{
        bulk::{progress, status},
        card::{button, card, crumb, empty, note},
        form::{hidden, token},
        frame::Tab,
        server::health,
        table::{pager, table},
        tag::{Tone, mode_word, tag},
        text::{foreign, id, len, number, plural},
        time::ago,
    },
    islands::LiveBulk,
    routes,
};

const HEADS: &[&str] = &["#No.", "Account", "What became of it", "Ledger"];

/// The page.
#[component]
pub(crate) fn Bulk() -> impl IntoView {
    framed(Tab::Cleanups, async {
        let page = bulk::page().await?;
        let flash = flash::take().await;
        Ok(Shown::new("Bulk clean-up", show(&page, flash.as_ref())))
    })
}

fn show(page: &BulkPage, flash: Option<&Flash>) -> AnyView {
    let it = &page.bulk;
    let told = flash.map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let works = !matches!(it.status, BulkStatus::Draft | BulkStatus::AwaitingApproval | BulkStatus::Expired);
    let ticket =
        (!it.order.ticket.is_empty()).then(|| view! { <span>"ticket " <code>{it.order.ticket.clone()}</code></span> });
    let live = (it.status == BulkStatus::Running).then(|| {
        let seconds = "<meta http-equiv=\"refresh\" content=\"2\">";
        let (url, first) = (routes::bulk_events(&it.id), progress(it, page.now));
        view! {
            <noscript inner_html=seconds></noscript>
            <LiveBulk url=url>{first}</LiveBulk>
        }
        .into_any()
    });
    let still = (works && live.is_none()).then(|| progress(it, page.now));
    let bar = works.then(|| {
        view! { <section class="card" aria-label="Progress">{live} {still} {counts(page)}</section> }
    });
    view! {
        {crumb(routes::BULK, "Bulk clean-ups")}
        <div class="head"><h1>"Bulk clean-up of " {plural(it.counts.total(), "account", "accounts")}</h1> {status(it.status)}</div>
        <div class="meta">
            {tag(Tone::Off, mode_word(it.order.mode))}
            <span>"made " {ago(it.created_at, page.now)} " by " {it.actor.clone()}</span>
            {it.approved_by.as_ref().map(|who| view! { <span>{format!("approved by staff:{who}")}</span> })}
            {ticket}
            {id(it.id.as_str())}
        </div>
        <p class="lead quote">{foreign(&it.order.reason)}</p>
        {told}
        {(!it.stopped_why.is_empty()).then(|| note(Tone::Bad, view! { <b>"It stopped by itself. "</b> {it.stopped_why.clone()} "." }))}
        <div class="stack spaced">
            {bar}
            {steering(page)}
            {(!works).then(|| before(page))}
            {problems(&it.selection)}
            {accounts(page)}
        </div>
    }
    .into_any()
}

/// Accounts by outcome, each a filter.
fn counts(page: &BulkPage) -> AnyView {
    let figure = |outcome: BulkOutcome| {
        let n = page.bulk.counts.get(outcome);
        let here = page.outcome == Some(outcome);
        (n > 0 || here).then(|| {
            view! {
                <a href=routes::bulk(&page.bulk.id, (!here).then_some(outcome), None) aria-current=here.then_some("true")>
                    <b>{number(n)}</b>
                    <span class="k">{outcome.label()}</span>
                </a>
            }
        })
    };
    view! { <div class="figures">{BulkOutcome::ALL.map(figure).into_iter().flatten().collect_view()}</div> }.into_any()
}

/// What would happen, exactly as it is known now.
fn before(page: &BulkPage) -> AnyView {
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

/// What the person can do with it now.
fn steering(page: &BulkPage) -> AnyView {
    let it = &page.bulk;
    let confirm = |action: &'static str, words: String, class: &'static str| {
        view! {
            <form method="post" action=action>
                {token(&ctx::csrf())}
                {hidden("id", it.id.as_str())}
                {hidden("hash", &it.hash.0)}
                <button class=class>{words}</button>
            </form>
        }
        .into_any()
    };
    let control = |what: &'static str, words: &'static str, class: &'static str| {
        view! {
            <form method="post" action=routes::action::BULK_CONTROL>
                {token(&ctx::csrf())}
                {hidden("id", it.id.as_str())}
                {hidden("what", what)}
                <button class=class>{words}</button>
            </form>
        }
        .into_any()
    };
    let retry = BulkOutcome::ALL.into_iter().any(|outcome| outcome.can_retry() && it.counts.get(outcome) > 0);
    let class = if it.order.mode == Mode::Force { "btn d p" } else { "btn p" };
    let mut buttons: Vec<AnyView> = Vec::new();
    let mut words = String::new();
    match it.status {
        BulkStatus::Draft if page.may_request => {
            let verb = if page.needs_approval { "Ask for approval of" } else { "Clean up" };
            buttons.push(confirm(
                routes::action::BULK_REQUEST,
                format!("{verb} {}", plural(it.counts.total(), "account", "accounts")),
                class,
            ));
            if page.needs_approval {
                words = format!(
                    "More than {} accounts: another admin must approve exactly this list within 30 minutes.",
                    page.approval_above
                );
            }
        }
        BulkStatus::Draft => words = format!("Only {}, who made this list, can ask for it.", it.actor),
        BulkStatus::AwaitingApproval => {
            let until = it.approve_until.map(|at| format!(" until {}", at.to_text())).unwrap_or_default();
            match &page.not_approver {
                None if page.may_control => {
                    buttons.push(confirm(
                        routes::action::BULK_APPROVE,
                        format!("Approve {}", plural(it.counts.total(), "account", "accounts")),
                        class,
                    ));
                    words = format!("{} asks for it. It can be approved{until}.", it.actor);
                }
                None => words = format!("It waits for a second admin{until}."),
                Some(why) => words = format!("It waits for a second admin{until}: {why}."),
            }
        }
        BulkStatus::Running => buttons.push(control("pause", "Pause", "btn")),
        BulkStatus::Paused | BulkStatus::Stopped => buttons.push(control("resume", "Go on", "btn p")),
        _ => {}
    }
    if retry && matches!(it.status, BulkStatus::Done | BulkStatus::Stopped | BulkStatus::Paused | BulkStatus::Running) {
        buttons.push(control("retry", "Try again what failed", "btn"));
    }
    if !matches!(it.status, BulkStatus::Done | BulkStatus::Cancelled | BulkStatus::Expired) {
        buttons.push(control("cancel", "Cancel", "btn q"));
    }
    let buttons = if page.may_control { buttons } else { Vec::new() };
    if buttons.is_empty() && words.is_empty() {
        return ().into_any();
    }
    view! { <div class="do">{buttons} <span>{words}</span></div> }.into_any()
}

/// Lines of the list that name no account of it.
fn problems(selection: &BulkSelection) -> AnyView {
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

fn accounts(page: &BulkPage) -> AnyView {
    let it = &page.bulk;
    let row = |account: &BulkAccount| {
        let ledger =
            account.cleanup.as_ref().map(|id| view! { <a class="go" href=routes::cleanup(id)>"Its ledger"</a> });
        view! {
            <tr>
                <td class="n">{number(account.no)}</td>
                <td><a href=routes::account(&account.account)>{account.account.to_string()}</a></td>
                <td>{tag(account.outcome, account.outcome.label())} " " <small>{account.note.clone()}</small></td>
                <td>{ledger}</td>
            </tr>
        }
        .into_any()
    };
    let rows = &page.accounts.items;
    let body = if rows.is_empty() {
        empty("No account is there.", button(routes::bulk(&it.id, None, None), "Show all", ""))
    } else {
        table("Accounts of this bulk clean-up", HEADS, rows.iter().map(row).collect())
    };
    let first = ctx::asked("after").map(|_| routes::bulk(&it.id, page.outcome, None));
    let next = page.accounts.next.as_deref().map(|after| routes::bulk(&it.id, page.outcome, Some(after)));
    let report = view! {
        "Report: " <a download href=routes::bulk_report(&it.id, "csv")>"CSV"</a> " "
        <a download href=routes::bulk_report(&it.id, "ndjson")>"NDJSON"</a>
    };
    let title = page.outcome.map_or_else(|| "Accounts".to_owned(), |outcome| format!("Accounts: {}", outcome.label()));
    view! { {card(&title, report.into_any(), body)} {pager(first, next)} }.into_any()
}
