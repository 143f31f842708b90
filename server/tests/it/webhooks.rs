//! Webhooks in the console: made with a form, its secret shown once, its log read and repeated; and a receiver that gets
//! what the page says.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use domain::{EventKind, Role, WebhookFormat};

use crate::support::TestApp;

const NEW: &[(&str, &str)] = &[("format", "unstick"), ("session_ended", "on"), ("cleanup_done", "on")];

fn with_url(url: &str) -> Vec<(&'static str, &str)> {
    NEW.iter().copied().chain([("url", url)]).collect()
}

/// A receiver on loopback that answers `status`, its address, and what it got.
async fn receiver(status: StatusCode) -> (String, Arc<Mutex<Vec<String>>>) {
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = got.clone();
    let take = move |body: Bytes| async move {
        kept.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
        (status, "what it says <b>")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await });
    (url, got)
}

#[tokio::test]
async fn a_secret_is_shown_once_to_who_made_the_webhook() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in(Role::Admin).await;
    let empty = admin.get("/webhooks").await.expect(200);
    assert!(empty.text.contains("Nobody is told yet") && empty.text.contains("href=\"/webhooks\""));
    let mut support = app.signed_in(Role::Support).await;
    assert!(!support.get("/").await.expect(200).text.contains("/webhooks"), "who may not see them is led nowhere");
    let made = admin.post("/fn/webhooks/add", &with_url("https://receiver.example/unstick")).await.expect(303);
    let page = made.location().to_owned();
    assert!(page.starts_with("/webhooks/wh_"), "{page}");
    let id = domain::WebhookId::parse(page.trim_start_matches("/webhooks/")).unwrap();
    let before = (app.unstick.store().webhook(&id).await.unwrap(), app.events().await);
    // It is for who made it: another admin who looks first is shown nothing and takes nothing away.
    app.person("other", Role::Admin).await;
    let mut other = app.session_of(&domain::StaffId::parse("other").unwrap()).await;
    assert!(!other.get(&page).await.expect(200).text.contains("whsec_"));
    let first = admin.get(&page).await.expect(200);
    assert!(first.text.contains("whsec_") && first.text.contains("shown this once"));
    let again = admin.get(&page).await.expect(200);
    assert!(!again.text.contains("whsec_"));
    let after = (app.unstick.store().webhook(&id).await.unwrap(), app.events().await);
    assert_eq!(before, after, "whoever looks changes nothing");
    admin.post("/fn/webhooks/rotate", &[("id", id.as_str())]).await.expect(303);
    let rotated = admin.get(&page).await.expect(200);
    let shown = |page: &str| page.split("<code>whsec_").nth(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    assert!(shown(&rotated.text).is_some() && shown(&rotated.text) != shown(&first.text), "another one");
    assert!(!admin.get(&page).await.expect(200).text.contains("whsec_"));
    let raw = app.raw_database().await;
    for secret in [shown(&first.text).unwrap(), shown(&rotated.text).unwrap()] {
        assert!(!raw.windows(secret.len()).any(|window| window == secret.as_bytes()), "a secret is in the database");
    }
    let listed = admin.get("/webhooks").await.expect(200);
    assert!(listed.text.contains("https://receiver.example/unstick") && !listed.text.contains("whsec_"));
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in(Role::Admin).await;
    for (url, words) in [
        ("http://receiver.example/", "Only https goes to another machine"),
        ("https://192.168.0.1/", "no public address"),
        ("nonsense", "That is no address"),
    ] {
        let refused = admin.post("/fn/webhooks/add", &with_url(url)).await.expect(303);
        assert_eq!(refused.location(), "/webhooks");
        let page = admin.get("/webhooks").await.expect(422);
        assert!(page.text.contains(words), "{url}: {}", page.text);
        assert!(page.text.contains(&format!("value=\"{url}\"")), "{url} is still there");
        assert!(page.text.contains("aria-invalid=\"true\""));
    }
    let none = [("url", "https://receiver.example/"), ("format", "unstick")];
    admin.post("/fn/webhooks/add", &none).await.expect(303);
    assert!(admin.get("/webhooks").await.expect(422).text.contains("Choose at least one event"));
    let caep = [("url", "https://receiver.example/"), ("format", "caep"), ("cleanup_done", "on")];
    admin.post("/fn/webhooks/add", &caep).await.expect(303);
    assert!(admin.get("/webhooks").await.expect(422).text.contains("CAEP has a form for session.ended alone"));
    assert!(app.unstick.webhooks(&domain::Actor::System).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_log_says_what_came_of_each_event_and_sends_it_again() {
    let app = TestApp::with(&[("UNSTICK_WEBHOOK_ALLOW", "127.0.0.0/8")]).await;
    let (url, got) = receiver(StatusCode::BAD_GATEWAY).await;
    let new = service::NewWebhook { url, kinds: vec![EventKind::SessionEnded], format: WebhookFormat::Unstick };
    let hook = app.unstick.add_webhook(&domain::Actor::System, new).await.unwrap().hook.id;
    app.stuck("acc_a").await;
    app.unstick.deliver_once().await.unwrap();
    let mut admin = app.signed_in(Role::Admin).await;
    let page = admin.get(&format!("/webhooks/{hook}")).await.expect(200);
    assert!(page.text.contains("what it says &lt;b&gt;") && page.text.contains("502"), "escaped, with its status");
    assert!(page.text.contains("next try") && page.text.contains("failing"));
    let event = app.unstick.webhook_page(&domain::Actor::System, &hook, domain::DeliveryFilter::default(), None).await;
    let event = event.unwrap().log.items.remove(0).event;
    let fields = [("id", hook.as_str()), ("event", event.as_str())];
    admin.post("/fn/webhooks/again", &fields).await.expect(303);
    app.unstick.deliver_once().await.unwrap();
    assert_eq!(got.lock().unwrap().len(), 2, "tried now, though its time had not come");
    let filtered = admin.get(&format!("/webhooks/{hook}?state=delivered&event=session.ended&account=acc_a")).await;
    assert!(filtered.expect(200).text.contains("Nothing fits."));
    admin.get(&format!("/webhooks/{hook}?state=lost")).await.expect(422);
    admin.get(&format!("/webhooks/{hook}?colour=red")).await.expect(422);
    admin.get("/webhooks/wh_nosuch").await.expect(404);
    let backwards = [("id", hook.as_str()), ("from", "2026-11-24"), ("to", "yesterday")];
    admin.post("/fn/webhooks/replay", &backwards).await.expect(303);
    let page = admin.get(&format!("/webhooks/{hook}")).await.expect(422);
    assert!(page.text.contains("value=\"2026-11-24\"") && page.text.contains("value=\"yesterday\""));
}

#[tokio::test]
async fn who_is_switched_off_is_sent_nothing_and_the_buttons_say_why() {
    let app = TestApp::new().await;
    let hook = app.webhook().await;
    let mut admin = app.signed_in(Role::Admin).await;
    admin.post("/fn/webhooks/switch", &[("id", hook.as_str()), ("to", "off")]).await.expect(303);
    let page = admin.get(&format!("/webhooks/{hook}")).await.expect(200);
    assert!(
        page.text.contains("staff:admin switched it off") && page.text.contains("Switch it on before anything is sent")
    );
    admin.post("/fn/webhooks/test", &[("id", hook.as_str())]).await.expect(303);
    let page = admin.get(&format!("/webhooks/{hook}")).await.expect(200);
    assert!(page.text.contains("It is disabled: switch it on first."), "a refusal is a note, no error page");
}

#[tokio::test]
async fn a_deleted_webhook_is_in_no_list_and_its_log_can_be_read() {
    let app = TestApp::new().await;
    let hook = app.webhook().await;
    let event = app.sent_event(&hook).await;
    let address = format!("/webhooks/{hook}");
    let mut admin = app.signed_in(Role::Admin).await;
    let before = admin.get(&address).await.expect(200).text;
    assert!(before.contains("Delete it") && before.contains("One event that waits is given up."), "{before}");
    let deleted = admin.post("/fn/webhooks/delete", &[("id", hook.as_str())]).await.expect(303);
    assert_eq!(deleted.location(), address);
    let page = admin.get(&address).await.expect(200).text;
    for words in ["Deleted. What waited for it was given up.", "staff:admin deleted it", event.as_str(), "given up"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Delete it") && !page.contains("New secret") && page.contains("<fieldset disabled"));
    assert!(!admin.get("/webhooks").await.expect(200).text.contains("receiver.example/unstick</a>"));
    admin.post("/fn/webhooks/delete", &[("id", hook.as_str())]).await.expect(303);
    assert!(admin.get(&address).await.expect(200).text.contains("It is deleted."), "twice is told, and no error page");
}
