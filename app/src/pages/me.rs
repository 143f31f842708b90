//! One's own page: who one is here, where one is signed in, and how the console looks.

use domain::{
    Span,
    view::{MePage, StaffSessionRow},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed, proof};
use crate::{
    api::{
        confirm, ctx,
        flash::{self, Flash},
        me::{self, Theme},
    },
    components::{
        card::{button, card, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::{foreign, plural, sentence},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Browser", "!Address", "!Began", "Last used", "!Ends unless used", "#End it"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Me, async {
        let page = me::page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Your sign-ins", show(&page, flash.as_ref())))
    })
}

fn show(page: &MePage, flash: Option<&Flash>) -> Markup {
    let csrf = ctx::csrf();
    let verbs: Vec<&str> = page.me.may.iter().map(|permission| permission.verb()).collect();
    view! {
        <h1>{foreign(&page.me.name)}</h1>
        <div class="meta">
            <code>{page.me.id.to_string()}</code>
            {tag(Tone::Off, page.me.role.as_str())}
            <span>{sentence(&format!("you may {}", verbs.join(", ")))}</span>
        </div>
        {notice(page)}
        {flash.filter(|flash| flash.field.is_empty()).map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()))}
        <div class="stack spaced">
            {sessions(page, &csrf)}
            {factor(page)}
            {password(page, &csrf, flash)}
            {look(&csrf)}
        </div>
    }
    .written()
}

/// What an admin did to one's sign-in is shown for a month.
fn notice(page: &MePage) -> Markup {
    let fresh = page.notice.as_ref().filter(|(_, at)| page.now.since(*at) < Span::from_days(30));
    let Some((words, at)) = fresh else { return ().written() };
    let told = view! { {words.clone()} " " {ago(*at, page.now)} ". If you did not ask for that, tell another admin." };
    note(Tone::Warn, told)
}

fn factor(page: &MePage) -> Markup {
    let left = plural(page.factor.recovery_codes, "recovery code is left", "recovery codes are left");
    let (beside, words, link) = match page.factor.since {
        Some(at) => (
            view! { "set up " {ago(at, page.now)} }.written(),
            format!("A code is asked for beside your password. {left}."),
            "Remove or replace it …",
        ),
        None => (
            "none".written(),
            "Your password is all that is asked for. A second factor keeps out whoever learns it.".to_owned(),
            "Set up a second factor …",
        ),
    };
    let body =
        view! { <div class="pad do"><span>{words}</span> {button(routes::SECOND_FACTOR.to_owned(), link, "")}</div> };
    card("Second factor", beside, body.written())
}

fn password(page: &MePage, csrf: &str, flash: Option<&Flash>) -> Markup {
    let bad = flash.and_then(|flash| flash.about("new_password"));
    let body = view! {
        <form class="pad form narrow" method="post" action=routes::action::PASSWORD>
            {token(csrf)}
            {proof::fields(confirm::always(), flash)}
            {proof::new_password("new_password", "New password", page.factor.since.is_some(), bad)}
            <div class="do"><button class="btn">"Change it"</button> <span class="hint">"It ends your other sign-ins."</span></div>
        </form>
    };
    card("Password", ().written(), body.written())
}

fn sessions(page: &MePage, csrf: &str) -> Markup {
    let row = |it: &StaffSessionRow| row(it, page, csrf);
    let others = me::others(&page.sessions).then(|| {
        view! {
            <form method="post" action=routes::action::REVOKE_OTHERS>
                {token(csrf)}
                <button class="btn">"Sign out everywhere else"</button>
            </form>
        }
    });
    let body = view! {
        {table("Your sign-ins", HEADS, page.sessions.iter().map(row).collect())}
        <div class="pad do">{others} <span class="hint">"Do you not know one of these? End it, and change your password."</span></div>
    };
    card("Where you are signed in", ().written(), body.written())
}

fn row(it: &StaffSessionRow, page: &MePage, csrf: &str) -> Markup {
    let end = if it.current {
        tag(Tone::Ok, "this one").written()
    } else {
        view! {
            <form method="post" action=routes::action::REVOKE>
                {token(csrf)}
                {hidden("id", it.id.as_str())}
                <button class="btn q d" aria-label=format!("End the sign-in from {}", it.ip)>"End"</button>
            </form>
        }
        .written()
    };
    view! {
        <tr>
            <td class="fold">{it.user_agent.clone()}</td>
            <td class="x">{it.ip.clone()}</td>
            <td class="x">{ago(it.created_at, page.now)}</td>
            <td>{ago(it.last_seen_at, page.now)}</td>
            <td class="x">{ago(it.expires_at, page.now)}</td>
            <td class="n">{end}</td>
        </tr>
    }
    .written()
}

fn look(csrf: &str) -> Markup {
    let chosen = me::theme();
    let choice = |theme: Theme| {
        view! {
            <label class="choice">
                <input type="radio" name="theme" value=theme.as_str() checked=theme == chosen/>
                {theme.label()}
            </label>
        }
    };
    let body = view! {
        <form class="pad do" method="post" action=routes::action::THEME>
            {token(csrf)}
            <fieldset class="choices">
                <legend class="sr">"How the console looks"</legend>
                {Theme::ALL.map(choice).into_iter().collect_view()}
            </fieldset>
            <button class="btn">"Use it"</button>
        </form>
    };
    card("Look", "kept in this browser".written(), body.written())
}
