//! Console sessions: fresh ids, ends that hold, and no way back.

use axum::http::Method;
use domain::{Role, Span, StaffId};

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn the_cookie_is_as_safe_as_a_cookie_can_be() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    let answer = app.browser().sign_in("dana", PASSWORD).await.expect(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sid="), "{cookie}");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
}

#[tokio::test]
async fn a_planted_id_is_never_taken_over() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    let mut browser = app.browser();
    browser.cookie = Some(planted.to_owned());
    let token_free = [("name", "dana"), ("password", PASSWORD)];
    let answer = browser.send(browser.form("/fn/sign-in", &token_free)).await.expect(303);
    browser.keep(&answer);
    assert_ne!(browser.cookie.as_deref(), Some(planted));
    assert!(browser.is_signed_in().await);
    let mut attacker = app.browser();
    attacker.cookie = Some(planted.to_owned());
    assert!(!attacker.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_again_makes_a_new_id_and_ends_the_old_one() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    let mut browser = app.browser();
    browser.sign_in("dana", PASSWORD).await.expect(303);
    let first = browser.clone();
    browser.sign_in("dana", PASSWORD).await.expect(303);
    assert_ne!(first.cookie, browser.cookie);
    assert!(browser.is_signed_in().await && !first.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_browser_forgets() {
    let app = TestApp::new().await;
    let mut browser = app.signed_in(Role::Viewer).await;
    let copy = browser.clone();
    let answer = browser.post("/fn/sign-out", &[]).await.expect(303);
    assert_eq!(answer.location(), "/sign-in");
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-sid=;") && cookie.contains("Max-Age=0") && cookie.contains("Secure"),
        "{cookie}"
    );
    assert!(answer.header("clear-site-data").contains("storage"));
    assert!(!copy.is_signed_in().await, "a copy of the cookie still works");
}

/// A request that is under way while its session is signed out saves the session afterwards. It must not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_brings_a_signed_out_session_back() {
    let app = TestApp::new().await;
    let staff = app.person("dana", Role::Viewer).await;
    for round in 0..60 {
        let browser = app.session_of(&staff).await;
        let token = browser.token().await;
        let saves = (0..4).map(|_| {
            let (browser, token) = (browser.clone(), token.clone());
            tokio::spawn(async move {
                browser.send(browser.form("/fn/me/theme", &[("theme", "dark"), ("csrf", &token)])).await
            })
        });
        let saves: Vec<_> = saves.collect();
        let out = browser.send(browser.form("/fn/sign-out", &[("csrf", &token)]));
        out.await.expect(303);
        for save in saves {
            save.await.unwrap();
        }
        assert!(!browser.is_signed_in().await, "round {round}: a signed-out session came back");
    }
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_of_silence() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Viewer).await;
    app.clock.advance(Span::from_secs(29 * 60));
    assert!(browser.is_signed_in().await);
    app.clock.advance(Span::from_secs(29 * 60));
    assert!(browser.is_signed_in().await, "use did not keep it alive");
    app.clock.advance(Span::from_secs(31 * 60));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_in_any_case() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Viewer).await;
    for _ in 0..23 {
        app.clock.advance(Span::from_secs(20 * 60));
        assert!(browser.is_signed_in().await);
    }
    app.clock.advance(Span::from_secs(21 * 60));
    assert!(!browser.is_signed_in().await);
}

/// Goal R14: clocks are set, by a day or by decades, and nobody stays in for ever or cannot come in again.
#[tokio::test]
async fn a_session_of_a_clock_that_was_set_is_over_and_a_new_one_lasts_as_long_as_any() {
    let app = TestApp::new().await;
    let years = 15 * 365;
    for set in [1, -1, years, -years, years].map(Span::from_days) {
        let before = app.signed_in(Role::Viewer).await;
        assert!(before.is_signed_in().await);
        app.clock.advance(set);
        assert!(!before.is_signed_in().await, "set by {set}");
        let after = app.signed_in(Role::Viewer).await;
        for _ in 0..3 {
            app.clock.advance(Span::from_secs(20 * 60));
            assert!(after.is_signed_in().await, "set by {set}");
        }
        app.clock.advance(Span::from_secs(31 * 60));
        assert!(!after.is_signed_in().await, "set by {set}");
    }
}

#[tokio::test]
async fn who_is_disabled_is_out_at_the_next_request() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Support).await;
    // In the database alone: even a session that was left open is good for nothing.
    let mut tx = app.unstick.store().begin().await.unwrap();
    tx.disable_staff(&StaffId::parse("support").unwrap(), domain::Clock::now(app.clock.as_ref())).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_new_password_or_role_ends_every_session() {
    let app = TestApp::new().await;
    let (system, id) = (domain::Actor::System, app.person_with_password("dana", Role::Support).await);
    app.person("boss", Role::Admin).await;
    let browser = app.session_of(&id).await;
    app.unstick.set_password(&system, &id, "another good long passphrase").await.unwrap();
    assert!(!browser.is_signed_in().await);
    let browser = app.session_of(&id).await;
    app.unstick.set_role(&system, &id, Role::Viewer).await.unwrap();
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn one_ends_ones_other_sessions_and_nobody_elses() {
    let app = TestApp::new().await;
    let (dana, eve) = (app.person("dana", Role::Viewer).await, app.person("eve", Role::Viewer).await);
    let (mut first, second, other) =
        (app.session_of(&dana).await, app.session_of(&dana).await, app.session_of(&eve).await);
    let theirs = app.unstick.store().staff_sessions_of(&eve, domain::Clock::now(app.clock.as_ref())).await.unwrap();
    first.post("/fn/me/revoke", &[("id", theirs[0].id.as_str())]).await.expect(404);
    first.post("/fn/me/revoke-others", &[]).await.expect(303);
    assert!(first.is_signed_in().await && !second.is_signed_in().await && other.is_signed_in().await);
}

#[tokio::test]
async fn who_reads_the_database_cannot_use_what_is_in_it() {
    let app = TestApp::new().await;
    let browser = app.signed_in(Role::Admin).await;
    let token = app.token(&[domain::TokenScope::SessionsRead]).await;
    app.unstick.store().checkpoint_wal().await.unwrap();
    let secret = browser.cookie.clone().unwrap();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &secret).unwrap();
    for file in std::fs::read_dir(app.folder.path().join("data")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for canary in [secret.as_bytes(), &raw, token.as_bytes()] {
            let found = bytes.windows(canary.len()).any(|window| window == canary);
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_cookie_for_looking() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for page in ["/", "/sign-in", "/nothing", "/pkg/unstick.css", "/api/openapi.json"] {
        let answer = browser.send(browser.request(&Method::GET, page)).await;
        assert!(!answer.headers.contains_key("set-cookie"), "{page}");
    }
}
