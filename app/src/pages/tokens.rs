//! API tokens of back ends.

use domain::{Instant, TokenScope};
use leptos::prelude::*;
use service::TokenInfo;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        tokens::{self, LIVES},
    },
    components::{
        card::{card, empty, note},
        form::{described, field, hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::{foreign, id},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Token", "What it is for", "!Made by", "Last used", "Good", "#Revoke"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Tokens, async {
        let (tokens, now) = tokens::list().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Tokens", show(&tokens, now, flash.as_ref())))
    })
}

fn show(tokens: &[TokenInfo], now: Instant, flash: Option<&Flash>) -> Markup {
    let told = flash
        .filter(|flash| flash.field.is_empty())
        .map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let body = if tokens.is_empty() {
        empty("None was made yet. Back ends report sessions and ask for routes with one: make it here.", ().written())
    } else {
        let rows = tokens.iter().map(|it| row(it, now)).collect();
        view! { <div class="stacks">{table("Tokens", HEADS, rows)}</div> }.written()
    };
    view! {
        <h1>"Tokens"</h1>
        <p class="lead">"What back ends authenticate with. A secret is shown once and kept as a hash; a revoked token is refused from the next request on."</p>
        {told}
        {secret(flash)}
        <div class="grid spaced">
            <div class="stack"><section class="card" aria-label="Tokens">{body}</section></div>
            <div class="stack">{create(flash)}</div>
        </div>
    }
    .written()
}

/// The new token's secret, once.
fn secret(flash: Option<&Flash>) -> Markup {
    let Some(secret) = flash.and_then(Flash::secret) else { return ().written() };
    let body = view! {
        <div class="pad">
            <p>{id(&secret)}</p>
            <details><summary>"Show it whole"</summary><pre class="whole-secret">{secret.clone()}</pre></details>
            <p class="hint">"Hand it over in a file or a variable, never on a command line. It is shown this once."</p>
        </div>
    };
    card("The new token’s secret", "shown once".written(), body.written())
}

fn row(it: &TokenInfo, now: Instant) -> Markup {
    let over = it.expires_at.is_some_and(|at| at <= now);
    let state = match (it.revoked_at, it.expires_at) {
        (Some(at), _) => view! { {tag(Tone::Off, "revoked")} " " {ago(at, now)} }.written(),
        (None, Some(at)) if over => view! { {tag(Tone::Off, "over")} " " {ago(at, now)} }.written(),
        (None, Some(at)) => view! { "until " <time datetime=at.to_string() title=at.to_text()>{at.to_text().split(' ').next().unwrap_or_default().to_owned()}</time> }.written(),
        (None, None) => "for ever".written(),
    };
    let revoke = (it.revoked_at.is_none() && !over).then(|| {
        view! {
            <form method="post" action=routes::action::TOKEN_REVOKE>
                {token(&ctx::csrf())}
                {hidden("id", it.id.as_str())}
                <button class="btn q d" aria-label=format!("Revoke {}", it.name)>"Revoke"</button>
            </form>
        }
    });
    let used = it.last_used_at.map_or_else(|| "never".written(), |at| ago(at, now).written());
    let scope = |scope: &TokenScope| view! { <code>{scope.as_str()}</code> " " };
    view! {
        <tr>
            <td class="fold">{foreign(&it.name)} <div class="sub"><code>{it.id.to_string()}</code></div></td>
            <td class="chips">{it.scopes.iter().map(scope).collect_view()}</td>
            <td class="x">{it.created_by.clone()} <div class="sub">{ago(it.created_at, now)}</div></td>
            <td>{used}</td>
            <td>{state}</td>
            <td class="n">{revoke}</td>
        </tr>
    }
    .written()
}

fn create(flash: Option<&Flash>) -> Markup {
    let about = |name| flash.and_then(|flash| flash.about(name));
    let typed = |name| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let (bad, bad_scope, bad_life) = (about("name"), about("scope"), about("life"));
    let wrong = bad.is_some();
    let name = view! {
        <input id="name" name="name" type="text" required maxlength="80" value=typed("name") autocomplete="off" autofocus=wrong
            aria-invalid=wrong.then_some("true") aria-describedby=described("name", wrong)/>
    };
    let chosen = typed("scope");
    let scope = |scope: TokenScope| {
        let word = scope.as_str();
        let checked = chosen.split_whitespace().any(|chosen| chosen == word);
        view! { <label class="choice"><input type="checkbox" name="scopes[]" value=word checked=checked/> <code>{word}</code></label> }
    };
    let kept = typed("life");
    let life = |(word, _, words): (&'static str, i64, &'static str)| {
        let selected = if kept.is_empty() { word == "365" } else { kept == word };
        view! { <option value=word selected=selected>{words}</option> }
    };
    let wrong_life = bad_life.is_some();
    let lives = view! {
        <select id="life" name="life" aria-invalid=wrong_life.then_some("true") aria-describedby=described("life", wrong_life)>
            {LIVES.map(life).into_iter().collect_view()}
        </select>
    };
    let body = view! {
        <form class="pad form" method="post" action=routes::action::TOKEN_CREATE>
            {token(&ctx::csrf())}
            <fieldset>
                <legend class="sr">"Make a token"</legend>
                {field("name", "Name", "The back end that uses it.", bad, name.written())}
                <fieldset class="scopes">
                    <legend>"What it is for"</legend>
                    {bad_scope.map(|words| view! { <p class="error">{words}</p> })}
                    {TokenScope::ALL.map(scope).into_iter().collect_view()}
                </fieldset>
                {field("life", "Good for", "A shorter life is safer.", bad_life, lives.written())}
                <button class="btn p whole">"Make it"</button>
            </fieldset>
        </form>
    };
    card("Make a token", ().written(), body.written())
}
