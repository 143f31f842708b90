//! The sign-in app, behind the load balancer: makes sessions, reports them, and hands out opaque keys as cookies. One that
//! is signed out *badly* is reported as ended and cleaned up nowhere: the bug that the lab is about.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    Outcome,
    customers::Customers,
    registry::{Beginning, Registry, opaque},
};

/// The cookies, in the order of [`Entered::cookies`]: what HAProxy sticks on in each pool, the session itself, and its
/// account's generation, by which the affinity proxy knows old entries.
pub const COOKIES: [&str; 4] = ["acct", "sess", "sid", "gen"];

/// The app.
pub struct SignIn {
    pub registry: Registry,
    pub customers: Arc<Customers>,
}

/// What a sign-in came to.
struct Entered {
    cookies: [String; 4],
}

impl SignIn {
    async fn enter(&self, enter: &Enter) -> Outcome<Entered> {
        let session = opaque("s")?;
        let beginning = Beginning { account: &enter.account, session: &session, client: &enter.client, ip: &enter.ip };
        let keys = self.registry.begin(&beginning).await?;
        self.customers.begin(&session);
        Ok(Entered { cookies: [keys.account_key, keys.session_key, session, keys.generation.to_string()] })
    }

    async fn leave(&self, session: &str, badly: bool) -> Outcome<()> {
        self.customers.end(session);
        self.registry.end(session, !badly).await
    }
}

/// The app's port, before there is an app: HAProxy's configuration names it.
pub async fn listen() -> Outcome<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

/// Serves the app.
pub fn serve(listener: TcpListener, app: Arc<SignIn>) {
    let router = Router::new()
        .route("/sign-in", post(enter))
        .route("/sign-out", post(leave))
        .route("/credential", post(credential))
        .with_state(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// The value of cookie `name`.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The headers that set the cookies; empty values take them away.
pub fn set_cookies(values: &[String; 4]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in COOKIES.iter().zip(values) {
        let end = if value.is_empty() { "; Max-Age=0" } else { "" };
        if let Ok(line) = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{end}").parse() {
            headers.append("set-cookie", line);
        }
    }
    headers
}

/// Who signs in, and with what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Enter {
    pub account: String,
    #[serde(default)]
    pub client: String,
    #[serde(default)]
    pub ip: String,
}

async fn enter(State(app): State<Arc<SignIn>>, Json(enter): Json<Enter>) -> Response {
    match app.enter(&enter).await {
        Ok(entered) => (set_cookies(&entered.cookies), Json(json!({ "account": enter.account }))).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Hands the client of a session what it helps itself with.
async fn credential(State(app): State<Arc<SignIn>>, headers: HeaderMap) -> Response {
    let Some(session) = cookie(&headers, "sid") else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match app.registry.credential(session).await {
        Ok(credential) => Json(json!({ "credential": credential })).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// How somebody signs out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Leave {
    #[serde(default)]
    pub badly: bool,
}

async fn leave(State(app): State<Arc<SignIn>>, headers: HeaderMap, Json(leave): Json<Leave>) -> Response {
    let Some(session) = cookie(&headers, "sid") else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match app.leave(session, leave.badly).await {
        Ok(()) => (StatusCode::NO_CONTENT, set_cookies(&<[String; 4]>::default())).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
