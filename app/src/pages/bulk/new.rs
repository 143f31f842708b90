//! A new bulk clean-up: which accounts, how much, how fast, why. Nothing happens before it is asked for on its own page,
//! where everything that it would do is counted.

use domain::{AccountFilter, BulkOrder, Mode, Permission, view::Me};
use leptos::prelude::*;

use super::super::{Loading, Shown, accounts::filter_fields, framed, reason};
use crate::{
    api::{
        ApiError, bulk, ctx, escape,
        flash::{self, Flash},
    },
    components::{
        card::{card, crumb, note},
        form::{described, field, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Cleanups, async {
        if ctx::me().is_none() {
            return Err(ApiError::not_signed_in());
        }
        let flash = flash::take().await;
        let filter = bulk::asked_filter()?;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("New bulk clean-up", form(&filter, flash.as_ref(), ctx::me().as_ref())))
    })
}

fn form(filter: &AccountFilter, flash: Option<&Flash>, me: Option<&Me>) -> Markup {
    let may = me.is_some_and(|me| me.may(Permission::BulkCleanUp));
    let known = |field: &str| ["reason", "ticket", "list", "wave", "rate", "failure_limit"].contains(&field);
    let told = flash.filter(|flash| !known(&flash.field)).map(|flash| note(Tone::Warn, flash.text.clone()));
    view! {
        {crumb(routes::BULK, "Bulk clean-ups")}
        <h1>"New bulk clean-up"</h1>
        <p class="lead">"First the list is frozen and everything that would happen is counted. Nothing is done before you ask for it there."</p>
        {told}
        {(!may).then(|| note(Tone::Warn, "Only admins clean up many accounts at once."))}
        <form method="post" action=routes::action::BULK_DRAFT>
            {token(&ctx::csrf())}
            <fieldset disabled=!may>
                <legend class="sr">"A new bulk clean-up"</legend>
                <div class="grid even spaced">
                    <div class="stack">{who(filter, flash)}</div>
                    <div class="stack">{how(flash)}</div>
                </div>
            </fieldset>
        </form>
    }
    .written()
}

fn who(filter: &AccountFilter, flash: Option<&Flash>) -> Markup {
    let value = |name: &str| match flash {
        Some(flash) => flash.typed(name),
        None => {
            filter.pairs().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value).unwrap_or_default()
        }
    };
    let wrong = flash.and_then(|flash| flash.about("list"));
    let text = escape(&value("list"));
    let bad = wrong.is_some();
    let list = view! {
        <textarea id="list" name="list" rows="7" spellcheck="false" aria-invalid=bad.then_some("true")
            aria-describedby=described("list", bad) inner_html=text></textarea>
    };
    let hint = "One id a line, or CSV whose first line has account_id. Ids that no account has are told line by line.";
    let by_filter = view! { <div class="pad form two">{filter_fields(value, None)}</div> };
    let by_list = view! { <div class="pad form">{field("list", "Account ids", hint, wrong, list.written())}</div> };
    view! {
        {card("Accounts that pass a filter", "as the list of accounts has it".written(), by_filter.written())}
        {card("Or a list", ().written(), by_list.written())}
    }
    .written()
}

fn how(flash: Option<&Flash>) -> Markup {
    let chosen = flash.and_then(|flash| Mode::parse(&flash.typed("mode"))).unwrap_or_default();
    let option = |mode: Mode| {
        let id = format!("mode-{}", mode.as_str());
        let effect = match mode {
            Mode::Unstick => "Removes routes. Everybody stays signed in.",
            Mode::Stale => "Removes what is left over from ended sessions. Nobody notices.",
            Mode::Force => "Ends every session, live ones too. Customers must sign in again.",
        };
        view! {
            <div class="choice">
                <input type="radio" name="mode" id=id.clone() value=mode.as_str() required checked=mode == chosen
                    aria-describedby=format!("{id}-effect")/>
                <label for=id.clone()><b>{mode.label()}</b></label>
                <ul class="will" id=format!("{id}-effect")><li>{effect}</li></ul>
            </div>
        }
    };
    let number = |name: &'static str, label, hint, otherwise: u32| {
        let wrong = flash.and_then(|flash| flash.about(name));
        let typed = flash.map(|flash| flash.typed(name)).filter(|typed| !typed.is_empty());
        let bad = wrong.is_some();
        let input = view! {
            <input id=name name=name type="text" inputmode="numeric" value=typed.unwrap_or_else(|| otherwise.to_string())
                aria-invalid=bad.then_some("true") aria-describedby=described(name, bad)/>
        };
        field(name, label, hint, wrong, input.written())
    };
    let body = view! {
        <div class="pad form">
            {Mode::ALL.map(option).into_iter().collect_view()}
            {number("wave", "Wave", "Accounts under way at once, so that the other servers are not flooded.", BulkOrder::WAVE)}
            {number("rate", "Rate", "Accounts begun a second, at most.", BulkOrder::RATE)}
            {number("failure_limit", "Stop by itself", "When more accounts than this are in trouble.", BulkOrder::FAILURE_LIMIT)}
            {reason::fields(flash, 500)}
            <button class="btn p whole">"Freeze the list and count"</button>
        </div>
    };
    card("How, and why", ().written(), body.written())
}
