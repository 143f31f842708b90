//! A webhook: how it is, what was sent to it and what came of that, and sending it again.

use domain::{
    Delivery, DeliveryFilter, DeliveryState, EventKind, Instant, WebhookState,
    view::{WebhookPage, WebhookRow},
};
use leptos::prelude::*;

use super::{
    Loading, Shown, framed,
    webhooks::{counted, state},
};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        webhooks,
    },
    components::{
        card::{button, card, crumb, empty, note},
        form::{described, field, hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        table::{filters, pager, table},
        tag::{Tone, tag},
        text::{id, number},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Event", "Account", "State", "!#Tries", "Answer", "!Happened", "#Again"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Webhooks, async {
        let page = webhooks::page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Webhook", show(&page, flash.as_ref())))
    })
}

fn show(page: &WebhookPage, flash: Option<&Flash>) -> Markup {
    let WebhookRow { hook, waiting, failed, now, .. } = &page.row;
    let told = flash.filter(|flash| flash.field.is_empty());
    let told = told.map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let kinds: Vec<&str> = hook.kinds.iter().map(|kind| kind.as_str()).collect();
    view! {
        {crumb(routes::WEBHOOKS, "Webhooks")}
        <div class="head"><h1>"Webhook"</h1> {state(hook)}</div>
        <p class="lead fold"><code>{hook.url.clone()}</code></p>
        <div class="meta">
            {tag(Tone::Off, hook.format.as_str())}
            <span>{kinds.join(", ")}</span>
            <span>"made " {ago(hook.created_at, *now)} " by " {hook.created_by.clone()}</span>
            <span>"secret " <code>{hook.fingerprint.clone()}</code> " (the beginning of its SHA-256)"</span>
            {id(hook.id.as_str())}
        </div>
        {told}
        {flash.and_then(Flash::secret).as_deref().map(shown_once)}
        {trouble(&page.row)}
        <div class="stack spaced">
            {steer(&page.row)}
            {log(page, &counted(*waiting), &counted(*failed))}
            {again(page, flash)}
        </div>
    }
    .written()
}

fn shown_once(secret: &str) -> Markup {
    let words = view! {
        <p class="whole"><b>"Its secret, shown this once: "</b> {id(secret)}</p>
        <p>"Give it to the receiver. Unstick cannot show it again; a new one can be made here at any time."</p>
    };
    note(Tone::Ok, words)
}

/// Why nothing is sent, or nothing is taken.
fn trouble(row: &WebhookRow) -> Markup {
    let hook = &row.hook;
    match (hook.state, hook.failing_since) {
        (WebhookState::Paused, _) => {
            let rest = ". Events are kept for it. Switch it on when it works again, and they are sent in order.";
            note(Tone::Bad, view! { <b>"Paused: "</b> {hook.why.clone()} {rest} })
        }
        (WebhookState::Disabled, _) => {
            note(Tone::Warn, view! { <b>"Off: "</b> {hook.why.clone()} ". What happens now is not kept for it." })
        }
        (WebhookState::Deleted, _) => {
            let rest = ". What was sent to it can be read here for as long as it is kept.";
            note(Tone::Warn, view! { <b>"Deleted: "</b> {hook.why.clone()} {rest} })
        }
        (WebhookState::Active, Some(since)) => {
            let words = format!("{} tries failed since the last success, ", number(hook.failures));
            note(Tone::Warn, view! { {words} "the first " {ago(since, row.now)} ". It is tried less and less often." })
        }
        (WebhookState::Active, None) => ().written(),
    }
}

fn steer(row: &WebhookRow) -> Markup {
    let hook = &row.hook;
    if hook.state == WebhookState::Deleted {
        return ().written();
    }
    let csrf = ctx::csrf();
    let active = hook.state == WebhookState::Active;
    let form = |action: &'static str, words: &'static str, class: &'static str, to: &'static str, disabled: bool| {
        view! {
            <form method="post" action=action>
                {token(&csrf)}
                {hidden("id", hook.id.as_str())}
                {(!to.is_empty()).then(|| hidden("to", to))}
                <button class=class disabled=disabled>{words}</button>
            </form>
        }
    };
    view! {
        <div class="do">
            {form(routes::action::WEBHOOK_TEST, "Send a test", "btn", "", !active)}
            {form(routes::action::WEBHOOK_ROTATE, "New secret", "btn", "", false)}
            {if active {
                form(routes::action::WEBHOOK_SWITCH, "Switch off", "btn q", "off", false)
            } else {
                form(routes::action::WEBHOOK_SWITCH, "Switch on", "btn p", "on", false)
            }}
            {(!active).then(|| view! { <span>"Switch it on before anything is sent to it."</span> })}
        </div>
        {delete(row, &csrf)}
    }
    .written()
}

