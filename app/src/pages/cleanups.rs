//! Clean-ups, newest first.

use domain::{Status, view::CleanupsPage};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{cleanups, ctx},
    components::{
        card::{button, empty},
        cleanup_row::{HEADS, late, row},
        frame::Tab,
        markup::{Markup, Written},
        table::{filters, pager, table},
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Cleanups, async { Ok(Shown::new("Clean-ups", show(&cleanups::list().await?))) })
}

fn show(page: &CleanupsPage) -> Markup {
    let all = [None].into_iter().chain(Status::ALL.map(Some));
    let link = |status: Option<Status>| {
        let words = status.map_or("all", Status::label).to_owned();
        (words, routes::cleanups(status, None), status == page.status)
    };
    let rows = &page.page.items;
    let body = if rows.is_empty() {
        none(page.status)
    } else {
        table("Clean-ups", HEADS, rows.iter().map(|it| row(it, page.now)).collect())
    };
    let first = ctx::asked("after").map(|_| routes::cleanups(page.status, None));
    let next = page.page.next.as_deref().map(|after| routes::cleanups(page.status, Some(after)));
    view! {
        <div class="head"><h1>"Clean-ups"</h1> {filters("Status", all.map(link).collect())} {button(routes::BULK.to_owned(), "Bulk clean-ups", "")}</div>
        {late(&page.unfinished)}
        <section class="card" aria-label="Clean-ups">{body}</section>
        {pager(first, next)}
    }
    .written()
}

fn none(status: Option<Status>) -> Markup {
    let (words, next) = match status {
        None => {
            let words = "Nobody has cleaned up yet. Find an account that is stuck, read its verdict, and plan a clean-up there.";
            (words, button(routes::HOME.to_owned(), "Find an account", "p"))
        }
        Some(Status::Running) => ("Nothing is running now.", button(routes::cleanups(None, None), "Show all", "")),
        Some(Status::Owed) => (
            "Nothing is owed: every router that had a part answered.",
            button(routes::cleanups(None, None), "Show all", ""),
        ),
        Some(Status::NeedsAttention) => {
            ("Nothing waits for a person.", button(routes::cleanups(None, None), "Show all", ""))
        }
        Some(Status::Done) => ("Nothing was verified yet.", button(routes::cleanups(None, None), "Show all", "")),
    };
    empty(words, next)
}
