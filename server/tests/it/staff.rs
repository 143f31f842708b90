//! Staff and tokens in the console: what admins do, what nobody can do, and what is shown once.

use domain::{Actor, Role, Span, StaffId};

use crate::support::{Browser, PASSWORD, TestApp};

fn id(text: &str) -> StaffId {
    StaffId::parse(text).unwrap()
}

/// What is shown once on a page: a code of 24 letters in groups, or a secret.
fn shown_once(page: &str) -> String {
    let at = page.find("shown once").unwrap_or_else(|| panic!("nothing is shown once in {page}"));
    page[at..].split("<code>").nth(1).unwrap().split("</code>").next().unwrap().to_owned()
}

async fn change(browser: &mut Browser, who: &str, what: &str) -> String {
    browser.post("/fn/staff/change", &[("id", who), ("what", what)]).await.expect(303);
    browser.get(&format!("/staff/{who}")).await.text
}

#[tokio::test]
async fn a_new_person_chooses_their_own_password() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in(Role::Admin).await;
    for (name, role, words) in
        [("Dana", "support", "lower case"), ("dana", "", "Choose a role"), ("a b", "viewer", "1 to 64")]
    {
        ada.post("/fn/staff/add", &[("name", name), ("shown", "Dana O."), ("role", role)]).await.expect(303);
        let page = ada.get("/staff").await.expect(422).text;
        assert!(page.contains(words) && page.contains("value=\"Dana O.\""), "{words} is not in {page}");
    }
    let answer = ada.post("/fn/staff/add", &[("name", "dana"), ("shown", "Dana O."), ("role", "support")]).await;
    assert_eq!(answer.location(), "/staff/dana");
    let page = ada.get("/staff/dana").await.expect(200).text;
    let code = shown_once(&page);
    assert!(!ada.get("/staff/dana").await.text.contains(&code), "the code is shown once");
    assert!(ada.get("/staff").await.text.contains("waits for the code"));
    let mut dana = app.browser();
    dana.post("/fn/welcome", &[("code", "AAAA"), ("password", PASSWORD)]).await.expect(303);
    assert!(dana.get("/welcome").await.expect(422).text.contains("That code is not good"));
    dana.post("/fn/welcome", &[("code", &code), ("password", "dana")]).await.expect(303);
    assert!(dana.get("/welcome").await.expect(422).text.contains("at least 15 characters"));
    dana.post("/fn/welcome", &[("code", &code.to_lowercase()), ("password", PASSWORD)]).await.expect(303);
    assert!(dana.is_signed_in().await);
    assert_eq!(app.newest_event().await, ("staff.password_chosen".to_owned(), "staff:dana".to_owned(), "done"));
    let mut thief = app.browser();
    thief.post("/fn/welcome", &[("code", &code), ("password", PASSWORD)]).await.expect(303);
    assert!(!thief.is_signed_in().await, "the code counted twice");
    assert_eq!(app.browser().sign_in("dana", PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn a_code_for_a_new_person_is_good_for_a_day() {
    let app = TestApp::new().await;
    let code = app.unstick.invite_staff(&Actor::System, &id("dana"), "Dana", Role::Support).await.unwrap();
    app.clock.advance(Span::from_days(1));
    let mut dana = app.browser();
    dana.post("/fn/welcome", &[("code", &code), ("password", PASSWORD)]).await.expect(303);
    assert!(!dana.is_signed_in().await);
}

#[tokio::test]
async fn who_is_reset_is_out_is_told_and_starts_anew() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in(Role::Admin).await;
    let dana = app.person_with_password("dana", Role::Support).await;
    let theirs = app.session_of(&dana).await;
    let first = shown_once(&change(&mut ada, "dana", "reset").await);
    let second = shown_once(&change(&mut ada, "dana", "reset").await);
    assert!(!theirs.is_signed_in().await, "their sign-ins are over");
    assert!(app.browser().sign_in("dana", PASSWORD).await.location().contains("error=sign-in"));
    let mut browser = app.browser();
    browser.post("/fn/welcome", &[("code", &first), ("password", PASSWORD)]).await.expect(303);
    assert!(!browser.is_signed_in().await, "a newer code takes the place of an older one");
    browser.post("/fn/welcome", &[("code", &second), ("password", PASSWORD)]).await.expect(303);
    let page = browser.get("/me").await.expect(200).text;
    assert!(page.contains("staff:admin reset your password and your second factor"), "{page}");
}

#[tokio::test]
async fn admins_see_and_end_sign_ins_and_ask_for_fresh_proofs() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in(Role::Admin).await;
    let dana = app.person("dana", Role::Support).await;
    let stuck = app.stuck("acc_a").await;
    let (one, mut two) = (app.session_of(&dana).await, app.session_of(&dana).await);
    let sessions = app.sessions(&dana).await;
    let page = ada.get("/staff/dana").await.expect(200).text;
    assert!(page.contains("2 open sign-ins") && page.contains(sessions[0].id.as_str()));
    assert!(change(&mut ada, "dana", "ask").await.contains("proves anew"));
    let hash = app.plan_hash(&stuck.account, domain::Mode::Force).await;
    let fields = [("account", "acc_a"), ("mode", "force"), ("hash", &hash), ("reason", "stuck again"), ("ticket", "")];
    let answer = two.post("/fn/clean-ups/request", &fields).await.expect(303);
    assert!(answer.location().starts_with("/accounts/acc_a/clean-up"), "a fresh sign-in is no proof any more");
    ada.post("/fn/staff/end-session", &[("id", "dana"), ("session", sessions[0].id.as_str())]).await.expect(303);
    assert_eq!(app.newest_event().await.0, "staff.sessions_ended");
    ada.post("/fn/staff/end-session", &[("id", "dana"), ("session", sessions[0].id.as_str())]).await.expect(404);
    assert_eq!([one.is_signed_in().await, two.is_signed_in().await].iter().filter(|on| **on).count(), 1);
    assert!(change(&mut ada, "dana", "sign-out").await.contains("One sign-in is over"));
    assert!(!one.is_signed_in().await && !two.is_signed_in().await);
}

