//! `POST /route`: where to send a session, asked of the embedded router.

use axum::{Json, extract::State};
use domain::{Instant, PoolName, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, auth::Backend, extract::Body, problem};
use crate::http::Site;

/// Which session, in which pool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteBody {
    /// The session; it must be live.
    #[schema(value_type = String, example = "s_9fK2x")]
    session_id: SessionId,
    /// The pool; by default the router's first.
    #[schema(value_type = Option<String>, example = "app")]
    pool: Option<PoolName>,
}

/// Where to send it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteAnswer {
    /// The router.
    #[schema(example = "embedded")]
    router: String,
    /// The pool.
    #[schema(example = "app")]
    pool: String,
    /// The server.
    #[schema(example = "api-1")]
    server: String,
    /// What the key stands for: `account` or `session`.
    #[schema(example = "account")]
    scope: &'static str,
    /// The key that it is pinned by.
    #[schema(example = "acc_7Q2mX0cVd4")]
    key: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pinned_at: Instant,
    /// Until when, without traffic.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
}

/// Ask where to send a session
///
/// Answers the server that it is pinned to; pins it to the least loaded one in rotation when it is pinned to none.
/// Needs the scope `routes:ask`.
#[utoipa::path(post, path = "/api/v1/route", tag = "routes", operation_id = "askRoute",
    request_body(content = RouteBody, example = json!({"session_id": "s_9fK2x", "pool": "app"})),
    responses((status = 200, body = RouteAnswer, description = "Where to send it"),
        (status = 409, body = problem::Shown, content_type = "application/problem+json", description = "No server takes anybody"),
        (status = 410, body = problem::Shown, content_type = "application/problem+json", description = "The session is over"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn ask(
    Backend(actor): Backend,
    State(site): State<Site>,
    Body(body): Body<RouteBody>,
) -> Result<Json<RouteAnswer>, Problem> {
    let asked = site.unstick().ask_route(&actor, &body.session_id, body.pool.as_ref()).await?;
    Ok(Json(RouteAnswer {
        router: asked.place.router.into(),
        pool: asked.place.pool.into(),
        server: asked.server.into(),
        scope: asked.scope.as_str(),
        key: asked.key.into(),
        pinned_at: asked.pinned_at,
        expires_at: asked.expires_at,
    }))
}
