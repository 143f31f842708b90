//! The ways in for who has no password yet: the first admin, and whoever got a one-time code.

use std::collections::BTreeMap;

use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::SignedIn;

use super::{
    ApiError, ctx,
    flash::{self, Flash},
    sign_in::{enter, first_page},
};
use crate::routes;

/// Whether nobody is there yet. Needs no permission: it says nothing of anybody.
pub(crate) async fn needed() -> Result<bool, ApiError> {
    let (unstick, _) = ctx::reading()?;
    Ok(unstick.needs_first_admin().await?)
}

/// Makes the first admin with the code that `serve` printed. Needs no permission but that code; the use case throttles.
#[server(name = SetUp, prefix = "/fn", endpoint = "setup", input = PostUrl)]
pub async fn set_up(
    /// The one-time code.
    code: String,
    /// The sign-in name.
    name: String,
    /// The name to show.
    #[server(default)]
    shown: String,
    /// The password.
    password: String,
) -> Result<(), ApiError> {
    let (unstick, _) = ctx::reading()?;
    let done = unstick.set_up(&code, &name, &shown, &password, &ctx::client_ip()).await;
    let typed = BTreeMap::from([("name".to_owned(), name), ("shown".to_owned(), shown)]);
    go_on(routes::SETUP, done.map_err(ApiError::from), typed).await
}

/// Chooses a password with a one-time code. Needs no permission but that code; the use case throttles.
#[server(name = Welcome, prefix = "/fn", endpoint = "welcome", input = PostUrl)]
pub async fn welcome(
    /// The one-time code.
    code: String,
    /// The password.
    password: String,
) -> Result<(), ApiError> {
    let (unstick, _) = ctx::reading()?;
    let done = unstick.welcome(&code, &password, &ctx::client_ip()).await;
    go_on(routes::WELCOME, done.map_err(ApiError::from), BTreeMap::new()).await
}

/// In, or back to the form at `form` with what was wrong.
async fn go_on(form: &str, done: Result<SignedIn, ApiError>, typed: BTreeMap<String, String>) -> Result<(), ApiError> {
    match done {
        Ok(signed_in) => {
            enter(signed_in.staff.as_str()).await?;
            ctx::see_other(first_page(signed_in.role));
            Ok(())
        }
        Err(error) if error.is_mendable() => {
            flash::leave(Flash::bad(form, &error, typed)).await;
            ctx::see_other(form);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
