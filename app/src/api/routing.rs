//! Routers, pools, servers.

use domain::view::RoutingPage;

use super::{ApiError, ctx};

/// Every router as it is now. Needs `ReadRouting`.
pub(crate) async fn routing() -> Result<RoutingPage, ApiError> {
    let (unstick, actor) = ctx::reading()?;
    Ok(unstick.routing(&actor).await?)
}
