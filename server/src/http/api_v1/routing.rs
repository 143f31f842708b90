//! Routers, pools and servers; what is owed to them; the state of a server; one key pinned by hand.

use axum::{Json, extract::State};
use domain::{
    MovePage, OwedList, Place, PoolName, RePinPage, RePinRequest, RePinned, RouteKey, RouterName, ServerName,
    ServerState, StatePlan, StateRequest, StateSet, view::RoutingPage,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Problem,
    auth::Backend,
    extract::{Body, Three},
    shapes,
};
use crate::http::Site;

/// Read the routing
///
/// Routers, pools and servers, how the customers are spread over them, what is owed, and the last census. Needs the scope
/// `routing:read`.
#[utoipa::path(get, path = "/api/v1/routing", tag = "routing", operation_id = "getRouting",
    responses((status = 200, body = shapes::Routing, description = "The routing")))]
pub async fn get(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<RoutingPage>, Problem> {
    Ok(Json(Box::pin(site.unstick().routing(&actor)).await?))
}

/// List what is owed to routers
///
/// Steps of clean-ups that wait for a router that does not answer, the oldest first. Needs the scope `routing:read`.
#[utoipa::path(get, path = "/api/v1/routing/owed", tag = "routing", operation_id = "listOwed",
    responses((status = 200, body = shapes::OwedList, description = "What is owed")))]
pub async fn owed(Backend(actor): Backend, State(site): State<Site>) -> Result<Json<OwedList>, Problem> {
    Ok(Json(Box::pin(site.unstick().routing(&actor)).await?.owed))
}

/// Read the state of a server
///
/// What each load balancer of the fleet has, and how many customers are pinned. Needs the scope `routing:read`.
#[utoipa::path(get, path = "/api/v1/routers/{router}/pools/{pool}/servers/{server}/state", tag = "routing",
    operation_id = "getServerState",
    params(("router" = String, Path, description = "A router; its whole fleet is meant", example = "lb-1"),
        ("pool" = String, Path, description = "The pool", example = "app"),
        ("server" = String, Path, description = "The server", example = "api-2")),
    responses((status = 200, body = shapes::StatePlan, description = "Its state")))]
pub async fn state(
    Backend(actor): Backend,
    State(site): State<Site>,
    Three(router, pool, server): Three<RouterName, PoolName, ServerName>,
) -> Result<Json<StatePlan>, Problem> {
    Ok(Json(Box::pin(site.unstick().state_plan(&actor, &Place { router, pool }, &server)).await?))
}

/// A state that is to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    /// The state.
    #[schema(value_type = shapes::OperatedState)]
    state: ServerState,
    /// Why, in 5 to 500 characters; it goes into the audit log.
    #[schema(example = "fails 16 % of its requests")]
    reason: String,
    /// The ticket it belongs to.
    #[serde(default)]
    ticket: String,
}

/// Set the state of a server
///
/// On every load balancer of the fleet, read back from each: what each answered is in `answers`, also where it refused or did
/// not answer. Needs the scope `routing:write`.
#[utoipa::path(put, path = "/api/v1/routers/{router}/pools/{pool}/servers/{server}/state", tag = "routing",
    operation_id = "setServerState",
    params(("router" = String, Path, description = "A router; its whole fleet is meant", example = "lb-1"),
        ("pool" = String, Path, description = "The pool", example = "app"),
        ("server" = String, Path, description = "The server", example = "api-2")),
    request_body(content = StateBody, example = json!({"state": "drain", "reason": "fails 16 % of its requests"})),
    responses((status = 200, body = shapes::StateSet, description = "What came of it")))]
pub async fn set_state(
    Backend(actor): Backend,
    State(site): State<Site>,
    Three(router, pool, server): Three<RouterName, PoolName, ServerName>,
    Body(StateBody { state, reason, ticket }): Body<StateBody>,
) -> Result<Json<StateSet>, Problem> {
    let request = StateRequest { place: Place { router, pool }, server, state, reason, ticket };
    Ok(Json(Box::pin(site.unstick().set_server_state(&actor, request)).await?))
}

