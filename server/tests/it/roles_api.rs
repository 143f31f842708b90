//! Which token may call which operation of the API: every operation of the description against no token, a wrong one, a
//! session's cookie, and a token of each single scope.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use domain::{Role, TokenScope};
use serde_json::Value;

use crate::support::{Answer, TestApp};

/// An operation: method and path with ids in it, a body, the scope that is needed (`None`: any), and what it answers then.
type Row = (&'static str, &'static str, &'static str, Option<TokenScope>, u16);

/// Every operation. HASH and PLAN stand for those of what was made.
const OPERATIONS: &[Row] = &[
    ("get", "/api/v1/token", "", None, 200),
    ("put", "/api/v1/accounts/{account_id}", r#"{"name":"X"}"#, Some(TokenScope::SessionsWrite), 200),
    ("get", "/api/v1/accounts/{account_id}", "", Some(TokenScope::SessionsRead), 200),
    ("get", "/api/v1/accounts", "", Some(TokenScope::SessionsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/sessions", "", Some(TokenScope::SessionsRead), 200),
    ("put", "/api/v1/sessions/{session_id}", r#"{"account_id":"acc_a"}"#, Some(TokenScope::SessionsWrite), 200),
    ("get", "/api/v1/sessions/{session_id}", "", Some(TokenScope::SessionsRead), 200),
    ("post", "/api/v1/sessions/{session_id}/touch", "{}", Some(TokenScope::SessionsWrite), 200),
    ("post", "/api/v1/sessions/{session_id}/end", r#"{"reason":"expired"}"#, Some(TokenScope::SessionsWrite), 200),
    ("post", "/api/v1/batch/accounts", r#"{"items":[{"account_id":"acc_a"}]}"#, Some(TokenScope::SessionsWrite), 200),
    (
        "post",
        "/api/v1/batch/sessions",
        r#"{"items":[{"session_id":"s_live_acc_a","account_id":"acc_a"}]}"#,
        Some(TokenScope::SessionsWrite),
        200,
    ),
    (
        "post",
        "/api/v1/batch/touches",
        r#"{"items":[{"session_id":"s_live_acc_a"}]}"#,
        Some(TokenScope::SessionsWrite),
        200,
    ),
    (
        "post",
        "/api/v1/batch/ends",
        r#"{"items":[{"session_id":"s_live_acc_a","reason":"expired"}]}"#,
        Some(TokenScope::SessionsWrite),
        200,
    ),
    ("post", "/api/v1/route", r#"{"session_id":"s_live_acc_a"}"#, Some(TokenScope::RoutesAsk), 200),
    ("put", "/api/v1/pools/{pool}/servers/{server}", r#"{"state":"ready"}"#, Some(TokenScope::RoutesWrite), 200),
    ("post", "/api/v1/sessions/{session_id}/self-token", "", Some(TokenScope::SelfIssue), 200),
    ("post", "/api/v1/accounts/{account_id}/self-link", "{}", Some(TokenScope::SelfIssue), 201),
    ("get", "/api/v1/overview", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/search?q=acc_a", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/filtered-accounts?leftover=1", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/diagnosis", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/routes", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/timeline", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/route-history", "", Some(TokenScope::AccountsRead), 200),
    ("get", "/api/v1/accounts/{account_id}/cleanup-plan?mode=force", "", Some(TokenScope::AccountsRead), 200),
    (
        "post",
        "/api/v1/cleanups",
        r#"{"account_id":"acc_b","mode":"force","reason":"stuck everywhere"}"#,
        Some(TokenScope::CleanupsWrite),
        201,
    ),
    ("get", "/api/v1/cleanups", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/cleanups/{cleanup_id}", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/cleanups/{cleanup_id}/steps", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/cleanups/{cleanup_id}/evidence", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/cleanups/{cleanup_id}/evidence.md", "", Some(TokenScope::CleanupsRead), 200),
    ("post", "/api/v1/cleanups/{cleanup_id}/retry", "{}", Some(TokenScope::CleanupsWrite), 409),
    (
        "post",
        "/api/v1/bulk-cleanups",
        r#"{"account_ids":["acc_b"],"reason":"left by the outage"}"#,
        Some(TokenScope::BulkWrite),
        201,
    ),
    ("get", "/api/v1/bulk-cleanups", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/bulk-cleanups/{bulk_id}", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/bulk-cleanups/{bulk_id}/accounts", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/bulk-cleanups/{bulk_id}/report.csv", "", Some(TokenScope::CleanupsRead), 200),
    ("get", "/api/v1/bulk-cleanups/{bulk_id}/report.ndjson", "", Some(TokenScope::CleanupsRead), 200),
    // Made by somebody else: only they can ask for it.
    ("post", "/api/v1/bulk-cleanups/{bulk_id}/request", r#"{"hash":"HASH"}"#, Some(TokenScope::BulkWrite), 409),
    ("post", "/api/v1/bulk-cleanups/{bulk_id}/approve", r#"{"hash":"HASH"}"#, Some(TokenScope::BulkWrite), 403),
    ("post", "/api/v1/bulk-cleanups/{bulk_id}/control", r#"{"what":"cancel"}"#, Some(TokenScope::BulkWrite), 200),
    ("post", "/api/v1/census", "{}", Some(TokenScope::CensusWrite), 202),
    ("get", "/api/v1/census", "", Some(TokenScope::CensusRead), 200),
    ("get", "/api/v1/census/trend", "", Some(TokenScope::CensusRead), 200),
    ("get", "/api/v1/findings", "", Some(TokenScope::CensusRead), 200),
    ("get", "/api/v1/repair-plan", "", Some(TokenScope::CensusWrite), 200),
    (
        "post",
        "/api/v1/repairs",
        r#"{"repair_plan":PLAN,"reason":"left by the outage"}"#,
        Some(TokenScope::CensusWrite),
        201,
    ),
    ("get", "/api/v1/repairs/{repair_id}", "", Some(TokenScope::CensusRead), 200),
    ("get", "/api/v1/routing", "", Some(TokenScope::RoutingRead), 200),
    ("get", "/api/v1/routing/owed", "", Some(TokenScope::RoutingRead), 200),
    ("get", "/api/v1/routers/{router}/pools/{pool}/servers/{server}/state", "", Some(TokenScope::RoutingRead), 200),
    (
        "put",
        "/api/v1/routers/{router}/pools/{pool}/servers/{server}/state",
        r#"{"state":"drain","reason":"it is replaced tonight"}"#,
        Some(TokenScope::RoutingWrite),
        200,
    ),
    ("get", "/api/v1/routers/{router}/pools/{pool}/keys/{key}", "", Some(TokenScope::AccountsRead), 200),
    (
        "put",
        "/api/v1/routers/{router}/pools/{pool}/keys/{key}",
        r#"{"server":"good","reason":"their upload is there"}"#,
        Some(TokenScope::RoutingWrite),
        200,
    ),
    ("get", "/api/v1/routers/{router}/pools/{pool}/servers/{server}/move-off", "", Some(TokenScope::RoutingRead), 200),
    ("get", "/api/v1/webhooks", "", Some(TokenScope::WebhooksRead), 200),
    ("post", "/api/v1/webhooks", r#"{"url":"https://receiver.example/unstick"}"#, Some(TokenScope::WebhooksWrite), 201),
    ("get", "/api/v1/webhooks/{webhook_id}", "", Some(TokenScope::WebhooksRead), 200),
    ("delete", "/api/v1/webhooks/{webhook_id}", "", Some(TokenScope::WebhooksWrite), 200),
    ("post", "/api/v1/webhooks/{webhook_id}/control", r#"{"what":"disable"}"#, Some(TokenScope::WebhooksWrite), 200),
    ("post", "/api/v1/webhooks/{webhook_id}/secret", "", Some(TokenScope::WebhooksWrite), 200),
    ("post", "/api/v1/webhooks/{webhook_id}/test", "", Some(TokenScope::WebhooksWrite), 202),
    (
        "post",
        "/api/v1/webhooks/{webhook_id}/replay",
        r#"{"from":"2026-11-22T00:00:00Z","to":"2026-11-24T00:00:00Z"}"#,
        Some(TokenScope::WebhooksWrite),
        202,
    ),
    ("get", "/api/v1/webhooks/{webhook_id}/deliveries", "", Some(TokenScope::WebhooksRead), 200),
    ("get", "/api/v1/audit", "", Some(TokenScope::AuditRead), 200),
    ("get", "/api/v1/audit/{seq}", "", Some(TokenScope::AuditRead), 200),
    ("get", "/api/v1/audit/verification", "", Some(TokenScope::AuditRead), 200),
    ("get", "/api/v1/audit/export.csv", "", Some(TokenScope::AuditRead), 200),
    ("get", "/api/v1/audit/export.ndjson", "", Some(TokenScope::AuditRead), 200),
];

/// What of a world an operation's address and body name.
struct Made {
    cleanup: String,
    bulk: String,
    hash: String,
    repair: String,
    plan: String,
    hook: String,
}

/// Makes what `path` needs.
async fn made(app: &TestApp, path: &str) -> Made {
    let (a, system) = (app.stuck("acc_a").await, domain::Actor::System);
    app.stuck("acc_b").await;
    let (mut repair, mut plan) = (String::new(), String::new());
    if path.contains("repair") {
        app.censuses().await;
        let filter = domain::census::FindingFilter::default();
        let written = app.unstick.repair_plan(&system, &filter, 50).await.unwrap();
        plan = serde_json::to_string(&written).unwrap();
        if path.contains("{repair_id}") {
            let asked = domain::RepairRequest { plan: written, reason: "the outage".to_owned(), ticket: String::new() };
            repair = app.unstick.request_repair(&system, asked).await.unwrap().id.to_string();
        }
    }
    let cleanup = if path.contains("{cleanup_id}") { app.cleanup(&a.account).await.to_string() } else { String::new() };
    let (bulk, hash) = app.bulk_of(&system, "acc_a").await;
    let hook = app.webhook().await.to_string();
    Made { cleanup, bulk: bulk.to_string(), hash, repair, plan, hook }
}

async fn call(
    app: &TestApp,
    made: &Made,
    (method, path, body): (&str, &str, &str),
    with: (header::HeaderName, String),
) -> Answer {
    let path = path
        .replace("{account_id}", "acc_a")
        .replace("{session_id}", "s_live_acc_a")
        .replace("{pool}", "app")
        .replace("{router}", "embedded")
        .replace("{key}", "acc_a")
        .replace("{seq}", "1")
        .replace("{cleanup_id}", &made.cleanup)
        .replace("{bulk_id}", &made.bulk)
        .replace("{repair_id}", &made.repair)
        .replace("{webhook_id}", &made.hook)
        .replace("{server}", "good");
    let body = body.replace("HASH", &made.hash).replace("PLAN", &made.plan);
    let request = Request::builder()
        .method(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap())
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(with.0, with.1)
        .body(Body::from(body))
        .unwrap();
    app.browser().send(request).await
}

fn bearer(token: &str) -> (header::HeaderName, String) {
    (header::AUTHORIZATION, format!("Bearer {token}"))
}

/// A path as the description has it.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
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
        for (method, operation) in methods.as_object().unwrap() {
            let row = OPERATIONS.iter().find(|(its, at, ..)| its == method && bare(at) == path);
            let Some((.., needed, status)) = row else { panic!("{method} {path} has no row in the matrix") };
            let declared = operation["responses"].as_object().unwrap();
            assert!(
                declared.contains_key(&status.to_string()),
                "{method} {path} does not say that it answers {status}"
            );
            // What it says of its scope is what the matrix proves.
            if let Some(scope) = needed.filter(|_| *status != 403) {
                let text = operation["description"].as_str().unwrap();
                assert!(text.contains(&format!("`{}`", scope.as_str())), "{method} {path}: {text}");
            }
            described += 1;
        }
    }
    assert_eq!(described, OPERATIONS.len());
}

#[tokio::test]
async fn every_operation_for_every_token() {
    for (method, path, body, needed, status) in OPERATIONS {
        let app = TestApp::new().await;
        let made = made(&app, path).await;
        let asked = (*method, *path, *body);
        let admin = app.signed_in(Role::Admin).await;
        let cookie = format!("{}={}", server::http::COOKIE, admin.cookie.unwrap());
        let strangers = [
            (header::ACCEPT, "application/json".to_owned()),
            bearer("sac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            (header::AUTHORIZATION, "Basic YTpi".to_owned()),
            (header::COOKIE, cookie),
        ];
        for with in strangers {
            let answer = call(&app, &made, asked, with).await.expect(401);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        }
        for scope in TokenScope::ALL {
            let token = app.token(&[scope]).await;
            let answer = call(&app, &made, asked, bearer(&token)).await;
            assert!(answer.header("ratelimit").contains(";r="), "{method} {path}");
            if needed.is_none_or(|needed| needed == scope) {
                assert_eq!(answer.status, *status, "{method} {path} with {scope:?}: {}", answer.text);
                assert!(*status != 403 || answer.json()["code"] == "needs-a-person", "{}", answer.text);
            } else {
                assert_eq!(answer.status, 403, "{method} {path} with {scope:?}: {}", answer.text);
                let problem = answer.json();
                assert_eq!(problem["code"], "denied");
                assert_eq!(problem["scope"], needed.unwrap().as_str(), "the problem names what is missing");
            }
        }
    }
}

#[tokio::test]
async fn a_token_ends_at_once_when_it_is_revoked_and_when_its_time_is_over() {
    let app = TestApp::new().await;
    let made = made(&app, "").await;
    let actor = domain::Actor::System;
    let ends = domain::Clock::now(app.clock.as_ref()) + domain::Span::from_secs(60);
    let scopes = [TokenScope::SessionsRead];
    let (id, secret) = app.unstick.create_token(&actor, "a", &scopes, None).await.unwrap();
    let (_, short) = app.unstick.create_token(&actor, "b", &scopes, Some(ends)).await.unwrap();
    let asked = ("get", "/api/v1/accounts", "");
    for token in [&secret, &short] {
        call(&app, &made, asked, bearer(token)).await.expect(200);
    }
    app.unstick.revoke_token(&actor, &id).await.unwrap();
    call(&app, &made, asked, bearer(&secret)).await.expect(401);
    app.clock.advance(domain::Span::from_secs(61));
    call(&app, &made, asked, bearer(&short)).await.expect(401);
}
