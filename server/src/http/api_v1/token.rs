//! `GET /token`: what the token that asks is good for.

use axum::{Json, extract::State};

use super::{Problem, auth::Backend};
use crate::{http::Site, wire::TokenView};

/// Read the token that asks
///
/// Its scopes, when it ends, and the server's version. Every good token may.
#[utoipa::path(get, path = "/api/v1/token", tag = "token", operation_id = "getToken",
    responses((status = 200, body = TokenView, description = "The token")))]
pub async fn get(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<TokenView>, Problem> {
    let info = site.unstick().own_token(&actor).await?;
    Ok(Json(TokenView::new(info, site.unstick().clock().now())))
}