#[tokio::test]
async fn nobody_locks_themselves_or_everybody_out() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in(Role::Admin).await;
    for (what, words) in [("disable", "You cannot disable yourself"), ("reset", "You cannot reset your own sign-in")] {
        let before = app.events().await;
        assert!(change(&mut ada, "admin", what).await.contains(words), "{words}");
        assert_eq!(app.events().await, before, "{what} did something");
    }
    ada.post("/fn/staff/role", &[("id", "admin"), ("role", "viewer")]).await.expect(303);
    assert!(ada.get("/staff/admin").await.text.contains("You cannot change your own role"));
    // The last admin stays, whoever asks: here two admins at once take each other's role away.
    app.person("bob", Role::Admin).await;
    let mut bob = app.session_of(&id("bob")).await;
    ada.post("/fn/staff/role", &[("id", "bob"), ("role", "viewer")]).await.expect(303);
    bob.post("/fn/staff/role", &[("id", "admin"), ("role", "viewer")]).await.expect(401);
    let refused = app.unstick.disable_staff(&Actor::System, &id("admin")).await.unwrap_err();
    assert!(refused.to_string().contains("no admin"), "{refused}");
    assert!(change(&mut ada, "bob", "disable").await.contains("bob is disabled"));
    assert!(change(&mut ada, "bob", "enable").await.contains("may sign in again"));
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in(Role::Admin).await;
    assert!(ada.get("/tokens").await.expect(200).text.contains("None was made yet"));
    ada.post("/fn/tokens/create", &[("name", "sign-in app"), ("life", "90")]).await.expect(303);
    let page = ada.get("/tokens").await.expect(422).text;
    assert!(page.contains("at least one scope") && page.contains("value=\"sign-in app\""), "{page}");
    let fields = [("name", "sign-in app"), ("scopes[]", "sessions:read"), ("scopes[]", "routes:ask"), ("life", "90")];
    assert_eq!(ada.post("/fn/tokens/create", &fields).await.expect(303).location(), "/tokens");
    let page = ada.get("/tokens").await.expect(200).text;
    let secret = shown_once(&page);
    assert!(secret.starts_with("sac_") && page.contains("staff:admin"), "{secret}");
    assert!(!ada.get("/tokens").await.text.contains(&secret), "the secret is shown once");
    let tokens = app.unstick.tokens(&Actor::System).await.unwrap();
    assert_eq!((tokens.len(), tokens[0].scopes.len()), (1, 2));
    assert!(app.unstick.actor_of_token(&secret).await.is_ok());
    ada.post("/fn/tokens/revoke", &[("id", tokens[0].id.as_str())]).await.expect(303);
    assert!(ada.get("/tokens").await.text.contains("revoked"));
    assert!(app.unstick.actor_of_token(&secret).await.is_err());
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let app = TestApp::new().await;
    let dana = app.person_with_password("dana", Role::Support).await;
    let (mut browser, other) = (app.session_of(&dana).await, app.session_of(&dana).await);
    let old = browser.clone();
    let new = "quite another long passphrase";
    for (password, wanted, words) in [
        ("not the one", new, "That is not your password"),
        (PASSWORD, "short", "at least 15 characters"),
        (PASSWORD, PASSWORD, "the password that you have"),
    ] {
        browser.post("/fn/me/password", &[("password", password), ("new_password", wanted)]).await.expect(303);
        assert!(browser.get("/me").await.expect(422).text.contains(words), "{words}");
    }
    browser.post("/fn/me/password", &[("password", PASSWORD), ("new_password", new)]).await.expect(303);
    assert!(browser.get("/me").await.text.contains("Your password is changed"));
    assert!(browser.is_signed_in().await && !old.is_signed_in().await && !other.is_signed_in().await);
    assert_eq!(app.browser().sign_in("dana", new).await.location(), "/");
}
