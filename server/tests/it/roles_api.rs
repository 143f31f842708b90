//! Which token may call which operation of the API: every operation of the description against no token, a wrong one, a
//! session's cookie, and a token of each single scope.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use domain::{Role, TokenScope};
use serde_json::Value;

use crate::support::{Answer, TestApp};

/// Operations: method and path with ids in it, a body, and the scope that is needed.
const OPERATIONS: &[(&str, &str, &str, TokenScope)] = &[
    ("put", "/api/v1/accounts/{account_id}", r#"{"name":"X"}"#, TokenScope::SessionsWrite),
    ("get", "/api/v1/accounts/{account_id}", "", TokenScope::SessionsRead),
    ("get", "/api/v1/accounts", "", TokenScope::SessionsRead),
    ("get", "/api/v1/accounts/{account_id}/sessions", "", TokenScope::SessionsRead),
    ("put", "/api/v1/sessions/{session_id}", r#"{"account_id":"acc_a"}"#, TokenScope::SessionsWrite),
    ("get", "/api/v1/sessions/{session_id}", "", TokenScope::SessionsRead),
    ("post", "/api/v1/sessions/{session_id}/touch", "{}", TokenScope::SessionsWrite),
    ("post", "/api/v1/sessions/{session_id}/end", r#"{"reason":"expired"}"#, TokenScope::SessionsWrite),
    ("post", "/api/v1/batch/accounts", r#"{"items":[{"account_id":"acc_a"}]}"#, TokenScope::SessionsWrite),
    (
        "post",
        "/api/v1/batch/sessions",
        r#"{"items":[{"session_id":"s_live_acc_a","account_id":"acc_a"}]}"#,
        TokenScope::SessionsWrite,
    ),
    ("post", "/api/v1/batch/touches", r#"{"items":[{"session_id":"s_live_acc_a"}]}"#, TokenScope::SessionsWrite),
    (
        "post",
        "/api/v1/batch/ends",
        r#"{"items":[{"session_id":"s_live_acc_a","reason":"expired"}]}"#,
        TokenScope::SessionsWrite,
    ),
    ("post", "/api/v1/route", r#"{"session_id":"s_live_acc_a"}"#, TokenScope::RoutesAsk),
    ("post", "/api/v1/sessions/{session_id}/self-token", "", TokenScope::SelfIssue),
    ("post", "/api/v1/accounts/{account_id}/self-link", "{}", TokenScope::SelfIssue),
    ("put", "/api/v1/pools/{pool}/servers/{server}", r#"{"state":"ready"}"#, TokenScope::RoutesWrite),
];

async fn call(app: &TestApp, method: &str, path: &str, body: &str, with: (header::HeaderName, String)) -> Answer {
    let path = path
        .replace("{account_id}", "acc_a")
        .replace("{session_id}", "s_live_acc_a")
        .replace("{pool}", "app")
        .replace("{server}", "good");
    let request = Request::builder()
        .method(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap())
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(with.0, with.1)
        .body(Body::from(body.to_owned()))
        .unwrap();
    app.browser().send(request).await
}

fn bearer(token: &str) -> (header::HeaderName, String) {
    (header::AUTHORIZATION, format!("Bearer {token}"))
}

#[tokio::test]
async fn every_operation_has_a_row() {
    let app = TestApp::new().await;
    let document: Value = app.browser().get("/api/openapi.json").await.expect(200).json();
    let mut described = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // Customers' own: in `self_service.rs`.
        if path.starts_with("/api/v1/self") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let known = OPERATIONS.iter().any(|(its, at, ..)| its == method && at == path);
            assert!(known, "{method} {path} has no row in the matrix");
            described += 1;
        }
    }
    assert_eq!(described, OPERATIONS.len());
}

#[tokio::test]
async fn every_operation_for_every_token() {
    for (method, path, body, needed) in OPERATIONS {
        let app = TestApp::new().await;
        app.stuck("acc_a").await;
        let admin = app.signed_in(Role::Admin).await;
        let cookie = format!("{}={}", server::http::COOKIE, admin.cookie.unwrap());
        let strangers = [
            (header::ACCEPT, "application/json".to_owned()),
            bearer("sac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            (header::AUTHORIZATION, "Basic YTpi".to_owned()),
            (header::COOKIE, cookie),
        ];
        for with in strangers {
            let answer = call(&app, method, path, body, with).await.expect(401);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        }
        for scope in TokenScope::ALL {
            let token = app.token(&[scope]).await;
            let answer = call(&app, method, path, body, bearer(&token)).await;
            if scope == *needed {
                assert!((200..300).contains(&answer.status), "{method} {path} with {scope:?}: {}", answer.text);
            } else {
                assert_eq!(answer.status, 403, "{method} {path} with {scope:?}: {}", answer.text);
                assert_eq!(answer.json()["code"], "denied");
            }
        }
    }
}

#[tokio::test]
async fn a_token_ends_at_once_when_it_is_revoked_and_when_its_time_is_over() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let actor = domain::Actor::System;
    let ends = domain::Clock::now(app.clock.as_ref()) + domain::Span::from_secs(60);
    let scopes = [TokenScope::SessionsRead];
    let (id, secret) = app.unstick.create_token(&actor, "a", &scopes, None).await.unwrap();
    let (_, short) = app.unstick.create_token(&actor, "b", &scopes, Some(ends)).await.unwrap();
    for token in [&secret, &short] {
        call(&app, "get", "/api/v1/accounts", "", bearer(token)).await.expect(200);
    }
    app.unstick.revoke_token(&actor, &id).await.unwrap();
    call(&app, "get", "/api/v1/accounts", "", bearer(&secret)).await.expect(401);
    app.clock.advance(domain::Span::from_secs(61));
    call(&app, "get", "/api/v1/accounts", "", bearer(&short)).await.expect(401);
}
