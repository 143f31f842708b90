//! `Idempotency-Key`: a call that is sent again happens once.

use axum::{body::Body, http::Request};
use domain::{AccountId, Actor, Mode, Span, TokenScope, view::CleanupRequest};
use service::{KeyClaim, Once, as_claimed};

use crate::support::{Answer, TestApp};

struct Caller<'a> {
    app: &'a TestApp,
    token: String,
}

impl Caller<'_> {
    async fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.app.browser().send(request).await
    }
}

const BODY: &str = r#"{"account_id":"acc_a","mode":"force","reason":"stuck on every device"}"#;

#[tokio::test]
async fn a_call_that_is_sent_again_gets_the_same_answer_and_happens_once() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let token = app.token(&[TokenScope::CleanupsWrite, TokenScope::BulkWrite]).await;
    let caller = Caller { app: &app, token };
    let first = caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let events = app.events().await;
    // Without the key it would be joined, with 200.
    let again = caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((&again.text, again.location()), (&first.text, first.location()));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert!(again.header("ratelimit").contains(";r="));
    assert_eq!(app.events().await, events, "nothing happened");
    // The same list twice would be two lists.
    let list = r#"{"account_ids":["acc_a"],"reason":"left by the outage"}"#;
    let draft = caller.post("/api/v1/bulk-cleanups", "k-2", list).await.expect(201);
    assert_eq!(caller.post("/api/v1/bulk-cleanups", "k-2", list).await.expect(201).text, draft.text);
}

#[tokio::test]
async fn a_key_is_of_one_call_one_token_and_one_day() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let caller = Caller { app: &app, token: app.token(&[TokenScope::CleanupsWrite]).await };
    let first = caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(201).json();
    let other = caller.post("/api/v1/cleanups", "k-1", &BODY.replace("device", "machine")).await.expect(422).json();
    assert_eq!((other["code"].as_str(), other["field"].as_str()), (Some("key-reused"), Some("Idempotency-Key")));
    caller.post("/api/v1/cleanups?x=1", "k-1", BODY).await.expect(422);
    // Another token's key of the same name is another key: the clean-up is joined.
    let second = Caller { app: &app, token: app.token(&[TokenScope::CleanupsWrite]).await };
    let joined = second.post("/api/v1/cleanups", "k-1", BODY).await.expect(200);
    assert_eq!(joined.header("idempotency-replayed"), "");
    assert_eq!(joined.json()["cleanup_id"], first["cleanup_id"]);
    app.clock.advance(Span::from_days(1));
    let later = caller.post("/api/v1/cleanups", "k-1", BODY).await;
    assert_eq!(later.header("idempotency-replayed"), "", "its day is over: {}", later.text);
}

#[tokio::test]
async fn what_was_refused_for_what_it_asked_is_kept_and_what_was_not_let_in_is_not() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let reader = Caller { app: &app, token: app.token(&[TokenScope::AccountsRead]).await };
    for _ in 0..2 {
        let denied = reader.post("/api/v1/cleanups", "k-1", BODY).await.expect(403);
        assert_eq!(denied.header("idempotency-replayed"), "");
        assert_eq!(denied.json()["scope"], "cleanups:write");
    }
    let caller = Caller { app: &app, token: app.token(&[TokenScope::CleanupsWrite]).await };
    let none = BODY.replace("stuck on every device", "");
    let first = caller.post("/api/v1/cleanups", "k-2", &none).await.expect(422);
    let again = caller.post("/api/v1/cleanups", "k-2", &none).await.expect(422);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((again.json()["field"].clone(), first.json()["code"].clone()), ("reason".into(), "invalid".into()));
    assert_eq!(again.header("content-type"), "application/problem+json");
    for bad in ["", "with blank", "ü", &"x".repeat(256)] {
        caller.post("/api/v1/cleanups", bad, BODY).await.expect(400);
    }
    let mut nobody = Caller { app: &app, token: "sac_nobody".to_owned() };
    nobody.post("/api/v1/cleanups", "k-1", BODY).await.expect(401);
    nobody.token.clear();
    nobody.post("/api/v1/cleanups", "k-1", BODY).await.expect(401);
}

