//! Moving everybody off one server: who is on it, where they may go, how fast, and when it stops by itself. Nothing happens
//! before it is asked for on the page of the frozen list.

use domain::{Bulk, BulkOrder, Guard, MovePage, RouterName, ServerName};
use leptos::prelude::*;

use super::{Loading, Shown, framed, reason};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        server_move,
    },
    components::{
        bulk::{progress_words, status},
        card::{button, card, crumb, empty, note},
        form::{described, field, hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
        text::plural,
        time::ago,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Routing, async {
        let page = server_move::page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new(format!("Move everybody off {}", page.server), show(&page, flash.as_ref())))
    })
}

fn show(page: &MovePage, flash: Option<&Flash>) -> Markup {
    let known = |field: &str| {
        ["to", "reason", "ticket", "wave", "rate", "failure_limit", "max_errors", "max_response"].contains(&field)
    };
    let told = flash.filter(|flash| !known(&flash.field)).map(|flash| note(Tone::Warn, flash.text.clone()));
    view! {
        {crumb(&routes::server(&page.place, &page.server), page.server.as_str())}
        <h1>"Move everybody off " {page.server.to_string()}</h1>
        <p class="lead">{format!("In pool {} of {}, in waves. First it is read who is on it, and counted. Nothing is done before you ask for it there.", page.place.pool, page.place.router)}</p>
        {told}
        {drain_first(page)}
        {(!page.may_ask).then(|| note(Tone::Warn, "Only admins move everybody off a server."))}
        <div class="grid even turned spaced">
            <div class="stack">{form(page, flash)}</div>
            <div class="stack">{held(page)} {jobs(&page.jobs, page.now)}</div>
        </div>
    }
    .written()
}

/// Why to drain it first, as long as it is not.
pub(super) fn advice(server: &ServerName) -> String {
    format!(
        "{server} still takes new customers, as far as is known: some of those who are moved would land on it again and be \
         moved once more. Set it to drain first, or take it out of rotation where your own proxy decides."
    )
}

fn drain_first(page: &MovePage) -> Option<Markup> {
    let link = button(routes::server(&page.place, &page.server), "Set its state …", "");
    (!page.is_closed).then(|| note(Tone::Warn, view! { {advice(&page.server)} " " {link} }).written())
}

/// `lb-1: 120 routes`
pub(super) fn held_rows(held: &[(RouterName, i64)]) -> Markup {
    let row = |(router, n): &(RouterName, i64)| {
        view! { <li class="row"><span><code>{router.to_string()}</code></span><span>{plural(*n, "route", "routes")}</span></li> }
    };
    view! { <ul class="rows">{held.iter().map(row).collect_view()}</ul> }.written()
}

fn held(page: &MovePage) -> Markup {
    let who = view! { <a href=routes::accounts_on(&page.place, &page.server, None)>"Who they are"</a> };
    card("On it, as last read", who.written(), held_rows(&page.held))
}

/// The newest jobs that empty a server.
pub(super) fn jobs(jobs: &[Bulk], now: domain::Instant) -> Markup {
    let row = |job: &Bulk| {
        let link = routes::bulk(&job.id, None, None);
        view! {
            <li class="row">
                <span><a href=link>{progress_words(job)}</a> " " {status(job.status)}</span>
                <small>{job.actor.clone()} ", " {ago(job.created_at, now)}</small>
            </li>
        }
    };
    let body = if jobs.is_empty() {
        empty("Nobody was moved off it in waves yet.", ().written())
    } else {
        view! { <ul class="rows">{jobs.iter().map(row).collect_view()}</ul> }.written()
    };
    card("Moves off this server", ().written(), body)
}

fn form(page: &MovePage, flash: Option<&Flash>) -> Markup {
    let typed = |name: &str| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let number = |name: &'static str, label, hint, otherwise: u32| {
        let wrong = flash.and_then(|flash| flash.about(name));
        let value = Some(typed(name)).filter(|typed| !typed.is_empty()).unwrap_or_else(|| otherwise.to_string());
        let bad = wrong.is_some();
        let input = view! {
            <input id=name name=name type="text" inputmode="numeric" value=value aria-invalid=bad.then_some("true")
                aria-describedby=described(name, bad)/>
        };
        field(name, label, hint, wrong, input.written())
    };
    let chosen = typed("to");
    let option = |server: &ServerName| {
        view! { <option value=server.to_string() selected=chosen == server.as_str()>{server.to_string()}</option> }
    };
    let wrong = flash.and_then(|flash| flash.about("to"));
    let bad = wrong.is_some();
    let to = view! {
        <select id="to" name="to" aria-invalid=bad.then_some("true") aria-describedby=described("to", bad)>
            <option value="">"Wherever the load balancer chooses"</option>
            {page.others.iter().map(option).collect_view()}
        </select>
    };
    let hint = "A chosen server takes all of them: they are pinned to it on every load balancer, when the longest request is over.";
    let guard = Guard::default();
    let body = view! {
        <form class="pad form" method="post" action=routes::action::MOVE_OFF>
            {token(&ctx::csrf())}
            {hidden("router", page.place.router.as_str())}
            {hidden("pool", page.place.pool.as_str())}
            {hidden("server", page.server.as_str())}
            <fieldset disabled=!page.may_ask>
                <legend class="sr">"How fast, and when it stops"</legend>
                {field("to", "Where to", hint, wrong, to.written())}
                {number("rate", "Rate", "Accounts moved a second, at most, so that the other servers are not flooded.", BulkOrder::MOVE_RATE)}
                {number("wave", "Wave", "Accounts under way at once.", BulkOrder::WAVE)}
                {number("max_errors", "Stop when errors rise", "By more than so many percentage points on another server, since it began. 0 switches it off.", guard.errors)}
                {number("max_response", "Stop when answers slow down", "By more than so many percent on another server, since it began. 0 switches it off.", guard.response)}
                {number("failure_limit", "Stop when accounts fail", "When more accounts than this are in trouble.", BulkOrder::FAILURE_LIMIT)}
                {reason::fields(flash, 500)}
                <button class="btn p whole">"Read who is on it, and count"</button>
            </fieldset>
        </form>
    };
    card("How", ().written(), body.written())
}
