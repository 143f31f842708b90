//! All accounts, by id; and an account as a row of any list.

use domain::{
    Instant,
    view::{AccountRow, Page},
};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::{accounts, ctx},
    components::{
        card::{button, empty},
        frame::Tab,
        table::{pager, table},
        tag::tag,
        text::{foreign, id, number},
        time::ago,
    },
    routes,
};

/// The columns of [`account_cells`].
pub(crate) const HEADS: &[&str] = &["Account", "!Id", "Verdict", "!#Live", "#Left over", "!Last seen"];

/// The page.
#[component]
pub(crate) fn Accounts() -> impl IntoView {
    framed(Tab::Accounts, async {
        let (page, now) = accounts::all().await?;
        Ok(Shown::new("All accounts", list(&page, now)))
    })
}

fn list(page: &Page<AccountRow>, now: Instant) -> AnyView {
    let body = if page.items.is_empty() {
        let words = "No account here. Back ends report them through the API, or import them in a shell.";
        empty(words, button(routes::HOME.to_owned(), "Go to the first page", ""))
    } else {
        let row = |row: &AccountRow| view! { <tr>{account_cells(row, now, ().into_any(), false)}</tr> }.into_any();
        table("All accounts", HEADS, page.items.iter().map(row).collect())
    };
    let first = ctx::asked("after").map(|_| routes::accounts(None));
    let next = page.next.as_deref().map(|after| routes::accounts(Some(after)));
    view! {
        <div class="head"><h1>"All accounts"</h1><p class="meta">"in the order of their ids"</p></div>
        <section class="card" aria-label="All accounts">{body}</section>
        {pager(first, next)}
    }
    .into_any()
}

/// An account's cells. `why` stands below its name; `told` when it has the e-mail address in it.
pub(crate) fn account_cells(row: &AccountRow, now: Instant, why: AnyView, told: bool) -> AnyView {
    let account = &row.account;
    let verdict = match &row.server {
        Some(server) => format!("{} on {server}", row.verdict.label()),
        None => row.verdict.label().to_owned(),
    };
    let email = (account.title() != account.email && !account.email.is_empty() && !told)
        .then(|| view! { <div class="sub">{foreign(&account.email)}</div> });
    view! {
        <td class="who-cell">
            <a class="go" href=routes::account(&account.id)>{foreign(account.title())}</a>
            {email}
            {why}
        </td>
        <td class="x">{id(account.id.as_str())}</td>
        <td>{tag(row.verdict, verdict)}</td>
        <td class="x n">{number(account.live_sessions)}</td>
        <td class="n">{number(account.leftover_sessions)}</td>
        <td class="x">{account.last_seen_at.map(|at| ago(at, now))}</td>
    }
    .into_any()
}
