//! One's own second factor: setting it up, its recovery codes (shown once), taking it away.

use domain::view::{MePage, NewFactor};
use leptos::prelude::*;

use super::{Loading, Shown, framed, proof};
use crate::{
    api::{
        confirm, ctx,
        flash::{self, Flash},
        second_factor,
    },
    components::{
        card::{card, crumb, note},
        form::{described, field, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
        text::{id, plural},
        time::ago,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Me, async {
        let (page, new) = second_factor::page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Second factor", show(&page, new.as_ref(), flash.as_ref())))
    })
}

fn show(page: &MePage, new: Option<&NewFactor>, flash: Option<&Flash>) -> Markup {
    let told = flash
        .filter(|flash| flash.field.is_empty())
        .map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let must =
        page.me.must_enrol.then(|| note(Tone::Warn, "A second factor is required here. Set it up, and then go on."));
    let body = match (page.factor.since, new) {
        (Some(_), _) => view! { {codes(flash)} {renew(page)} {remove(page, flash)} }.written(),
        (None, Some(new)) => confirm_new(new, flash),
        (None, None) => begin(flash),
    };
    view! {
        {crumb(routes::ME, "Your sign-ins")}
        <h1>"Second factor"</h1>
        <p class="lead">"Beside your password, a code that an app on your telephone makes anew every half minute. Whoever learns your password cannot sign in with it alone."</p>
        {must}
        {told}
        <div class="stack spaced">{body}</div>
    }
    .written()
}

fn begin(flash: Option<&Flash>) -> Markup {
    let body = view! {
        <form class="pad form" method="post" action=routes::action::FACTOR_BEGIN>
            {token(&ctx::csrf())}
            <p>"You need an authenticator app: any that makes codes of six digits (TOTP)."</p>
            {proof::fields(confirm::needed(domain::Freshness::FiveMinutes), flash)}
            <div class="do"><button class="btn p">"Set it up"</button></div>
        </form>
    };
    card("You have none", ().written(), body.written())
}

fn confirm_new(new: &NewFactor, flash: Option<&Flash>) -> Markup {
    let bad = flash.and_then(|flash| flash.about("first_code"));
    let wrong = bad.is_some();
    let code = view! {
        <input id="first_code" name="first_code" type="text" required maxlength="16" inputmode="numeric" autocomplete="one-time-code"
            autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described("first_code", wrong)/>
    };
    let square = format!("0 0 {0} {0}", new.size);
    let ask = confirm::needed(domain::Freshness::HalfHour);
    let body = view! {
        <div class="pad enrol">
            <svg class="qr" role="img" aria-label="The secret as a picture for your app to read" viewBox=square shape-rendering="crispEdges">
                <rect width="100%" height="100%" fill="#ffffff"></rect>
                <path d=new.picture.clone() fill="#000000"></path>
            </svg>
            <div class="stack">
                <p>"1. Have your app read the picture, or type this secret into it:"</p>
                <p>{id(&new.secret)}</p>
                <p><a href=new.address.clone()>"Open it in an app on this device"</a></p>
                <form class="form" method="post" action=routes::action::FACTOR_CONFIRM>
                    {token(&ctx::csrf())}
                    {field("first_code", "2. The code that the app shows now", "Six digits.", bad, code.written())}
                    {proof::fields(ask, flash)}
                    <div class="do"><button class="btn p">"Use it from now on"</button></div>
                </form>
            </div>
        </div>
    };
    card("Set it up", "nothing counts before the first code".written(), body.written())
}

/// The recovery codes, once.
fn codes(flash: Option<&Flash>) -> Markup {
    let Some(codes) = flash.and_then(Flash::secret) else { return ().written() };
    let line = |code: &str| view! { <li><code>{code.to_owned()}</code></li> };
    let body = view! {
        <div class="pad">
            <p>"Keep them where your telephone is not. Each stands in for one code, once. They are shown this once."</p>
            <ol class="recovery">{codes.lines().map(line).collect_view()}</ol>
        </div>
    };
    card("Your recovery codes", "shown once".written(), body.written())
}

/// New recovery codes, without setting the factor up again.
fn renew(page: &MePage) -> Markup {
    let left = plural(page.factor.recovery_codes, "is left", "are left");
    let body = view! {
        <form class="pad form" method="post" action=routes::action::FACTOR_CODES>
            {token(&ctx::csrf())}
            <p>"Each stands in for one code, once. New ones make those from before void; your app stays as it is."</p>
            <div class="do"><button class="btn">"Make new recovery codes"</button></div>
        </form>
    };
    card("Recovery codes", left.written(), body.written())
}

fn remove(page: &MePage, flash: Option<&Flash>) -> Markup {
    let since = page.factor.since.map(|at| view! { "set up " {ago(at, page.now)} });
    let required = page.factor.required.then(|| {
        view! { <p class="hint">"Your role must have one: after removing it, you set up another."</p> }
    });
    let body = view! {
        <form class="pad form" method="post" action=routes::action::FACTOR_REMOVE>
            {token(&ctx::csrf())}
            <p>"For another telephone, remove it and set it up again."</p>
            {required}
            {proof::fields(confirm::always(), flash)}
            <div class="do"><button class="btn d">"Remove it"</button></div>
        </form>
    };
    card("It counts", since.written(), body.written())
}
