//! The back ends' API: the life of a session, repeats, routes, pages of lists, refusals that say what to do.

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::TokenScope;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

/// A back end with every scope.
pub struct BackEnd<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> BackEnd<'a> {
    pub async fn of(app: &'a TestApp) -> Self {
        Self { app, token: app.token(&TokenScope::ALL).await }
    }

    /// A back end with `token`.
    pub const fn with(app: &'a TestApp, token: String) -> Self {
        Self { app, token }
    }

    /// What it authenticates with.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.raw(method, path, body.to_string()).await
    }

    pub async fn raw(&self, method: Method, path: &str, body: String) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        self.app.browser().send(request).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &body).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &body).await
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.raw(Method::GET, path, String::new()).await
    }
}

#[tokio::test]
async fn a_session_lives_and_every_report_may_be_repeated() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let account = json!({ "email": "dana@example.com", "name": "Dana Ortiz", "created_at": "2020-01-02T03:04:05Z" });
    api.put("/accounts/acc_1", account.clone()).await.expect(201);
    let again = api.put("/accounts/acc_1", json!({ "plan": "team" })).await.expect(200).json();
    assert_eq!(
        (&again["email"], &again["plan"]),
        (&"dana@example.com".into(), &"team".into()),
        "what is left out stays"
    );
    assert_eq!(again["created_at"], "2020-01-02T03:04:05.000Z");

    let session = json!({ "account_id": "acc_1", "client": "Desktop", "ip": "198.51.100.4" });
    let first = api.put("/sessions/s_1", session.clone()).await.expect(201).json();
    let second = api.put("/sessions/s_1", session).await.expect(200).json();
    assert_eq!(first, second);
    assert_eq!((&first["state"], &first["route"]), (&"active".into(), &Value::Null));
    api.post("/sessions/s_1/touch", json!({})).await.expect(200);
    let ended = api.post("/sessions/s_1/end", json!({ "reason": "signed_out" })).await.expect(200).json();
    assert_eq!((&ended["state"], &ended["reason"]), (&"ended".into(), &"signed_out".into()));
    api.post("/sessions/s_1/end", json!({ "reason": "expired" })).await.expect(200);
    let over = api.post("/sessions/s_1/touch", json!({})).await.expect(410).json();
    assert_eq!((&over["code"], &over["type"]), (&"session-ended".into(), &"urn:unstick:problem:session-ended".into()));

    let read = api.get("/accounts/acc_1").await.expect(200).json();
    assert_eq!(
        (&read["live_sessions"], &read["leftover_sessions"], &read["total_sessions"]),
        (&0.into(), &1.into(), &1.into())
    );
    assert_eq!(api.get("/sessions/s_1").await.expect(200).json()["reason"], "signed_out");
}

#[tokio::test]
async fn what_a_back_end_released_itself_is_not_left_over() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    api.put("/accounts/acc_1", json!({})).await.expect(201);
    api.put("/sessions/s_1", json!({ "account_id": "acc_1" })).await.expect(201);
    let ended =
        api.post("/sessions/s_1/end", json!({ "reason": "revoked", "released": true })).await.expect(200).json();
    assert_eq!(ended["state"], "cleaned");
    assert_eq!(api.get("/accounts/acc_1").await.json()["leftover_sessions"], 0);
}

#[tokio::test]
async fn a_session_belongs_to_one_account() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    for account in ["acc_1", "acc_2"] {
        api.put(&format!("/accounts/{account}"), json!({})).await.expect(201);
    }
    api.put("/sessions/s_1", json!({ "account_id": "acc_1" })).await.expect(201);
    assert_eq!(
        api.put("/sessions/s_1", json!({ "account_id": "acc_2" })).await.expect(409).json()["code"],
        "other-account"
    );
    let unknown = api.put("/sessions/s_2", json!({ "account_id": "acc_9" })).await.expect(422).json();
    assert_eq!((&unknown["code"], &unknown["field"]), (&"unknown-account".into(), &"account_id".into()));
}

