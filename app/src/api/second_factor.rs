//! One's own second factor.

use domain::view::{MePage, NewFactor};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Proof;

use super::{
    ApiError,
    confirm::{self, Form},
    ctx,
    flash::{self, Flash},
};
use crate::routes;

/// One's page, and the factor that one is setting up. Needs `OwnSessions`.
pub(crate) async fn page() -> Result<(MePage, Option<NewFactor>), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let page = unstick.me_page(&actor).await?;
    let new = unstick.new_factor(&actor, &ctx::host()).await?;
    Ok((page, new))
}

/// Begins to set up one's second factor. Needs `OwnSessions`.
#[server(name = BeginFactor, prefix = "/fn", endpoint = "me/second-factor/begin", input = PostUrl)]
pub async fn begin_factor(
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        unstick.begin_factor(&actor).await?;
        Ok(Flash::good(routes::SECOND_FACTOR, "Nothing counts before the first code."))
    };
    let form = Form {
        action: routes::action::FACTOR_BEGIN,
        what: "set up a second factor",
        fields: &[],
        page: routes::SECOND_FACTOR,
    };
    form.ends(done.await).await
}

/// Lets one's second factor count, with its first code; the recovery codes are shown once, on the next page. Needs
/// `OwnSessions`.
#[server(name = ConfirmFactor, prefix = "/fn", endpoint = "me/second-factor/confirm", input = PostUrl)]
pub async fn confirm_factor(
    /// The code that the app shows.
    first_code: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// Nothing: there is no other code yet.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let codes = unstick.confirm_factor(&actor, first_code.trim(), &ctx::client_ip()).await?;
        let secret = unstick.seal_once(&actor, &codes.join("\n"))?;
        Ok(Flash { secret, ..Flash::good(routes::SECOND_FACTOR, "Your second factor counts from now on.") })
    };
    let form = Form {
        action: routes::action::FACTOR_CONFIRM,
        what: "set up a second factor",
        fields: &[("first_code", &first_code)],
        page: routes::SECOND_FACTOR,
    };
    form.ends(done.await).await
}

/// Gives one new recovery codes, which are shown once, on the next page; the old ones are void. Needs `OwnSessions`.
#[server(name = RenewCodes, prefix = "/fn", endpoint = "me/second-factor/codes", input = PostUrl)]
pub async fn renew_codes(
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let done = async {
        let actor = confirm::prove(&unstick, &actor, (&password, &code), None).await?;
        let codes = unstick.renew_recovery_codes(&actor).await?;
        let secret = unstick.seal_once(&actor, &codes.join("\n"))?;
        Ok(Flash {
            secret,
            ..Flash::good(routes::SECOND_FACTOR, "These are your recovery codes now. Those from before are void.")
        })
    };
    let form = Form {
        action: routes::action::FACTOR_CODES,
        what: "make new recovery codes",
        fields: &[],
        page: routes::SECOND_FACTOR,
    };
    form.ends(done.await).await
}

/// Takes one's second factor away, with both factors as proof. Needs `OwnSessions`.
#[server(name = RemoveFactor, prefix = "/fn", endpoint = "me/second-factor/remove", input = PostUrl)]
pub async fn remove_factor(
    /// The password.
    password: String,
    /// A code, or a recovery code.
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let ip = ctx::client_ip();
    let proof = Proof { password: &password, code: code.trim(), ip: &ip };
    let done = async {
        // The browser gets the new secret whatever comes next.
        let actor = confirm::renew(unstick.prove(&actor, proof, None).await?).await?;
        unstick.remove_factor(&actor, &password).await.map_err(ApiError::from)
    };
    let flash = match done.await {
        Ok(()) => Flash::good(routes::SECOND_FACTOR, "Your second factor and its recovery codes are gone."),
        Err(error) if error.is_mendable() => {
            Flash::bad(routes::SECOND_FACTOR, &error, std::collections::BTreeMap::new())
        }
        Err(error) => return Err(error),
    };
    flash::leave(flash).await;
    ctx::see_other(routes::SECOND_FACTOR);
    Ok(())
}