/// Read who is on a server
///
/// How many routes lead to it, where those would go who leave it, and the bulk clean-ups that move everybody off it. Such a
/// one is drafted as any other, with `off_server`. Needs the scope `routing:read`.
#[utoipa::path(get, path = "/api/v1/routers/{router}/pools/{pool}/servers/{server}/move-off", tag = "routing",
    operation_id = "getServerMove",
    params(("router" = String, Path, description = "A router; its whole fleet is meant", example = "lb-1"),
        ("pool" = String, Path, description = "The pool", example = "app"),
        ("server" = String, Path, description = "The server", example = "api-2")),
    responses((status = 200, body = shapes::MovePage, description = "The server, before everybody is moved off it")))]
pub async fn move_off(
    Backend(actor): Backend,
    State(site): State<Site>,
    Three(router, pool, server): Three<RouterName, PoolName, ServerName>,
) -> Result<Json<MovePage>, Problem> {
    Ok(Json(Box::pin(site.unstick().move_page(&actor, &Place { router, pool }, &server)).await?))
}

/// Read where a key is pinned
///
/// On each load balancer of the fleet. Needs the scope `accounts:read`.
#[utoipa::path(get, path = "/api/v1/routers/{router}/pools/{pool}/keys/{key}", tag = "routing", operation_id = "getPin",
    params(("router" = String, Path, description = "A router; its whole fleet is meant", example = "lb-1"),
        ("pool" = String, Path, description = "The pool", example = "app"),
        ("key" = String, Path, description = "An account's or a session's key", example = "acc_7Q2mX0cVd4")),
    responses((status = 200, body = shapes::PinPage, description = "Where it is pinned")))]
pub async fn pin(
    Backend(actor): Backend,
    State(site): State<Site>,
    Three(router, pool, key): Three<RouterName, PoolName, Key>,
) -> Result<Json<RePinPage>, Problem> {
    Ok(Json(Box::pin(site.unstick().re_pin_page(&actor, &Place { router, pool }, &key.0)).await?))
}

/// A server that a key is to be pinned to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinBody {
    /// The server; one that is known not to be well is refused.
    #[schema(value_type = String, example = "api-1")]
    server: ServerName,
    /// Why, in 5 to 500 characters; it goes into the audit log.
    #[schema(example = "their upload is on api-1")]
    reason: String,
    /// The ticket it belongs to.
    #[serde(default)]
    ticket: String,
}

/// Pin a key to a server
///
/// On every load balancer of the fleet, read back from each: what each answered is in `answers`. Needs the scope
/// `routing:write`.
#[utoipa::path(put, path = "/api/v1/routers/{router}/pools/{pool}/keys/{key}", tag = "routing", operation_id = "setPin",
    params(("router" = String, Path, description = "A router; its whole fleet is meant", example = "lb-1"),
        ("pool" = String, Path, description = "The pool", example = "app"),
        ("key" = String, Path, description = "An account's or a session's key", example = "acc_7Q2mX0cVd4")),
    request_body(content = PinBody, example = json!({"server": "api-1", "reason": "their upload is on api-1"})),
    responses((status = 200, body = shapes::Pinned, description = "What came of it")))]
pub async fn set_pin(
    Backend(actor): Backend,
    State(site): State<Site>,
    Three(router, pool, key): Three<RouterName, PoolName, Key>,
    Body(PinBody { server, reason, ticket }): Body<PinBody>,
) -> Result<Json<RePinned>, Problem> {
    let request = RePinRequest { place: Place { router, pool }, key: key.0, server, reason, ticket };
    Ok(Json(Box::pin(site.unstick().re_pin(&actor, request)).await?))
}

/// A key in an address.
pub struct Key(RouteKey);

impl std::str::FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        RouteKey::parse(text).map(Self).map_err(|error| error.to_string())
    }
}