#[tokio::test]
async fn the_embedded_router_keeps_an_account_where_it_is() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    api.put("/accounts/acc_1", json!({})).await.expect(201);
    // Without a server a session is reported all the same, and asking says why there is no answer.
    api.put("/sessions/s_0", json!({ "account_id": "acc_1" })).await.expect(201);
    api.post("/route", json!({ "session_id": "s_0" })).await.expect(409);
    api.put("/pools/app/servers/api-1", json!({ "state": "ready", "requests_total": 10 })).await.expect(200);
    api.put("/pools/app/servers/api-2", json!({ "state": "maint" })).await.expect(200);
    let created = api.put("/sessions/s_1", json!({ "account_id": "acc_1" })).await.expect(201).json();
    assert_eq!(created["route"], json!({ "router": "embedded", "pool": "app", "server": "api-1" }));
    api.put("/pools/app/servers/api-1", json!({ "state": "drain" })).await.expect(200);
    api.put("/pools/app/servers/api-2", json!({ "state": "ready" })).await.expect(200);
    let asked = api.post("/route", json!({ "session_id": "s_1", "pool": "app" })).await.expect(200).json();
    assert_eq!(
        (&asked["server"], &asked["scope"], &asked["key"]),
        (&"api-1".into(), &"account".into(), &"acc_1".into())
    );
    assert_eq!(api.get("/sessions/s_1").await.json()["route"]["server"], "api-1");
    api.post("/route", json!({ "session_id": "nosuch" })).await.expect(404);
    api.post("/route", json!({ "session_id": "s_1", "pool": "nosuch" })).await.expect(404);
}

#[tokio::test]
async fn every_row_of_a_list_comes_once() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    for n in 0..7 {
        api.put(&format!("/accounts/acc_{n}"), json!({})).await.expect(201);
        api.put(&format!("/sessions/s_{n}"), json!({ "account_id": "acc_0" })).await;
        app.clock.advance(domain::Span::from_secs(1));
    }
    for (path, id) in [("/accounts?limit=3", "account_id"), ("/accounts/acc_0/sessions?limit=3", "session_id")] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = api.get(&format!("{path}{after}")).await.expect(200).json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item[id].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let total = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((total, seen.len()), (7, 7), "{path}");
    }
    let live = api.get("/accounts/acc_0/sessions?state=active").await.expect(200).json();
    assert_eq!(live["items"].as_array().unwrap().len(), 7);
    assert!(api.get("/accounts/acc_0/sessions?state=ended").await.json()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_told_with_where() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    api.put("/accounts/acc_1", json!({})).await.expect(201);
    let long = "x".repeat(5_000);
    for (method, path, body, status, part) in [
        (Method::PUT, "/accounts/acc_1", "{\"emial\":\"x\"}", 422, "emial"),
        (Method::PUT, "/accounts/acc_1", "{\"email\":", 400, "ends too early"),
        (Method::PUT, "/accounts/acc_1", "", 400, "ends too early"),
        (Method::PUT, "/accounts/acc_1", "[1,2]", 422, "JSON object"),
        (Method::PUT, "/accounts/acc_1", "[]", 422, "JSON object"),
        (Method::PUT, "/accounts/acc_1", "[\"a@b\",\"Seq\",\"\",\"\",null]", 422, "JSON object"),
        (Method::PUT, "/accounts/acc_1", "\"x\"", 422, "JSON object"),
        (Method::PUT, "/accounts/acc_1", "{\"name\":7}", 422, "name must be a text"),
        (Method::PUT, "/accounts/acc_1", "{\"created_at\":7}", 422, "created_at must be a time like"),
        (Method::POST, "/route", "[\"s_1\"]", 422, "JSON object"),
        (Method::POST, "/sessions/s_1/end", "[\"expired\"]", 422, "JSON object"),
        (Method::PUT, "/accounts/acc_1", &format!("{{\"email\":\"{long}\"}}"), 422, "320"),
        (Method::PUT, "/sessions/a%20b", "{\"account_id\":\"acc_1\"}", 400, "1 to 64 characters"),
        (Method::PUT, "/sessions/a%3B%20clear%20table%20app", "{\"account_id\":\"acc_1\"}", 400, "1 to 64 characters"),
        (Method::PUT, "/sessions/s_1", "{\"account_id\":\"acc_1\",\"ip\":\"nowhere\"}", 422, "IPv4"),
        (Method::PUT, "/sessions/s_1", "{}", 422, "account_id"),
        (Method::POST, "/sessions/s_1/end", "{\"reason\":\"bored\"}", 422, "signed_out"),
        (Method::POST, "/sessions/nosuch/touch", "{}", 404, "no such"),
        (Method::GET, "/accounts?limit=1001", "", 400, "1000"),
        (Method::GET, "/accounts?limit=x", "", 400, "limit"),
        (Method::GET, "/accounts?lmit=1", "", 400, "lmit"),
        (Method::GET, "/accounts/acc_1/sessions?state=all", "", 400, "cleaned"),
        (Method::GET, "/accounts/nosuch", "", 404, "no such account"),
        (Method::PUT, "/pools/app/servers/x", "{\"state\":\"ready\",\"requests_total\":-1}", 422, "requests_total"),
    ] {
        let answer = api.raw(method.clone(), path, body.to_owned()).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        let problem = answer.json();
        assert!(problem["detail"].as_str().unwrap().contains(part), "{method} {path}: {problem}");
        assert_eq!(problem["correlation_id"], answer.header("x-request-id"), "{method} {path}");
        assert_eq!(problem["status"], status);
        for ours in ["struct", "Body", "u32", "u64", "serialize"] {
            assert!(!answer.text.contains(ours), "{method} {path}: {problem}");
        }
    }
}

