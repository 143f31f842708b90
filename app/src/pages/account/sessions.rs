//! The account's sessions: a filter in the URL, a page at a time.

use domain::{
    Account, EndReason, SessionState,
    view::{AccountPage, RouteChip, SessionFilter, SessionRow},
};
use leptos::prelude::*;

use crate::{
    api::ctx,
    components::{
        card::{button, empty},
        markup::{Markup, Written},
        server::{Palette, health},
        table::{filters, pager, table},
        tag::{Tone, tag},
        text::{foreign, id, number},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Session", "!Started", "Last seen", "State", "Pinned to"];

/// The table with its filters.
pub(super) fn sessions(page: &AccountPage, palette: &Palette) -> Markup {
    let (account, filter) = (&page.account, page.filter);
    let link = |it: SessionFilter| (label(it, account), routes::account_sessions(&account.id, it, None), it == filter);
    let body = if page.sessions.items.is_empty() {
        let all = (filter != SessionFilter::All && account.total_sessions > 0)
            .then(|| button(routes::account_sessions(&account.id, SessionFilter::All, None), "Show all sessions", ""));
        empty(none(filter), all.written())
    } else {
        let rows = page.sessions.items.iter().map(|it| row(it, page, palette)).collect();
        view! { <div class="stacks">{table("Sessions", HEADS, rows)}</div> }.written()
    };
    let first = ctx::asked("after").map(|_| routes::account_sessions(&account.id, filter, None));
    let next = page.sessions.next.as_deref().map(|after| routes::account_sessions(&account.id, filter, Some(after)));
    view! {
        <section class="card" id="sessions" aria-labelledby="sessions-h">
            <div class="h">
                <h2 id="sessions-h">"Sessions"</h2>
                {filters("Sessions", SessionFilter::ALL.map(link).to_vec())}
            </div>
            {body}
            {pager(first, next)}
        </section>
    }
    .written()
}

fn label(filter: SessionFilter, account: &Account) -> String {
    match filter {
        SessionFilter::Open => format!("Open {}", number(account.live_sessions + account.leftover_sessions)),
        SessionFilter::Live => format!("Live {}", number(account.live_sessions)),
        SessionFilter::Ended => format!("Left over {}", number(account.leftover_sessions)),
        SessionFilter::Cleaned => {
            let open = account.live_sessions.saturating_add(account.leftover_sessions);
            format!("Cleaned {}", number(account.total_sessions.saturating_sub(open)))
        }
        SessionFilter::All => format!("All {}", number(account.total_sessions)),
    }
}

const fn none(filter: SessionFilter) -> &'static str {
    match filter {
        SessionFilter::Open => "No session is live, and none is left over.",
        SessionFilter::Live => "Nobody is signed in to this account now.",
        SessionFilter::Ended => "Nothing is left over.",
        SessionFilter::Cleaned => "No session of this account was ever cleaned up.",
        SessionFilter::All => "This account never had a session, as far as the back ends told.",
    }
}

fn row(it: &SessionRow, page: &AccountPage, palette: &Palette) -> Markup {
    let session = &it.session;
    let client = if session.client.is_empty() { &session.user_agent } else { &session.client };
    let chip = |chip: &RouteChip| chip_view(chip, palette);
    view! {
        <tr>
            <td class="thin" title=session.user_agent.clone()>
                {id(session.id.as_str())}
                <div class="sub">{foreign(client)}</div>
            </td>
            <td class="x">{ago(session.created_at, page.now)}</td>
            <td class="seen">{ago(session.last_seen_at, page.now)} <div class="sub">{session.ip.clone()}</div></td>
            <td>{state(session.state, page)}</td>
            <td class="chips">{it.routes.iter().map(chip).collect_view()}</td>
        </tr>
    }
    .written()
}

fn state(state: SessionState, page: &AccountPage) -> Markup {
    let ended = |tone, word, reason: EndReason, at| {
        view! { {tag(tone, word)} <div class="sub">{reason.label()} " " {ago(at, page.now)}</div> }.written()
    };
    match state {
        SessionState::Active => tag(Tone::Ok, "active").written(),
        SessionState::Ended { reason, at } => ended(Tone::Warn, "left over", reason, at),
        SessionState::Cleaned { reason, ended_at, .. } => ended(Tone::Off, "cleaned", reason, ended_at),
    }
}

fn chip_view(chip: &RouteChip, palette: &Palette) -> impl IntoView + use<> {
    let server = chip.server.as_ref().map(|server| view! { {palette.dot(server, chip.health)} {server.to_string()} });
    view! {
        <div class="chip" title=format!("{} / {}", chip.router, chip.pool)>
            {server} " " <small>{format!("on {}", chip.router)}</small> " " {health(chip.health, true)}
            {chip.left_over.then(|| tag(Tone::Warn, "left"))}
        </div>
    }
}
