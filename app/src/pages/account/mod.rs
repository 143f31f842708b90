//! The account page: what is wrong with it in one sentence, what can be done, and all that this rests on.

mod findings;
mod routes_now;
mod sessions;
mod verdict;

use domain::{
    AuditEvent, Permission,
    view::{AccountPage, CleanupRow, Me},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{accounts, ctx},
    components::{
        card::{card, crumb, empty, listed, note},
        cleanup_row, event,
        frame::Tab,
        markup::{Markup, Written},
        server::Palette,
        tag::{Tone, mode_word, status, tag},
        text::{foreign, id, number, plural},
        time::ago,
        timeline::{legend, timeline},
    },
    routes,
};

/// Audit events that are shown here.
const EVENTS: usize = 4;

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let page = accounts::account().await?;
        let me = ctx::me();
        Ok(Shown::new(page.account.title(), show(&page, me.as_ref())))
    })
}

fn show(page: &AccountPage, me: Option<&Me>) -> Markup {
    let drawn = page.timeline.rows.iter().flat_map(|row| &row.stretches).filter_map(|stretch| stretch.server.as_ref());
    let routed = page.routes.iter().filter_map(|row| row.route.server.as_ref());
    let palette = Palette::of(page.servers.iter().map(|server| &server.name).chain(drawn).chain(routed));
    let audit = me.is_some_and(|me| me.may(Permission::ReadAudit));
    view! {
        {crumb(routes::HOME, "Accounts")}
        {heading(page)}
        {unread(page)}
        {truncated(page)}
        {verdict::verdict(page, me)}
        {for_customer(page)}
        <div class="grid">
            <div class="stack">{findings::findings(page)} {drawing(page, &palette)}</div>
            <div class="stack beside">
                {routes_now::routes_now(page, &palette)}
                {routes_now::servers(page, &palette)}
                {cleanups(page)}
                {events(page, audit)}
            </div>
            {sessions::sessions(page, &palette)}
        </div>
    }
    .written()
}

/// The way to let the customer help themselves.
fn for_customer(page: &AccountPage) -> Markup {
    view! { <p class="do below"><a class="btn q" href=routes::account_link(&page.account.id)>"Link for the customer"</a></p> }
        .written()
}

fn heading(page: &AccountPage) -> Markup {
    let account = &page.account;
    let email = (!account.email.is_empty() && account.title() != account.email)
        .then(|| view! { <span class="email">{foreign(&account.email)}</span> });
    let plan = (!account.plan.is_empty()).then(|| view! { <span>{account.plan.clone()}</span> });
    let zone = (!account.time_zone.is_empty()).then(|| view! { <span>{account.time_zone.clone()}</span> });
    view! {
        <h1>{foreign(account.title())}</h1>
        <div class="meta">
            {email}
            {id(account.id.as_str())}
            {plan}
            <span>"since " <time datetime=account.created_at.to_string() title=account.created_at.to_text()>{day(account.created_at)}</time></span>
            {zone}
            {account.last_seen_at.map(|at| view! { <span>"last seen " {ago(at, page.now)}</span> })}
            <span>
                {format!(
                    "{} live · {} left over · {} in all",
                    number(account.live_sessions),
                    number(account.leftover_sessions),
                    number(account.total_sessions),
                )}
            </span>
            {account.sample.then(|| tag(Tone::Off, "sample data"))}
        </div>
    }
    .written()
}

/// `2024-03-17`.
fn day(at: domain::Instant) -> String {
    at.to_text().chars().take(10).collect()
}

fn unread(page: &AccountPage) -> Option<Markup> {
    if page.unread.is_empty() {
        return None;
    }
    let line = |it: &domain::Unread| view! { <li><code>{it.router.to_string()}</code> ": " {it.why.clone()}</li> };
    let body = view! {
        <b>"Not everything could be read."</b>
        " What these routers hold is told as it was when they were last read:"
        {listed(page.unread.iter().map(|it| line(it).written()).collect())}
    };
    Some(note(Tone::Warn, body))
}

fn truncated(page: &AccountPage) -> Option<Markup> {
    let words = "The account has so many open sessions that only the newest live and the newest left-over ones were looked \
                 at. A clean-up takes all of them.";
    page.truncated.then(|| note(Tone::Warn, words))
}

fn drawing(page: &AccountPage, palette: &Palette) -> Markup {
    let it = &page.timeline;
    let Some(drawn) = timeline(it, palette) else {
        let words = "No session and no route in the last two weeks, so there is nothing to draw.";
        return card("Where each session went", ().written(), empty(words, ().written()));
    };
    let hidden = (it.hidden > 0)
        .then(|| view! { <p class="pad hint">{plural(it.hidden, "more session is", "more sessions are")} " in the table below."</p> });
    let body = view! { {legend(it, palette)} {drawn} {hidden} };
    card("Where each session went", it.to.since(it.from).to_string().written(), body.written())
}

fn cleanups(page: &AccountPage) -> Markup {
    let item = |row: &CleanupRow| {
        let cleanup = &row.cleanup;
        view! {
            <li>
                <a class="go" href=routes::cleanup(&cleanup.id)>{mode_word(cleanup.mode)}</a>
                {status(cleanup.status)} {cleanup_row::came_back(row.counts)}
                <small>{ago(cleanup.requested_at, page.now)} " by " {cleanup.actor.clone()}</small>
            </li>
        }
    };
    let body = if page.cleanups.is_empty() {
        empty("This account was never cleaned up.", ().written())
    } else {
        view! { <ul class="rows">{page.cleanups.iter().map(item).collect_view()}</ul> }.written()
    };
    card("Clean-ups", ().written(), body)
}

fn events(page: &AccountPage, audit: bool) -> Markup {
    let item = |it: &AuditEvent| {
        let ticket = (!it.draft.ticket.is_empty()).then(|| view! { " · " <code>{it.draft.ticket.clone()}</code> });
        view! {
            <li>
                {event::what(it)}
                <div class="sub">{ago(it.draft.at, page.now)} " by " {it.draft.actor.clone()} {ticket}</div>
            </li>
        }
    };
    let all = audit.then(|| {
        let filter = [("account", page.account.id.as_str())];
        view! { <a href=routes::audit(filter, None)>"All, with proofs"</a> }
    });
    let body = if page.events.is_empty() {
        empty("Nothing was done to this account here.", ().written())
    } else {
        view! { <ul class="rows">{page.events.iter().take(EVENTS).map(item).collect_view()}</ul> }.written()
    };
    card("Audit", all.written(), body)
}

#[cfg(test)]
mod tests;
