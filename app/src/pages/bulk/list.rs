//! Bulk clean-ups, the newest first.

use domain::{Bulk, BulkStatus, Instant, view::BulksPage};
use leptos::prelude::*;

use super::super::{Loading, Shown, framed};
use crate::{
    api::{bulk, ctx},
    components::{
        bulk::{progress_words, status},
        card::{button, crumb, empty},
        frame::Tab,
        markup::{Markup, Written},
        table::{pager, table},
        tag::{Tone, mode_word, tag},
        text::{foreign, number},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Bulk clean-up", "Status", "#Accounts", "How far", "!Asked by", "!Made"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Cleanups, async { Ok(Shown::new("Bulk clean-ups", show(&bulk::list().await?))) })
}

fn show(page: &BulksPage) -> Markup {
    let new = || button(routes::BULK_NEW.to_owned(), "New bulk clean-up …", "p");
    let rows = &page.page.items;
    let body = if rows.is_empty() {
        let words =
            "None was made yet. One cleans many accounts under one approval, in waves, with a ledger for each of them.";
        empty(words, if page.may_ask { new() } else { ().written() })
    } else {
        let rows = rows.iter().map(|it| row(it, page.now)).collect();
        view! { <div class="stacks">{table("Bulk clean-ups", HEADS, rows)}</div> }.written()
    };
    let first = ctx::asked("after").map(|_| routes::bulks(None));
    let next = page.page.next.as_deref().map(|after| routes::bulks(Some(after)));
    let beside = if page.may_ask { new() } else { view! { <small>"Admins make them."</small> }.written() };
    view! {
        {crumb(routes::CLEANUPS, "Clean-ups")}
        <div class="head"><h1>"Bulk clean-ups"</h1>{beside}</div>
        <section class="card" aria-label="Bulk clean-ups">{body}</section>
        {pager(first, next)}
    }
    .written()
}

fn row(it: &Bulk, now: Instant) -> Markup {
    let trouble = it.counts.troubled();
    let trouble = (trouble > 0).then(|| tag(Tone::Warn, format!("{} in trouble", number(trouble))));
    let far = (it.status != BulkStatus::Draft).then(|| progress_words(it));
    view! {
        <tr>
            <td class="fold">
                <a class="go clamp" href=routes::bulk(&it.id, None, None)>{foreign(&it.order.reason)}</a>
                <div class="sub">{tag(Tone::Off, mode_word(it.order.mode))} " " <code>{it.order.ticket.clone()}</code></div>
            </td>
            <td>{status(it.status)}</td>
            <td class="n">{number(it.counts.total())} <span class="unit">" accounts"</span></td>
            <td>{far} " " {trouble}</td>
            <td class="x">{it.actor.clone()}</td>
            <td class="x">{ago(it.created_at, now)}</td>
        </tr>
    }
    .written()
}
