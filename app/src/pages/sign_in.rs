//! The way in.

use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        ctx, setup,
        sign_in::{Refusal, first_page, refusal},
    },
    components::{
        card::{button, note},
        form::{field, hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Elsewhere, async {
        let next = ctx::asked("next").unwrap_or_default();
        if ctx::me().is_none() && setup::needed().await? {
            // Nobody could sign in: the first admin is made first.
            ctx::see_other(routes::SETUP);
        }
        let body = match ctx::me() {
            Some(me) => already(&me),
            None => form(routes::local(&next), refusal()),
        };
        Ok(Shown::new("Sign in", body))
    })
}

fn already(me: &domain::view::Me) -> Markup {
    view! {
        <section class="oops">
            <h1>"You are signed in"</h1>
            <p>"As " <bdi>{me.name.clone()}</bdi> {format!(", {}.", me.role)}</p>
            <p class="do">{button(first_page(me.role).to_owned(), "Go on", "p")}</p>
        </section>
    }
    .written()
}

fn form(next: &str, refusal: Option<Refusal>) -> Markup {
    let name = view! {
        <input id="name" name="name" type="text" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus/>
    };
    let password = view! {
        <input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password"/>
    };
    view! {
        <section class="door">
            <p class="brand">
                <svg width="28" height="28" viewBox="0 0 18 18" aria-hidden="true">
                    <circle cx="4" cy="9" r="3"></circle>
                    <path d="M8 9h3M13 9h4" stroke-width="2" stroke-linecap="round"></path>
                </svg>
                "Unstick"
            </p>
            <h1>"Sign in"</h1>
            <p class="hint">"See why an account is stuck, clean it up, and prove that it is clean."</p>
            {refusal.map(|refusal| note(Tone::Bad, refusal.text()))}
            <form method="post" action=routes::action::SIGN_IN>
                {token(&ctx::csrf())}
                {hidden("next", next)}
                {field("name", "Name", "", None, name.written())}
                {field("password", "Password", "", None, password.written())}
                <button class="btn p whole">"Sign in"</button>
            </form>
            <p class="hint">"No sign-in, or a forgotten password? An admin gives you a one-time code, and "<a href=routes::WELCOME>"you choose a password with it"</a>"."</p>
        </section>
    }
    .written()
}
