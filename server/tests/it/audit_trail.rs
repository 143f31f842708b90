//! Everything that a person changes in the console is in the audit log, and so are refusals.

use domain::{Mode, Role, StaffId};

use crate::support::{PASSWORD, TestApp};

/// Server functions that change nothing on the server. This list only shrinks.
const WITHOUT: &[&str] = &["/fn/me/theme"];

/// What the functions about people are sent, and the event that they leave.
fn people<'a>(path: &str, token: &'a str, session: &'a str) -> (Vec<(&'static str, &'a str)>, &'static str) {
    match path {
        "/fn/staff/add" => (vec![("name", "newcomer"), ("role", "viewer")], "staff.added"),
        "/fn/staff/role" => (vec![("id", "dana"), ("role", "viewer")], "staff.role_set"),
        "/fn/staff/change" => (vec![("id", "dana"), ("what", "reset")], "staff.reset"),
        "/fn/staff/end-session" => (vec![("id", "dana"), ("session", session)], "staff.sessions_ended"),
        "/fn/tokens/create" => {
            (vec![("name", "another"), ("scopes[]", "sessions:read"), ("life", "30")], "token.created")
        }
        "/fn/tokens/revoke" => (vec![("id", token)], "token.revoked"),
        "/fn/me/second-factor/begin" => (vec![], "staff.factor_begun"),
        // Sam has no password: what fails is written down too.
        "/fn/me/confirm" => (vec![("password", "not the one")], "staff.proof_failed"),
        "/fn/me/password" => {
            (vec![("password", "not the one"), ("new_password", "quite another passphrase")], "staff.proof_failed")
        }
        "/fn/welcome" => (vec![("code", "none"), ("password", PASSWORD)], "staff.welcome_failed"),
        _ => (vec![("theme", "dark")], ""),
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table: what each function is sent")]
async fn every_changing_function_leaves_an_event() {
    for (path, _) in server_fn::axum::server_fn_paths() {
        let app = TestApp::new().await;
        app.person_with_password("dana", Role::Support).await;
        let stuck = app.stuck("acc_a").await;
        let hash = app.plan_hash(&stuck.account, Mode::Force).await;
        let repair = if path == "/fn/census/repair" { app.repair_shown().await } else { String::new() };
        let staff = app.person("sam", Role::Admin).await;
        let (mut browser, _second) = (app.session_of(&staff).await, app.session_of(&staff).await);
        let own = app.sessions(&staff).await;
        let maker = app.actor(&staff, Role::Admin).await;
        let token = app.unstick.create_token(&maker, "app", &[domain::TokenScope::SessionsRead], None).await.unwrap().0;
        let theirs = StaffId::parse("dana").unwrap();
        app.session_of(&theirs).await;
        let theirs = app.sessions(&theirs).await;
        let (bulk, bulk_hash) = app.bulk_of(&maker, "acc_a").await;
        let hook = app.webhook().await;
        let event = app.sent_event(&hook).await;
        let before = app.events().await;
        let code;
        let (fields, action): (Vec<(&str, &str)>, &str) = match path {
            "/fn/sign-in" => (vec![("name", "dana"), ("password", PASSWORD)], "staff.signed_in"),
            "/fn/sign-out" => (vec![], "staff.signed_out"),
            "/fn/clean-ups/request" => {
                let fields = vec![
                    ("account", "acc_a"),
                    ("mode", "force"),
                    ("hash", &hash),
                    ("reason", "stuck everywhere"),
                    ("ticket", "T-1"),
                ];
                (fields, "cleanup.requested")
            }
            "/fn/census/run" => (vec![], "census.started"),
            "/fn/census/repair" => {
                let mut fields = vec![("kind", ""), ("router", ""), ("server", ""), ("age", ""), ("shown", &*repair)];
                fields.extend([("reason", "left by the outage"), ("ticket", "")]);
                // After its own event.
                (fields, "cleanup.requested")
            }
            "/fn/bulk/draft" => {
                let fields =
                    vec![("list", "acc_a"), ("mode", "stale"), ("reason", "left by the outage"), ("ticket", "")];
                (fields, "bulk.drafted")
            }
            "/fn/bulk/move-off" => {
                // Somewhere to go.
                let (pool, spare) =
                    (domain::PoolName::parse("app").unwrap(), domain::ServerName::parse("spare").unwrap());
                let (healthy, counters) = (domain::Health::Healthy, domain::Counters::default());
                app.unstick.feed_server(&domain::Actor::System, &pool, &spare, healthy, counters).await.unwrap();
                let mut fields = vec![("router", "embedded"), ("pool", "app"), ("server", "good")];
                fields.extend([("reason", "to be taken away"), ("ticket", "")]);
                (fields, "bulk.drafted")
            }
            "/fn/bulk/request" => (vec![("id", bulk.as_str()), ("hash", &bulk_hash)], "bulk.requested"),
            "/fn/bulk/control" => (vec![("id", bulk.as_str()), ("what", "cancel")], "bulk.cancelled"),
            "/fn/routing/server-state" => {
                let mut fields = vec![("router", "embedded"), ("pool", "app"), ("server", "bad"), ("state", "drain")];
                fields.extend([("reason", "fails half of its requests"), ("ticket", "")]);
                (fields, "server.state_set")
            }
            "/fn/routing/re-pin" => {
                let mut fields = vec![("router", "embedded"), ("pool", "app"), ("key", "acc_a"), ("server", "good")];
                fields.extend([("reason", "their upload is there"), ("ticket", "")]);
                (fields, "route.pinned")
            }
            path if path.starts_with("/fn/webhooks/") => about_webhooks(path, hook.as_str(), event.as_str()),
            "/fn/accounts/link" => {
                (vec![("account", "acc_a"), ("session", ""), ("minutes", "15")], "customer.link_made")
            }
            "/fn/self/open" => {
                code = app.unstick.make_customer_link(&maker, &stuck.account, None, None).await.unwrap().code;
                (vec![("code", &*code)], "customer.link_opened")
            }
            // Nothing waits for these here: a refusal changes nothing (the real thing is in package `service`, and in
            // `second_factor` and `first_run`). The customers' own need a visit (in `self_link`).
            "/fn/self/reset"
            | "/fn/self/leave"
            | "/fn/clean-ups/retry"
            | "/fn/bulk/approve"
            | "/fn/sign-in/code"
            | "/fn/setup"
            | "/fn/me/second-factor/confirm"
            | "/fn/me/second-factor/codes"
            | "/fn/me/second-factor/remove" => continue,
            "/fn/me/revoke" => (vec![("id", own[1].id.as_str())], "staff.session_revoked"),
            "/fn/me/revoke-others" => (vec![], "staff.other_sessions_revoked"),
            path => people(path, token.as_str(), theirs[0].id.as_str()),
        };
        browser.post(path, &fields).await.expect(303);
        if WITHOUT.contains(&path) {
            assert_eq!(app.events().await, before, "{path} is on the list of those without an event");
        } else {
            assert!(app.events().await > before, "{path} left no event");
            assert_eq!(app.newest_event().await.0, action, "{path}");
        }
    }
}

/// A form about webhooks, and the event that it leaves.
fn about_webhooks<'a>(path: &str, hook: &'a str, event: &'a str) -> (Vec<(&'a str, &'a str)>, &'static str) {
    match path {
        "/fn/webhooks/add" => {
            let fields = vec![("url", "https://receiver.example/"), ("format", "unstick"), ("cleanup_done", "on")];
            (fields, "webhook.added")
        }
        "/fn/webhooks/rotate" => (vec![("id", hook)], "webhook.secret_rotated"),
        "/fn/webhooks/switch" => (vec![("id", hook), ("to", "off")], "webhook.disabled"),
        "/fn/webhooks/delete" => (vec![("id", hook)], "webhook.deleted"),
        "/fn/webhooks/test" => (vec![("id", hook)], "webhook.tested"),
        "/fn/webhooks/again" => (vec![("id", hook), ("event", event)], "webhook.replayed"),
        _ => (vec![("id", hook), ("from", "2026-11-23"), ("to", "2026-11-24")], "webhook.replayed"),
    }
}

#[tokio::test]
async fn refusals_of_somebody_known_and_failed_sign_ins_are_written_down() {
    let app = TestApp::new().await;
    app.person_with_password("dana", Role::Viewer).await;
    let stuck = app.stuck("acc_a").await;
    let hash = app.plan_hash(&stuck.account, Mode::Force).await;
    let mut viewer = app.signed_in(Role::Viewer).await;
    let fields =
        [("account", "acc_a"), ("mode", "force"), ("hash", hash.as_str()), ("reason", "just because"), ("ticket", "")];
    viewer.post("/fn/clean-ups/request", &fields).await.expect(403);
    assert_eq!(app.newest_event().await, ("access.denied".to_owned(), "staff:viewer".to_owned(), "denied"));
    app.browser().sign_in("dana", "wrong wrong wrong wrong").await.expect(303);
    assert_eq!(app.newest_event().await, ("staff.sign_in_failed".to_owned(), "anonymous".to_owned(), "denied"));
}

#[tokio::test]
async fn an_export_is_itself_an_event_and_the_chain_holds() {
    let app = TestApp::new().await;
    let mut auditor = app.signed_in(Role::Auditor).await;
    auditor.get("/audit/export.csv").await.expect(200);
    assert_eq!(app.newest_event().await.0, "audit.exported");
    let verification = app.unstick.verify_audit(&domain::Actor::System, &|_| ()).await.unwrap();
    assert!(matches!(verification, service::Verification::Intact { .. }), "{verification:?}");
}
