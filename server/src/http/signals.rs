//! What whoever hears security event tokens looks up first (Shared Signals Framework 1.0, section 7.1): who tells, and the keys
//! that verify. Public, as they must be.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use super::Site;

const KEYS: &str = "/.well-known/jwks.json";
/// A new key may be put beside the one that signs this long before it signs (README).
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub fn routes() -> Router<Site> {
    Router::new().route("/.well-known/ssf-configuration", get(about)).route(KEYS, get(keys))
}

async fn about(State(site): State<Site>) -> impl IntoResponse {
    let origin = site.config().public_origin.to_string();
    let told = json!({
        "spec_version": "1_0",
        "issuer": origin,
        "jwks_uri": format!("{origin}{KEYS}"),
        "delivery_methods_supported": ["urn:ietf:rfc:8935"],
        // A receiver that only knows the user must not act as if every session had ended.
        "critical_subject_members": ["session"],
        "default_subjects": "ALL",
    });
    ([(header::CACHE_CONTROL, KEPT)], Json(told))
}

async fn keys(State(site): State<Site>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, KEPT)], Json(site.unstick().token_keys().published()))
}
