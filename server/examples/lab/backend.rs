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

use crate::{Outcome, customers::Customers};

/// A running back end.
#[derive(Clone)]
pub struct Backend {
    pub name: &'static str,
    pub port: u16,
    pub bad: Arc<AtomicBool>,
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
            answered: Arc::default(),
            customers: customers.clone(),
        };
        let router = Router::new()
            .route("/health", get(|| async { "ok" }))
            .fallback(work)
            .with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        backends.push(backend);
    }
    Ok(backends)
}

/// The value of cookie `name`.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Answers a request; `?slow=MILLISECONDS` takes as long.
async fn work(
    State(backend): State<Backend>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let served_by = [("x-served-by", backend.name)];
    if !cookie(&headers, "sid").is_some_and(|session| backend.customers.knows(session)) {
        return (StatusCode::UNAUTHORIZED, served_by, "sign in first").into_response();
    }
    let slow = query
        .get("slow")
        .and_then(|slow| slow.parse().ok())
        .unwrap_or(0_u64)
        .min(20_000);
    let number = backend.answered.fetch_add(1, Ordering::Relaxed);
    let bad = backend.bad.load(Ordering::Relaxed);
    let pause = if bad { 150 + number * 37 % 200 } else { 2 };
    tokio::time::sleep(Duration::from_millis(pause + slow)).await;
    // 4 of 25, spread: 16 %.
    if bad && slow == 0 && number * 7 % 25 < 4 {
        return (StatusCode::INTERNAL_SERVER_ERROR, served_by, "something broke").into_response();
    }
    (StatusCode::OK, served_by, "done").into_response()
}
