//! The pages: one route, one file. A page loads what it shows in one future and hands it to [`framed`], which renders it
//! or says why not, with the right status. No page changes in the browser, so axum's router alone finds them.

mod account;
mod accounts;
mod audit;
mod bulk;
mod cleanup;
mod cleanups;
mod confirm;
mod customer;
pub(crate) mod error;
mod findings;
mod home;
mod me;
mod move_off;
mod plan;
mod proof;
mod re_pin;
mod reason;
mod repair;
mod routing;
mod second_factor;
mod server;
mod setup;
mod sign_in;
mod sign_in_code;
mod staff;
mod tokens;
mod webhook;
mod webhooks;
mod welcome;

use std::{future::Future, pin::Pin};

use crate::{
    api::{ApiError, ctx},
    components::{
        frame::{Frame, Tab, frame},
        markup::{Markup, Written},
    },
    routes,
};

/// Where a page is, as axum's router takes it, and what loads it from its request's context.
pub type Page = (&'static str, fn() -> Loading);

/// A page that is loading what it shows.
pub type Loading = Pin<Box<dyn Future<Output = Loaded> + Send>>;

/// A page that has all that it shows.
pub struct Loaded {
    /// For the browser's tab.
    pub(crate) title: String,
    /// All of the document's body.
    pub(crate) body: Markup,
}

/// Every page.
pub const PAGES: &[Page] = &[
    (routes::HOME, home::page),
    (routes::SIGN_IN, sign_in::page),
    (routes::pattern::SIGN_IN_CODE, sign_in_code::page),
    (routes::ACCOUNTS, accounts::page),
    (routes::pattern::ACCOUNT, account::page),
    (routes::pattern::PLAN, plan::page),
    (routes::pattern::ACCOUNT_LINK, customer::link::page),
    (routes::SELF, customer::door::page),
    (routes::SELF_RESET, customer::preview::page),
    (routes::pattern::OWN_PROGRESS, customer::progress::page),
    (routes::CLEANUPS, cleanups::page),
    (routes::pattern::CLEANUP, cleanup::page),
    (routes::BULK, bulk::list::page),
    (routes::BULK_NEW, bulk::new::page),
    (routes::pattern::BULK, bulk::page),
    (routes::ROUTING, routing::page),
    (routes::pattern::SERVER, server::page),
    (routes::pattern::MOVE_OFF, move_off::page),
    (routes::pattern::RE_PIN, re_pin::page),
    (routes::FINDINGS, findings::page),
    (routes::pattern::REPAIR, repair::page),
    (routes::AUDIT, audit::page),
    (routes::WEBHOOKS, webhooks::page),
    (routes::pattern::WEBHOOK, webhook::page),
    (routes::STAFF, staff::page),
    (routes::pattern::STAFF_MEMBER, staff::member::page),
    (routes::TOKENS, tokens::page),
    (routes::ME, me::page),
    (routes::SECOND_FACTOR, second_factor::page),
    (routes::CONFIRM, confirm::page),
    (routes::SETUP, setup::page),
    (routes::WELCOME, welcome::page),
];

/// What a page shows once it has loaded.
pub(crate) struct Shown {
    /// For the browser's tab.
    pub(crate) title: String,
    /// Below the frame's header.
    pub(crate) body: Markup,
}

impl Shown {
    fn new(title: impl Into<String>, body: impl Written) -> Self {
        Self { title: title.into(), body: body.written() }
    }
}

/// A page in the frame, at `tab`: what `load` brings, or why there is nothing.
pub(crate) fn framed(tab: Tab, load: impl Future<Output = Result<Shown, ApiError>> + Send + 'static) -> Loading {
    Box::pin(async move {
        let around = Frame { me: ctx::me(), tab, query: ctx::asked("q").unwrap_or_default(), csrf: ctx::csrf() };
        let role = around.me.as_ref().map(|me| me.role);
        let Shown { title, body } = load.await.unwrap_or_else(|error| refused(&error, role));
        Loaded { title: format!("{title} · Unstick"), body: frame(around, body) }
    })
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
pub fn not_found() -> Loading {
    framed(Tab::Elsewhere, async { Err(ApiError::not_found("page")) })
}
