//! One's own page: who one is here, where one is signed in, and how the console looks.

use domain::view::{MePage, StaffSessionRow};
use leptos::prelude::*;

use super::{Shown, framed};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        me::{self, Theme},
    },
    components::{
        card::{card, note},
        form::{hidden, token},
        frame::Tab,
        table::table,
        tag::{Tone, tag},
        text::{foreign, sentence},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Browser", "!Address", "!Began", "Last used", "!Ends unless used", "#End it"];

/// The page.
#[component]
pub(crate) fn Me() -> impl IntoView {
    framed(Tab::Me, async {
        let page = me::page().await?;
        let flash = flash::take().await;
        Ok(Shown::new("Your sign-ins", show(&page, flash.as_ref())))
    })
}

fn show(page: &MePage, flash: Option<&Flash>) -> AnyView {
    let csrf = ctx::csrf();
    let verbs: Vec<&str> = page.me.may.iter().map(|permission| permission.verb()).collect();
    view! {
        <h1>{foreign(&page.me.name)}</h1>
        <div class="meta">
            <code>{page.me.id.to_string()}</code>
            {tag(Tone::Off, page.me.role.as_str())}
            <span>{sentence(&format!("you may {}", verbs.join(", ")))}</span>
        </div>
        {flash.map(|flash| note(Tone::Ok, flash.text.clone()))}
        <div class="stack spaced">
            {sessions(page, &csrf)}
            {look(&csrf)}
        </div>
    }
    .into_any()
}

fn sessions(page: &MePage, csrf: &str) -> AnyView {
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
        <div class="pad do">{others} <span class="hint">"Do you not know one of these? End it, and have an admin set a new password."</span></div>
    };
    card("Where you are signed in", ().into_any(), body.into_any())
}

fn row(it: &StaffSessionRow, page: &MePage, csrf: &str) -> AnyView {
    let end = if it.current {
        tag(Tone::Ok, "this one").into_any()
    } else {
        view! {
            <form method="post" action=routes::action::REVOKE>
                {token(csrf)}
                {hidden("id", it.id.as_str())}
                <button class="btn q d" aria-label=format!("End the sign-in from {}", it.ip)>"End"</button>
            </form>
        }
        .into_any()
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
    .into_any()
}

fn look(csrf: &str) -> AnyView {
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
    card("Look", "kept in this browser".into_any(), body.into_any())
}
