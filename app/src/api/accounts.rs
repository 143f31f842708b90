//! Finding and reading accounts.

use domain::{
    AccountId, Instant, Place, PoolName, RouterName, ServerName,
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

/// A page of accounts.
pub(crate) struct Listed {
    /// The accounts.
    pub page: Page<AccountRow>,
    /// The server that they are on; `None`: all accounts.
    pub on: Option<(Place, ServerName)>,
    /// When it was read.
    pub now: Instant,
}

/// A page of all accounts, or of those on the server that the query names. Needs `ReadAccounts`.
pub(crate) async fn list() -> Result<Listed, ApiError> {
    ctx::only(&["router", "pool", "server", "after"])?;
    let (unstick, actor) = ctx::reading()?;
    let on = on_server()?;
    let page = unstick.accounts(&actor, on.as_ref(), ctx::asked("after").as_deref()).await?;
    Ok(Listed { page, on, now: unstick.clock().now() })
}

/// The server that the query names. A part of a name is an error: it must not mean all accounts.
fn on_server() -> Result<Option<(Place, ServerName)>, ApiError> {
    let named = ["router", "pool", "server"].map(ctx::asked);
    if named.iter().all(Option::is_none) {
        return Ok(None);
    }
    let wrong = || {
        ApiError::invalid("server", "a list of a server’s accounts names router, pool and server: open it from Routing")
    };
    let [Some(router), Some(pool), Some(server)] = named else { return Err(wrong()) };
    let router = RouterName::parse(router).map_err(|_| wrong())?;
    let pool = PoolName::parse(pool).map_err(|_| wrong())?;
    let server = ServerName::parse(server).map_err(|_| wrong())?;
    Ok(Some((Place { router, pool }, server)))
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
