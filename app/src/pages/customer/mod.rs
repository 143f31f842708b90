//! What customers see who help themselves: a frame of its own, without anything of the console, and plain words.

pub(super) mod door;
pub(super) mod link;
mod own;
pub(super) mod preview;
pub(super) mod progress;

use std::future::Future;

use leptos::prelude::*;

use super::{Loaded, Loading, Shown, error};
use crate::{
    api::{
        ApiError, ctx,
        customer::{self, Told},
    },
    components::{
        card::note,
        form::token,
        markup::{Markup, Written},
        tag::Tone,
        text::sentence,
    },
    routes,
};

/// A page for customers: what `load` brings, or why there is nothing.
fn for_customers(load: impl Future<Output = Result<Shown, ApiError>> + Send + 'static) -> Loading {
    Box::pin(async move {
        let Shown { title, body } = load.await.unwrap_or_else(|error| refused(&error));
        let name = customer::service_name();
        let brand = if name.is_empty() { "Your sessions".to_owned() } else { name };
        let body = view! {
            <header class="own-top"><span class="brand">{brand}</span></header>
            <main id="main" class="own" tabindex="-1">{body}</main>
        };
        Loaded { title, body: body.written() }
    })
}

/// Sets the status and says why; who has no visit is led to the door.
fn refused(error: &ApiError) -> Shown {
    if error.status == 401 {
        ctx::see_other(&routes::own(Some(Told::Over.code())));
    } else {
        ctx::set_status(error.status);
    }
    if let Some(seconds) = error.retry_after {
        ctx::set_header(http::header::RETRY_AFTER, &seconds.to_string());
    }
    let number = ctx::request_id().filter(|_| error.status >= 500);
    let words = if error.status == 429 { Told::Throttled.text().to_owned() } else { sentence(&error.message) };
    let body = view! {
        <h1>{error::title(error.status)}</h1>
        <p>{words}</p>
        {number.map(|number| view! { <p>"If you write to support, give the number " <code>{number}</code> "."</p> })}
        <p class="do"><a class="btn" href=routes::SELF>"Back to your sessions"</a></p>
    };
    Shown::new(error::title(error.status), body)
}

/// Why the page is shown again.
fn told_note(told: Option<Told>) -> Option<Markup> {
    let tone = if told == Some(Told::Nothing) { Tone::Off } else { Tone::Warn };
    told.map(|told| note(tone, told.text()))
}

/// The way out.
fn leave() -> impl IntoView {
    view! {
        <form method="post" action=routes::action::LEAVE>
            {token(&ctx::csrf())}
            <button class="btn q">"I am done here"</button>
        </form>
    }
}

/// A device in words.
fn device(client: &str) -> String {
    if client.is_empty() { "An unknown device".to_owned() } else { client.to_owned() }
}
