//! Who acts on the customers' own pages: the customer of the visit's cookie, found out afresh for every request, and never
//! somebody of the staff, though the same browser may be signed in to the console too.

use app::api::{
    Csrf,
    customer::{COOKIE as VISIT, Visiting},
};
use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use domain::Actor;
use sha2::{Digest, Sha256};
use tower_sessions::Session;

use super::{Site, answer, frame::ActedBy, token};

/// The cookie of a customer's visit.
pub const COOKIE: &str = VISIT;

/// Whether `path` is one of the customers' pages or forms.
pub fn is_theirs(path: &str) -> bool {
    path == app::routes::SELF || path.starts_with("/self/") || path.starts_with("/fn/self/")
}

pub async fn who(site: Site, mut request: Request, next: Next) -> Response {
    let visit = cookie(request.headers()).map(|secret| <[u8; 32]>::from(Sha256::digest(secret.as_bytes())));
    let found = match visit {
        Some(visit) => site.unstick().visitor(&visit).await.map(|actor| actor.map(|actor| (visit, actor))),
        None => Ok(None),
    };
    let Ok(found) = found else {
        let text = "The database does not answer just now. Try again in a moment.";
        return answer::refuse(request.uri().path(), StatusCode::SERVICE_UNAVAILABLE, text, None);
    };
    let extensions = request.extensions_mut();
    // A console session in the same browser is none of theirs.
    extensions.remove::<Session>();
    if let Some((visit, actor)) = found {
        if let Some(acted) = extensions.get::<ActedBy>() {
            acted.note(&actor);
        }
        extensions.insert(Csrf(token::mint(site.csrf_key(), site.entropy(), &visit)));
        extensions.insert(Visiting(visit));
        extensions.insert(actor);
    } else {
        extensions.insert(Csrf(String::new()));
        extensions.insert(Actor::Anonymous);
    }
    next.run(request).await
}

/// The visit's secret. Two cookies of the name are as good as none.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    let first = values.next().filter(|value| !value.is_empty() && value.len() <= 100)?;
    values.next().is_none().then_some(first)
}
