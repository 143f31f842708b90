//! Accounts by id, all or those that pass a filter; and an account as a row of any list.

use std::sync::LazyLock;

use domain::{
    AccountFilter, Instant, Permission,
    census::CensusKind,
    view::{BriefRow, Me},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
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
        markup::{Markup, Pieces, Written},
        table::{pager, table},
        tag::Tone,
        text::{number, sentence},
    },
    routes,
};

/// The columns of [`account_row`].
pub(crate) const HEADS: &[&str] = &["Account", "!Id", "Verdict", "!#Live", "#Left over", "!Last seen"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let listed = match accounts::list().await {
            Ok(listed) => listed,
            Err(error) if error.field.is_some_and(|field| AccountFilter::FIELDS.contains(&field)) => {
                ctx::set_status(error.status);
                let typed = |name: &str| ctx::asked(name).unwrap_or_default();
                let form = view! {
                    <div class="head"><h1>"Accounts"</h1></div>
                    {sieve(typed, Some(&error))}
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
    let first = ctx::asked("after").map(|_| routes::accounts(filter, None));
    let body = match (page.items.is_empty(), &first) {
        (false, _) => table(title, HEADS, account_rows(&page.items, *now)),
        // The way to the first page is below.
        (true, Some(_)) => empty("The list ends before this place.", ().written()),
        (true, None) if filter.is_empty() => {
            let words = "No accounts yet. Back ends report them through the API, or import them in a shell.";
            empty(words, button(routes::HOME.to_owned(), "Go to search", ""))
        }
        (true, None) => empty(
            "No account fits, as far as its routers were last read.",
            button(routes::ACCOUNTS.to_owned(), "Show all", ""),
        ),
    };
    let order = if filter.is_empty() { "in the order of their ids".to_owned() } else { sentence(&filter.words()) };
    let next = page.next.as_deref().map(|after| routes::accounts(filter, Some(after)));
    let may = me.is_some_and(|me| me.may(Permission::BulkCleanUp));
    let these = (may && !filter.is_empty() && !page.items.is_empty())
        .then(|| button(routes::bulk_new(filter), "Clean these up …", ""));
    let form = if filter.is_empty() { Markup::new(EMPTY.as_str()) } else { sieve(|name| value_of(filter, name), None) };
    view! {
        <div class="head"><h1>{title.to_owned()}</h1><p class="meta">{order}</p>{these}</div>
        {form}
        <section class="card" aria-label=title.to_owned()>{body}</section>
        {pager(first, next)}
    }
    .written()
}

/// The filter as a form that is still empty, which is the same on every page.
static EMPTY: LazyLock<String> = LazyLock::new(|| sieve(|_| String::new(), None).to_html());

/// The filter as a form, with what stands in its fields; `error` stands beside its field.
fn sieve(value: impl Fn(&str) -> String, error: Option<&ApiError>) -> Markup {
    view! {
        <form class="card sieve four" action=routes::ACCOUNTS role="search" aria-label="Filter accounts">
            {filter_fields(value, error)}
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
    let wrong = |name: &str| error.filter(|error| error.field == Some(name)).map(|error| sentence(&error.message));
    let invalid = |name: &str| wrong(name).map(|_| "true");
    let control = |name: &'static str, label, holder: &'static str| {
        let input = view! {
            <input id=name name=name type="text" value=value(name) placeholder=holder autocomplete="off" spellcheck="false"
                aria-invalid=invalid(name) aria-describedby=blamed(name, wrong(name).is_some())/>
        };
        field(name, label, "", wrong(name), input.written())
    };
    let here = value("kind");
    let option = |value: &str, words: &str| {
        view! { <option value=value.to_owned() selected=value == here>{words.to_owned()}</option> }
    };
    let kind = |kind: CensusKind| option(kind.as_str(), kind.label());
    let kinds = view! {
        <select id="kind" name="kind" aria-invalid=invalid("kind") aria-describedby=blamed("kind", wrong("kind").is_some())>
            {option("", "any")} {CensusKind::ALL.map(kind).into_iter().collect_view()}
        </select>
    };
    view! {
        {control("text", "Id, e-mail or name", "ortiz")}
        {field("kind", "Open finding", "", wrong("kind"), kinds.written())}
        {control("leftover", "Left over, at least", "3")}
        {control("seen_before", "Last seen before", "2026-11-01")}
        {control("plan", "Plan", "pro")}
        {control("router", "Router", "lb-1")}
        {control("pool", "Pool", "app")}
        {control("server", "Server", "api-2")}
    }
    .written()
}

/// Accounts as rows of a list.
pub(crate) fn account_rows(rows: &[BriefRow], now: Instant) -> Vec<Markup> {
    let mut all = Pieces::with_room(rows.len() * ROOM);
    for row in rows {
        account_row(&mut all, row, now, None, false);
    }
    vec![all.done()]
}

/// About what an account takes in a list, in bytes.
const ROOM: usize = 640;

/// Writes an account as a row. `why` stands below its name; `told` when it has the e-mail address in it.
pub(crate) fn account_row(to: &mut Pieces, row: &BriefRow, now: Instant, why: Option<Markup>, told: bool) {
    let account = &row.account;
    to.html(r#"<tr><td class="who-cell"><a href=""#).html(routes::ACCOUNTS).html("/");
    to.value(&routes::encode(account.id.as_str()));
    to.html(r#"" class="go"><bdi>"#).text(account.title()).html("</bdi></a>");
    if account.title() != account.email && !account.email.is_empty() && !told {
        to.html(r#"<div class="sub"><bdi>"#).text(&account.email).html("</bdi></div>");
    }
    if let Some(why) = why {
        to.part(why);
    }
    to.html(r#"</td><td class="x"><span class="id"><code>"#).text(account.id.as_str());
    to.html(r#"</code><button type="button" class="copy" data-copy aria-label="Copy"></button></span></td>"#);
    to.html(r#"<td><span class="tag "#).html(Tone::from(row.verdict).class()).html(r#"">"#).text(row.verdict.label());
    if let Some(server) = &row.server {
        to.html(" on ").text(server.as_str());
    }
    to.html(r#"</span></td><td class="x n">"#).figure(number(account.live_sessions));
    to.html(r#"</td><td class="n">"#).figure(number(account.leftover_sessions)).html(r#"</td><td class="x">"#);
    if let Some(at) = account.last_seen_at {
        to.html(r#"<time datetime=""#).figure(at).html(r#"" title=""#).figure(at.to_text());
        to.html(r#"">"#).figure(at.relative_to(now)).html("</time>");
    }
    to.html("</td></tr>");
}

#[cfg(test)]
mod tests {
    use domain::{AccountBrief, AccountId, ServerName, VerdictKind};

    use super::*;
    use crate::components::{
        tag::tag,
        text::{foreign, id},
        time::ago,
    };

    /// The row as a view of the components that every other place shows the same with.
    fn as_view(row: &BriefRow, now: Instant, why: Option<Markup>, told: bool) -> String {
        let account = &row.account;
        let verdict = match &row.server {
            Some(server) => format!("{} on {server}", row.verdict.label()),
            None => row.verdict.label().to_owned(),
        };
        let email = (account.title() != account.email && !account.email.is_empty() && !told)
            .then(|| view! { <div class="sub">{foreign(&account.email)}</div> });
        let view = view! {
            <tr>
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
            </tr>
        };
        // Marks of places for what a browser would put there.
        view.to_html().replace("<!>", "")
    }

    #[test]
    fn a_row_is_what_a_view_of_it_would_be() {
        let now = Instant::from_micros(1_764_000_000_000_000);
        let hostile = r#"<b title="x">&amp;'/</b>"#;
        let server = ServerName::parse("api-2").unwrap();
        for (name, email, seen, server) in [
            ("Ana Ortiz", "ana@example.com", Some(now), None),
            (hostile, hostile, None, Some(server.clone())),
            ("", "ana@example.com", Some(Instant::from_micros(0)), Some(server)),
            ("", "", None, None),
        ] {
            for verdict in [VerdictKind::Clean, VerdictKind::PartlyStuck, VerdictKind::Stuck] {
                let account = AccountBrief {
                    id: AccountId::parse("acc_%_1").unwrap(),
                    email: email.to_owned(),
                    name: name.to_owned(),
                    last_seen_at: seen,
                    live_sessions: 1_234,
                    leftover_sessions: 0,
                };
                let row = BriefRow { account, verdict, server: server.clone() };
                for (why, told) in [(None, false), (Some(hostile), true)] {
                    let why = || why.map(|why| view! { <div class="why">{why}</div> }.written());
                    let mut pieces = Pieces::default();
                    account_row(&mut pieces, &row, now, why(), told);
                    assert_eq!(pieces.done().to_html(), as_view(&row, now, why(), told));
                }
            }
        }
    }
}