#[tokio::test]
async fn a_call_under_way_is_waited_for_and_a_dead_one_is_taken_over() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    app.stuck("acc_b").await;
    let (actor, dead, caller) = claimed(&app).await;
    let answer = caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(409);
    assert_eq!(answer.json()["code"], "key-in-use");
    assert!(!answer.header("retry-after").is_empty());
    app.clock.advance(Span::from_secs(61));
    caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(201);
    // It was not dead, only slow: it changes nothing any more.
    let events = app.events().await;
    let late = as_claimed(dead, app.unstick.request_cleanup(&actor, request("acc_b"))).await;
    assert!(matches!(late, Err(service::Error::Conflict(_))), "{late:?}");
    assert_eq!(app.events().await, events);
}

#[tokio::test]
async fn a_call_that_changed_something_and_died_is_told_and_not_done_again() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let (actor, claim, caller) = claimed(&app).await;
    // Its change is committed, and then its process is gone.
    as_claimed(claim, app.unstick.request_cleanup(&actor, request("acc_a"))).await.unwrap();
    app.clock.advance(Span::from_secs(61));
    let events = app.events().await;
    for _ in 0..2 {
        let answer = caller.post("/api/v1/cleanups", "k-1", BODY).await.expect(409);
        assert_eq!(answer.json()["code"], "answer-lost");
    }
    assert_eq!(app.events().await, events, "nothing happened");
    // With a key of its own it is another call: here it joins the clean-up that is there.
    caller.post("/api/v1/cleanups", "k-2", BODY).await.expect(200);
}

/// A process that claimed key `k-1` for exactly the call of [`BODY`], for a minute; and the token's owner, who calls too.
async fn claimed(app: &TestApp) -> (Actor, KeyClaim, Caller<'_>) {
    let scopes = vec![TokenScope::CleanupsWrite];
    let (id, token) = app.unstick.create_token(&Actor::System, "x", &scopes, None).await.unwrap();
    let actor = Actor::Token { id, scopes };
    let what: [&[u8]; 4] = [b"POST", b"/v1/cleanups", b"application/json", BODY.as_bytes()];
    let once = app.unstick.claim_key(&actor, "k-1", &what, Span::from_secs(60), false).await.unwrap();
    let Once::Go(claim) = once else { panic!("{once:?}") };
    (actor, *claim, Caller { app, token })
}

fn request(account: &str) -> CleanupRequest {
    CleanupRequest {
        account: AccountId::parse(account).unwrap(),
        mode: Mode::Force,
        reason: "stuck on every device".to_owned(),
        ticket: String::new(),
        hash: None,
    }
}

#[tokio::test]
async fn an_answer_with_a_secret_is_given_again_and_is_nowhere_in_the_clear() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let scopes = [TokenScope::WebhooksWrite, TokenScope::SelfIssue];
    let caller = Caller { app: &app, token: app.token(&scopes).await };
    let mut secrets = Vec::new();
    for (path, body, status, at) in [
        ("/api/v1/webhooks", r#"{"url":"https://receiver.example/unstick"}"#, 201, "/secret"),
        ("/api/v1/sessions/s_live_acc_a/self-token", "", 200, "/credential"),
        ("/api/v1/accounts/acc_a/self-link", "{}", 201, "/url"),
    ] {
        let first = caller.post(path, path, body).await.expect(status);
        let again = caller.post(path, path, body).await.expect(status);
        assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
        assert_eq!((&again.text, again.location()), (&first.text, first.location()), "{path}");
        secrets.push(first.json().pointer(at).unwrap().as_str().unwrap().to_owned());
    }
    let raw = app.raw_database().await;
    for secret in secrets {
        let tail = &secret.as_bytes()[secret.len() - 20..];
        assert!(!raw.windows(tail.len()).any(|window| window == tail), "a secret is in the database");
    }
    assert_eq!(app.unstick.webhooks(&domain::Actor::System).await.unwrap().len(), 1, "it happened once");
}
