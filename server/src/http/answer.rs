//! Answers that no page makes: refusals and failures. They say what to do and quote the request's id, never what happened
//! inside.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::api_v1::Problem;

/// A failure of ours.
pub fn failure(path: &str, status: StatusCode, id: &str) -> Response {
    let text = if status == StatusCode::SERVICE_UNAVAILABLE {
        "The service is busy. Try again in a moment."
    } else {
        "Something went wrong on our side."
    };
    refuse(path, status, text, Some(id))
}

/// A refusal, as a problem for programs and as a small page for people.
pub fn refuse(path: &str, status: StatusCode, text: &str, id: Option<&str>) -> Response {
    if path.starts_with("/api/") {
        return Problem::plain(status, text).with_id(id).into_response();
    }
    let quote =
        id.map(|id| format!("<p>If you ask somebody about it, quote <code>{id}</code>.</p>")).unwrap_or_default();
    let title = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} · Unstick</title></head><body><main><h1>{title}</h1><p>{text}</p>\
         {quote}<p><a href=\"/\">Back to the start</a></p></main></body></html>"
    );
    let mut response = (status, page).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    response
}

/// What a use case's failure is for a person who asked for a file or a stream.
pub fn of_error(path: &str, error: &service::Error) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    log_internal(error);
    refuse(path, status, &escaped(&error.to_string()), None)
}

/// Failures inside are written down once, here at the edge, with all that is known.
pub fn log_internal(error: &service::Error) {
    if let service::Error::Internal(source) = error {
        let mut text = source.to_string();
        let mut inner = source.source();
        while let Some(error) = inner {
            text.push_str(": ");
            text.push_str(&error.to_string());
            inner = error.source();
        }
        tracing::error!(error = %text, "a use case failed");
    }
}

/// `text` as HTML text.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
