//! What reaches far needs a fresh proof of who one is. Every server function is either on the list of those that need one,
//! and then does nothing without, or on the list of those that do not.

use domain::{Mode, Role, Span, StaffId};

use crate::support::{Browser, PASSWORD, TestApp};

/// Functions that need a proof, and the age in minutes at which one is too old.
const NEED: &[(&str, i64)] = &[
    ("/fn/clean-ups/request", 31),
    ("/fn/bulk/request", 6),
    ("/fn/bulk/approve", 6),
    ("/fn/bulk/control", 6),
    ("/fn/routing/server-state", 6),
    ("/fn/census/repair", 6),
    ("/fn/staff/add", 6),
    ("/fn/staff/role", 6),
    ("/fn/staff/change", 6),
    ("/fn/staff/end-session", 6),
    ("/fn/tokens/create", 6),
    ("/fn/tokens/revoke", 6),
    ("/fn/me/second-factor/begin", 6),
    ("/fn/me/second-factor/confirm", 31),
    ("/fn/me/second-factor/codes", 6),
    ("/fn/webhooks/add", 6),
    ("/fn/webhooks/rotate", 6),
    ("/fn/webhooks/switch", 6),
    ("/fn/webhooks/delete", 6),
];

/// Functions that need none: they bring their own, they are a way in or out, they concern oneself or one customer who stays
/// signed in, or they freeze a list and change nothing.
const FREE: &[&str] = &[
    "/fn/sign-in",
    "/fn/sign-in/code",
    "/fn/sign-out",
    "/fn/setup",
    "/fn/welcome",
    "/fn/clean-ups/retry",
    "/fn/census/run",
    "/fn/bulk/draft",
    "/fn/routing/re-pin",
    "/fn/bulk/move-off",
    "/fn/accounts/link",
    "/fn/self/open",
    "/fn/self/reset",
    "/fn/self/leave",
    "/fn/webhooks/test",
    "/fn/webhooks/again",
    "/fn/webhooks/replay",
    "/fn/me/confirm",
    "/fn/me/password",
    "/fn/me/second-factor/remove",
    "/fn/me/revoke",
    "/fn/me/revoke-others",
    "/fn/me/theme",
];

/// An app whose routes outlast every wait of these tests.
async fn patient() -> TestApp {
    TestApp::with(&[("UNSTICK_EMBEDDED_PIN_TIMEOUT", "365d")]).await
}

#[tokio::test]
async fn every_server_function_needs_a_proof_or_is_known_to_need_none() {
    for (path, _) in server_fn::axum::server_fn_paths() {
        let need = NEED.iter().any(|(known, _)| *known == path);
        assert!(need != FREE.contains(&path), "{path} is on neither list, or on both");
    }
    assert_eq!(server_fn::axum::server_fn_paths().count(), NEED.len() + FREE.len());
}

/// Lets `minutes` pass while the person reads on: the session stays, the proof grows old.
async fn wait(app: &TestApp, browser: &mut Browser, minutes: i64) {
    let mut left = minutes;
    while left > 0 {
        let step = left.min(20);
        app.clock.advance(Span::from_secs(step * 60));
        browser.get("/me").await.expect(200);
        left -= step;
    }
}

/// What there is to act on.
struct World {
    hash: String,
    list: String,
    repair: String,
    bulk: String,
    token: String,
    session: String,
    hook: String,
}

impl World {
    /// What the function at `path` is sent.
    fn fields(&self, path: &str) -> Vec<(&str, &str)> {
        match path {
            "/fn/clean-ups/request" => {
                vec![
                    ("account", "acc_a"),
                    ("mode", "force"),
                    ("hash", &self.hash),
                    ("reason", "stuck again"),
                    ("ticket", ""),
                ]
            }
            "/fn/bulk/request" | "/fn/bulk/approve" => vec![("id", &self.bulk), ("hash", &self.list)],
            "/fn/bulk/control" => vec![("id", &self.bulk), ("what", "resume")],
            "/fn/routing/server-state" => vec![
                ("router", "embedded"),
                ("pool", "app"),
                ("server", "bad"),
                ("state", "maint"),
                ("reason", "fails half of its requests"),
                ("ticket", ""),
            ],
            "/fn/census/repair" => vec![
                ("kind", ""),
                ("router", ""),
                ("server", ""),
                ("age", ""),
                ("shown", &self.repair),
                ("reason", "left by the outage"),
                ("ticket", ""),
            ],
            "/fn/staff/add" => vec![("name", "newcomer"), ("role", "viewer")],
            "/fn/staff/role" => vec![("id", "dana"), ("role", "admin")],
            "/fn/staff/change" => vec![("id", "dana"), ("what", "disable")],
            "/fn/staff/end-session" => vec![("id", "dana"), ("session", &self.session)],
            "/fn/tokens/create" => vec![("name", "more"), ("scopes[]", "sessions:read"), ("life", "30")],
            "/fn/tokens/revoke" => vec![("id", &self.token)],
            "/fn/me/second-factor/confirm" => vec![("first_code", "123456")],
            "/fn/webhooks/add" => {
                vec![("url", "https://hooks.example.org/in"), ("format", "unstick"), ("cleanup_done", "on")]
            }
            "/fn/webhooks/rotate" | "/fn/webhooks/delete" => vec![("id", &self.hook)],
            "/fn/webhooks/switch" => vec![("id", &self.hook), ("to", "off")],
            _ => vec![],
        }
    }
}

