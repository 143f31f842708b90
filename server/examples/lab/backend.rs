//! Three small back ends. A bad one is slow, and 16 % of its answers are errors.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{
    Outcome,
    customers::Customers,
    sign_in::{cookie, set_cookies},
};

/// A running back end.
#[derive(Clone)]
pub struct Backend {
    pub name: &'static str,
    pub port: u16,
    pub bad: Arc<AtomicBool>,
    /// Requests under way that were asked to be slow.
    pub slow: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    customers: Arc<Customers>,
}

/// Starts `api-1`, `api-2` and `api-3`.
pub async fn start(customers: &Arc<Customers>) -> Outcome<Vec<Backend>> {
    let mut backends = Vec::new();
    for name in ["api-1", "api-2", "api-3"] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let backend = Backend {
            name,
            port: listener.local_addr()?.port(),
            bad: Arc::default(),
            slow: Arc::default(),
            answered: Arc::default(),
            customers: customers.clone(),
        };
        let router = Router::new().route("/health", get(|| async { "ok" })).fallback(work).with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        backends.push(backend);
    }
    Ok(backends)
}

/// Answers a request; `?slow=MILLISECONDS` takes as long.
async fn work(
    State(backend): State<Backend>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let served_by = [("x-served-by", backend.name)];
    let signed_in = match cookie(&headers, "sid") {
        Some(session) => backend.customers.meet(session).await,
        None => false,
    };
    if !signed_in {
        let gone = set_cookies(&<[String; 4]>::default());
        return (StatusCode::UNAUTHORIZED, served_by, gone, "sign in first").into_response();
    }
    if let Some(slow) = query.get("slow").and_then(|slow| slow.parse::<u64>().ok()) {
        let under_way = UnderWay::new(&backend.slow);
        tokio::time::sleep(Duration::from_millis(slow.min(20_000))).await;
        drop(under_way);
        return (StatusCode::OK, served_by, "done, slowly").into_response();
    }
    let number = backend.answered.fetch_add(1, Ordering::Relaxed);
    let bad = backend.bad.load(Ordering::Relaxed);
    let pause = if bad { 150 + number * 37 % 250 } else { 2 };
    tokio::time::sleep(Duration::from_millis(pause)).await;
    // 4 of 25, spread: 16 %.
    match number * 7 % 25 {
        0 | 2 if bad => (StatusCode::INTERNAL_SERVER_ERROR, served_by, "something broke").into_response(),
        1 | 3 if bad => (StatusCode::SERVICE_UNAVAILABLE, served_by, "try again later").into_response(),
        _ => (StatusCode::OK, served_by, "done").into_response(),
    }
}

/// Counts a request for as long as it is under way, also when the customer goes away.
struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
