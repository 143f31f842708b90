//! Choosing a password with the one-time code that an admin handed over.

use leptos::prelude::*;

use super::{Loading, Shown, framed, proof, setup::one_time_code};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
    },
    components::{
        card::note,
        form::token,
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Elsewhere, async {
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Choose a password", show(flash.as_ref())))
    })
}

fn show(flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| flash.field.is_empty()).map(|flash| note(Tone::Bad, flash.text.clone()));
    let about = |name| flash.and_then(|flash| flash.about(name));
    view! {
        <section class="door">
            <h1>"Choose a password"</h1>
            <p class="hint">"With the one-time code that an admin gave you. Nobody else knows what you choose."</p>
            {told}
            <form method="post" action=routes::action::WELCOME>
                {token(&ctx::csrf())}
                {one_time_code(about("code"))}
                {proof::new_password("password", "New password", false, about("password"))}
                <button class="btn p whole">"Use it and sign in"</button>
            </form>
            <p class="hint"><a href=routes::SIGN_IN>"I have a password"</a></p>
        </section>
    }
    .written()
}