/// Deleting it: what will happen, and one confirmation.
fn delete(row: &WebhookRow, csrf: &str) -> Markup {
    let waiting = match counted(row.waiting).as_str() {
        "0" => String::new(),
        "1" => "One event that waits is given up. ".to_owned(),
        n => format!("{n} events that wait are given up. "),
    };
    view! {
        <details>
            <summary>"Delete it …"</summary>
            <form class="pad form" method="post" action=routes::action::WEBHOOK_DELETE>
                {token(csrf)}
                {hidden("id", row.hook.id.as_str())}
                <p>"Nothing is sent to it any more, and its secret is void. " {waiting} "What was sent can be read here for as long as it is kept. There is no way back: to tell the receiver again, make another webhook."</p>
                <div class="do"><button class="btn d">"Delete this webhook"</button></div>
            </form>
        </details>
    }
    .written()
}

fn log(page: &WebhookPage, waiting: &str, failed: &str) -> Markup {
    let hook = &page.row.hook;
    let (filter, rows) = (&page.filter, &page.log.items);
    let link = |state: Option<DeliveryState>| {
        let words = match state {
            None => "all".to_owned(),
            Some(DeliveryState::Waiting) => format!("waiting {waiting}"),
            Some(DeliveryState::Failed) => format!("given up {failed}"),
            Some(DeliveryState::Delivered) => "delivered".to_owned(),
        };
        (words, routes::webhook(&hook.id, &DeliveryFilter { state, ..filter.clone() }, None), state == filter.state)
    };
    let states = [None].into_iter().chain(DeliveryState::ALL.map(Some)).map(link).collect();
    let can = hook.state == WebhookState::Active;
    let body = if rows.is_empty() {
        let all = button(routes::webhook(&hook.id, &DeliveryFilter::default(), None), "Show all", "");
        let nothing = "Nothing was sent yet. Send a test, or wait until something happens.";
        if *filter == DeliveryFilter::default() { empty(nothing, ().written()) } else { empty("Nothing fits.", all) }
    } else {
        let csrf = ctx::csrf();
        let rows = rows.iter().map(|it| row(page, it, &csrf, can)).collect();
        view! { <div class="stacks">{table("What was sent", HEADS, rows)}</div> }.written()
    };
    let first = ctx::asked("after").map(|_| routes::webhook(&hook.id, filter, None));
    let next = page.log.next.as_deref().map(|after| routes::webhook(&hook.id, filter, Some(after)));
    let kept = format!("what was delivered is kept for {}", page.keep);
    view! {
        {narrow(page)}
        {filters("State", states)}
        {card("What was sent", kept.written(), body)}
        {pager(first, next)}
    }
    .written()
}

/// Narrowing the log to a kind of event or an account.
fn narrow(page: &WebhookPage) -> Markup {
    let filter = &page.filter;
    let kind = |kind: EventKind| {
        view! { <option value=kind.as_str() selected=filter.kind == Some(kind)>{kind.as_str()}</option> }
    };
    let kinds = EventKind::CHOICES.into_iter().chain([EventKind::Test]).map(kind).collect_view();
    let account = filter.account.as_ref().map(ToString::to_string).unwrap_or_default();
    let path = routes::webhook(&page.row.hook.id, &DeliveryFilter::default(), None);
    let clear = path.clone();
    let kinds = view! {
        <select id="event" name="event">
            <option value="" selected=filter.kind.is_none()>"any event"</option>
            {kinds}
        </select>
    };
    let account = view! {
        <input id="account" name="account" type="text" maxlength="128" value=account autocomplete="off" spellcheck="false"/>
    };
    view! {
        <form class="card sieve four" action=path role="search" aria-label="Filter what was sent">
            {filter.state.map(|state| hidden("state", state.as_str()))}
            {field("event", "Event", "", None, kinds.written())}
            {field("account", "Account", "", None, account.written())}
            <div class="do">
                <button class="btn p">"Filter"</button>
                {button(clear, "Clear", "q")}
            </div>
        </form>
    }
    .written()
}

