//! The first set-up: the code that `serve` printed, a name and a password make the first admin.

use leptos::prelude::*;

use super::{Loading, Shown, framed, proof};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        setup,
    },
    components::{
        card::{button, note},
        form::{described, field, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Elsewhere, async {
        let body = if setup::needed().await? {
            let flash = flash::take().await;
            if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
                ctx::set_status(422);
            }
            form(flash.as_ref())
        } else {
            done()
        };
        Ok(Shown::new("First set-up", body))
    })
}

fn done() -> Markup {
    view! {
        <section class="oops">
            <h1>"The set-up is done"</h1>
            <p>"There is an admin. Whoever needs a sign-in asks them for a one-time code."</p>
            <p class="do">{button(routes::SIGN_IN.to_owned(), "Sign in", "p")} {button(routes::WELCOME.to_owned(), "I have a code", "")}</p>
        </section>
    }
    .written()
}

fn form(flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| flash.field.is_empty()).map(|flash| note(Tone::Bad, flash.text.clone()));
    let about = |name| flash.and_then(|flash| flash.about(name));
    let typed = |name| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let bad_name = about("name");
    let wrong = bad_name.is_some();
    let name = view! {
        <input id="name" name="name" type="text" required maxlength="64" value=typed("name") autocomplete="username" autocapitalize="none"
            spellcheck="false" autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described("name", wrong)/>
    };
    let shown = view! {
        <input id="shown" name="shown" type="text" maxlength="80" value=typed("shown") autocomplete="name" aria-describedby="shown-hint"/>
    };
    view! {
        <section class="door">
            <h1>"First set-up"</h1>
            <p class="hint">"Nobody can sign in yet. Make the first admin with the one-time code that was printed where the server was started."</p>
            {told}
            <form method="post" action=routes::action::SETUP>
                {token(&ctx::csrf())}
                {one_time_code(about("code"))}
                {field("name", "Sign-in name", "In lower case.", bad_name, name.written())}
                {field("shown", "Your name", "Optional: as others see it.", None, shown.written())}
                {proof::new_password("password", "Password", false, about("password"))}
                <button class="btn p whole">"Make the first admin"</button>
            </form>
        </section>
    }
    .written()
}

/// A field for a one-time code.
pub(super) fn one_time_code(bad: Option<String>) -> Markup {
    let wrong = bad.is_some();
    let code = view! {
        <input id="code" name="code" type="text" required maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck="false"
            autofocus aria-invalid=wrong.then_some("true") aria-describedby=described("code", wrong)/>
    };
    field("code", "One-time code", "24 letters and digits. It counts once, within 24 hours.", bad, code.written())
}
