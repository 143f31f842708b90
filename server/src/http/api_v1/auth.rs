//! Who asks: a back end with a bearer token. Cookies are not looked at, so no browser can be made to ask.

use app::api::ClientIp;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::Actor;

use super::{Problem, limits::Spent};
use crate::http::{Site, frame::ActedBy};

/// The back end that asks. What it may do is checked in the use case.
pub struct Backend(pub Actor);

/// Who asks, where that was found out before the handler.
#[derive(Clone)]
struct Known(Actor);

/// Who asks; found out, and counted, once for each request.
///
/// # Errors
/// A problem without a good token, and when it asks too often.
pub async fn authenticate(parts: &mut Parts, site: &Site) -> Result<Actor, Problem> {
    if let Some(Known(actor)) = parts.extensions.get::<Known>() {
        return Ok(actor.clone());
    }
    let address = parts.extensions.get::<ClientIp>().map_or("unknown", |ip| ip.0.as_str());
    let Some(secret) = bearer(&parts.headers) else {
        return Err(site.limits().wrong(address));
    };
    match site.unstick().actor_of_token(secret).await {
        Ok(actor) => {
            if let Some(acted) = parts.extensions.get::<ActedBy>() {
                acted.note(&actor);
            }
            if let Actor::Token { id, .. } = &actor {
                site.limits().count(id, parts.extensions.get::<Spent>())?;
            }
            parts.extensions.insert(Known(actor.clone()));
            Ok(actor)
        }
        Err(service::Error::SignIn) => Err(site.limits().wrong(address)),
        Err(error) => Err(error.into()),
    }
}

impl FromRequestParts<Site> for Backend {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Problem> {
        authenticate(parts, site).await.map(Self)
    }
}

/// Whether a request carries something that looks like a token.
pub fn has_token(headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|secret| secret.starts_with("sac_"))
}

/// The one bearer secret of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let text = all.next()?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    (all.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| secret.trim())
}
