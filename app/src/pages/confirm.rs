//! Confirming who one is. A form that was sent without a proof that is fresh enough is carried here: the one button does what
//! it was sent for.

use leptos::prelude::*;

use super::{Loading, Shown, framed, proof};
use crate::{
    api::{
        confirm::{self, Carried},
        ctx,
        flash::Flash,
    },
    components::{
        card::note,
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::Tone,
        text::{foreign, sentence},
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Elsewhere, async {
        let (carried, flash) = confirm::page().await?;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Confirm that it is you", show(carried, flash.as_ref())))
    })
}

fn show(carried: Option<Carried>, flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| flash.field.is_empty()).map(|flash| note(Tone::Warn, flash.text.clone()));
    // «Confirm that it is you» is the heading already.
    let flash = flash.filter(|flash| flash.code != "unproved");
    let next = ctx::asked("next").or_else(|| flash.map(|flash| flash.typed("next"))).unwrap_or_default();
    let (action, what, fields) = match carried {
        Some(Carried { action, what, fields }) => (action, Some(what), fields),
        None => (routes::action::CONFIRM.to_owned(), None, Vec::new()),
    };
    let plain = what.is_none().then(|| hidden("next", routes::local(&next)));
    let kept = fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> });
    let words = what.as_deref().map_or_else(|| "Go on".to_owned(), capital);
    view! {
        <h1>"Confirm that it is you"</h1>
        <p class="lead">
            {match &what {
                Some(what) => view! { "You are about to " <b>{foreign(what)}</b> ". That needs your password, given at most five minutes ago." }.written(),
                None => "Your password, again: what comes next needs it.".written(),
            }}
        </p>
        {told}
        <section class="card pad form door spaced" aria-label="Confirm">
            <form method="post" action=action>
                {token(&ctx::csrf())}
                {plain}
                {kept.collect_view()}
                {proof::fields(confirm::always(), flash)}
                <button class="btn p whole">{words}</button>
            </form>
            <p class="hint">{sentence("nothing was done yet")} " " <a href=routes::HOME>"Leave it"</a></p>
        </section>
    }
    .written()
}

/// `words` with a capital at its beginning.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
