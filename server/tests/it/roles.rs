//! Who may do what in the console: every server function and every page against nobody and every role. Both lists are
//! walked, so that one that is added without a row here fails.

use axum::http::Method;
use domain::{Mode, Role};

use crate::support::{Browser, TestApp};

/// Nobody, and every role.
const WHO: [Option<Role>; 5] = [None, Some(Role::Viewer), Some(Role::Support), Some(Role::Admin), Some(Role::Auditor)];

const EVERYBODY: &[Role] = &Role::ALL;
const READERS: &[Role] = &[Role::Viewer, Role::Support, Role::Admin];
const CLEANERS: &[Role] = &[Role::Support, Role::Admin];
const ADMINS: &[Role] = &[Role::Admin];
/// Nobody of the staff: customers alone, who are not in this matrix but in `self_link.rs`.
const CUSTOMERS: &[Role] = &[];
const AUDITORS: &[Role] = &[Role::Admin, Role::Auditor];

/// Server functions, and who may call them. `None`: anybody, signed in or not.
const FUNCTIONS: &[(&str, Option<&[Role]>)] = &[
    ("/fn/sign-in", None),
    ("/fn/sign-in/code", None),
    ("/fn/setup", None),
    ("/fn/welcome", None),
    ("/fn/me/confirm", Some(EVERYBODY)),
    ("/fn/me/password", Some(EVERYBODY)),
    ("/fn/me/second-factor/begin", Some(EVERYBODY)),
    ("/fn/me/second-factor/confirm", Some(EVERYBODY)),
    ("/fn/me/second-factor/codes", Some(EVERYBODY)),
    ("/fn/me/second-factor/remove", Some(EVERYBODY)),
    ("/fn/staff/add", Some(ADMINS)),
    ("/fn/staff/role", Some(ADMINS)),
    ("/fn/staff/change", Some(ADMINS)),
    ("/fn/staff/end-session", Some(ADMINS)),
    ("/fn/tokens/create", Some(ADMINS)),
    ("/fn/tokens/revoke", Some(ADMINS)),
    ("/fn/sign-out", Some(EVERYBODY)),
    ("/fn/clean-ups/request", Some(CLEANERS)),
    ("/fn/clean-ups/retry", Some(CLEANERS)),
    ("/fn/census/run", Some(CLEANERS)),
    ("/fn/census/repair", Some(ADMINS)),
    ("/fn/bulk/draft", Some(ADMINS)),
    ("/fn/bulk/move-off", Some(ADMINS)),
    ("/fn/bulk/request", Some(ADMINS)),
    ("/fn/bulk/approve", Some(ADMINS)),
    ("/fn/bulk/control", Some(ADMINS)),
    ("/fn/routing/server-state", Some(ADMINS)),
    ("/fn/routing/re-pin", Some(CLEANERS)),
    ("/fn/webhooks/add", Some(ADMINS)),
    ("/fn/webhooks/rotate", Some(ADMINS)),
    ("/fn/webhooks/switch", Some(ADMINS)),
    ("/fn/webhooks/delete", Some(ADMINS)),
    ("/fn/webhooks/test", Some(ADMINS)),
    ("/fn/webhooks/again", Some(ADMINS)),
    ("/fn/webhooks/replay", Some(ADMINS)),
    ("/fn/me/revoke", Some(EVERYBODY)),
    ("/fn/me/revoke-others", Some(EVERYBODY)),
    ("/fn/me/theme", Some(EVERYBODY)),
    ("/fn/accounts/link", Some(CLEANERS)),
    ("/fn/self/open", None),
    ("/fn/self/reset", Some(CUSTOMERS)),
    ("/fn/self/leave", Some(CUSTOMERS)),
];

