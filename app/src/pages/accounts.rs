//! Accounts by id, all or those on one server; and an account as a row of any list.

use domain::{Instant, view::AccountRow};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::{
        accounts::{self, Listed},
        ctx,
    },
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
        let listed = accounts::list().await?;
        let title = match &listed.on {
            None => "All accounts".to_owned(),
            Some((_, server)) => format!("Accounts on {server}"),
        };
        Ok(Shown::new(title.clone(), list(&title, &listed)))
    })
}

fn list(title: &str, listed: &Listed) -> AnyView {
    let Listed { page, on, now } = listed;
    let body = match (page.items.is_empty(), on) {
        (true, None) => {
            let words = "No account here. Back ends report them through the API, or import them in a shell.";
            empty(words, button(routes::HOME.to_owned(), "Go to the first page", ""))
        }
        (true, Some(_)) => empty(
            "No account has a route to this server, as far as its router was last read.",
            button(routes::ROUTING.to_owned(), "See routing", ""),
        ),
        (false, _) => {
            let row = |row: &AccountRow| view! { <tr>{account_cells(row, *now, ().into_any(), false)}</tr> }.into_any();
            table(title, HEADS, page.items.iter().map(row).collect())
        }
    };
    let order = match on {
        None => "in the order of their ids".to_owned(),
        Some((place, _)) => format!("with a route in {} / {}, in the order of their ids", place.router, place.pool),
    };
    let at = |after: Option<&str>| match on {
        None => routes::accounts(after),
        Some((place, server)) => routes::accounts_on(place, server, after),
    };
    let first = ctx::asked("after").map(|_| at(None));
    let next = page.next.as_deref().map(|after| at(Some(after)));
    view! {
        <div class="head"><h1>{title.to_owned()}</h1><p class="meta">{order}</p></div>
        <section class="card" aria-label=title.to_owned()>{body}</section>
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
