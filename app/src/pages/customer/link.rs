//! Staff make a link for a customer: shown once, with words to send it with.

use domain::{
    Instant,
    view::{CustomerLinkPage, OwnSession},
};
use leptos::prelude::*;

use super::device;
use crate::{
    api::{
        ctx, customer,
        flash::{self, Flash},
    },
    components::{
        card::{crumb, note},
        form::{described, field, hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
        text::foreign,
    },
    pages::{Loading, Shown, framed},
    routes,
};

/// Minutes that are offered.
const MINUTES: [(&str, &str); 3] = [("15", "15 minutes"), ("60", "1 hour"), ("1440", "24 hours")];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let (page, made) = customer::link_page().await?;
        let flash = flash::take().await;
        Ok(Shown::new(format!("Link for {}", page.account.title()), show(&page, made.as_ref(), flash.as_ref())))
    })
}

fn show(page: &CustomerLinkPage, made: Option<&(String, Instant)>, flash: Option<&Flash>) -> Markup {
    let account = &page.account;
    view! {
        {crumb(&routes::account(&account.id), account.title())}
        <h1>"A link for " {foreign(account.title())}</h1>
        <p class="lead">
            "The customer sees their own sessions and can reset them, without a call to you. The link opens once; it shows no \
             server and nothing of the console."
        </p>
        <div class="stack spaced">
            {made.map(|(url, until)| shown(page, url, *until))}
            {form(page, flash)}
        </div>
    }
    .written()
}

/// The link, this once.
fn shown(page: &CustomerLinkPage, url: &str, until: Instant) -> Markup {
    let text = words(page, url, until);
    view! {
        <section class="card" aria-labelledby="the-link">
            <div class="h">
                <h2 id="the-link">"The link, shown this once"</h2>
                <button type="button" class="btn q scripted" data-copy=text.clone()>"Copy"</button>
            </div>
            <div class="reply" dir="auto">{text}</div>
        </section>
    }
    .written()
}

/// What to send.
fn words(page: &CustomerLinkPage, url: &str, until: Instant) -> String {
    let name = &page.account.name;
    let greeting = if name.is_empty() { "Hello,".to_owned() } else { format!("Hello {name},") };
    let of = if page.service.is_empty() { String::new() } else { format!(" to {}", page.service) };
    format!(
        "{greeting}\n\non this page you see where you are signed in{of}, and can reset it:\n\n{url}\n\nIt opens once, until {}. \
         Nothing happens before you have seen what, and said yes. Do not pass it on.\n",
        until.to_text()
    )
}

fn form(page: &CustomerLinkPage, flash: Option<&Flash>) -> Markup {
    let may = page.may;
    let told = flash.map(|flash| note(Tone::Warn, flash.text.clone()));
    let option = |it: &OwnSession| {
        let words = format!("{}, last seen {}", device(&it.client), it.last_seen_at.relative_to(page.now));
        view! { <option value=it.id.to_string()>{words}</option> }
    };
    let session = view! {
        <select id="session" name="session" aria-describedby=described("session", false)>
            <option value="">"Not known: the customer chooses"</option>
            {page.sessions.iter().map(option).collect_view()}
        </select>
    };
    let minute = |(value, words): (&'static str, &'static str)| view! { <option value=value>{words}</option> };
    let minutes = view! {
        <select id="minutes" name="minutes" aria-describedby=described("minutes", false)>
            <option value="">{format!("{}, as it is set", page.life)}</option>
            {MINUTES.map(minute).into_iter().collect_view()}
        </select>
    };
    view! {
        <section class="card pad form narrow" aria-label="Make a link">
            {told}
            <form method="post" action=routes::action::MAKE_LINK>
                {token(&ctx::csrf())}
                {hidden("account", page.account.id.as_str())}
                <fieldset disabled=!may>
                    <legend class="sr">"Make a link"</legend>
                    {field("session", "The device that they are on", "It stays signed in when they reset, unless they say otherwise.", None, session.written())}
                    {field("minutes", "Opens for", "The sooner it ends, the less it matters who else reads the message.", None, minutes.written())}
                    <button class="btn p">"Make a link"</button>
                </fieldset>
            </form>
            {(!may).then(|| note(Tone::Warn, "Your role may not make links for customers. Ask support or an admin."))}
        </section>
    }
    .written()
}
