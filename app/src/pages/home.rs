//! The first page: the search, and what needs a person now.

use domain::{
    Instant, ServerStatus, marks,
    view::{AccountRow, BriefRow, CleanupRow, Count, Field, Hit, HomePage, OnServer, SearchPage},
};
use leptos::prelude::*;

use super::{
    Loading, Shown,
    accounts::{HEADS, account_row, account_rows},
    framed,
};
use crate::{
    api::{accounts, ctx},
    components::{
        card::{button, card, empty, note},
        cleanup_row::{self, late},
        frame::Tab,
        markup::{Markup, Pieces, Written},
        server::{Palette, health, share},
        table::{pager, table},
        tag::Tone,
        text::{foreign, number, sentence},
        time::since,
    },
    routes,
};

/// The page: results where something was asked, else what needs a person.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let Some(query) = ctx::asked("q") else {
            return Ok(Shown::new("Accounts", first(&accounts::home().await?)));
        };
        match accounts::search(&query).await {
            Ok(page) => Ok(Shown::new(format!("“{}”", page.query), results(&page))),
            Err(error) if error.status == 422 => {
                ctx::set_status(error.status);
                let words = sentence(&error.message);
                Ok(Shown::new("Search", view! { <h1>"Search"</h1> {note(Tone::Warn, words)} }))
            }
            Err(error) => Err(error),
        }
    })
}

fn first(page: &HomePage) -> Markup {
    let accounts = page.accounts;
    view! {
        <div class="head">
            <h1>"Accounts"</h1>
            <p class="meta">
                <a href=routes::ACCOUNTS>{if accounts > 0 { format!("about {} accounts", number(accounts)) } else { "no accounts yet".to_owned() }}</a>
                {page.sample.then(|| view! { <span class="tag off">"sample data"</span> })}
            </p>
        </div>
        {late(&page.unfinished)}
        {bad_servers(&page.bad_servers, page.now)}
        <div class="stack">
            {(accounts == 0 && page.accumulating.is_empty()).then(start)}
            {stuck(page)}
            {most_left_over(&page.accumulating, page.now)}
            {newest(&page.cleanups, page.now)}
        </div>
    }
    .written()
}

/// What to do with an empty database.
fn start() -> Markup {
    let words = "There is no account yet. Your back ends report accounts and their sessions through the API; or look \
                 around with made-up ones first.";
    let shell = view! {
        <p class="hint">
            <code>"PUT /api/v1/accounts/{account_id}"</code> " (described at " <code>"/api/openapi.json"</code> ") · "
            <code>"admin-tool import FILE"</code> " · " <code>"admin-tool demo-data"</code>
        </p>
    };
    view! { <section class="card">{empty(words, shell.written())}</section> }.written()
}

fn bad_servers(servers: &[ServerStatus], now: Instant) -> Markup {
    if servers.is_empty() {
        return ().written();
    }
    let palette = Palette::of(servers.iter().map(|server| &server.name));
    // One line for a server, whatever the number of pools it is in.
    let mut groups: Vec<(&ServerStatus, Vec<&str>)> = Vec::new();
    for server in servers {
        let same = |it: &ServerStatus| {
            (&it.name, &it.place.router, it.health) == (&server.name, &server.place.router, server.health)
        };
        match groups.iter_mut().find(|(it, _)| same(it)) {
            Some((_, pools)) => pools.push(server.place.pool.as_str()),
            None => groups.push((server, vec![server.place.pool.as_str()])),
        }
    }
    let item = |(server, pools): &(&ServerStatus, Vec<&str>)| {
        let errors = server.error_permille.map(|errors| format!("{} errors", share(errors)));
        view! {
            <li>
                {palette.dot(&server.name, server.health)}
                <b>{server.name.to_string()}</b>
                <small>{format!("{} / {}", server.place.router, pools.join(", "))}</small>
                {health(server.health, false)}
                <small>{errors.map(|words| words + ", ")} "for " {since(server.since, now)}</small>
            </li>
        }
    };
    view! {
        <section class="alarm" aria-label="Servers that serve badly">
            <ul>{groups.iter().map(item).collect_view()}</ul>
            <a href=routes::ROUTING>"Routing"</a>
        </section>
    }
    .written()
}

/// Whom the complaint is about: accounts whose every sign-in lands on a bad server.
fn stuck(page: &HomePage) -> Markup {
    if page.stuck.is_empty() {
        return ().written();
    }
    let body = table("Accounts that are stuck", HEADS, account_rows(&brief(&page.stuck), page.now));
    let on = |on: &OnServer| {
        let words = format!("all {} on {} of {}", number(on.pinned), on.server, on.place.router);
        view! { <a class="beside" href=routes::accounts_on(&on.place, &on.server, None)>{words}</a> }
    };
    card("Stuck now", page.stuck_on.iter().map(on).collect_view().written(), body)
}