/// Pages by their pattern, with an address of each, and who may see them.
const PAGES: &[(&str, &str, Option<&[Role]>)] = &[
    ("/", "/", Some(READERS)),
    ("/sign-in", "/sign-in", None),
    ("/sign-in/code", "/sign-in/code", None),
    ("/setup", "/setup", None),
    ("/welcome", "/welcome", None),
    ("/confirm", "/confirm", Some(EVERYBODY)),
    ("/me/second-factor", "/me/second-factor", Some(EVERYBODY)),
    ("/staff", "/staff", Some(ADMINS)),
    ("/staff/{id}", "/staff/somebody", Some(ADMINS)),
    ("/tokens", "/tokens", Some(ADMINS)),
    ("/accounts", "/accounts", Some(READERS)),
    ("/accounts/{id}", "/accounts/acc_a", Some(READERS)),
    ("/accounts/{id}/clean-up", "/accounts/acc_a/clean-up?mode=force", Some(READERS)),
    ("/accounts/{id}/link", "/accounts/acc_a/link", Some(READERS)),
    ("/self", "/self", None),
    ("/self/reset", "/self/reset", Some(CUSTOMERS)),
    ("/self/reset/{id}", "/self/reset/ID", Some(CUSTOMERS)),
    ("/clean-ups", "/clean-ups", Some(READERS)),
    ("/clean-ups/{id}", "/clean-ups/ID", Some(READERS)),
    ("/routing", "/routing", Some(READERS)),
    ("/bulk", "/bulk", Some(READERS)),
    ("/bulk/new", "/bulk/new", Some(EVERYBODY)),
    ("/bulk/{id}", "/bulk/BULK", Some(READERS)),
    ("/routing/server", "/routing/server?router=embedded&pool=app&server=bad", Some(READERS)),
    ("/routing/move-off", "/routing/move-off?router=embedded&pool=app&server=bad", Some(READERS)),
    ("/routing/re-pin", "/routing/re-pin?router=embedded&pool=app&key=acc_a", Some(READERS)),
    ("/findings", "/findings", Some(READERS)),
    ("/findings/repair", "/findings/repair", Some(ADMINS)),
    ("/audit", "/audit", Some(AUDITORS)),
    ("/webhooks", "/webhooks", Some(ADMINS)),
    ("/webhooks/{id}", "/webhooks/WEBHOOK", Some(ADMINS)),
    ("/me", "/me", Some(EVERYBODY)),
];

/// What the server adds beside the pages.
const FILES: &[(&str, &[Role])] = &[
    ("/clean-ups/ID/evidence.md", READERS),
    ("/clean-ups/ID/evidence.json", READERS),
    ("/clean-ups/ID/events", READERS),
    ("/bulk/BULK/report.csv", READERS),
    ("/bulk/BULK/report.ndjson", READERS),
    ("/bulk/BULK/events", READERS),
    ("/audit/export.csv", AUDITORS),
    ("/audit/export.ndjson", AUDITORS),
];

async fn browser(app: &TestApp, who: Option<Role>) -> Browser {
    match who {
        Some(role) => app.signed_in(role).await,
        None => app.browser(),
    }
}

fn may(allowed: Option<&[Role]>, who: Option<Role>) -> bool {
    allowed.is_none_or(|roles| who.is_some_and(|role| roles.contains(&role)))
}

#[tokio::test]
async fn every_server_function_has_a_row_and_is_posted_to() {
    for (path, method) in server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path} could be called by a link");
        assert!(FUNCTIONS.iter().any(|(known, _)| *known == path), "{path} has no row in the matrix");
    }
    assert_eq!(server_fn::axum::server_fn_paths().count(), FUNCTIONS.len());
}

#[tokio::test]
async fn every_page_has_a_row() {
    for (path, _) in app::PAGES {
        assert!(PAGES.iter().any(|(pattern, ..)| pattern == path), "{path} has no row in the matrix");
    }
    assert_eq!(app::PAGES.len(), PAGES.len());
}

