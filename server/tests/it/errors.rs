//! Failures say nothing of the inside, and quote a number to ask about.

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{Role, TokenScope};

use crate::support::{Answer, TestApp};

/// What would tell a stranger how we are made.
const INSIDE: &[&str] = &[
    "sqlx", "sqlite", "SQLITE", "SELECT", "select ", "pool", "/root", "/work", "src/", ".rs", "panicked", "thread '",
    "unwrap", "stack",
];

#[track_caller]
fn check(answer: &Answer, what: &str) {
    for word in INSIDE {
        // The style sheet's name and such are ours to show; a page's own markup never has these words.
        assert!(!answer.text.contains(word), "{word:?} in the answer to {what}: {}", answer.text);
    }
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_to_nobody() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let admin = app.signed_in(Role::Admin).await;
    let token = app.token(&TokenScope::ALL).await;
    let form_token = admin.token().await;
    app.unstick.store().close().await;
    for page in
        ["/", "/?q=dana", "/accounts/acc_a", "/clean-ups", "/audit", "/me", "/audit/export.csv", "/nothing", "/readyz"]
    {
        let answer = admin.send(admin.request(&Method::GET, page)).await;
        assert!([500, 503].contains(&answer.status), "{page}: {}", answer.status);
        check(&answer, page);
    }
    let nobody = app.browser();
    for request in [
        admin.form("/fn/clean-ups/request", &[("csrf", &form_token), ("account", "acc_a"), ("mode", "force")]),
        nobody.form("/fn/sign-in", &[("name", "dana"), ("password", "whatever it may be")]),
    ] {
        let answer = admin.send(request).await;
        assert!([303, 500, 503].contains(&answer.status), "{}", answer.status);
        assert!(!answer.location().contains("__err"), "{}", answer.location());
        check(&answer, "a form");
    }
    for (method, path, body) in [
        (Method::GET, "/api/v1/accounts", ""),
        (Method::PUT, "/api/v1/sessions/s", r#"{"account_id":"a"}"#),
        (Method::POST, "/api/v1/batch/touches", r#"{"items":[]}"#),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let answer = admin.send(request).await;
        assert!([500, 503].contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(answer.json()["correlation_id"], answer.header("x-request-id"));
        check(&answer, path);
    }
    admin.send(admin.request(&Method::GET, "/healthz")).await.expect(200);
}

#[tokio::test]
async fn a_form_that_is_not_understood_is_the_senders_fault() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    let token = admin.token().await;
    for (path, fields) in [
        ("/fn/clean-ups/request", vec![("accountt", "x")]),
        ("/fn/clean-ups/retry", vec![]),
        ("/fn/me/theme", vec![("theme", "<script>alert(1)</script>")]),
        ("/fn/clean-ups/retry", vec![("id", "../../etc/passwd")]),
    ] {
        let mut fields = fields;
        fields.push(("csrf", &token));
        let answer = admin.send(admin.form(path, &fields)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text.contains("<script>alert"), "{path} repeats a script");
        assert!(!answer.location().contains("__err"), "{}", answer.location());
        check(&answer, path);
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_no_redirect_leads_elsewhere() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    for path in
        ["/nothing", "/accounts/nosuch", "/clean-ups/nosuch", "/accounts/%00", "/.env", "/api/v2/accounts", "/pkg/x"]
    {
        let answer = admin.send(admin.request(&Method::GET, path)).await;
        assert_eq!(answer.status, 404, "{path}");
        check(&answer, path);
    }
    let mut request = admin.request(&Method::POST, "/fn/me/theme");
    let headers = request.headers_mut();
    headers.insert("referer", "https://evil.example/".parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    *request.body_mut() = Body::from(format!("theme=nosuch&csrf={}", admin.token().await));
    let answer = admin.send(request).await;
    assert!(!answer.location().contains("evil"), "{}", answer.location());
}

#[tokio::test]
async fn a_place_behind_the_end_of_the_list_says_so() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in(Role::Admin).await;
    let page = admin.get("/accounts?after=zzz").await.expect(200).text;
    assert!(page.contains("The list ends before this place") && page.contains("First page"), "{page}");
    let page = admin.get("/accounts").await.expect(200).text;
    assert!(page.contains("No accounts yet") && !page.contains("First page"), "{page}");
}

#[tokio::test]
async fn a_filter_that_is_not_understood_says_what_to_write() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in(Role::Admin).await;
    for (path, words) in [
        ("/accounts?leftover=many", "Write a whole number"),
        ("/accounts?kind=nonsense", "No finding is of kind nonsense"),
        ("/accounts?seen_before=soon", "Write a day"),
        ("/accounts?router=lb-1", "Name router, pool and server together"),
        ("/accounts?text=x", "Use 3 to 100 characters"),
        ("/accounts?colour=red", "it has text, kind"),
        ("/webhooks?colour=red", "This page has no filters"),
    ] {
        let page = admin.get(path).await.expect(422).text;
        assert!(page.contains(words), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_filter_that_is_not_known_is_refused_and_a_slash_too_many_leads_to_the_page() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let mut admin = app.signed_in(Role::Admin).await;
    for page in ["/audit?q=foo", "/accounts?foo=1", "/accounts?server=api-2", "/audit?ticket=T-1&actr=dana"] {
        let answer = admin.get(page).await.expect(422);
        assert!(!answer.text.contains("acc_a@"), "{page} shows all");
    }
    admin.get("/audit?ticket=T-1").await.expect(200);
    let answer = admin.get("/accounts/acc_a/?sessions=all").await.expect(308);
    assert_eq!(answer.location(), "/accounts/acc_a?sessions=all");
    let answer = admin.get("//evil.example/").await;
    assert!(!answer.location().contains("evil"), "{}", answer.location());
}