fn row(page: &WebhookPage, it: &Delivery, csrf: &str, can: bool) -> Markup {
    let now = page.row.now;
    let account = it.account.as_ref().map(|id| view! { <a href=routes::account(id)>{id.to_string()}</a> });
    let words = if it.state == DeliveryState::Waiting { "Try now" } else { "Send again" };
    let again = view! {
        <form method="post" action=routes::action::WEBHOOK_AGAIN>
            {token(csrf)}
            {hidden("id", page.row.hook.id.as_str())}
            {hidden("event", it.event.as_str())}
            <button class="btn q" disabled=!can aria-label=format!("{words}: {}", it.event)>{words}</button>
        </form>
    };
    view! {
        <tr>
            <td class="fold">{it.kind.as_str()} <div class="sub">{id(it.event.as_str())}</div></td>
            <td>{account}</td>
            <td>{delivery(it, now)}</td>
            <td class="x n">{number(it.attempts)}</td>
            <td class="fold">{answer(it)}</td>
            <td class="x">{ago(it.at, now)}</td>
            <td class="n">{again}</td>
        </tr>
    }
    .written()
}

fn delivery(it: &Delivery, now: Instant) -> Markup {
    match (it.state, it.next_at) {
        (DeliveryState::Delivered, _) => tag(Tone::Ok, "delivered").written(),
        (DeliveryState::Failed, _) => tag(Tone::Bad, "given up").written(),
        (DeliveryState::Waiting, None) => {
            view! { {tag(Tone::Off, "waits")} " " <small>"behind an earlier event of the account"</small> }.written()
        }
        (DeliveryState::Waiting, Some(at)) if it.attempts > 0 => {
            view! { {tag(Tone::Warn, "waits")} " " <small>"next try " {ago(at, now)}</small> }.written()
        }
        (DeliveryState::Waiting, Some(_)) => tag(Tone::Busy, "on its way").written(),
    }
}

/// The status, how long it took, and the first bytes.
fn answer(it: &Delivery) -> Markup {
    let Some(took) = it.took_ms else { return ().written() };
    let status = it.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let said: String = it.said.chars().take(160).collect();
    view! { {status} <small>{format!(" in {took} ms")}</small> <div class="sub"><bdi>{said}</bdi></div> }.written()
}

/// Sending again what happened in a stretch of time.
fn again(page: &WebhookPage, flash: Option<&Flash>) -> Markup {
    let can = page.row.hook.state == WebhookState::Active;
    let typed = |name: &str| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let moment = |name: &'static str, label: &'static str, hint: &'static str| {
        let wrong = flash.and_then(|flash| flash.about(name));
        let bad = wrong.is_some();
        let control = view! {
            <input id=name name=name type="text" required value=typed(name) autocomplete="off" placeholder="2026-11-23 09:14"
                aria-invalid=bad.then_some("true") aria-describedby=described(name, bad)/>
        };
        field(name, label, hint, wrong, control.written())
    };
    let body = view! {
        <form class="pad form" method="post" action=routes::action::WEBHOOK_REPLAY>
            <fieldset disabled=!can>
                <legend class="sr">"Which events"</legend>
                {token(&ctx::csrf())}
                {hidden("id", page.row.hook.id.as_str())}
                {moment("from", "From", "In UTC.")}
                {moment("to", "To", "In UTC; what happened then is not sent any more.")}
                <label class="choice">
                    <input type="checkbox" name="failed" checked=!typed("failed").is_empty()/>
                    "only what was given up"
                </label>
                <div class="do"><button class="btn">"Send again"</button>
                <span class="hint">"Under the ids that they had, in order for each account: a receiver that keeps ids does nothing twice."</span></div>
            </fieldset>
        </form>
    };
    card("Send again what happened", ().written(), body.written())
}
