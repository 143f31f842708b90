//! The pages: one route, one file. A page loads what it shows in one future and hands it to [`framed`], which renders it
//! or says why not, with the right status.

pub(crate) mod account;
pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod cleanup;
pub(crate) mod cleanups;
pub(crate) mod confirm;
pub(crate) mod customer;
pub(crate) mod error;
pub(crate) mod findings;
pub(crate) mod home;
pub(crate) mod me;
pub(crate) mod move_off;
pub(crate) mod plan;
mod proof;
pub(crate) mod re_pin;
mod reason;
pub(crate) mod repair;
pub(crate) mod routing;
pub(crate) mod second_factor;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod sign_in_code;
pub(crate) mod staff;
pub(crate) mod tokens;
pub(crate) mod webhook;
pub(crate) mod webhooks;
pub(crate) mod welcome;

use std::future::Future;

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::{ApiError, ctx},
    components::frame::{Frame, Tab, frame},
    routes,
};

/// What a page shows once it has loaded.
pub(crate) struct Shown {
    /// For the browser's tab.
    pub(crate) title: String,
    /// Below the frame's header.
    pub(crate) body: AnyView,
}

impl Shown {
    fn new(title: impl Into<String>, body: impl IntoAny) -> Self {
        Self { title: title.into(), body: body.into_any() }
    }
}

/// A page in the frame, at `tab`: what `load` brings, or why there is nothing.
pub(crate) fn framed(tab: Tab, load: impl Future<Output = Result<Shown, ApiError>> + Send + 'static) -> AnyView {
    let around = Frame { me: ctx::me(), tab, query: ctx::asked("q").unwrap_or_default(), csrf: ctx::csrf() };
    let role = around.me.as_ref().map(|me| me.role);
    let shown = Suspend::new(async move {
        let Shown { title, body } = load.await.unwrap_or_else(|error| refused(&error, role));
        view! {
            <Title text=format!("{title} · Unstick")/>
            {body}
        }
    });
    frame(around, view! { <Suspense fallback=|| ()>{shown}</Suspense> }.into_any())
}

/// Sets the status and says why; who is not signed in goes to do that and comes back, and who must set up a second factor
/// does that first.
fn refused(error: &ApiError, role: Option<domain::Role>) -> Shown {
    if error.status == 401 {
        ctx::see_other(&routes::sign_in(routes::local(&ctx::path_and_query()), ""));
    } else if error.code == "enrol-first" {
        ctx::see_other(routes::SECOND_FACTOR);
    } else {
        ctx::set_status(error.status);
    }
    if let Some(seconds) = error.retry_after {
        ctx::set_header(http::header::RETRY_AFTER, &seconds.to_string());
    }
    Shown::new(error::title(error.status), error::page(error, role))
}

/// The page for a URL that has none.
pub(crate) fn not_found() -> AnyView {
    framed(Tab::Elsewhere, async { Err(ApiError::not_found("page")) })
}