#[tokio::test]
async fn nothing_that_needs_a_proof_happens_without_one() {
    for (path, minutes) in NEED {
        let app = patient().await;
        let ada = app.person_with_password("ada", Role::Admin).await;
        let dana = app.person("dana", Role::Support).await;
        app.session_of(&dana).await;
        let session = app.sessions(&dana).await[0].id.to_string();
        let stuck = app.stuck("acc_a").await;
        let repair = if *path == "/fn/census/repair" { app.repair_shown().await } else { String::new() };
        let token = app.unstick.create_token(&domain::Actor::System, "app", &[domain::TokenScope::SessionsRead], None);
        let token = token.await.unwrap().0;
        let mut browser = app.session_of(&ada).await;
        let maker = app.actor(&ada, Role::Admin).await;
        let (bulk, list) = app.bulk_of(&maker, "acc_a").await;
        if *path == "/fn/bulk/control" {
            app.unstick.request_bulk(&maker, &bulk, &domain::PlanHash(list.clone())).await.unwrap();
            app.unstick.control_bulk(&maker, &bulk, domain::BulkMove::Pause).await.unwrap();
        }
        if *path == "/fn/me/second-factor/confirm" {
            app.unstick.begin_factor(&maker).await.unwrap();
        }
        // Who has a second factor gives a code too.
        let code = match *path {
            "/fn/me/second-factor/codes" => crate::second_factor::enrol(&app, &maker).await.remove(0),
            _ => String::new(),
        };
        wait(&app, &mut browser, *minutes).await;
        let hash = app.plan_hash(&stuck.account, Mode::Force).await;
        let hook = app.webhook().await.to_string();
        let (bulk, token) = (bulk.to_string(), token.to_string());
        let world = World { hash, list, repair, bulk, token, session, hook };
        let fields = world.fields(path);
        let before = app.events().await;
        let answer = browser.post(path, &fields).await.expect(303);
        assert_eq!(app.events().await, before, "{path} did something without a proof");
        // Where it leads, the password is asked for; and nothing that was sent is lost.
        let asked = browser.get(answer.location()).await;
        if *path != "/fn/bulk/approve" {
            assert!(asked.text.contains("name=\"password\""), "{path} leads to {}", answer.location());
        }
        let wrong = [fields.clone(), vec![("password", "not the one at all")]].concat();
        browser.post(path, &wrong).await.expect(303);
        assert_eq!(app.newest_event().await.0, "staff.proof_failed", "{path}");
        assert_eq!(app.events().await, before + 1, "{path} did something with a wrong password");
        let right = [fields, vec![("password", PASSWORD), ("code", &code)]].concat();
        browser.post(path, &right).await.expect(303);
        assert!(app.events().await > before + 2, "{path} did nothing with the right password");
    }
}

#[tokio::test]
async fn what_leaves_everybody_signed_in_needs_none() {
    let app = patient().await;
    let ada = app.person("ada", Role::Admin).await;
    let mut browser = app.session_of(&ada).await;
    for mode in [Mode::Unstick, Mode::Stale] {
        let stuck = app.stuck(&format!("acc_{}", mode.as_str())).await;
        wait(&app, &mut browser, 100).await;
        let hash = app.plan_hash(&stuck.account, mode).await;
        let fields = [
            ("account", stuck.account.as_str()),
            ("mode", mode.as_str()),
            ("hash", &hash),
            ("reason", "stuck again"),
            ("ticket", ""),
        ];
        let answer = browser.post("/fn/clean-ups/request", &fields).await.expect(303);
        assert!(answer.location().starts_with("/clean-ups/c_"), "{mode:?}: {}", answer.location());
    }
}

#[tokio::test]
async fn stopping_a_bulk_clean_up_never_waits_for_a_password() {
    let app = patient().await;
    let ada = app.person("ada", Role::Admin).await;
    app.stuck("acc_a").await;
    let mut browser = app.session_of(&ada).await;
    let (bulk, hash) = app.bulk_of(&domain::Actor::System, "acc_a").await;
    app.unstick.request_bulk(&domain::Actor::System, &bulk, &domain::PlanHash(hash)).await.unwrap();
    wait(&app, &mut browser, 60).await;
    for (what, event) in [("pause", "bulk.paused"), ("cancel", "bulk.cancelled")] {
        browser.post("/fn/bulk/control", &[("id", bulk.as_str()), ("what", what)]).await.expect(303);
        assert_eq!(app.newest_event().await.0, event);
    }
}

