//! What needs a person now: the console's first page.

use axum::{Json, extract::State};
use domain::view::HomePage;

use super::{Problem, auth::Backend, shapes};
use crate::http::Site;

/// Read what needs a person now
///
/// Accounts that are stuck on servers that serve badly, those with the most left over, the newest clean-ups, and how many are
/// not finished. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/overview", tag = "accounts", operation_id = "getOverview",
    responses((status = 200, body = shapes::Overview, description = "What needs a person")))]
pub async fn get(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<HomePage>, Problem> {
    Ok(Json(Box::pin(site.unstick().home(&actor)).await?))
}
