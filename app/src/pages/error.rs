//! The page that says why there is no other.

use domain::Role;
use leptos::prelude::*;

use crate::{
    api::{ApiError, ctx, sign_in::first_page},
    components::{
        card::button,
        markup::{Markup, Written},
        text::sentence,
    },
    routes,
};

/// The heading for `status`.
pub(crate) const fn title(status: u16) -> &'static str {
    match status {
        401 => "Sign in first",
        403 => "Not allowed",
        404 => "Not found",
        409 => "It changed meanwhile",
        410 => "It is over",
        413 => "Too much",
        400 | 422 => "That was not understood",
        429 => "Too many tries",
        503 => "Busy",
        _ => "Something went wrong",
    }
}

/// The page for `error`.
pub(crate) fn page(error: &ApiError, role: Option<Role>) -> Markup {
    let number = ctx::request_id().filter(|_| error.status >= 500);
    let home = role.map_or(routes::SIGN_IN, first_page);
    let again = matches!(error.status, 429 | 500..).then(|| button(ctx::path_and_query(), "Try again", "p"));
    let plain = (error.status == 422).then(|| button(ctx::path(), "Show all of it", "p"));
    view! {
        <section class="oops">
            <p class="code">{error.status}</p>
            <h1>{title(error.status)}</h1>
            <p>{sentence(&error.message)} " " {hint(error, role)}</p>
            {number.map(|number| view! { <p>"If you report this, give the number " <code>{number}</code> "."</p> })}
            <p class="do">{again} {plain} {button(home.to_owned(), "Go to the first page", "")}</p>
        </section>
    }
    .written()
}

fn hint(error: &ApiError, role: Option<Role>) -> String {
    match (error.status, role) {
        (403, Some(role)) => format!("Your role is {role}. If your work needs it, ask an admin."),
        (404, _) => "It may have been removed, or the address has a typing error.".to_owned(),
        (500.., _) => "Nothing was changed that is not shown in the audit log.".to_owned(),
        _ => String::new(),
    }
}
