//! Finding and reading accounts.

use domain::{
    AccountFilter, AccountId, Instant,
    view::{AccountPage, BriefRow, HomePage, Page, SearchPage, SessionFilter},
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

/// A page of accounts.
pub(crate) struct Listed {
    /// The accounts.
    pub page: Page<BriefRow>,
    /// Which accounts they are; nothing said: all.
    pub filter: AccountFilter,
    /// When it was read.
    pub now: Instant,
}

/// A page of the accounts that pass the filter that the query says. Needs `ReadAccounts`.
pub(crate) async fn list() -> Result<Listed, ApiError> {
    ctx::only(&["text", "kind", "router", "pool", "server", "leftover", "seen_before", "plan", "after"])?;
    let (unstick, actor) = ctx::reading()?;
    let filter = AccountFilter::parse(ctx::asked)?;
    let page = unstick.account_list(&actor, &filter, ctx::asked("after").as_deref()).await?;
    Ok(Listed { page, filter, now: unstick.clock().now() })
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
