//! What requests are read with. Each refusal is a problem that says which part is wrong and how.

use std::{fmt::Display, str::FromStr};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::Problem;
use crate::json::{self, Wrong};

fn invalid(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "invalid", detail)
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        let status = if wrong.syntax { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
        let problem = invalid(status, wrong.message);
        match wrong.field {
            Some(field) => problem.about(field),
            None => problem,
        }
    }
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

/// The three ids in the path.
pub struct Three<A, B, C>(pub A, pub B, pub C);

impl<A, B, C, S> FromRequestParts<S> for Three<A, B, C>
where
    A: FromStr<Err: Display>,
    B: FromStr<Err: Display>,
    C: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((a, b, c)) = Path::<(String, String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| invalid(StatusCode::BAD_REQUEST, "the ids in the path must be UTF-8"))?;
        let a = a.parse().map_err(|error: A::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))?;
        let b = b.parse().map_err(|error: B::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))?;
        let c = c.parse().map_err(|error: C::Err| invalid(StatusCode::BAD_REQUEST, error.to_string()))?;
        Ok(Self(a, b, c))
    }
}

/// The query's parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) =
            Query::<T>::from_request_parts(parts, state).await.map_err(|rejection| unread(&rejection.body_text()))?;
        Ok(Self(params))
    }
}

/// What axum says of a query as `Failed to deserialize query string: limit: invalid digit …`, in our words.
fn unread(text: &str) -> Problem {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    let (field, said) = text.split_once(": ").unwrap_or(("", text));
    let wrong =
        if field.is_empty() || text.contains(" field `") { Wrong::told(said, field) } else { Wrong::field(field) };
    Problem::from(wrong).with_status(StatusCode::BAD_REQUEST)
}

/// A JSON object as the body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Text(text) = Text::from_request(request, state).await?;
        Ok(Self(json::object(&text)?))
    }
}

/// A JSON body that is read by the handler.
pub struct Text(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let essence = kind_of(request.headers());
        if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
            let text = "send JSON with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", text));
        }
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| body_problem(&rejection))
    }
}

/// The media type of a body, without its parameters; empty without one.
pub fn kind_of(headers: &HeaderMap) -> String {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What is wrong with a body that could not be read.
pub fn body_problem(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the body is too large: at most 1 MiB, 4 MiB for a batch, 8 MiB for a list of accounts",
        )
    } else {
        invalid(StatusCode::BAD_REQUEST, "the body ended too early")
    }
}