/// What the functions about people are sent.
fn people_fields(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/fn/sign-in/code" => &[("code", "123456")],
        "/fn/setup" => &[("code", "none"), ("name", "ada"), ("password", crate::support::PASSWORD)],
        "/fn/welcome" => &[("code", "none"), ("password", crate::support::PASSWORD)],
        "/fn/me/confirm" => &[("password", "not the password of anybody")],
        "/fn/me/password" => &[("password", "not the one"), ("new_password", "quite another long passphrase")],
        "/fn/me/second-factor/confirm" => &[("first_code", "123456")],
        "/fn/me/second-factor/remove" => &[("password", "not the one"), ("code", "123456")],
        "/fn/staff/add" => &[("name", "newcomer"), ("role", "viewer")],
        "/fn/staff/role" => &[("id", "somebody"), ("role", "support")],
        "/fn/staff/change" => &[("id", "somebody"), ("what", "reset")],
        "/fn/staff/end-session" => &[("id", "somebody"), ("session", "w_nosuch")],
        "/fn/tokens/create" => &[("name", "app"), ("scopes[]", "sessions:read"), ("life", "30")],
        "/fn/tokens/revoke" => &[("id", "t_nosuch")],
        _ => &[],
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table: what each function is sent")]
async fn every_server_function_for_every_role() {
    for (path, allowed) in FUNCTIONS {
        for who in WHO {
            let app = TestApp::new().await;
            let stuck = app.stuck("acc_a").await;
            let other = app.stuck("acc_b").await;
            let cleanup = app.cleanup(&other.account).await;
            let hash = app.plan_hash(&stuck.account, Mode::Force).await;
            let bulk = app.bulk("acc_b").await;
            let hook = app.webhook().await;
            let about_hook = about_webhooks(path, hook.as_str());
            app.person("somebody", Role::Viewer).await;
            let mut browser = browser(&app, who).await;
            let fields: &[(&str, &str)] = match *path {
                "/fn/sign-in" => &[("name", "nobody"), ("password", "not the password of anybody")],
                "/fn/clean-ups/request" => &[
                    ("account", "acc_a"),
                    ("mode", "force"),
                    ("hash", &hash),
                    ("reason", "stuck everywhere"),
                    ("ticket", ""),
                ],
                "/fn/clean-ups/retry" => &[("id", cleanup.as_str())],
                "/fn/census/repair" => &[
                    ("kind", ""),
                    ("router", ""),
                    ("server", ""),
                    ("age", ""),
                    ("shown", "[]"),
                    ("reason", "left by the outage"),
                    ("ticket", ""),
                ],
                "/fn/bulk/draft" => {
                    &[("list", "acc_a"), ("mode", "stale"), ("reason", "left by the outage"), ("ticket", "")]
                }
                "/fn/bulk/move-off" => &[
                    ("router", "embedded"),
                    ("pool", "app"),
                    ("server", "bad"),
                    ("reason", "fails half of its requests"),
                    ("ticket", ""),
                ],
                "/fn/bulk/request" | "/fn/bulk/approve" => &[("id", bulk.as_str()), ("hash", "another")],
                "/fn/bulk/control" => &[("id", bulk.as_str()), ("what", "cancel")],
                "/fn/routing/server-state" => &[
                    ("router", "embedded"),
                    ("pool", "app"),
                    ("server", "bad"),
                    ("state", "drain"),
                    ("reason", "fails half of its requests"),
                    ("ticket", ""),
                ],
                "/fn/routing/re-pin" => &[
                    ("router", "embedded"),
                    ("pool", "app"),
                    ("key", "acc_a"),
                    ("server", "good"),
                    ("reason", "their upload is there"),
                    ("ticket", ""),
                ],
                path if path.starts_with("/fn/webhooks/") => &about_hook,
                "/fn/me/revoke" => &[("id", "w_nosuch")],
                "/fn/me/theme" => &[("theme", "dark")],
                "/fn/accounts/link" => &[("account", "acc_a"), ("session", ""), ("minutes", "")],
                "/fn/self/open" => &[("code", "nosuch")],
                "/fn/self/reset" => &[("stays", "nobody"), ("hash", &hash)],
                path => people_fields(path),
            };
            let answer = browser.post(path, fields).await;
            let cleaned = app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_some();
            match (may(*allowed, who), who) {
                (true, _) => assert!(![401, 403].contains(&answer.status), "{path} refused {who:?}: {}", answer.status),
                (false, _) if path.starts_with("/fn/self/") => {
                    assert_eq!((answer.status, answer.location()), (303, "/self?told=over"), "{path} for {who:?}");
                }
                (false, None) => assert_eq!(answer.status, 401, "{path} for nobody"),
                (false, Some(_)) => assert_eq!(answer.status, 403, "{path} for {who:?}"),
            }
            assert_eq!(cleaned, *path == "/fn/clean-ups/request" && may(*allowed, who), "{path} for {who:?}");
        }
    }
}

fn about_webhooks<'a>(path: &str, hook: &'a str) -> Vec<(&'a str, &'a str)> {
    match path {
        "/fn/webhooks/add" => {
            vec![("url", "https://receiver.example/"), ("format", "unstick"), ("session_ended", "on")]
        }
        "/fn/webhooks/switch" => vec![("id", hook), ("to", "off")],
        "/fn/webhooks/again" => vec![("id", hook), ("event", "evt_nosuch")],
        "/fn/webhooks/replay" => vec![("id", hook), ("from", "2026-11-23"), ("to", "2026-11-24")],
        _ => vec![("id", hook)],
    }
}

