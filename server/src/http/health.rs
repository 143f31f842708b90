//! Is the process alive, and can it work? For load balancers and supervisors; says nothing else.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::{Site, frame::Quiet};

/// Longest time that the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn routes() -> Router<Site> {
    let quiet = |mut response: Response| async {
        response.extensions_mut().insert(Quiet);
        response
    };
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).layer(map_response(quiet))
}

async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "alive" }))
}

async fn ready(State(site): State<Site>) -> impl IntoResponse {
    if *site.stop().borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stopping" })));
    }
    match tokio::time::timeout(PATIENCE, site.unstick().store().ping()).await {
        Ok(Ok(())) => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "no database" }))),
    }
}
