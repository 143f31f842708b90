//! Planning, asking for and watching clean-ups.

use std::collections::BTreeMap;

use domain::{
    AccountId, CleanupId, Mode, PlanHash, Status,
    view::{CleanupRequest, CleanupsPage, LedgerView, PlanPage},
};
use leptos::{prelude::*, server_fn::codec::PostUrl};
use service::Error;

use super::{
    ApiError, accounts, confirm, ctx,
    flash::{self, Flash},
};
use crate::{components::text::sentence, routes};

/// The plan of a clean-up of the account that the path names. Needs `ReadAccounts`.
pub(crate) async fn plan() -> Result<PlanPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let id = accounts::id_in_path()?;
    let mode = ctx::asked("mode").map_or(Ok(Mode::default()), |word| mode_called(&word))?;
    Ok(unstick.plan_page(&actor, &id, mode).await?)
}

fn mode_called(word: &str) -> Result<Mode, ApiError> {
    Mode::parse(word).ok_or_else(|| ApiError::invalid("mode", format!("there is no clean-up of mode {word}")))
}

/// A page of clean-ups. Needs `ReadCleanups`.
pub(crate) async fn list() -> Result<CleanupsPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let called = |word: String| {
        Status::parse(&word).ok_or_else(|| ApiError::invalid("status", format!("no clean-up is ever {word}")))
    };
    let status = ctx::asked("status").map(called).transpose()?;
    Ok(unstick.cleanups(&actor, status, ctx::asked("after").as_deref()).await?)
}

/// The ledger of the clean-up that the path names. Needs `ReadCleanups`.
pub(crate) async fn ledger() -> Result<LedgerView, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let text = routes::id_in(&ctx::path()).ok_or_else(|| ApiError::not_found("clean-up"))?;
    let id = CleanupId::parse(text).map_err(|_| ApiError::not_found("clean-up"))?;
    Ok(unstick.ledger(&actor, &id).await?)
}

/// Asks for a clean-up as it was planned and shown. Needs `CleanUp`. What the person can mend leads back to the plan
/// with all that was typed; a plan that is not the one of now is shown anew.
#[server(name = RequestCleanup, prefix = "/fn", endpoint = "clean-ups/request", input = PostUrl)]
pub async fn request_cleanup(
    /// Of which account.
    account: String,
    /// How much.
    mode: String,
    /// The plan that was shown.
    hash: String,
    /// Why.
    reason: String,
    /// The ticket, or nothing.
    ticket: String,
    /// The password, where it is asked for.
    #[server(default)]
    password: String,
    /// A code beside it.
    #[server(default)]
    code: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let account = AccountId::parse(account).map_err(|_| ApiError::not_found("account"))?;
    let mode = mode_called(&mode)?;
    let form = routes::plan(&account, mode);
    let typed = BTreeMap::from([("reason".to_owned(), reason.clone()), ("ticket".to_owned(), ticket.clone())]);
    let actor = match confirm::prove(&unstick, &actor, (&password, &code), None).await {
        Ok(actor) => actor,
        Err(error) if error.is_mendable() => {
            flash::leave(Flash::bad(&form, &error, typed)).await;
            ctx::see_other(&form);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let request = CleanupRequest { account, mode, reason, ticket, hash: Some(PlanHash(hash)) };
    let error = match unstick.request_cleanup(&actor, request).await {
        Ok(requested) => {
            let ledger = routes::cleanup(&requested.id);
            if requested.joined {
                flash::leave(Flash::good(&ledger, "This clean-up was under way already: nothing new was asked for."))
                    .await;
            }
            ctx::see_other(&ledger);
            return Ok(());
        }
        Err(Error::UnderWay(id)) => {
            let ledger = routes::cleanup(&id);
            let text = "This clean-up, of another mode, is under way already. Wait for it, then plan again.";
            flash::leave(Flash { code: "under-way".to_owned(), ..Flash::good(&ledger, text) }).await;
            ctx::see_other(&ledger);
            return Ok(());
        }
        Err(error) => ApiError::from(error),
    };
    if !error.is_mendable() {
        return Err(error);
    }
    flash::leave(Flash::bad(&form, &error, typed)).await;
    ctx::see_other(&form);
    Ok(())
}

/// Tries the failed and the owed steps of a clean-up again, now. Needs `CleanUp`.
#[server(name = RetryCleanup, prefix = "/fn", endpoint = "clean-ups/retry", input = PostUrl)]
pub async fn retry_cleanup(
    /// Which.
    id: String,
) -> Result<(), ApiError> {
    let (unstick, actor) = ctx::mutating()?;
    let id = CleanupId::parse(id).map_err(|_| ApiError::not_found("clean-up"))?;
    let ledger = routes::cleanup(&id);
    match unstick.retry_cleanup(&actor, &id).await {
        Ok(()) => {}
        Err(error) if error.status() == 409 => {
            let text = sentence(&error.to_string());
            flash::leave(Flash { code: error.code().to_owned(), ..Flash::good(&ledger, text) }).await;
        }
        Err(error) => return Err(error.into()),
    }
    ctx::see_other(&ledger);
    Ok(())
}