#[tokio::test]
async fn the_form_asks_in_place_and_keeps_what_was_typed() {
    let app = patient().await;
    let sam = app.person_with_password("sam", Role::Support).await;
    let stuck = app.stuck("acc_a").await;
    let mut browser = app.session_of(&sam).await;
    let plan = "/accounts/acc_a/clean-up?mode=force";
    assert!(!browser.get(plan).await.text.contains("name=\"password\""), "a fresh sign-in is proof enough");
    wait(&app, &mut browser, 31).await;
    assert!(browser.get(plan).await.text.contains("name=\"password\""));
    assert!(!browser.get("/accounts/acc_a/clean-up?mode=stale").await.text.contains("name=\"password\""));
    let hash = app.plan_hash(&stuck.account, Mode::Force).await;
    let fields = |password| {
        let fields = [("account", "acc_a"), ("mode", "force"), ("hash", hash.as_str()), ("ticket", "T-77")];
        [fields.as_slice(), &[("reason", "typed with care"), ("password", password)]].concat()
    };
    let old = browser.cookie.clone();
    let answer = browser.post("/fn/clean-ups/request", &fields("wrong and wrong")).await.expect(303);
    assert!(answer.location().starts_with("/accounts/acc_a/clean-up"), "{}", answer.location());
    let page = browser.get(plan).await.expect(422).text;
    for words in ["That is not your password", "typed with care", "T-77"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("wrong and wrong"));
    assert_eq!(browser.cookie, old, "a wrong password changes no session");
    let answer = browser.post("/fn/clean-ups/request", &fields(PASSWORD)).await.expect(303);
    assert!(answer.location().starts_with("/clean-ups/c_"), "{}", answer.location());
}

#[tokio::test]
async fn a_proof_changes_the_secret_and_nothing_else_of_a_session() {
    let app = patient().await;
    let sam = app.person_with_password("sam", Role::Support).await;
    let mut browser = app.session_of(&sam).await;
    let (old, form) = (browser.clone(), browser.token().await);
    let before = app.sessions(&sam).await;
    app.clock.advance(Span::from_secs(600));
    let answer = browser.post("/fn/me/confirm", &[("password", PASSWORD), ("next", "/accounts")]).await.expect(303);
    assert_eq!(answer.location(), "/accounts");
    assert_ne!(browser.cookie, old.cookie, "a new secret");
    assert!(browser.is_signed_in().await && !old.is_signed_in().await, "the old one opens nothing");
    let after = app.sessions(&sam).await;
    assert_eq!((after.len(), &after[0].id, after[0].expires_at), (1, &before[0].id, before[0].expires_at));
    assert_eq!(after[0].proved_at, before[0].proved_at + Span::from_secs(600));
    // A form that was open in another window is still good.
    let late = browser.send(browser.form("/fn/me/theme", &[("theme", "dark"), ("csrf", &form)])).await;
    assert_eq!(late.status, 303);
    let mut away = app.session_of(&sam).await;
    let answer = away.post("/fn/me/confirm", &[("password", PASSWORD), ("next", "//evil.example/")]).await.expect(303);
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn wrong_proofs_count_where_wrong_sign_ins_do() {
    let app = patient().await;
    let sam = app.person_with_password("sam", Role::Support).await;
    let mut browser = app.session_of(&sam).await;
    for _ in 0..5 {
        browser.post("/fn/me/confirm", &[("password", "wrong wrong wrong")]).await.expect(303);
        assert_eq!(app.newest_event().await.0, "staff.proof_failed");
    }
    browser.post("/fn/me/confirm", &[("password", PASSWORD)]).await.expect(303);
    assert!(browser.get("/confirm").await.text.contains("Too many tries"), "the right one waits too");
    assert!(app.browser().sign_in("sam", PASSWORD).await.location().contains("error=throttled"));
    app.clock.advance(Span::from_secs(2));
    let answer = browser.post("/fn/me/confirm", &[("password", PASSWORD), ("next", "/me")]).await.expect(303);
    assert_eq!(answer.location(), "/me");
}

#[tokio::test]
async fn what_is_carried_is_done_from_the_page_that_asks() {
    let app = patient().await;
    let ada = app.person_with_password("ada", Role::Admin).await;
    app.person("dana", Role::Support).await;
    let mut browser = app.session_of(&ada).await;
    wait(&app, &mut browser, 6).await;
    let answer = browser.post("/fn/staff/role", &[("id", "dana"), ("role", "viewer")]).await.expect(303);
    assert_eq!(answer.location(), "/confirm");
    for _ in 0..2 {
        let page = browser.get("/confirm").await.expect(200).text;
        for words in ["make dana viewer", "action=\"/fn/staff/role\"", "name=\"id\" value=\"dana\"", "value=\"viewer\""]
        {
            assert!(page.contains(words), "{words} is not in {page}");
        }
    }
    let fields = [("id", "dana"), ("role", "viewer"), ("password", PASSWORD)];
    assert_eq!(browser.post("/fn/staff/role", &fields).await.expect(303).location(), "/staff/dana");
    let dana = app.unstick.store().staff(&StaffId::parse("dana").unwrap()).await.unwrap().unwrap();
    assert_eq!(dana.row.role, Role::Viewer);
}
