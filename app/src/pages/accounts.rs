//! Accounts by id, all or those that pass a filter; and an account as a row of any list.

use domain::{
    AccountFilter, Instant, Permission,
    census::CensusKind,
    view::{AccountRow, Me},
};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::{
        ApiError,
        accounts::{self, Listed},
        ctx,
    },
    components::{
        card::{button, empty},
        form::{blamed, field},
        frame::Tab,
        markup::{Markup, Written},
        table::{pager, table},
        tag::tag,
        text::{foreign, id, number, sentence},
        time::ago,
    },
    routes,
};

/// The columns of [`account_cells`].
pub(crate) const HEADS: &[&str] = &["Account", "!Id", "Verdict", "!#Live", "#Left over", "!Last seen"];

/// The page.
pub(crate) fn page() -> AnyView {
    framed(Tab::Accounts, async {
        let listed = match accounts::list().await {
            Ok(listed) => listed,
            Err(error) if error.field.is_some_and(|field| AccountFilter::FIELDS.contains(&field)) => {
                ctx::set_status(error.status);
                let typed = |name: &str| ctx::asked(name).unwrap_or_default();
                let form = view! {
                    <div class="head"><h1>"Accounts"</h1></div>
                    <form class="card sieve four" action=routes::ACCOUNTS role="search" aria-label="Filter accounts">
                        {filter_fields(typed, Some(&error))}
                        <div class="do"><button class="btn p">"Filter"</button>{button(routes::ACCOUNTS.to_owned(), "Clear", "q")}</div>
                    </form>
                };
                return Ok(Shown::new("Accounts", form.written()));
            }
            Err(error) => return Err(error),
        };
        let title = match &listed.filter.server {
            _ if listed.filter.is_empty() => "All accounts".to_owned(),
            Some((_, server)) => format!("Accounts on {server}"),
            None => "Accounts".to_owned(),
        };
        Ok(Shown::new(title.clone(), list(&title, &listed, ctx::me().as_ref())))
    })
}

fn list(title: &str, listed: &Listed, me: Option<&Me>) -> Markup {
    let Listed { page, filter, now } = listed;
    let body = match (page.items.is_empty(), filter.is_empty()) {
        (true, true) => {
            let words = "No account here. Back ends report them through the API, or import them in a shell.";
            empty(words, button(routes::HOME.to_owned(), "Go to the first page", ""))
        }
        (true, false) => empty(
            "No account fits, as far as its routers were last read.",
            button(routes::ACCOUNTS.to_owned(), "Show all", ""),
        ),
        (false, _) => {
            let row = |row: &AccountRow| view! { <tr>{account_cells(row, *now, ().written(), false)}</tr> }.written();
            table(title, HEADS, page.items.iter().map(row).collect())
        }
    };
    let order = if filter.is_empty() { "in the order of their ids".to_owned() } else { sentence(&filter.words()) };
    let first = ctx::asked("after").map(|_| routes::accounts(filter, None));
    let next = page.next.as_deref().map(|after| routes::accounts(filter, Some(after)));
    let may = me.is_some_and(|me| me.may(Permission::BulkCleanUp));
    let these = (may && !filter.is_empty() && !page.items.is_empty())
        .then(|| button(routes::bulk_new(filter), "Clean these up …", ""));
    view! {
        <div class="head"><h1>{title.to_owned()}</h1><p class="meta">{order}</p>{these}</div>
        {sieve(filter, None)}
        <section class="card" aria-label=title.to_owned()>{body}</section>
        {pager(first, next)}
    }
    .written()
}

/// The filter as a form; `error` stands beside its field.
fn sieve(filter: &AccountFilter, error: Option<&ApiError>) -> Markup {
    view! {
        <form class="card sieve four" action=routes::ACCOUNTS role="search" aria-label="Filter accounts">
            {filter_fields(|name| value_of(filter, name), error)}
            <div class="do">
                <button class="btn p">"Filter"</button>
                {button(routes::ACCOUNTS.to_owned(), "Clear", "q")}
            </div>
        </form>
    }
    .written()
}

fn value_of(filter: &AccountFilter, name: &str) -> String {
    let found = filter.pairs().into_iter().find(|(field, _)| *field == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

/// The fields of a filter of accounts, with what stands in them.
pub(super) fn filter_fields(value: impl Fn(&str) -> String, error: Option<&ApiError>) -> Markup {
    let control = |name: &'static str, label, holder: &'static str| {
        let wrong = error.filter(|error| error.field == Some(name));
        let input = view! {
            <input id=name name=name type="text" value=value(name) placeholder=holder autocomplete="off" spellcheck="false"
                aria-invalid=wrong.map(|_| "true") aria-describedby=blamed(name, wrong.is_some())/>
        };
        field(name, label, "", wrong.map(|error| sentence(&error.message)), input.written())
    };
    let here = value("kind");
    let option = |value: &str, words: &str| {
        view! { <option value=value.to_owned() selected=value == here>{words.to_owned()}</option> }
    };
    let kind = |kind: CensusKind| option(kind.as_str(), kind.label());
    let kinds = view! {
        <select id="kind" name="kind">{option("", "any")} {CensusKind::ALL.map(kind).into_iter().collect_view()}</select>
    };
    view! {
        {control("text", "Id, e-mail or name", "ortiz")}
        {field("kind", "Open finding", "", None, kinds.written())}
        {control("leftover", "Left over, at least", "3")}
        {control("seen_before", "Last seen before", "2026-11-01")}
        {control("plan", "Plan", "pro")}
        {control("router", "Router", "lb-1")}
        {control("pool", "Pool", "app")}
        {control("server", "Server", "api-2")}
    }
    .written()
}

/// An account's cells. `why` stands below its name; `told` when it has the e-mail address in it.
pub(crate) fn account_cells(row: &AccountRow, now: Instant, why: Markup, told: bool) -> Markup {
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
    .written()
}