#[tokio::test]
async fn the_field_that_is_wrong_is_named() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    api.put("/accounts/acc_1", json!({})).await.expect(201);
    api.put("/sessions/s_1", json!({ "account_id": "acc_1" })).await.expect(201);
    let long = "x".repeat(600);
    for (method, path, body, field, part) in [
        (Method::PUT, "/accounts/a", json!({ "name": "a\u{0}b" }), "name", "one line"),
        (Method::PUT, "/accounts/a", json!({ "plan": "a\nb" }), "plan", "one line"),
        (Method::PUT, "/accounts/a", json!({ "time_zone": long }), "time_zone", "320"),
        (Method::PUT, "/accounts/a", json!({ "emial": "x" }), "emial", "there is email"),
        (Method::PUT, "/accounts/a", json!({ "created_at": "0001-01-01T00:00:00Z" }), "created_at", "2000-01-01"),
        (Method::PUT, "/accounts/a", json!({ "created_at": "2099-01-01T00:00:00Z" }), "created_at", "2000-01-01"),
        (Method::PUT, "/sessions/b", json!({ "account_id": "acc_1", "client": "a\tb" }), "client", "one line"),
        (Method::PUT, "/sessions/b", json!({ "account_id": "acc_1", "user_agent": long }), "user_agent", "512"),
        (Method::PUT, "/sessions/b", json!({ "account_id": "acc_1", "ip": "10.1" }), "ip", "IPv4"),
        (
            Method::PUT,
            "/sessions/b",
            json!({ "account_id": "acc_1", "created_at": "2026-11-23T09:05:01Z" }),
            "created_at",
            "5 minutes",
        ),
        (Method::POST, "/sessions/s_1/touch", json!({ "at": "1999-12-31T23:59:59Z" }), "at", "2000-01-01"),
        (
            Method::POST,
            "/sessions/s_1/end",
            json!({ "reason": "expired", "at": "2030-01-01T00:00:00Z" }),
            "at",
            "2000-01-01",
        ),
    ] {
        let problem = api.send(method, path, &body).await.expect(422).json();
        assert_eq!(problem["field"], field, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{body}: {problem}");
    }
    api.get("/accounts/a").await.expect(404);
    let soon = json!({ "account_id": "acc_1", "created_at": "2026-11-23T09:05:00Z", "ip": "2001:0DB8::0:1" });
    assert_eq!(api.put("/sessions/b", soon).await.expect(201).json()["ip"], "2001:db8::1");
}

#[tokio::test]
async fn an_odd_account_id_is_as_good_as_a_plain_one() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    for (path, id) in [
        ("auth0%7C5f7c%2Fx", "auth0|5f7c/x"),
        ("%D0%BA%D0%BB%D1%8E%D1%87", "ключ"),
        ("a%3B%20clear%20table%20app", "a; clear table app"),
    ] {
        let account = api.put(&format!("/accounts/{path}"), json!({})).await.expect(201).json();
        assert_eq!(account["account_id"], id);
        let key = account["account_key"].as_str().unwrap();
        assert!(key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{key}");
        assert_eq!(api.get(&format!("/accounts/{path}")).await.expect(200).json()["account_id"], id);
    }
}
