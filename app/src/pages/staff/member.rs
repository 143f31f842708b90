//! One staff member: role, sign-ins, and what admins do about them.

use domain::view::{StaffMemberPage, StaffSessionRow};
use leptos::prelude::*;

use super::{
    super::{Loading, Shown, framed},
    factor, open, password, roles,
};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        staff,
    },
    components::{
        card::{card, crumb, empty, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::{foreign, id},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Browser", "!Address", "!Began", "Last used", "#End it"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Staff, async {
        let page = staff::member().await?;
        let flash = flash::take().await;
        Ok(Shown::new(page.member.row.name.clone(), show(&page, flash.as_ref())))
    })
}

fn show(page: &StaffMemberPage, flash: Option<&Flash>) -> Markup {
    let it = &page.member.row;
    let told = flash.map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let disabled = it.disabled_at.map(|at| view! { {tag(Tone::Bad, "disabled")} " " {ago(at, page.now)} });
    let last = it.last_sign_in_at.map_or_else(|| "never".written(), |at| ago(at, page.now).written());
    view! {
        {crumb(routes::STAFF, "Staff")}
        <h1>{foreign(&it.name)}</h1>
        <div class="meta">
            <code>{it.id.to_string()}</code>
            {tag(Tone::Off, it.role.as_str())}
            <span>"added " {ago(it.created_at, page.now)}</span>
            <span>"last sign-in " {last}</span>
            <span>"password " {password(&page.member)}</span>
            <span>"second factor " {factor(&page.member)}</span>
            <span>{disabled}</span>
        </div>
        {told}
        {code(flash)}
        <div class="grid spaced">
            <div class="stack">{sessions(page)}</div>
            <div class="stack">{role(page)} {changes(page)}</div>
        </div>
    }
    .written()
}

/// The one-time code, once.
fn code(flash: Option<&Flash>) -> Markup {
    let Some(code) = flash.and_then(Flash::secret) else { return ().written() };
    let body = view! {
        <div class="pad">
            <p>{id(&code)}</p>
            <p class="hint">"Hand it over yourself. With it they choose a password at " <code>{routes::WELCOME}</code> ". It counts once, within 24 hours, and is shown this once."</p>
        </div>
    };
    card("Their one-time code", "shown once".written(), body.written())
}

fn sessions(page: &StaffMemberPage) -> Markup {
    let row = |session: &StaffSessionRow| row(session, page);
    let body = if page.sessions.is_empty() {
        empty("Nobody is signed in under this name now.", ().written())
    } else {
        table("Open sign-ins", HEADS, page.sessions.iter().map(row).collect())
    };
    card("Where they are signed in", open(page.member.open_sessions).written(), body)
}

fn row(session: &StaffSessionRow, page: &StaffMemberPage) -> Markup {
    let end = if session.current {
        tag(Tone::Ok, "this one").written()
    } else {
        view! {
            <form method="post" action=routes::action::STAFF_END>
                {token(&ctx::csrf())}
                {hidden("id", page.member.row.id.as_str())}
                {hidden("session", session.id.as_str())}
                <button class="btn q d" aria-label=format!("End the sign-in from {}", session.ip)>"End"</button>
            </form>
        }
        .written()
    };
    view! {
        <tr>
            <td class="fold">{session.user_agent.clone()}</td>
            <td class="x">{session.ip.clone()}</td>
            <td class="x">{ago(session.created_at, page.now)}</td>
            <td>{ago(session.last_seen_at, page.now)}</td>
            <td class="n">{end}</td>
        </tr>
    }
    .written()
}

fn role(page: &StaffMemberPage) -> Markup {
    let it = &page.member.row;
    let mine = page.member.is_me;
    let body = view! {
        <form class="pad form" method="post" action=routes::action::STAFF_ROLE>
            {token(&ctx::csrf())}
            {hidden("id", it.id.as_str())}
            <fieldset disabled=mine>
                <legend class="sr">"Change the role"</legend>
                {roles(Some(it.role), None)}
                <button class="btn whole">"Change the role"</button>
            </fieldset>
            <p class="hint">{if mine { "You cannot change your own role: another admin does that." } else { "It ends their sign-ins: they sign in again." }}</p>
        </form>
    };
    card("Role", ().written(), body.written())
}

fn changes(page: &StaffMemberPage) -> Markup {
    let it = &page.member.row;
    let mine = page.member.is_me;
    let (on, words, effect) = if it.disabled_at.is_some() {
        ("enable", "Let them sign in again", "With the password that they had.")
    } else {
        ("disable", "Disable", "They are out at their next request. What they did stays in the log.")
    };
    let change = |what: &'static str, words: &'static str, class: &'static str, effect: &'static str, off: bool| {
        view! {
            <form class="pad form" method="post" action=routes::action::STAFF_CHANGE>
                {token(&ctx::csrf())}
                {hidden("id", it.id.as_str())}
                {hidden("what", what)}
                <fieldset disabled=off>
                    <legend class="sr">{words}</legend>
                    <button class=class>{words}</button>
                </fieldset>
                <p class="hint">{effect}</p>
            </form>
        }
    };
    let body = view! {
        {change("ask", "Ask for a fresh proof", "btn whole", "Whatever needs one asks for their password and code again.", false)}
        {change("sign-out", "End every sign-in", "btn whole", "They sign in again.", false)}
        {change("reset", "Reset password and second factor", "btn d whole", if mine { "You cannot reset your own sign-in: change it on your own page." } else { "Their sign-ins end, and you get a one-time code for them. They are told on their page." }, mine)}
        {change(on, words, "btn d whole", if mine { "You cannot disable yourself: another admin does that." } else { effect }, mine)}
    };
    card("Their sign-in", ().written(), body.written())
}
