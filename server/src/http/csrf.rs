//! Requests that another site made a browser send are refused before anything looks at them.
//!
//! The browser says where a request comes from: `Sec-Fetch-Site` (every current one), else `Origin`. With our
//! `Referrer-Policy: no-referrer` a form's `Origin` is `null`, so the former decides first. Both absent is no browser that
//! could be trusted with a cookie. Content types other than a form's are refused: a server function would decode any of
//! them, and `text/plain` needs no preflight. The token in the form is checked later, in [`super::guard`], where the
//! session is known.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

use super::{Site, answer};
use crate::config::WebOrigin;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Method,
    CrossSite,
    ContentType,
}

pub async fn same_site_only(State(site): State<Site>, request: Request, next: Next) -> Response {
    match check(request.method(), request.headers(), &site.config().public_origin) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let (status, text) = match refusal {
                Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "This address cannot be used that way."),
                Refusal::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Forms only."),
                Refusal::CrossSite => (
                    StatusCode::FORBIDDEN,
                    "This request did not come from this site. Open the page here and try again.",
                ),
            };
            tracing::warn!(?refusal, method = %request.method(), path = request.uri().path(), "refused");
            answer::refuse(request.uri().path(), status, text, None)
        }
    }
}

fn check(method: &Method, headers: &HeaderMap, ours: &WebOrigin) -> Result<(), Refusal> {
    let site = text(headers, "sec-fetch-site");
    match *method {
        Method::GET | Method::HEAD => {
            // Links from elsewhere are welcome; pictures, scripts and frames that load our pages are not.
            let navigates = text(headers, "sec-fetch-mode").is_none_or(|mode| mode == "navigate");
            let frames = text(headers, "sec-fetch-dest")
                .is_some_and(|dest| ["iframe", "frame", "object", "embed"].contains(&dest));
            let foreign = matches!(site, Some("cross-site" | "same-site"));
            if foreign && (!navigates || frames) { Err(Refusal::CrossSite) } else { Ok(()) }
        }
        Method::POST => {
            if !is_ours(site, text(headers, "origin"), ours) {
                return Err(Refusal::CrossSite);
            }
            let kind = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
            let essence = kind.split(';').next().unwrap_or_default().trim();
            if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                Ok(())
            } else {
                Err(Refusal::ContentType)
            }
        }
        _ => Err(Refusal::Method),
    }
}

fn is_ours(site: Option<&str>, origin: Option<&str>, ours: &WebOrigin) -> bool {
    let known = origin.filter(|origin| *origin != "null");
    match site {
        // A name that was pointed at us makes a browser say «same-origin» too: the origin must then be one of ours.
        Some(site) => site == "same-origin" && known.is_none_or(|origin| ours.admits(origin)),
        None => known.is_some_and(|origin| ours.admits(origin)),
    }
}

/// The one text of a header. Several, or one that is no text, are as good as a wrong one.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { Some("?") } else { Some(first.to_str().unwrap_or("?")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn verdict(method: &Method, pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        check(method, &headers, &"https://unstick.example".parse().unwrap())
    }

    #[test]
    fn our_own_forms_pass() {
        for origin in ["null", "https://unstick.example"] {
            let pairs = [("sec-fetch-site", "same-origin"), ("origin", origin), ("content-type", FORM)];
            assert_eq!(verdict(&Method::POST, &pairs), Ok(()));
        }
        let old = [
            ("origin", "https://unstick.example"),
            ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
        ];
        assert_eq!(verdict(&Method::POST, &old), Ok(()));
    }

    #[test]
    fn nobody_elses_do() {
        for site in ["cross-site", "same-site", "none", "", "Same-Origin"] {
            let pairs = [("sec-fetch-site", site), ("origin", "https://unstick.example"), ("content-type", FORM)];
            assert_eq!(verdict(&Method::POST, &pairs), Err(Refusal::CrossSite), "{site:?}");
        }
        for origin in ["null", "https://evil.example", "https://unstick.example.evil", "http://unstick.example", ""] {
            assert_eq!(
                verdict(&Method::POST, &[("origin", origin), ("content-type", FORM)]),
                Err(Refusal::CrossSite),
                "{origin:?}"
            );
        }
        assert_eq!(verdict(&Method::POST, &[("content-type", FORM)]), Err(Refusal::CrossSite));
        let rebound =
            [("sec-fetch-site", "same-origin"), ("origin", "http://evil.example:3000"), ("content-type", FORM)];
        assert_eq!(verdict(&Method::POST, &rebound), Err(Refusal::CrossSite));
        let twice = [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin"), ("content-type", FORM)];
        assert_eq!(verdict(&Method::POST, &twice), Err(Refusal::CrossSite));
    }

    #[test]
    fn only_forms_and_only_three_methods() {
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
            let pairs = [("sec-fetch-site", "same-origin"), ("content-type", kind)];
            assert_eq!(verdict(&Method::POST, &pairs), Err(Refusal::ContentType), "{kind:?}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
            assert_eq!(verdict(&method, &[("sec-fetch-site", "same-origin")]), Err(Refusal::Method));
        }
    }

    #[test]
    fn links_from_a_ticket_open_and_embedding_does_not() {
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(verdict(&Method::GET, &link), Ok(()));
        let picture = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        assert_eq!(verdict(&Method::GET, &picture), Err(Refusal::CrossSite));
        let frame = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert_eq!(verdict(&Method::GET, &frame), Err(Refusal::CrossSite));
        assert_eq!(verdict(&Method::GET, &[]), Ok(()));
    }
}
