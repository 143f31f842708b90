//! The API, version 1. What back ends tell: accounts and sessions as they live, routes asked for and servers fed on an
//! embedded router. And all that the console can do: diagnosis, clean-ups, bulk clean-ups, the census, routing, webhooks, the
//! audit log. Bearer tokens with scopes, no cookies; JSON; every failure a problem of RFC 9457. Described at
//! `/api/openapi.json`, and for people at `/api/docs`.

mod accounts;
mod audit;
mod auth;
mod batch;
mod bulk;
mod census;
mod cleanups;
mod diagnosis;
mod docs;
mod extract;
mod limits;
mod once;
mod openapi;
mod overview;
mod problem;
mod route;
mod routing;
mod self_service;
mod servers;
mod sessions;
pub mod shapes;
mod shown;
mod token;
mod webhook_events;
mod webhooks;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::{get, post, put},
};

use super::Site;

pub use self::{limits::Limits, openapi::document, problem::Problem, self_service::CustomerLimits};

/// Largest body of a single record.
const ONE: usize = 1 << 20;
/// Largest body of a batch.
const MANY: usize = 4 << 20;
/// Largest body with a list of accounts: some 200,000 ids.
const LIST: usize = 8 << 20;

pub fn routes(site: &Site) -> Router<Site> {
    let single = Router::new()
        .route("/accounts", get(accounts::list))
        .route("/accounts/{account_id}", put(accounts::put).get(accounts::get))
        .route("/accounts/{account_id}/sessions", get(sessions::list))
        .route("/sessions/{session_id}", put(sessions::put).get(sessions::get))
        .route("/sessions/{session_id}/touch", post(sessions::touch))
        .route("/sessions/{session_id}/end", post(sessions::end))
        .route("/route", post(route::ask))
        .route("/self", get(self_service::who))
        .route("/self/diagnosis", get(self_service::diagnosis))
        .route("/self/reset", post(self_service::reset))
        .route("/self/reset/{reset_id}", get(self_service::progress))
        .route("/sessions/{session_id}/self-token", post(self_service::issue))
        .route("/accounts/{account_id}/self-link", post(self_service::link))
        .route("/pools/{pool}/servers/{server}", put(servers::feed))
        .layer(DefaultBodyLimit::max(ONE));
    let batches = Router::new()
        .route("/batch/accounts", post(batch::accounts))
        .route("/batch/sessions", post(batch::sessions))
        .route("/batch/touches", post(batch::touches))
        .route("/batch/ends", post(batch::ends))
        .layer(DefaultBodyLimit::max(MANY));
    let lists =
        Router::new().route("/bulk-cleanups", get(bulk::list).post(bulk::draft)).layer(DefaultBodyLimit::max(LIST));
    let console = console().layer(DefaultBodyLimit::max(ONE));
    let repairs = Router::new().route("/repairs", post(census::repair)).layer(DefaultBodyLimit::max(LIST));
    Router::new()
        .nest("/v1", single.merge(batches).merge(console).merge(lists).merge(repairs))
        .route("/openapi.json", get(described))
        .route("/docs", get(docs::page))
        .fallback(missing)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(site.clone(), once::once))
        .layer(from_fn(problem::correlate))
}

/// What the console can do.
fn console() -> Router<Site> {
    Router::new()
        .route("/token", get(token::get))
        .route("/overview", get(overview::get))
        .route("/search", get(diagnosis::search))
        .route("/filtered-accounts", get(diagnosis::filtered))
        .route("/accounts/{account_id}/diagnosis", get(diagnosis::diagnose))
        .route("/accounts/{account_id}/routes", get(diagnosis::routes))
        .route("/accounts/{account_id}/timeline", get(diagnosis::timeline))
        .route("/accounts/{account_id}/route-history", get(diagnosis::history))
        .route("/accounts/{account_id}/cleanup-plan", get(cleanups::plan))
        .route("/cleanups", get(cleanups::list).post(cleanups::request))
        .route("/cleanups/{cleanup_id}", get(cleanups::get))
        .route("/cleanups/{cleanup_id}/steps", get(cleanups::steps))
        .route("/cleanups/{cleanup_id}/retry", post(cleanups::retry))
        .route("/cleanups/{cleanup_id}/evidence", get(cleanups::evidence))
        .route("/cleanups/{cleanup_id}/evidence.md", get(cleanups::evidence_text))
        .route("/bulk-cleanups/{bulk_id}", get(bulk::get))
        .route("/bulk-cleanups/{bulk_id}/accounts", get(bulk::accounts))
        .route("/bulk-cleanups/{bulk_id}/request", post(bulk::request))
        .route("/bulk-cleanups/{bulk_id}/approve", post(bulk::approve))
        .route("/bulk-cleanups/{bulk_id}/control", post(bulk::control))
        .route("/bulk-cleanups/{bulk_id}/report.csv", get(bulk::csv))
        .route("/bulk-cleanups/{bulk_id}/report.ndjson", get(bulk::ndjson))
        .route("/census", get(census::latest).post(census::run))
        .route("/census/trend", get(census::trend))
        .route("/findings", get(census::findings))
        .route("/repair-plan", get(census::plan))
        .route("/repairs/{repair_id}", get(census::repaired))
        .route("/routing", get(routing::get))
        .route("/routing/owed", get(routing::owed))
        .route("/routers/{router}/pools/{pool}/servers/{server}/state", get(routing::state).put(routing::set_state))
        .route("/routers/{router}/pools/{pool}/servers/{server}/move-off", get(routing::move_off))
        .route("/routers/{router}/pools/{pool}/keys/{key}", get(routing::pin).put(routing::set_pin))
        .route("/webhooks", get(webhooks::list).post(webhooks::add))
        .route("/webhooks/{webhook_id}", get(webhooks::get).delete(webhooks::delete))
        .route("/webhooks/{webhook_id}/control", post(webhooks::control))
        .route("/webhooks/{webhook_id}/secret", post(webhooks::rotate))
        .route("/webhooks/{webhook_id}/test", post(webhooks::test))
        .route("/webhooks/{webhook_id}/replay", post(webhooks::replay))
        .route("/webhooks/{webhook_id}/deliveries", get(webhooks::deliveries))
        .route("/audit", get(audit::search))
        .route("/audit/{seq}", get(audit::event))
        .route("/audit/verification", get(audit::verify))
        .route("/audit/export.csv", get(audit::csv))
        .route("/audit/export.ndjson", get(audit::ndjson))
}

async fn described() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

/// What is told of an address that is not there.
pub async fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such address: see /api/openapi.json")
}

async fn not_allowed() -> Problem {
    let text = "this address does not take that method: see /api/openapi.json";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text)
}
