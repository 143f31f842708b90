//! The first admin: a one-time code, a name, a password; and then never again.

use domain::Span;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn the_code_makes_the_first_admin_once() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    assert!(browser.get("/accounts").await.expect(303).location().starts_with("/sign-in"));
    assert_eq!(browser.get("/sign-in").await.expect(303).location(), "/setup", "nobody could sign in");
    let page = browser.get("/setup").await.expect(200).text;
    assert!(page.contains("One-time code") && page.contains("Make the first admin"));
    let code = app.unstick.first_run_code().await.unwrap().unwrap();
    let other = app.unstick.first_run_code().await.unwrap().unwrap();
    let fields = |code, password| [("code", code), ("name", "ada"), ("shown", "Ada Lovelace"), ("password", password)];
    browser.post("/fn/setup", &fields("AAAA-BBBB-CCCC-DDDD-EEEE-FFFF", PASSWORD)).await.expect(303);
    assert_eq!(app.newest_event().await.0, "setup.failed");
    let page = browser.get("/setup").await.expect(422).text;
    for words in ["That is not the code", "value=\"ada\"", "value=\"Ada Lovelace\""] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    browser.post("/fn/setup", &fields(&code, "too short")).await.expect(303);
    assert!(browser.get("/setup").await.expect(422).text.contains("at least 15 characters"));
    let answer = browser.post("/fn/setup", &fields(&code, PASSWORD)).await.expect(303);
    assert_eq!(answer.location(), "/");
    assert_eq!(app.newest_event().await.0, "setup.done");
    browser.get("/staff").await.expect(200);
    // Both codes are useless now, that of another process too.
    for code in [&code, &other] {
        let mut stranger = app.browser();
        let fields = [("code", code.as_str()), ("name", "eve"), ("password", PASSWORD)];
        stranger.post("/fn/setup", &fields).await.expect(303);
        assert!(!stranger.is_signed_in().await);
    }
    assert!(app.browser().get("/setup").await.expect(200).text.contains("The set-up is done"));
    assert_eq!(app.unstick.first_run_code().await.unwrap(), None);
    assert_eq!(app.browser().sign_in("ada", PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn the_code_is_good_for_a_day_and_kept_as_a_hash() {
    let app = TestApp::new().await;
    let code = app.unstick.first_run_code().await.unwrap().unwrap();
    app.unstick.store().checkpoint_wal().await.unwrap();
    let raw = std::fs::read(app.folder.path().join("data/unstick.db")).unwrap();
    for canary in [code.clone(), code.replace('-', "")] {
        assert!(!raw.windows(canary.len()).any(|window| window == canary.as_bytes()));
    }
    app.clock.advance(Span::from_days(1));
    let mut browser = app.browser();
    let fields = [("code", code.as_str()), ("name", "ada"), ("password", PASSWORD)];
    browser.post("/fn/setup", &fields).await.expect(303);
    assert!(browser.get("/setup").await.text.contains("That is not the code"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_set_up_at_once_one_is_the_first_admin() {
    let app = TestApp::new().await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(app.unstick.first_run_code().await.unwrap().unwrap());
    }
    let tries: Vec<_> = (0..8)
        .map(|n| {
            let (unstick, code) = (app.unstick.clone(), codes[n % codes.len()].clone());
            let name = format!("admin{n}");
            tokio::spawn(async move { unstick.set_up(&code, &name, "", PASSWORD, "203.0.113.7").await.is_ok() })
        })
        .collect();
    let mut made = 0;
    for one in tries {
        made += i32::from(one.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(app.unstick.store().staff_list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn guessing_the_code_has_to_wait() {
    let app = TestApp::new().await;
    app.unstick.first_run_code().await.unwrap().unwrap();
    let mut browser = app.browser();
    let fields = [("code", "AAAA-BBBB-CCCC-DDDD-EEEE-FFFF"), ("name", "ada"), ("password", PASSWORD)];
    for _ in 0..50 {
        browser.post("/fn/setup", &fields).await.expect(303);
    }
    browser.post("/fn/setup", &fields).await.expect(303);
    assert!(browser.get("/setup").await.text.contains("Too many tries"));
}
