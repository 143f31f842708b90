//! `Idempotency-Key`: the same call, sent again because nobody knows whether it arrived, happens once. The answer is kept
//! for a day and given again, with the header `Idempotency-Replayed: true`
//! (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! Everything that is kept was an answer of ours to a call that was let in: what was not let in, or failed on our side before
//! it changed anything, leaves the key free.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::Span;
use service::{CallEnd, KeptAnswer, KeyClaim, Once, as_claimed};

use super::{
    LIST, Problem,
    auth::{authenticate, has_token},
};
use crate::http::{Site, answer::log_internal};

/// The header that carries the key.
const KEY: &str = "idempotency-key";
/// The header that tells a kept answer from a new one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key.
const LONGEST: usize = 255;
/// Longest answer that is looked at, in bytes.
const ANSWER: usize = 16 << 20;

/// In the extensions of an answer that has a secret in it: it is kept sealed.
#[derive(Debug, Clone, Copy)]
pub struct HasSecret;

/// Lets a call with a key happen once.
pub async fn once(State(site): State<Site>, request: Request, next: Next) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    // Keys are a token's: whoever has none, the operation itself turns away.
    if !changes || !request.headers().contains_key(KEY) || !has_token(request.headers()) {
        return next.run(request).await;
    }
    keyed(&site, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(site: &Site, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let actor = authenticate(&mut parts, site).await?;
    let key = key(&parts.headers)?;
    let bytes = to_bytes(body, LIST).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is too large, or ended too early")
    })?;
    let what = fingerprint(&parts, &bytes);
    let what: Vec<&[u8]> = what.iter().map(Vec::as_slice).collect();
    let within = site.config().request_timeout + Span::from_secs(30);
    let repeatable = matches!(parts.method, Method::PUT | Method::DELETE);
    match site.unstick().claim_key(&actor, &key, &what, within, repeatable).await? {
        Once::Before(kept) => Ok(again(kept)),
        Once::OtherCall => {
            let text = "this Idempotency-Key was used for another call: use a new key for a new call";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", text).about("Idempotency-Key"))
        }
        Once::UnderWay(wait) => {
            let text = "a call with this Idempotency-Key is under way: ask again in a moment";
            Err(Problem::new(StatusCode::CONFLICT, "key-in-use", text).about("Idempotency-Key").after(wait.secs()))
        }
        Once::AnswerLost => {
            let text = "a call with this Idempotency-Key changed something, and its answer was lost: read what came of it; \
                        with a new key it is carried out again";
            Err(Problem::new(StatusCode::CONFLICT, "answer-lost", text).about("Idempotency-Key"))
        }
        Once::Go(claim) => {
            let call = next.run(Request::from_parts(parts, Body::from(bytes)));
            let response = as_claimed(KeyClaim::clone(&claim), call).await;
            let has_secret = response.extensions().get::<HasSecret>().is_some();
            let (response, end) = read(response).await?;
            let end = match end {
                CallEnd::Answered(answer) if has_secret => site.unstick().sealed(&claim, answer).map_or_else(
                    |error| {
                        log_internal(&error);
                        CallEnd::Failed
                    },
                    CallEnd::Answered,
                ),
                end => end,
            };
            if let Err(error) = site.unstick().end_call(&claim, &end).await {
                log_internal(&error);
            }
            Ok(response)
        }
    }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut all = headers.get_all(KEY).iter();
    let first = all.next().and_then(|value| value.to_str().ok()).map(|text| text.trim().trim_matches('"'));
    let good = first.filter(|text| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
    if let (Some(key), None) = (good, all.next()) {
        return Ok(key.to_owned());
    }
    let text = "send one Idempotency-Key of 1 to 255 visible ASCII characters without blanks";
    Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", text).about("Idempotency-Key"))
}

/// Everything that makes one call another: method, address, content type, body.
fn fingerprint(parts: &Parts, body: &Bytes) -> [Vec<u8>; 4] {
    let kind = parts.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    [parts.method.as_str().into(), parts.uri.to_string().into_bytes(), kind, body.to_vec()]
}

/// The answer, and what it says of the call.
async fn read(response: Response) -> Result<(Response, CallEnd), Problem> {
    let (parts, body) = response.into_parts();
    let whole = to_bytes(body, ANSWER)
        .await
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side"))?;
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let end = match (parts.status, std::str::from_utf8(&whole)) {
        (
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::METHOD_NOT_ALLOWED,
            _,
        ) => CallEnd::NotLetIn,
        (status, Ok(body)) if !status.is_server_error() => CallEnd::Answered(KeptAnswer {
            status: status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            body: body.to_owned(),
        }),
        _ => CallEnd::Failed,
    };
    Ok((Response::from_parts(parts, Body::from(whole)), end))
}

fn again(kept: KeptAnswer) -> Response {
    let KeptAnswer { status, content_type, location, body } = kept;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, text) in [(header::CONTENT_TYPE, content_type), (header::LOCATION, location)] {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
