//! Who asks: a back end with a bearer token. Cookies are not looked at, so no browser can be made to ask.

use app::api::ClientIp;
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use domain::Actor;

use super::Problem;
use crate::http::{Site, frame::ActedBy};

/// The back end that asks. What it may do is checked in the use case.
pub struct Backend(pub Actor);

impl FromRequestParts<Site> for Backend {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Problem> {
        let address = parts.extensions.get::<ClientIp>().map_or("unknown", |ip| ip.0.as_str());
        let Some(secret) = bearer(parts) else {
            return Err(site.limits().wrong(address));
        };
        match site.unstick().actor_of_token(secret).await {
            Ok(actor) => {
                if let Some(acted) = parts.extensions.get::<ActedBy>() {
                    acted.note(&actor);
                }
                if let Actor::Token { id, .. } = &actor {
                    site.limits().count(id)?;
                }
                Ok(Self(actor))
            }
            Err(service::Error::SignIn) => Err(site.limits().wrong(address)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The one bearer secret of a request.
pub fn bearer(parts: &Parts) -> Option<&str> {
    let mut all = parts.headers.get_all(header::AUTHORIZATION).iter();
    let text = all.next()?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    (all.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| secret.trim())
}
