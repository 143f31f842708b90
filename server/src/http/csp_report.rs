//! Where browsers report what the content policy kept from running. A report is a sign of an attack or of a mistake of
//! ours, so it goes into the log, cut short and without the page's query.

use axum::{Router, body::Bytes, extract::DefaultBodyLimit, http::StatusCode, routing::post};
use serde_json::Value;

use super::Site;

/// Longest report, in bytes.
const MOST: usize = 16 << 10;

pub fn routes() -> Router<Site> {
    Router::new().route("/csp-reports", post(report)).layer(DefaultBodyLimit::max(MOST))
}

async fn report(body: Bytes) -> StatusCode {
    let reports = match serde_json::from_slice(&body) {
        Ok(Value::Array(reports)) => reports,
        Ok(one) => vec![one],
        Err(_) => return StatusCode::BAD_REQUEST,
    };
    for report in reports.iter().take(5) {
        let text = |name: &str| short(report.pointer(&format!("/body/{name}")));
        tracing::warn!(
            csp.page = text("documentURL"),
            csp.blocked = text("blockedURL"),
            csp.directive = text("effectiveDirective"),
            csp.source = text("sourceFile"),
            "a browser reports that the content policy stopped something"
        );
    }
    StatusCode::NO_CONTENT
}

fn short(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
