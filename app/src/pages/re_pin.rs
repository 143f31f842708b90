//! Pinning a key to a chosen server: where it is now, where it could be, and why.

use domain::{RePinPage, ServerStatus};
use leptos::prelude::*;

use super::{Loading, Shown, framed, reason};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        routing,
    },
    components::{
        card::{card, crumb, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        server::health,
        tag::{Tone, tag},
        text::number,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let page = routing::re_pin_page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Pin elsewhere", show(&page, flash.as_ref())))
    })
}

fn show(page: &RePinPage, flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| flash.field.is_empty() || flash.field == "server").map(|flash| {
        let tone = if flash.code.is_empty() { Tone::Ok } else { Tone::Warn };
        note(tone, flash.text.clone())
    });
    let now = |(router, reading): &(domain::RouterName, Result<Option<domain::ServerName>, String>)| {
        let on = match reading {
            Ok(Some(server)) => view! { <b>{server.to_string()}</b> }.written(),
            Ok(None) => view! { <span class="sub">"no entry"</span> }.written(),
            Err(why) => view! { {tag(Tone::Bad, "not known")} " " <small>{why.clone()}</small> }.written(),
        };
        view! { <li class="row"><span><code>{router.to_string()}</code></span><span>{on}</span></li> }
    };
    let what = match page.scope {
        domain::Scope::Account => "all traffic of the account, whatever client it signs in with",
        domain::Scope::Session => "one session",
    };
    let rows = view! { <ul class="rows">{page.fleet.iter().map(now).collect_view()}</ul> };
    view! {
        {crumb(&routes::account(&page.account), page.account.as_str())}
        <h1>"Pin to another server"</h1>
        <p class="lead">"The key " <code>{page.key.to_string()}</code> {format!(" in pool {} decides where {what} goes. A clean-up lets the load balancer choose; this chooses for it.", page.place.pool)}</p>
        {told}
        <div class="grid even turned spaced">
            <div class="stack">{confirm(page, flash)}</div>
            <div class="stack">{card("Pinned now", ().written(), rows.written())}</div>
        </div>
    }
    .written()
}

fn confirm(page: &RePinPage, flash: Option<&Flash>) -> Markup {
    let chosen = flash.map(|flash| flash.typed("server")).unwrap_or_default();
    let option = |server: &ServerStatus| {
        let id = format!("server-{}", server.name);
        let pinned = server.pinned.map(|pinned| format!(" · {} pinned", number(pinned)));
        view! {
            <div class="choice">
                <input type="radio" name="server" id=id.clone() value=server.name.to_string() required
                    disabled=!server.health.takes_customers() checked=chosen == server.name.as_str()/>
                <label for=id><b>{server.name.to_string()}</b> " " {health(server.health, false)} <small>{pinned}</small></label>
            </div>
        }
    };
    let may = page.may_pin;
    let body = view! {
        <form class="pad form" method="post" action=routes::action::RE_PIN>
            {token(&ctx::csrf())}
            {hidden("router", page.place.router.as_str())}
            {hidden("pool", page.place.pool.as_str())}
            {hidden("key", page.key.as_str())}
            <fieldset disabled=!may>
                <legend class="sr">"Choose a server"</legend>
                {page.servers.iter().map(option).collect_view()}
                <p class="hint">"A server that is not well cannot be chosen. It is done on every load balancer of the fleet, and read back from each."</p>
                {reason::fields(flash, 500)}
                <button class="btn p whole">"Pin it there"</button>
            </fieldset>
        </form>
        {(!may).then(|| note(Tone::Warn, "Your role may not pin customers to servers. Ask support or an admin."))}
    };
    card("Choose a server", ().written(), body.written())
}
