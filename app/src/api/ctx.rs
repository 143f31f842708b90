//! The only file that touches a request and its response. The HTTP layer puts who asks into the request's extensions;
//! functions here take it from there. All of it is absent while the list of routes is made, so nothing here expects.

use domain::{Actor, Instant, view::Me};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::{use_context, with_context};
use leptos_axum::ResponseOptions;
use service::Unstick;
use tower_sessions::Session;

use super::ApiError;
use crate::routes;

/// The token that every form carries back in the field `csrf`; empty for who is not signed in. Put into the request's
/// extensions by the HTTP layer, which checks it (its value differs in every answer), and where a request comes from,
/// before any server function runs.
#[derive(Clone)]
pub struct Csrf(pub String);

/// The address of who asks, as far as trusted proxies tell. Put into the request's extensions by the HTTP layer.
#[derive(Clone)]
pub struct ClientIp(pub String);

/// The number under which the log tells about this request. Put into the request's extensions by the HTTP layer.
#[derive(Clone)]
pub struct RequestId(pub String);

fn extension<T: Clone + Send + Sync + 'static>() -> Option<T> {
    with_context::<Parts, _>(|parts| parts.extensions.get::<T>().cloned()).flatten()
}

/// The use cases and who asks, to read.
///
/// # Errors
/// When the server was put together wrongly.
pub(crate) fn reading() -> Result<(Unstick, Actor), ApiError> {
    let unstick = use_context::<Unstick>().ok_or_else(|| ApiError::internal("no use cases in the context"))?;
    Ok((unstick, extension::<Actor>().unwrap_or(Actor::Anonymous)))
}

/// As [`reading`], to change something: only for somebody who is signed in.
///
/// # Errors
/// 401 for nobody.
pub(crate) fn mutating() -> Result<(Unstick, Actor), ApiError> {
    let (unstick, actor) = reading()?;
    if actor == Actor::Anonymous { Err(ApiError::not_signed_in()) } else { Ok((unstick, actor)) }
}

/// The token for forms; empty when there is none.
pub(crate) fn csrf() -> String {
    extension::<Csrf>().map_or_else(String::new, |Csrf(token)| token)
}

/// Who is signed in, for the frame.
pub(crate) fn me() -> Option<Me> {
    extension()
}

/// The number of this request in the log.
pub(crate) fn request_id() -> Option<String> {
    extension::<RequestId>().map(|RequestId(id)| id)
}

/// The present; `None` while the list of routes is made.
pub(crate) fn now() -> Option<Instant> {
    use_context::<Unstick>().map(|unstick| unstick.clock().now())
}

/// The host that the browser asked, as it said; for what a person reads only.
pub(crate) fn host() -> String {
    let text = header_text(&header::HOST);
    let good = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '[' | ']');
    text.chars().filter(good).take(80).collect()
}

/// The address of who asks; empty when not known.
pub(crate) fn client_ip() -> String {
    extension::<ClientIp>().map_or_else(String::new, |ClientIp(ip)| ip)
}

/// The console session.
pub(crate) fn session() -> Option<Session> {
    extension()
}

/// The visit of a customer who helps themselves, if this page is one of theirs.
pub(crate) fn visiting() -> Option<super::customer::Visiting> {
    extension()
}

/// The browser's name for itself, cut to 200 bytes.
pub(crate) fn user_agent() -> String {
    header_text(&header::USER_AGENT).chars().filter(char::is_ascii).take(200).collect()
}

/// What the cookie `name` says.
pub(crate) fn cookie(name: &str) -> Option<String> {
    let cookies = header_text(&header::COOKIE);
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn header_text(name: &HeaderName) -> String {
    let text = |parts: &Parts| parts.headers.get(name)?.to_str().ok().map(ToOwned::to_owned);
    with_context::<Parts, _>(text).flatten().unwrap_or_default()
}

/// The path that was asked for, as it was sent.
pub(crate) fn path() -> String {
    with_context::<Parts, _>(|parts| parts.uri.path().to_owned()).unwrap_or_default()
}

/// The path and the query that were asked for.
pub(crate) fn path_and_query() -> String {
    let text = |parts: &Parts| parts.uri.path_and_query().map(ToString::to_string);
    with_context::<Parts, _>(text).flatten().unwrap_or_default()
}

/// What the query says of `name`, trimmed; `None` when nothing.
pub(crate) fn asked(name: &str) -> Option<String> {
    let find = |parts: &Parts| {
        let pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
        routes::decode(value, true)
    };
    let value = with_context::<Parts, _>(find).flatten()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Refuses a query with words that the page does not know: a filter that is not understood must not mean «all».
///
/// # Errors
/// 422 with the words that there are.
pub(crate) fn only(known: &[&str]) -> Result<(), ApiError> {
    let strange = |parts: &Parts| {
        let names = parts.uri.query()?.split('&').filter(|pair| !pair.is_empty());
        let name =
            names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)).find(|it| !known.contains(it))?;
        routes::decode(name, true)
    };
    match with_context::<Parts, _>(strange).flatten() {
        None => Ok(()),
        Some(_) if known.is_empty() => Err(ApiError::invalid("query", "this page has no filters")),
        Some(_) => {
            Err(ApiError::invalid("query", format!("this page has no such filter; it has {}", known.join(", "))))
        }
    }
}

/// Answers with `status`.
pub(crate) fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Answers with a header more.
pub(crate) fn set_header(name: HeaderName, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.insert_header(name, value);
    }
}

/// Sends the browser to `url`, one of [`routes`], to be got. Always set: without it leptos would send it to where the
/// request says that it came from.
pub(crate) fn see_other(url: &str) {
    set_header(header::LOCATION, url);
    set_status(StatusCode::SEE_OTHER.as_u16());
}
