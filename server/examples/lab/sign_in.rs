//! The sign-in app: makes sessions, reports them to Unstick, hands out opaque keys as cookies, and tells the service
//! when Unstick ended a session. One that is signed out *badly* is reported as ended and cleaned up nowhere: the bug that
//! the lab is about.

use std::{sync::Arc, time::Duration};

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

use crate::{Outcome, backend::cookie, console::Console, customers::Customers};

/// The app's own half of the conversation with Unstick's API.
pub struct SignIn {
    api: String,
    token: String,
    http: reqwest::Client,
    pub customers: Arc<Customers>,
    /// Where customers reach the load balancer.
    pub front: String,
}

/// A signed-in client: what its cookies say.
#[derive(Debug, Clone, Serialize)]
pub struct Client {
    pub account: String,
    pub session: String,
    pub account_key: String,
    pub session_key: String,
}

impl Client {
    /// Its cookies, as a header.
    pub fn cookies(&self) -> String {
        format!(
            "acct={}; sess={}; sid={}",
            self.account_key, self.session_key, self.session
        )
    }
}

#[derive(Deserialize)]
struct Made {
    account_key: String,
    session_key: String,
}

impl SignIn {
    pub fn new(console: &Console, customers: Arc<Customers>, front: String) -> Outcome<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let api = format!("{}/api/v1", console.address);
        Ok(Self {
            api,
            token: console.token.clone(),
            http,
            customers,
            front,
        })
    }

    /// Tells Unstick of an account.
    pub async fn account(&self, id: &str, name: &str) -> Outcome<()> {
        let email = format!("{}@example.org", id.replace('_', "."));
        let body = json!({ "email": email, "name": name, "plan": "Pro", "time_zone": "Europe/Berlin" });
        self.call(self.http.put(format!("{}/accounts/{id}", self.api)).json(&body))
            .await
            .map(drop)
    }

    /// Signs a brand-new client in.
    pub async fn sign_in(&self, account: &str, client: &str) -> Outcome<Client> {
        let mut bytes = [0_u8; 9];
        getrandom::fill(&mut bytes)?;
        let session = format!("s_{}", bytes.map(|byte| format!("{byte:02x}")).concat());
        let body = json!({
            "account_id": account, "client": client, "user_agent": "lab/1.0", "ip": format!("10.9.{}.{}", bytes[0], bytes[1]),
        });
        let made: Made = self
            .call(self.http.put(format!("{}/sessions/{session}", self.api)).json(&body))
            .await?
            .json()
            .await?;
        self.customers.begin(&session, account);
        Ok(Client {
            account: account.to_owned(),
            session,
            account_key: made.account_key,
            session_key: made.session_key,
        })
    }

    /// Signs a client out; `badly` cleans nothing up.
    pub async fn sign_out(&self, session: &str, badly: bool) -> Outcome<()> {
        self.customers.end(session);
        let body = json!({ "reason": "signed_out", "released": !badly });
        self.call(
            self.http
                .post(format!("{}/sessions/{session}/end", self.api))
                .json(&body),
        )
        .await
        .map(drop)
    }

    /// Tells Unstick which sessions are in use, and the service which of them Unstick ended: sooner than the longest
    /// request, so that nothing new is pinned for them after a clean-up.
    pub async fn touch(&self) -> Outcome<()> {
        for batch in self.customers.all().chunks(1_000) {
            let items: Vec<_> = batch.iter().map(|id| json!({ "session_id": id })).collect();
            let request = self
                .http
                .post(format!("{}/batch/touches", self.api))
                .json(&json!({ "items": items }));
            let answer: serde_json::Value = self.call(request).await?.json().await?;
            for result in answer["results"].as_array().into_iter().flatten() {
                if let (Some(id), Some(410)) = (result["id"].as_str(), result["status"].as_u64()) {
                    self.customers.end(id);
                }
            }
        }
        Ok(())
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Outcome<reqwest::Response> {
        let answer = request.bearer_auth(&self.token).send().await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, url) = (answer.status(), answer.url().clone());
        Err(format!("{url} answered {status}: {}", answer.text().await.unwrap_or_default()).into())
    }
}

/// A port for the app, before it can be served.
pub async fn reserve() -> Outcome<Reserved> {
    Ok(Reserved(TcpListener::bind("127.0.0.1:0").await?))
}

/// A bound port.
pub struct Reserved(TcpListener);

impl Reserved {
    pub fn port(&self) -> u16 {
        self.0.local_addr().map_or(0, |address| address.port())
    }
}

/// Serves the app, and carries touches to Unstick.
pub fn serve(reserved: Reserved, app: Arc<SignIn>) {
    let router = Router::new()
        .route("/sign-in", post(enter))
        .route("/sign-out", post(leave))
        .with_state(app.clone());
    tokio::spawn(async move { axum::serve(reserved.0, router).await });
    tokio::spawn(async move {
        loop {
            if let Err(error) = app.touch().await {
                eprintln!("lab: touches: {error}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
}

#[derive(Deserialize)]
struct Enter {
    account: String,
}

async fn enter(State(app): State<Arc<SignIn>>, Json(enter): Json<Enter>) -> Response {
    match app.sign_in(&enter.account, "Web · Firefox 145").await {
        Ok(client) => {
            let cookies = client.cookies();
            let mut headers = HeaderMap::new();
            for pair in cookies.split("; ") {
                if let Ok(value) = format!("{pair}; Path=/; HttpOnly").parse() {
                    headers.append("set-cookie", value);
                }
            }
            (headers, Json(client)).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
struct Leave {
    #[serde(default)]
    badly: bool,
}

async fn leave(State(app): State<Arc<SignIn>>, headers: HeaderMap, Json(leave): Json<Leave>) -> Response {
    let Some(session) = cookie(&headers, "sid") else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match app.sign_out(session, leave.badly).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
