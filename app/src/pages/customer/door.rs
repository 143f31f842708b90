//! The first page of a customer: the door that a link opens, and behind it their sessions.

use leptos::prelude::*;

use super::{Loading, Shown, for_customers, own, told_note};
use crate::{
    api::{
        ApiError, ctx,
        customer::{self, Told},
    },
    components::{
        card::note,
        form::{hidden, token},
        markup::{Markup, Written},
        tag::Tone,
    },
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    for_customers(async {
        match customer::door().await? {
            Some((code, true)) => Ok(Shown::new(heading(), opens(&code))),
            Some((_, false)) => {
                ctx::set_status(410);
                Ok(Shown::new(heading(), closed(Told::Link)))
            }
            None => behind().await,
        }
    })
}

/// Without a code: the sessions of who visits, else how one gets here.
async fn behind() -> Result<Shown, ApiError> {
    if ctx::visiting().is_some() {
        let (page, diagnosis) = customer::own().await?;
        return Ok(Shown::new("Your sessions", own::show(&page, diagnosis.as_ref(), told_note(customer::told()))));
    }
    let body = match customer::told() {
        Some(told) => closed(told),
        None => view! {
            <h1>{heading()}</h1>
            <p>"You get here by a link that our support sends you. It opens once, for a short time."</p>
        }
        .written(),
    };
    Ok(Shown::new(heading(), body))
}

/// `Check and reset your sessions of Acme`.
fn heading() -> String {
    let name = customer::service_name();
    if name.is_empty() {
        "Check and reset your sessions".to_owned()
    } else {
        format!("Check and reset your sessions of {name}")
    }
}

/// Programs follow links before people do: so this page changes nothing, and its button does.
fn opens(code: &str) -> Markup {
    view! {
        <h1>{heading()}</h1>
        <p>
            "See where you are signed in and whether that is why the service is slow for you. You can then reset it: nothing \
             happens before you have seen exactly what, and said yes."
        </p>
        <form method="post" action=routes::action::OPEN_LINK>
            {token(&ctx::csrf())}
            {hidden("code", code)}
            <button class="btn p whole">"Check my sessions"</button>
        </form>
        <p class="hint">"The link opens once. What it opens lasts half an hour, in this browser alone."</p>
    }
    .written()
}

fn closed(told: Told) -> Markup {
    let on = ctx::visiting()
        .is_some()
        .then(|| view! { <p class="do"><a class="btn" href=routes::SELF>"Your sessions"</a></p> });
    view! {
        <h1>{heading()}</h1>
        {note(Tone::Warn, told.text())}
        {on}
    }
    .written()
}
