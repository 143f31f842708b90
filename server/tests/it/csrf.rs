//! Requests that another site made a browser send: every changing function × where it comes from × content type × method.
//! Nothing may change, and every answer is a refusal.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, header},
};
use domain::Role;

use crate::support::{Browser, TestApp};

/// Where a request says that it comes from.
const FROM: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:4000")],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example:3000")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://127.0.0.1:3000.evil.example")],
    &[],
];

const KINDS: &[&str] =
    &["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json"];
const METHODS: &[Method] = &[Method::POST, Method::PUT, Method::GET, Method::HEAD];

fn functions() -> Vec<&'static str> {
    server_fn::axum::server_fn_paths().map(|(path, _)| path).collect()
}

/// A request that is right in everything but where it comes from.
fn forged(
    browser: &Browser,
    method: &Method,
    path: &str,
    from: &[(&'static str, &'static str)],
    kind: &str,
    body: &str,
) -> Request<Body> {
    let target =
        if *method == Method::GET || *method == Method::HEAD { format!("{path}?{body}") } else { path.to_owned() };
    let mut request = browser.request(method, &target);
    let headers = request.headers_mut();
    for name in ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"] {
        headers.remove(name);
    }
    for (name, value) in from {
        headers.insert(*name, value.parse().unwrap());
    }
    headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
    *request.body_mut() = Body::from(body.to_owned());
    request
}

#[tokio::test]
async fn nothing_that_another_site_sends_changes_anything() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Admin).await;
    let stuck = app.stuck("acc_a").await;
    let admin = app.signed_in(Role::Admin).await;
    let token = admin.token().await;
    let body = format!(
        "csrf={token}&account=acc_a&mode=force&reason=because+of+evil&ticket=&hash=x&id=x&theme=dark&name=dana&password={}",
        crate::support::PASSWORD.replace(' ', "+")
    );
    let before = app.events().await;
    let mut tried = 0;
    for path in functions() {
        for from in FROM {
            for kind in KINDS {
                for method in METHODS {
                    let answer = admin.send(forged(&admin, method, path, from, kind, &body)).await;
                    assert!(
                        [403, 405, 415].contains(&answer.status),
                        "{method} {path} {from:?} {kind}: {}",
                        answer.status
                    );
                    assert!(answer.header("set-cookie").is_empty(), "{method} {path} {from:?} {kind} sets a cookie");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, functions().len() * 9 * 4 * 4);
    assert_eq!(app.events().await, before, "something was written down");
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none());
    assert!(admin.is_signed_in().await, "somebody was signed out");
}

#[tokio::test]
async fn a_form_of_ours_needs_the_token_of_its_session() {
    let app = TestApp::new().await;
    let (admin, viewer) = (app.signed_in(Role::Admin).await, app.signed_in(Role::Viewer).await);
    let (own, other) = (admin.token().await, viewer.token().await);
    // Customers' forms have tokens of their visits: in `self_link.rs`.
    for path in functions().into_iter().filter(|path| !path.starts_with("/fn/self/")) {
        for wrong in ["", "x", &other] {
            let answer = admin.send(admin.form(path, &[("theme", "dark"), ("csrf", wrong)])).await;
            assert_eq!(answer.status, 403, "{path} with the token {wrong:?}");
        }
    }
    admin.send(admin.form("/fn/me/theme", &[("theme", "dark"), ("csrf", &own)])).await.expect(303);
    let mut by_header = admin.form("/fn/me/theme", &[("theme", "dark")]);
    by_header.headers_mut().insert("x-csrf-token", HeaderValue::from_str(&own).unwrap());
    admin.send(by_header).await.expect(303);
}

#[tokio::test]
async fn our_own_forms_pass_as_browsers_send_them() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    let token = admin.token().await;
    // Current browsers; older ones without fetch metadata; the same machine by its other name.
    let from: [&[(&'static str, &'static str)]; 4] = [
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:3000")],
        &[("origin", "http://127.0.0.1:3000")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")],
    ];
    for headers in from {
        let body = format!("csrf={token}&theme=light");
        let request = forged(&admin, &Method::POST, "/fn/me/theme", headers, KINDS[0], &body);
        admin.send(request).await.expect(303);
    }
}

#[tokio::test]
async fn pages_open_from_a_link_elsewhere_and_load_into_no_other_page() {
    let app = TestApp::new().await;
    let admin = app.signed_in(Role::Admin).await;
    let from = |mode: &str, dest: &str| {
        let mut request = admin.request(&Method::GET, "/clean-ups");
        let headers = request.headers_mut();
        headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        headers.insert("sec-fetch-mode", mode.parse().unwrap());
        headers.insert("sec-fetch-dest", dest.parse().unwrap());
        request
    };
    admin.send(from("navigate", "document")).await.expect(200);
    for (mode, dest) in [("no-cors", "image"), ("cors", "empty"), ("no-cors", "script"), ("navigate", "iframe")] {
        admin.send(from(mode, dest)).await.expect(403);
    }
}