fn brief(rows: &[AccountRow]) -> Vec<BriefRow> {
    rows.iter().cloned().map(BriefRow::from).collect()
}

fn most_left_over(rows: &[AccountRow], now: Instant) -> Markup {
    let body = if rows.is_empty() {
        empty("No account has anything left over. Search for one above.", ().written())
    } else {
        table("Accounts with the most left over", HEADS, account_rows(&brief(rows), now))
    };
    card("Most left over", "sessions that ended and were not cleaned up".written(), body)
}

fn newest(rows: &[CleanupRow], now: Instant) -> Markup {
    let body = if rows.is_empty() {
        empty("Nobody has cleaned up yet. Open an account that is stuck and plan a clean-up there.", ().written())
    } else {
        table("Newest clean-ups", cleanup_row::HEADS, rows.iter().map(|row| cleanup_row::row(row, now)).collect())
    };
    card("Newest clean-ups", view! { <a href=routes::CLEANUPS>"All"</a> }.written(), body)
}

fn results(page: &SearchPage) -> Markup {
    let hit = |hit: &Hit| {
        let why = view! { <div class="why">{hit.field.label()} ": " {marked(&hit.text, &page.query)}</div> };
        let mut row = Pieces::default();
        account_row(&mut row, &hit.row.clone().into(), page.now, Some(why.written()), hit.field == Field::Email);
        row.done()
    };
    let body = if page.hits.is_empty() {
        nothing(&page.query)
    } else {
        table("Accounts that fit", HEADS, page.hits.iter().map(hit).collect())
    };
    let first = ctx::asked("after").map(|_| routes::search(&page.query, None));
    let next = page.next.as_deref().map(|after| routes::search(&page.query, Some(after)));
    view! {
        <div class="head">
            <h1>"“" {foreign(&page.query)} "”"</h1>
            <p class="meta">{how_many(page.count)}</p>
        </div>
        <section class="card" aria-label="Results">{body}</section>
        {the_end(page.count, page.next.is_none()).map(|words| note(Tone::Off, words))}
        {pager(first, next)}
    }
    .written()
}

fn how_many(count: Count) -> String {
    let more = if count.more { "more than " } else { "" };
    match count.n {
        0 => "nothing found".to_owned(),
        1 => format!("{more}1 account found"),
        n => format!("{more}{} accounts found, exact ones first", number(n)),
    }
}

/// What to say where the hits end and more was found than is shown.
fn the_end(count: Count, last_page: bool) -> Option<String> {
    let first = match count.n {
        1 => "This is the first one".to_owned(),
        n => format!("These are the first {}", number(n)),
    };
    (count.more && last_page && count.n > 0).then(|| format!("{first}; type more to narrow it down."))
}

/// `text` with what was searched for marked, in whatever case and with whatever accents it stands there.
fn marked(text: &str, query: &str) -> Markup {
    let piece = |(piece, met): (&str, bool)| {
        let piece = piece.to_owned();
        if met { view! { <mark>{piece}</mark> }.written() } else { piece.written() }
    };
    view! { <bdi>{marks(text, query).into_iter().map(piece).collect_view()}</bdi> }.written()
}

fn nothing(query: &str) -> Markup {
    let short = query.chars().count() < 3;
    let words = if short {
        "Nothing begins so. With three letters or more, any part of an id, an e-mail or a name is found."
    } else {
        "No account fits. Try another thing that the customer can tell you:"
    };
    let hints = view! {
        <ul class="hints">
            <li>"the e-mail address they sign in with, or a part of it"</li>
            <li>"their name, or a part of it"</li>
            <li>"the account’s id, whole or its beginning"</li>
            <li>"a session’s id or fingerprint, at least four letters of it, in large and small letters as it is"</li>
            <li>
                "the IP address they come from, its beginning (" <code>"10.2."</code> ", " <code>"2001:db8:"</code>
                ") or its network (" <code>"10.2.0.0/16"</code> ")"
            </li>
        </ul>
        {button(routes::ACCOUNTS.to_owned(), "Look through all accounts", "")}
    };
    empty(words, hints.written())
}

#[cfg(test)]
mod tests {
    use domain::view::Count;

    use super::{how_many, the_end};

    #[test]
    fn the_last_page_of_many_says_that_there_is_more() {
        let cut = Count { n: 1_000, more: true };
        assert_eq!(how_many(cut), "more than 1,000 accounts found, exact ones first");
        assert_eq!(the_end(cut, true).as_deref(), Some("These are the first 1,000; type more to narrow it down."));
        assert_eq!(the_end(cut, false), None);
        let all = Count { n: 1_000, more: false };
        assert_eq!((how_many(all).as_str(), the_end(all, true)), ("1,000 accounts found, exact ones first", None));
        let none = Count { n: 0, more: false };
        assert_eq!((how_many(none).as_str(), the_end(none, true)), ("nothing found", None));
    }
}
