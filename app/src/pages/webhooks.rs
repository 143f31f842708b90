//! Webhooks: who is told what happens, and making one more.

use domain::{
    DeliveryFilter, EventKind, Webhook, WebhookFormat, WebhookState,
    view::{Count, WebhookRow},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        webhooks,
    },
    components::{
        card::{card, empty, note},
        form::{described, field, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::number,
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Receiver", "State", "!Events", "#Waiting", "#Given up", "!Last taken"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Webhooks, async {
        let rows = webhooks::list().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Webhooks", show(&rows, flash.as_ref())))
    })
}

fn show(rows: &[WebhookRow], flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| !["url", "events", "format"].contains(&flash.field.as_str()));
    let body = if rows.is_empty() {
        let words = "Nobody is told yet. A webhook tells another program when a session ends, when a clean-up is done, when \
                     something came back, or when a census found something.";
        empty(words, view! { <a class="btn p" href="#url">"Make the first one"</a> }.written())
    } else {
        view! { <div class="stacks">{table("Webhooks", HEADS, rows.iter().map(row).collect())}</div> }.written()
    };
    view! {
        <h1>"Webhooks"</h1>
        <p class="lead">"What happens is told to other programs: signed, at least once, and in order for each account."</p>
        {told.map(|flash| note(Tone::Warn, flash.text.clone()))}
        <div class="stack spaced">
            <section class="card" aria-label="Webhooks">{body}</section>
            {form(flash)}
        </div>
    }
    .written()
}

fn row(row: &WebhookRow) -> Markup {
    let hook = &row.hook;
    let kinds: Vec<&str> = hook.kinds.iter().map(|kind| kind.as_str()).collect();
    let url = routes::webhook(&hook.id, &DeliveryFilter::default(), None);
    let last = match hook.succeeded_at {
        Some(at) => ago(at, row.now).written(),
        None => "never".written(),
    };
    view! {
        <tr>
            <td class="fold">
                <a class="go" href=url>{hook.url.clone()}</a>
                <div class="sub"><code>{hook.id.to_string()}</code> " " {tag(Tone::Off, hook.format.as_str())}</div>
            </td>
            <td>{state(hook)}</td>
            <td class="x">{kinds.join(", ")}</td>
            <td class="n" data-head="waiting">{counted(row.waiting)}</td>
            <td class="n" data-head="given up">{counted(row.failed)}</td>
            <td class="x">{last}</td>
        </tr>
    }
    .written()
}

/// A number that was counted up to a limit.
pub(super) fn counted(count: Count) -> String {
    format!("{}{}", number(count.n), if count.more { "+" } else { "" })
}

/// How a webhook is, as a tag.
pub(super) fn state(hook: &Webhook) -> Markup {
    match (hook.state, hook.failing_since) {
        (WebhookState::Active, None) => tag(Tone::Ok, "active").written(),
        (WebhookState::Active, Some(_)) => tag(Tone::Warn, "failing").written(),
        (WebhookState::Paused, _) => tag(Tone::Bad, "paused").written(),
        (WebhookState::Disabled, _) => tag(Tone::Off, "off").written(),
        (WebhookState::Deleted, _) => tag(Tone::Off, "deleted").written(),
    }
}

fn form(flash: Option<&Flash>) -> Markup {
    let wrong = |name: &str| flash.and_then(|flash| flash.about(name));
    let typed = |name: &str| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let (bad_url, bad_events) = (wrong("url"), wrong("events").or(wrong("format")));
    let bad = bad_url.is_some();
    let url = view! {
        <input id="url" name="url" type="text" inputmode="url" required maxlength="500" value=typed("url") autocomplete="off" autofocus=bad
            placeholder="https://receiver.example/unstick" aria-invalid=bad.then_some("true")
            aria-describedby=described("url", bad)/>
    };
    let kind = |kind: EventKind| {
        let name = kind.as_str().replace('.', "_");
        let checked = flash.is_none_or(|flash| flash.field.is_empty() || !typed(&name).is_empty());
        view! {
            <label class="choice">
                <input type="checkbox" name=name checked=checked/>
                <code>{kind.as_str()}</code> " " <span class="hint">{kind.about()}</span>
            </label>
        }
    };
    let format = |format: WebhookFormat, words: &'static str| {
        let chosen = WebhookFormat::parse(&typed("format")).unwrap_or_default();
        view! {
            <label class="choice">
                <input type="radio" name="format" value=format.as_str() required checked=format == chosen/>
                {words}
            </label>
        }
    };
    let body = view! {
        <form class="pad form" method="post" action=routes::action::WEBHOOK_ADD>
            {token(&ctx::csrf())}
            {field("url", "Receiver", "https; http only to this machine. Private networks only if webhook_allow names them.", bad_url, url.written())}
            <fieldset>
                <legend>"Events"</legend>
                {bad_events.map(|words| view! { <p class="error" role="alert">{words}</p> })}
                {EventKind::CHOICES.map(kind).into_iter().collect_view()}
            </fieldset>
            <fieldset>
                <legend>"Format"</legend>
                {format(WebhookFormat::Unstick, "JSON, signed as Standard Webhooks say")}
                {format(WebhookFormat::Caep, "CAEP session-revoked: security event tokens, for session.ended alone; the keys that verify them are at /.well-known/jwks.json")}
            </fieldset>
            <div class="do"><button class="btn p">"Make it"</button> <span class="hint">"Its secret is shown once, on the next page."</span></div>
        </form>
    };
    card("New webhook", ().written(), body.written())
}
