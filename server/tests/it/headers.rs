//! The security headers are on every answer, whatever it is.

use std::collections::HashSet;

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::Role;

use crate::support::{Answer, TestApp};

#[track_caller]
fn check(answer: &Answer, what: &str) {
    for (name, part) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=()"),
        ("x-frame-options", "DENY"),
        ("reporting-endpoints", "csp="),
        ("cache-control", ""),
    ] {
        assert!(answer.headers.contains_key(name) && answer.header(name).contains(part), "{name} of {what}");
    }
    let policy = answer.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'nonce-",
        "'strict-dynamic'",
        "'wasm-unsafe-eval'",
        "style-src 'self' 'nonce-",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "report-to csp",
    ] {
        assert!(policy.contains(part), "{part} in the policy of {what}: {policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains(" *"), "{what}");
    assert_eq!(answer.header("x-request-id").len(), 16, "{what}");
}

fn nonce(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_kind_of_answer_has_them() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let admin = app.signed_in(Role::Admin).await;
    let gets = [
        ("/", 200),
        ("/accounts/acc_a", 200),
        ("/accounts/nosuch", 404),
        ("/accounts/acc_a/clean-up?mode=x", 422),
        ("/nothing", 404),
        ("/pkg/unstick.css", 200),
        ("/pkg/nothing.js", 404),
        ("/icon.svg", 200),
        ("/favicon.ico", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/.well-known/jwks.json", 200),
        ("/.well-known/ssf-configuration", 200),
        ("/api/openapi.json", 200),
        ("/api/v1/accounts", 401),
        ("/api/nothing", 404),
        ("/audit/export.csv", 200),
        ("/audit/export.csv?actr=x", 422),
        ("/clean-ups/nosuch/events", 404),
        ("/fn/sign-in", 405),
    ];
    for (path, status) in gets {
        let answer = admin.send(admin.request(&Method::GET, path)).await;
        assert_eq!(answer.status, status, "{path}");
        check(&answer, path);
    }
    for (method, path, status) in [
        (Method::POST, "/fn/me/theme", 415),
        (Method::DELETE, "/", 405),
        (Method::PUT, "/api/v1/route", 405),
        (Method::HEAD, "/", 200),
    ] {
        let answer = admin.send(admin.request(&method, path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        check(&answer, path);
    }
    let nobody = app.browser();
    check(&nobody.send(nobody.request(&Method::GET, "/")).await.expect(303), "a redirect");
    let mut foreign = admin.form("/fn/me/theme", &[]);
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    check(&admin.send(foreign).await.expect(403), "a refusal");
    let large = admin.form("/fn/me/theme", &[("theme", &"x".repeat(2 << 20))]);
    check(&admin.send(large).await.expect(413), "too much");
}

#[tokio::test]
async fn a_nonce_is_used_once_and_scripts_carry_it() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    let mut seen = HashSet::new();
    for page in ["/", "/me", "/nothing", "/sign-in", "/"] {
        let answer = admin.send(admin.request(&Method::GET, page)).await;
        let nonce = nonce(&answer);
        assert!(nonce.len() >= 22 && seen.insert(nonce.clone()), "{page} repeats a nonce");
        for script in answer.text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "a script without the nonce on {page}: {tag}");
        }
        assert!(!answer.text.contains(" style=\"") && !answer.text.contains(" onclick="), "{page} has inline code");
    }
}

#[tokio::test]
async fn pages_are_kept_by_nobody_and_files_are() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    for page in ["/", "/audit", "/audit/export.csv", "/nothing"] {
        assert_eq!(admin.send(admin.request(&Method::GET, page)).await.header("cache-control"), "no-store", "{page}");
    }
    let file = admin.send(admin.request(&Method::GET, "/pkg/unstick.css")).await;
    assert!(file.header("cache-control").starts_with("public"), "{}", file.header("cache-control"));
    let mut packed = admin.request(&Method::GET, "/pkg/unstick.css");
    packed.headers_mut().insert("accept-encoding", "br".parse().unwrap());
    let packed = admin.send(packed).await.expect(200);
    assert_eq!((packed.header("content-encoding"), packed.text.as_str()), ("br", "not really brotli"));
    assert_eq!(packed.header("vary"), "accept-encoding");
    for escape in ["/pkg/../data/audit.key", "/pkg/%2e%2e/%2e%2e/data/audit.key", "/pkg//etc/passwd"] {
        let answer = admin.send(admin.request(&Method::GET, escape)).await;
        assert_eq!(answer.status, 404, "{escape}");
    }
}

#[tokio::test]
async fn only_an_https_origin_promises_https() {
    let plain = TestApp::new().await.browser().get("/healthz").await;
    assert!(!plain.headers.contains_key("strict-transport-security"));
    let tls =
        TestApp::with(&[("UNSTICK_PUBLIC_ORIGIN", "https://unstick.example")]).await.browser().get("/healthz").await;
    assert!(tls.header("strict-transport-security").contains("max-age=63072000"));
}

#[tokio::test]
async fn a_report_of_the_policy_is_taken() {
    let app = TestApp::new().await;
    let report =
        r#"[{"type":"csp-violation","body":{"documentURL":"http://127.0.0.1:3000/?q=secret","blockedURL":"inline"}}]"#;
    let request = |body: String| {
        Request::post("/csp-reports").header("content-type", "application/reports+json").body(Body::from(body))
    };
    app.browser().send(request(report.to_owned()).unwrap()).await.expect(204);
    app.browser().send(request("x".repeat(100_000)).unwrap()).await.expect(413);
}
