//! The frame around every request: an id, a nonce, the client's address, a time limit, panics, headers, and one log line.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Instant,
};

use app::api::{ClientIp, RequestId};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Actor;
use futures::FutureExt;
use tracing::Instrument;

use super::{Site, answer, client_ip, headers, session};

/// The nonce of an answer's scripts.
#[derive(Debug, Clone)]
pub struct PageNonce(pub String);

/// Marks answers that are no news: files and health checks are logged only when something is wrong.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

/// Who acts, for the log line: a place in every request for whoever finds out.
#[derive(Debug, Clone, Default)]
pub struct ActedBy(Arc<OnceLock<String>>);

impl ActedBy {
    /// Notes that `actor` acts.
    pub fn note(&self, actor: &Actor) {
        self.0.get_or_init(|| actor.label());
    }
}

pub async fn frame(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let mut bytes = [0; 28];
    site.entropy().fill(&mut bytes);
    let (nonce, id) = bytes.split_at(16);
    let (nonce, id) = (URL_SAFE_NO_PAD.encode(nonce), hex::encode(id.get(..8).unwrap_or(id)));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let client = client_ip::of(request.headers(), peer, &site.config().trusted_proxies);
    let extensions = request.extensions_mut();
    let actor = ActedBy::default();
    extensions.insert(actor.clone());
    extensions.insert(RequestId(id.clone()));
    extensions.insert(PageNonce(nonce.clone()));
    extensions.insert(ClientIp(client.clone()));

    let span = tracing::info_span!("request", request.id = %id);
    let limit = site.config().request_timeout.to_std();
    let answered = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind());
    let mut response = match answered.instrument(span.clone()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            span.in_scope(|| tracing::error!("the request's code panicked"));
            answer::failure(&path, StatusCode::INTERNAL_SERVER_ERROR, &id)
        }
        Err(_elapsed) => {
            span.in_scope(|| tracing::error!("the request took longer than request_timeout"));
            answer::failure(&path, StatusCode::SERVICE_UNAVAILABLE, &id)
        }
    };
    session::tidy_cookies(response.headers_mut());
    headers::secure(response.headers_mut(), site.config(), &nonce, &id);
    span.in_scope(|| log(&method, &path, &response, began, &client, &actor));
    response
}

/// One line for each request. The path is there, the query is not: people search for names and addresses.
fn log(method: &Method, path: &str, response: &Response, began: Instant, client: &str, actor: &ActedBy) {
    let status = response.status().as_u16();
    let took_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let actor = actor.0.get().map_or("", String::as_str);
    let quiet = response.extensions().get::<Quiet>().is_some();
    if quiet && status < 400 {
        tracing::debug!(%method, path, status, took_ms, actor, client, "answered");
    } else if status >= 500 {
        tracing::warn!(%method, path, status, took_ms, actor, client, "answered");
    } else {
        tracing::info!(%method, path, status, took_ms, actor, client, "answered");
    }
}
