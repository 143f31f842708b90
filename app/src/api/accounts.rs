//! Finding and reading accounts.

use domain::{
    AccountId, Instant,
    view::{AccountPage, AccountRow, HomePage, Page, SearchPage, SessionFilter},
};

use super::{ApiError, ctx};
use crate::routes;

/// The first page. Needs `ReadAccounts`.
pub(crate) async fn home() -> Result<HomePage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.home(&actor).await?)
}

/// What fits `text`. Needs `ReadAccounts`.
pub(crate) async fn search(text: &str) -> Result<SearchPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.search(&actor, text, ctx::asked("after").as_deref()).await?)
}

/// A page of all accounts, and when it was read. Needs `ReadAccounts`.
pub(crate) async fn all() -> Result<(Page<AccountRow>, Instant), ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let page = unstick.accounts(&actor, ctx::asked("after").as_deref()).await?;
    Ok((page, unstick.clock().now()))
}

/// The account that the path names, at the sessions that the query names. Needs `ReadAccounts`.
pub(crate) async fn account() -> Result<AccountPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    let id = id_in_path()?;
    let filter = match ctx::asked("sessions") {
        None => SessionFilter::default(),
        Some(word) => SessionFilter::parse(&word)
            .ok_or_else(|| ApiError::invalid("sessions", format!("there is no filter for sessions called {word}")))?,
    };
    let after = ctx::asked("after");
    Ok(Box::pin(unstick.account_page(&actor, &id, filter, after.as_deref())).await?)
}

/// The account's id in the path.
pub(super) fn id_in_path() -> Result<AccountId, ApiError> {
    let text = routes::id_in(&ctx::path()).ok_or_else(|| ApiError::not_found("account"))?;
    AccountId::parse(text).map_err(|_| ApiError::not_found("account"))
}
