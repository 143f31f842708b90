//! The API of the back ends, version 1: accounts and sessions as they live, routes asked for and servers fed on an embedded
//! router. Bearer tokens with scopes, no cookies; JSON; every failure a problem of RFC 9457. Described at
//! `/api/openapi.json`.

mod accounts;
mod auth;
mod batch;
mod extract;
mod limits;
mod openapi;
mod problem;
mod route;
mod servers;
mod sessions;
mod shown;
mod webhook_events;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware::from_fn,
    response::IntoResponse,
    routing::{get, post, put},
};

use super::Site;

pub use self::{limits::Limits, openapi::document, problem::Problem};

/// Largest body of a single record.
const ONE: usize = 1 << 20;
/// Largest body of a batch.
const MANY: usize = 4 << 20;

pub fn routes() -> Router<Site> {
    let single = Router::new()
        .route("/accounts", get(accounts::list))
        .route("/accounts/{account_id}", put(accounts::put).get(accounts::get))
        .route("/accounts/{account_id}/sessions", get(sessions::list))
        .route("/sessions/{session_id}", put(sessions::put).get(sessions::get))
        .route("/sessions/{session_id}/touch", post(sessions::touch))
        .route("/sessions/{session_id}/end", post(sessions::end))
        .route("/route", post(route::ask))
        .route("/pools/{pool}/servers/{server}", put(servers::feed))
        .layer(DefaultBodyLimit::max(ONE));
    let batches = Router::new()
        .route("/batch/accounts", post(batch::accounts))
        .route("/batch/sessions", post(batch::sessions))
        .route("/batch/touches", post(batch::touches))
        .route("/batch/ends", post(batch::ends))
        .layer(DefaultBodyLimit::max(MANY));
    Router::new()
        .nest("/v1", single.merge(batches))
        .route("/openapi.json", get(described))
        .fallback(missing)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(problem::correlate))
}

async fn described() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

async fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such address: see /api/openapi.json")
}

async fn not_allowed() -> Problem {
    let text = "this address does not take that method: see /api/openapi.json";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text)
}
