//! Failures as problems (RFC 9457): a stable word for programs, a sentence for people, and the request's id to ask about.

use std::borrow::Cow;

use app::api::RequestId;
use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::TokenScope;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::limits::Spent;
use crate::http::answer::log_internal;

/// What went wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<Cow<'static, str>>,
    correlation_id: Option<String>,
    wait: Option<i64>,
    more: Option<Box<Map<String, Value>>>,
}

/// What went wrong. Served as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:unstick:problem:session-ended", "title": "Gone", "status": 410, "code": "session-ended",
    "detail": "the session is over: sign the client out"
}))]
pub struct Shown {
    /// The kind of problem, as a URN that ends in `code`.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind of problem in one stable word, for programs.
    code: &'static str,
    /// What to do, for people.
    detail: String,
    /// Which field is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Cow<'static, str>>,
    /// The id of the request, also in `x-request-id`, to ask about.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// What a program needs to go on: `scope` that the token lacks (`denied`), `cleanup_id` of the clean-up that is under
    /// way (`under-way`), `plan` and `plan_hash` of now (`world-changed`).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: Option<Box<Map<String, Value>>>,
}

impl Problem {
    /// A problem of kind `code`.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, correlation_id: None, wait: None, more: None }
    }

    /// A field that is not understood.
    pub fn invalid(field: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).about(field)
    }

    /// A problem whose status says everything.
    pub fn plain(status: StatusCode, detail: &str) -> Self {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => "busy",
            StatusCode::PAYLOAD_TOO_LARGE => "too-large",
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
            _ if status.is_server_error() => "internal",
            _ => "refused",
        };
        Self::new(status, code, detail)
    }

    /// The same, with the request's id.
    #[must_use]
    pub fn with_id(mut self, id: Option<&str>) -> Self {
        self.correlation_id = id.map(str::to_owned);
        self
    }

    /// The same, about `field`.
    #[must_use]
    pub fn about(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same, with another status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same, with something for a program to go on with.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.more.get_or_insert_default().insert(name.to_owned(), value);
        }
        self
    }

    /// The same, to be tried again after `seconds`.
    #[must_use]
    pub fn after(mut self, seconds: i64) -> Self {
        self.wait = Some(seconds.max(1));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }
    /// The stable word.
    pub const fn code(&self) -> &'static str {
        self.code
    }
    /// The field.
    pub const fn field(&self) -> Option<&Cow<'static, str>> {
        self.field.as_ref()
    }
    /// The sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The token is missing or not good; one text for all, so that nobody learns which.
    pub fn token() -> Self {
        let text = "send a good token: Authorization: Bearer sac_… (admin-tool token create)";
        Self::new(StatusCode::UNAUTHORIZED, "token", text)
    }

    /// A session that is over.
    pub fn session_ended() -> Self {
        Self::new(StatusCode::GONE, "session-ended", "the session is over: sign the client out")
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        log_internal(&error);
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Self::new(status, error.code(), error.to_string());
        match error {
            service::Error::Gone("session") => Self::session_ended(),
            service::Error::Invalid { field, .. } => problem.about(field),
            service::Error::Throttled { wait } => problem.after(wait.secs()),
            service::Error::Busy => problem.after(1),
            service::Error::Denied(denied, _) => match TokenScope::granting(denied.0) {
                Some(scope) => {
                    let detail = format!("{denied}: the token needs the scope {}", scope.as_str());
                    Self { detail, ..problem }.with("scope", scope)
                }
                None => problem,
            },
            service::Error::UnderWay(id) => problem.with("cleanup_id", id),
            service::Error::WorldChanged(plan) => problem.with("plan_hash", plan.hash()).with("plan", plan),
            _ => problem,
        }
    }
}

impl Problem {
    fn render(self) -> Response {
        let Self { status, code, detail, field, correlation_id, wait, more } = self;
        let shown = Shown {
            kind: format!("urn:unstick:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
            field,
            correlation_id,
            more,
        };
        let mut response = (status, Json(shown)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"unstick\""));
        }
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.clone().render();
        response.extensions_mut().insert(self);
        response
    }
}

/// Puts the request's id into whatever problem was answered, and how much of its rate the token has left.
pub async fn correlate(mut request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let spent = Spent::default();
    request.extensions_mut().insert(spent.clone());
    let mut response = next.run(request).await;
    let mut response = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.with_id(id.as_deref()).render(),
        None => response,
    };
    spent.tell(response.headers_mut());
    response
}
