//! `PUT /pools/{pool}/servers/{server}`: what a back end says of a server of the embedded router.

use axum::{Json, extract::State};
use domain::{Counters, Health, PoolName, ServerName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Ids},
    problem,
};
use crate::http::Site;

/// What a server is set to.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It takes everybody.
    Ready,
    /// It keeps who is pinned to it and takes nobody else.
    Drain,
    /// It is out of rotation.
    Maint,
    /// It does not work.
    Down,
}

/// A server's state and what it counted since its own start.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerBody {
    /// What it is set to.
    state: ServerState,
    /// Answers given since it started; only ever grows.
    #[serde(default)]
    requests_total: u64,
    /// Answers that were server errors since it started; only ever grows.
    #[serde(default)]
    errors_total: u64,
    /// Mean time to answer of late, in milliseconds.
    #[serde(default)]
    response_ms: u32,
}

/// Report a server of the embedded router
///
/// New servers appear by being reported. Needs the scope `routes:write`.
#[utoipa::path(put, path = "/api/v1/pools/{pool}/servers/{server}", tag = "routes", operation_id = "putServer",
    params(("pool" = String, Path, description = "A pool of the embedded router", example = "app"),
        ("server" = String, Path, description = "The server's name", example = "api-1")),
    request_body(content = ServerBody, example = json!({"state": "ready", "requests_total": 10400, "errors_total": 3, "response_ms": 41})),
    responses((status = 200, body = ServerBody, description = "Noted"),
        (status = "4XX", body = problem::Shown, content_type = "application/problem+json", description = "Refused")))]
pub async fn feed(
    Backend(actor): Backend,
    State(site): State<Site>,
    Ids(pool, server): Ids<PoolName, ServerName>,
    Body(body): Body<ServerBody>,
) -> Result<Json<ServerBody>, Problem> {
    let state = match body.state {
        ServerState::Ready => Health::Healthy,
        ServerState::Drain => Health::Draining,
        ServerState::Maint => Health::Maintenance,
        ServerState::Down => Health::Down,
    };
    let counters = Counters { requests: body.requests_total, errors: body.errors_total, response_ms: body.response_ms };
    site.unstick().feed_server(&actor, &pool, &server, state, counters).await?;
    Ok(Json(body))
}
