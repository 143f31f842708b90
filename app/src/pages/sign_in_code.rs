//! The second step of signing in: the code.

use leptos::prelude::*;

use super::{Loading, Shown, framed, proof};
use crate::{
    api::{
        ctx,
        sign_in::{refusal, waits_for_code},
    },
    components::{
        card::{button, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Elsewhere, async {
        let body = if waits_for_code() { form() } else { begin() };
        Ok(Shown::new("Sign in: your code", body))
    })
}

fn begin() -> Markup {
    view! {
        <section class="oops">
            <h1>"Begin with your password"</h1>
            <p>"A code is asked for after it, and within five minutes."</p>
            <p class="do">{button(routes::SIGN_IN.to_owned(), "Sign in", "p")}</p>
        </section>
    }
    .written()
}

fn form() -> Markup {
    let next = ctx::asked("next").unwrap_or_default();
    view! {
        <section class="door">
            <h1>"Your code"</h1>
            <p class="hint">"The password fits. Now the code that your app shows."</p>
            {refusal().map(|refusal| note(Tone::Bad, refusal.text()))}
            <form method="post" action=routes::action::SIGN_IN_CODE>
                {token(&ctx::csrf())}
                {hidden("next", routes::local(&next))}
                {proof::code("code", None)}
                <button class="btn p whole">"Sign in"</button>
            </form>
            <p class="hint">
                "No telephone? Use a recovery code. None left? An admin can reset your sign-in. "
                <a href=routes::SIGN_IN>"Begin again"</a>
            </p>
        </section>
    }
    .written()
}