#[tokio::test]
async fn every_page_for_every_role() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let cleanup = app.cleanup(&stuck.account).await;
    let bulk = app.bulk("acc_a").await;
    let hook = app.webhook().await;
    app.person("somebody", Role::Viewer).await;
    for who in WHO {
        let mut browser = browser(&app, who).await;
        for (pattern, address, allowed) in PAGES {
            let address = address.replace("ID", cleanup.as_str()).replace("BULK", bulk.as_str());
            let answer = browser.get(&address.replace("WEBHOOK", hook.as_str())).await;
            match (may(*allowed, who), who) {
                (true, _) => assert_eq!(answer.status, 200, "{pattern} for {who:?}: {}", answer.location()),
                (false, _) if pattern.starts_with("/self") => {
                    assert_eq!((answer.status, answer.location()), (303, "/self?told=over"), "{pattern} for {who:?}");
                }
                (false, None) => {
                    assert_eq!(answer.status, 303, "{pattern} for nobody");
                    assert!(
                        answer.location().starts_with("/sign-in"),
                        "{pattern} leads nobody to {}",
                        answer.location()
                    );
                }
                // The first page of an auditor is elsewhere.
                (false, Some(Role::Auditor)) if *pattern == "/" => {
                    assert!([303, 403].contains(&answer.status), "{pattern} for an auditor: {}", answer.status);
                }
                (false, Some(_)) => assert_eq!(answer.status, 403, "{pattern} for {who:?}"),
            }
            if !may(*allowed, who) {
                assert!(
                    !answer.text.contains("Dana") && !answer.text.contains("198.51.100.4"),
                    "{pattern} tells {who:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_file_and_stream_for_every_role() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let cleanup = app.cleanup(&stuck.account).await;
    let bulk = app.bulk("acc_a").await;
    for who in WHO {
        let browser = browser(&app, who).await;
        for (address, allowed) in FILES {
            let status = browser
                .open(&address.replace("ID", cleanup.as_str()).replace("BULK", bulk.as_str()))
                .await
                .status()
                .as_u16();
            let expected = match (may(Some(allowed), who), who) {
                (true, _) => 200,
                (false, None) => 401,
                (false, Some(_)) => 403,
            };
            assert_eq!(status, expected, "{address} for {who:?}");
        }
    }
}

#[tokio::test]
async fn an_auditor_sees_events_and_no_customer() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    app.cleanup(&stuck.account).await;
    let mut auditor = app.signed_in(Role::Auditor).await;
    for page in ["/audit", "/audit/export.csv", "/audit/export.ndjson"] {
        let answer = auditor.get(page).await.expect(200);
        assert!(answer.text.contains("cleanup.requested"), "{page}");
        for private in ["Dana", "acc_a@example.com", "198.51.100.4", "Desktop"] {
            assert!(!answer.text.contains(private), "{page} shows {private}");
        }
    }
}

#[tokio::test]
async fn a_role_that_was_taken_away_is_gone_at_the_next_request() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let mut support = app.signed_in(Role::Support).await;
    support.get("/accounts/acc_a").await.expect(200);
    // In the database alone, as another process would: the session stays.
    let id = domain::StaffId::parse("support").unwrap();
    let mut tx = app.unstick.store().begin().await.unwrap();
    tx.set_staff_role(&id, Role::Auditor).await.unwrap();
    tx.commit().await.unwrap();
    support.get("/accounts/acc_a").await.expect(403);
    support.get("/audit").await.expect(200);
}
