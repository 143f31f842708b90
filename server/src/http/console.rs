//! The console: pages and server functions of package `app`, live ledgers and exports, behind the layers that make them
//! safe. A request passes, from outside: compression, cross-site defence, session, who acts, the form's token.

use std::{mem, sync::Arc};

use app::{Loading, PAGES, document, not_found};
use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, request::Parts},
    middleware::from_fn_with_state,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use hydration_context::SsrSharedContext;
use leptos::{
    nonce::Nonce,
    prelude::{provide_context, with_context},
    reactive::{computed::ScopedFuture, owner::Owner},
};
use leptos_axum::{LeptosRoutes, ResponseOptions, ResponseParts};
use tower_http::compression::{
    CompressionLayer, CompressionLevel, Predicate,
    predicate::{NotForContentType, SizeAbove},
};

use super::{Site, audit_export, bulk, csrf, events, evidence, frame::PageNonce, guard, session, who};

/// Smallest answer that is worth compressing, in bytes: below, it fits into one packet anyway.
const WORTH: u16 = 1_400;

pub fn routes(site: &Site) -> Router<Site> {
    let unstick = site.unstick().clone();
    let provide = move || {
        provide_context(unstick.clone());
        // leptos_axum has provided a nonce of its own; the one in our header wins.
        let nonce = with_context::<Parts, _>(|parts| parts.extensions.get::<PageNonce>().cloned());
        if let Some(PageNonce(nonce)) = nonce.flatten() {
            provide_context(Nonce::from_value(nonce));
        }
    };
    let page = |page: fn() -> Loading| {
        let (site, provide) = (site.clone(), provide.clone());
        move |request: Request| answer(site.clone(), provide.clone(), page, request)
    };
    let missing = page(not_found);
    let missing = async move |request: Request| {
        if let Some(elsewhere) = without_slash(&request) {
            return elsewhere.into_response();
        }
        let mut response = missing(request).await;
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    };
    let worth = SizeAbove::new(WORTH).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    let pages = PAGES.iter().fold(Router::new(), |router, (path, view)| router.route(path, get(page(*view))));
    // With no pages: the server functions, each at its own path.
    pages
        .leptos_routes_with_context(site, Vec::new(), provide, || ())
        .route("/clean-ups/{id}/events", get(events::events))
        .route("/clean-ups/{id}/evidence.md", get(evidence::markdown))
        .route("/clean-ups/{id}/evidence.json", get(evidence::json))
        .route("/bulk/{id}/events", get(bulk::events))
        .route("/bulk/{id}/report.csv", get(bulk::csv))
        .route("/bulk/{id}/report.ndjson", get(bulk::ndjson))
        .route("/audit/export.csv", get(audit_export::csv))
        .route("/audit/export.ndjson", get(audit_export::ndjson))
        .fallback(missing)
        .layer(from_fn_with_state(site.clone(), guard::guard))
        .layer(from_fn_with_state(site.clone(), who::who))
        .layer(session::layer(site))
        .layer(from_fn_with_state(site.clone(), csrf::same_site_only))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth))
}

/// A page as an answer. What `leptos_axum` does, without a stream: a page is whole before it is sent, so it is sent in
/// one piece whose length is known.
async fn answer(site: Site, provide: impl Fn(), page: fn() -> Loading, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let said = ResponseOptions::default();
    // What is in islands is told by it from what is around them.
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let written = owner.with(|| {
        provide_context(parts);
        provide_context(said.clone());
        provide();
        ScopedFuture::new(document(site.options(), page))
    });
    let html = written.await;
    owner.unset_with_forced_cleanup();
    let ResponseParts { status, headers, .. } =
        said.0.write().map(|mut said| mem::take(&mut *said)).unwrap_or_default();
    (status.unwrap_or_default(), headers, Html(html)).into_response()
}

/// Where a page is that was asked for with a slash too many at the end.
fn without_slash(request: &Request) -> Option<Redirect> {
    let path = request.uri().path();
    let short = path.trim_end_matches('/');
    if !(request.method() == Method::GET && path.len() > 1 && short.starts_with('/') && !short.starts_with("//")) {
        return None;
    }
    if short == path {
        return None;
    }
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    Some(Redirect::permanent(&format!("{short}{query}")))
}
