//! Signing in: one answer for every way to fail, and waits that grow whatever address is claimed.

use domain::{Role, Span};

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_person_signs_in_and_sees_what_the_role_begins_with() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    app.person_with_password("otto", Role::Auditor).await;
    let mut browser = app.browser();
    assert_eq!(browser.sign_in("dana", PASSWORD).await.expect(303).location(), "/");
    browser.get("/").await.expect(200);
    assert_eq!(app.browser().sign_in("otto", PASSWORD).await.expect(303).location(), "/audit");
    let with_next = [("name", "dana"), ("password", PASSWORD), ("next", "//evil.example/")];
    assert_eq!(app.browser().post("/fn/sign-in", &with_next).await.expect(303).location(), "/");
}

#[tokio::test]
async fn every_way_to_fail_gets_the_same_answer() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    app.person_with_password("gone", Role::Support).await;
    app.person("silent", Role::Support).await;
    let gone = domain::StaffId::parse("gone").unwrap();
    app.person("boss", Role::Admin).await;
    app.unstick.disable_staff(&domain::Actor::System, &gone).await.unwrap();
    let long = "x".repeat(300);
    let mut answers = Vec::new();
    for (name, password) in [
        ("dana", "not the password at all"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("silent", PASSWORD),
        ("", ""),
        ("a b;c", PASSWORD),
        ("dana", ""),
        ("dana", long.as_str()),
        (long.as_str(), PASSWORD),
    ] {
        let answer = app.browser().sign_in(name, password).await;
        answers.push((answer.status, answer.location().to_owned(), answer.text.clone(), answer.header_names()));
    }
    for answer in &answers[1..] {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(answers[0].0, 303);
    assert!(!answers[0].3.contains(&"set-cookie".to_owned()));
}

#[tokio::test]
async fn after_five_failures_waits_grow_whatever_address_is_claimed() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    for n in 0..5 {
        let browser = app.browser();
        let mut request = browser.form("/fn/sign-in", &[("name", "dana"), ("password", "wrong wrong wrong wrong")]);
        request.headers_mut().insert("x-forwarded-for", format!("10.0.0.{n}").parse().unwrap());
        let answer = browser.send(request).await.expect(303);
        assert!(answer.location().contains("error=sign-in"), "{}", answer.location());
    }
    // The right password has to wait too, from every address.
    let mut elsewhere = app.browser();
    elsewhere.address = "192.0.2.200:1".parse().unwrap();
    assert!(elsewhere.sign_in("dana", PASSWORD).await.location().contains("error=throttled"));
    app.clock.advance(Span::from_secs(2));
    assert_eq!(elsewhere.sign_in("dana", PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn waits_survive_a_restart() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Support).await;
    for _ in 0..5 {
        app.browser().sign_in("dana", "wrong wrong wrong wrong").await.expect(303);
    }
    let world = server::compose::World { clock: app.clock.clone(), ..server::compose::World::default() };
    let again = server::compose::open(&app.config, server::compose::Purpose::Work, &world).await.unwrap();
    let refused = again.sign_in("dana", PASSWORD, "192.0.2.9").await.unwrap_err();
    assert_eq!(refused.code(), "throttled");
}

#[tokio::test]
async fn the_address_that_counts_is_the_one_a_trusted_proxy_saw() {
    let app = TestApp::with(&[("UNSTICK_TRUSTED_PROXIES", "203.0.113.7")]).await;
    app.person_with_password("dana", Role::Support).await;
    let mut browser = app.browser();
    let mut request = browser.form("/fn/sign-in", &[("name", "dana"), ("password", PASSWORD)]);
    request.headers_mut().insert("x-forwarded-for", "1.1.1.1, 192.0.2.77".parse().unwrap());
    let answer = browser.send(request).await.expect(303);
    browser.keep(&answer);
    let page = browser.get("/me").await.expect(200);
    assert!(page.text.contains("192.0.2.77") && !page.text.contains("1.1.1.1"));
}
