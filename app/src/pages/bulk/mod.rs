//! A bulk clean-up: what it would do before it is asked for, how far it is while it works, and what became of every account.

pub(crate) mod list;
pub(crate) mod new;
mod preview;
mod steer;

use domain::{BulkAccount, BulkOutcome, BulkStatus, view::BulkPage};
use leptos::prelude::*;

use super::{Loading, Shown, framed, move_off::held_rows};
use crate::{
    api::{
        bulk, ctx,
        flash::{self, Flash},
    },
    components::{
        bulk::{progress, status},
        card::{button, card, crumb, empty, note},
        frame::Tab,
        markup::{Markup, Written},
        table::{pager, table},
        tag::{Tone, mode_word, tag},
        text::{foreign, id, number, plural},
        time::ago,
    },
    islands::LiveBulk,
    routes,
};

const HEADS: &[&str] = &["#No.", "Account", "What became of it", "Ledger"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Cleanups, async {
        let page = bulk::page().await?;
        let flash = flash::take().await;
        Ok(Shown::new(title(&page), show(&page, flash.as_ref())))
    })
}

fn show(page: &BulkPage, flash: Option<&Flash>) -> Markup {
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
        .written()
    });
    let still = (works && live.is_none()).then(|| progress(it, page.now));
    let bar = works.then(|| {
        view! { <section class="card" aria-label="Progress">{live} {still} {counts(page)}</section> }
    });
    let left = page.server_move.as_ref().filter(|_| works).map(|moved| {
        let link = view! { <a href=routes::server(&moved.order.place, &moved.order.server)>{moved.order.server.to_string()}</a> };
        let title = format!("Still on {}, as last read", moved.order.server);
        card(&title, link.written(), held_rows(&moved.held))
    });
    view! {
        {crumb(routes::BULK, "Bulk clean-ups")}
        <div class="head"><h1>{title(page)}</h1> {status(it.status)}</div>
        <div class="meta">
            {tag(Tone::Off, mode_word(it.order.mode))}
            {page.server_move.as_ref().map(|moved| view! { <span>{moved.order.words()}</span> })}
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
            {steer::steering(page, flash)}
            {(!works).then(|| preview::before(page))}
            {left}
            {preview::problems(&it.selection)}
            {accounts(page)}
        </div>
    }
    .written()
}

/// What it is about, in a few words.
fn title(page: &BulkPage) -> String {
    let accounts = plural(page.bulk.counts.total(), "account", "accounts");
    match &page.server_move {
        Some(moved) => format!("{accounts} off {}", moved.order.server),
        None => format!("Bulk clean-up of {accounts}"),
    }
}

/// Accounts by outcome, each a filter.
fn counts(page: &BulkPage) -> Markup {
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
    view! { <div class="figures">{BulkOutcome::ALL.map(figure).into_iter().flatten().collect_view()}</div> }.written()
}

fn accounts(page: &BulkPage) -> Markup {
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
        .written()
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
    view! { {card(&title, report.written(), body)} {pager(first, next)} }.written()
}
