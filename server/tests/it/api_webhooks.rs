//! Webhooks, by the API: made, tried, read, changed and deleted.

use domain::TokenScope;
use serde_json::{Value, json};

use crate::{api_console::Api, support::TestApp};

const BOTH: [TokenScope; 2] = [TokenScope::WebhooksRead, TokenScope::WebhooksWrite];

#[tokio::test]
async fn a_webhook_lives_by_the_api() {
    let app = TestApp::new().await;
    let api = Api::new(&app, &BOTH).await;
    assert_eq!(api.get("webhooks").await.expect(200).json(), json!({"items": []}));
    let body = json!({"url": "https://receiver.example/unstick", "events": ["session.ended", "cleanup.done"]});
    let answer = api.post("webhooks", &body).await.expect(201);
    let made = answer.json();
    let id = made["webhook"]["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.location(), format!("/api/v1/webhooks/{id}"));
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&made["webhook"]["kinds"], &made["webhook"]["format"]), (&body["events"], &json!("unstick")));
    let event = app.newest_event().await;
    assert!(event.0 == "webhook.added" && event.1.starts_with("token:"), "{event:?}");
    let row = api.get(&format!("webhooks/{id}")).await.expect(200);
    assert!(!row.text.contains("whsec_"), "its secret is in no other answer");
    assert_eq!((&row.json()["state"], &row.json()["waiting"]["n"]), (&json!("active"), &json!(0)));
    let new = api.post(&format!("webhooks/{id}/secret"), &json!({})).await.expect(200).json();
    assert_ne!(new["secret"], made["secret"]);
    assert_eq!(new["webhook"]["generation"], 2);
    let test = api.post(&format!("webhooks/{id}/test"), &json!({})).await.expect(202).json();
    let log = api.get(&format!("webhooks/{id}/deliveries")).await.expect(200).json();
    assert_eq!((&log["items"][0]["event"], &log["items"][0]["kind"]), (&test["event_id"], &json!("webhook.test")));
    let again = json!({"event_id": test["event_id"]});
    assert_eq!(api.post(&format!("webhooks/{id}/replay"), &again).await.expect(202).json(), json!({"events": 1}));
    let control = |what: &str| json!({ "what": what });
    let off = api.post(&format!("webhooks/{id}/control"), &control("disable")).await.expect(200).json();
    assert_eq!(off["state"], "disabled");
    api.post(&format!("webhooks/{id}/control"), &control("disable")).await.expect(409);
    api.post(&format!("webhooks/{id}/test"), &json!({})).await.expect(409);
    api.post(&format!("webhooks/{id}/control"), &control("enable")).await.expect(200);
    let gone =
        api.send("DELETE", &format!("webhooks/{id}"), "application/json", String::new()).await.expect(200).json();
    assert_eq!(
        (&gone["state"], &gone["waiting"]["n"], &gone["failed"]["n"]),
        (&json!("deleted"), &json!(0), &json!(1))
    );
    assert_eq!(app.newest_event().await.0, "webhook.deleted");
    assert_eq!(api.get("webhooks").await.expect(200).json(), json!({"items": []}));
    let log = api.get(&format!("webhooks/{id}/deliveries?state=failed")).await.expect(200).json();
    assert!(log["items"][0]["said"].as_str().unwrap().starts_with("not sent: token:"), "{log}");
    let twice = api.send("DELETE", &format!("webhooks/{id}"), "application/json", String::new()).await.expect(409);
    assert_eq!(twice.json()["detail"], "it is deleted");
    api.get("webhooks/wh_nosuch").await.expect(404);
    api.send("DELETE", "webhooks/wh_nosuch", "application/json", String::new()).await.expect(404);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_field() {
    let app = TestApp::new().await;
    let hook = app.webhook().await;
    let api = Api::new(&app, &BOTH).await;
    let refused = async |path: &str, body: Value| {
        let problem = api.post(path, &body).await.expect(422).json();
        problem["field"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refused("webhooks", json!({"url": "http://receiver.example/"})).await, "url");
    assert_eq!(refused("webhooks", json!({"url": "https://10.0.0.1/"})).await, "url");
    let url = "https://receiver.example/";
    assert_eq!(refused("webhooks", json!({"url": url, "events": ["session.began"]})).await, "events");
    assert_eq!(refused("webhooks", json!({"url": url, "events": ["webhook.test"]})).await, "events");
    let caep = json!({"url": url, "events": ["cleanup.done"], "format": "caep"});
    assert_eq!(refused("webhooks", caep).await, "events");
    assert_eq!(refused("webhooks", json!({"url": url, "colour": "red"})).await, "colour");
    let replay = format!("webhooks/{hook}/replay");
    assert_eq!(refused(&replay, json!({})).await, "event_id");
    assert_eq!(refused(&replay, json!({"event_id": "evt_1", "failed_only": true})).await, "event_id");
    let backwards = json!({"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"});
    assert_eq!(refused(&replay, backwards).await, "to");
    api.post(&replay, &json!({"event_id": "evt_nosuch"})).await.expect(404);
    api.get(&format!("webhooks/{hook}/deliveries?state=lost")).await.expect(400);
    api.get(&format!("webhooks/{hook}/deliveries?after=nonsense")).await.expect(422);
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let app = TestApp::with(&[("UNSTICK_PAGE_SIZE", "10")]).await;
    let hook = app.webhook().await;
    for _ in 0..23 {
        app.unstick.test_webhook(&domain::Actor::System, &hook).await.unwrap();
    }
    let api = Api::new(&app, &BOTH).await;
    let (mut seen, mut after) = (std::collections::BTreeSet::new(), String::new());
    let mut rows = 0;
    loop {
        let page = api.get(&format!("webhooks/{hook}/deliveries?event=webhook.test{after}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 10);
        rows += items.len();
        seen.extend(items.iter().map(|it| it["event"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        after = format!("&after={next}");
    }
    assert_eq!((rows, seen.len()), (23, 23));
}

/// Whoever hears security event tokens needs no account here to see that they are true.
#[tokio::test]
async fn what_verifies_security_event_tokens_is_there_for_everybody() {
    let app = TestApp::new().await;
    let mut nobody = app.browser();
    let about = nobody.get("/.well-known/ssf-configuration").await.expect(200).json();
    let origin = about["issuer"].as_str().unwrap();
    let keys = about["jwks_uri"].as_str().unwrap().strip_prefix(origin).unwrap();
    let answer = nobody.get(keys).await.expect(200);
    assert!(answer.header("cache-control").contains("public"), "a receiver may keep it");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1);
    let mut names: Vec<&str> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and nothing private");
}
