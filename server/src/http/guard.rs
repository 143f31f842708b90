//! The last look at a form before a server function sees it: not too large, and with the token that was made for this
//! session. Needs the session, so it comes after [`super::who`]; what it refuses never runs.

use app::api::customer::Visiting;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Extensions, Method, StatusCode},
    middleware::Next,
    response::Response,
};

use super::{Site, answer, token, who::SignedIn};

/// Longest form, in bytes.
pub const MOST: usize = 1 << 20;
/// Longest form with a list of accounts, in bytes: some 200,000 ids.
const MOST_LIST: usize = 8 << 20;

/// The key of the session that a form must have been made for: a staff member's, or a customer's visit.
fn owner(extensions: &Extensions) -> Option<[u8; 32]> {
    let staff = extensions.get::<SignedIn>().map(SignedIn::form_key);
    staff.or_else(|| extensions.get::<Visiting>().map(|Visiting(visit)| *visit))
}

pub async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let signed_in = parts.extensions.get::<SignedIn>().is_some();
    let most = if signed_in && path == app::routes::action::BULK_DRAFT { MOST_LIST } else { MOST };
    let Ok(bytes) = to_bytes(body, most).await else {
        return answer::refuse(path, StatusCode::PAYLOAD_TOO_LARGE, "That is too much to send at once.", None);
    };
    if let Some(hash) = owner(&parts.extensions) {
        let header = parts.headers.get(token::HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let field = || {
            url::form_urlencoded::parse(&bytes)
                .find(|(name, _)| name == token::FIELD)
                .map(|(_, value)| value.into_owned())
        };
        let given = header.or_else(field).unwrap_or_default();
        if !token::fits(site.csrf_key(), &given, &hash) {
            tracing::warn!(path, "refused: the form's token is not this session's");
            let text = "This form is from an earlier sign-in. Go back, load the page again and repeat.";
            return answer::refuse(path, StatusCode::FORBIDDEN, text, None);
        }
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}
