//! What requests are read with. Each refusal is a problem that says which part is wrong and how.

use std::{fmt::Display, str::FromStr};

use axum::{
    Json,
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{BytesRejection, JsonRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::Problem;

fn invalid(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "invalid", detail)
}

/// axum's text without what it says about itself.
fn plain(text: &str) -> String {
    let prefixes =
        ["Failed to deserialize the JSON body into the target type: ", "Failed to deserialize query string: "];
    let text = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    text.to_owned()
}

/// The one id in the path.
pub struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| invalid(StatusCode::BAD_REQUEST, "the id in the path must be UTF-8"))?;
        text.parse().map(Self).map_err(|error: T::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))
    }
}

/// The two ids in the path.
pub struct Ids<A, B>(pub A, pub B);

impl<A, B, S> FromRequestParts<S> for Ids<A, B>
where
    A: FromStr<Err: Display>,
    B: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((a, b)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| invalid(StatusCode::BAD_REQUEST, "the ids in the path must be UTF-8"))?;
        let a = a.parse().map_err(|error: A::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))?;
        let b = b.parse().map_err(|error: B::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))?;
        Ok(Self(a, b))
    }
}

/// The query's parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| invalid(StatusCode::BAD_REQUEST, plain(&rejection.body_text())))?;
        Ok(Self(params))
    }
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(body) = Json::<T>::from_request(request, state).await.map_err(|rejection| match rejection {
            JsonRejection::MissingJsonContentType(_) => {
                let text = "send JSON with Content-Type: application/json";
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", text)
            }
            JsonRejection::BytesRejection(rejection) => body_problem(&rejection),
            other => invalid(other.status(), plain(&other.body_text())),
        })?;
        Ok(Self(body))
    }
}

/// A JSON body that is read by the handler.
pub struct Text(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            let text = "send JSON with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", text));
        }
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| body_problem(&rejection))
    }
}

fn body_problem(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the body is too large: at most 1 MiB, 4 MiB for a batch",
        )
    } else {
        invalid(StatusCode::BAD_REQUEST, "the body ended too early")
    }
}
