//! A clean-up's ledger as it changes.

use std::time::Duration;

use axum::body::BodyDataStream;
use domain::{Role, Status};
use futures::StreamExt;

use crate::support::TestApp;

/// Reads events one by one.
struct Events {
    stream: BodyDataStream,
    text: String,
}

impl Events {
    async fn open(browser: &crate::support::Browser, path: &str) -> Self {
        let response = browser.open(path).await;
        assert_eq!(response.status(), 200);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event's name and data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
                };
                let found = line("event:").zip(line("data:"));
                self.text = String::from(rest);
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.stream.next()).await.expect("nothing came");
            self.text.push_str(std::str::from_utf8(&piece?.unwrap()).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_it_begin_and_end() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let id = app.cleanup(&stuck.account).await;
    let support = app.signed_in(Role::Support).await;
    let mut events = Events::open(&support, &format!("/clean-ups/{id}/events")).await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!(name, "ledger");
    let view: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!((&view["cleanup"]["id"], &view["cleanup"]["status"]), (&id.as_str().into(), &"running".into()));
    let unstick = app.unstick.clone();
    let worker = tokio::spawn(async move { unstick.drive(&id, &|_| ()).await.unwrap() });
    let mut last = String::new();
    while let Some((name, data)) = events.next().await {
        last = name;
        if last == "done" {
            let view: serde_json::Value = serde_json::from_str(&data).unwrap();
            assert_eq!(view["cleanup"]["status"], "done");
            assert!(view["reply"].as_str().unwrap().contains("Dana"));
        }
    }
    assert_eq!(last, "done", "the stream must end with its last event");
    assert_eq!(worker.await.unwrap(), Status::Done);
}

#[tokio::test]
async fn what_is_done_is_told_once() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let id = app.cleanup(&stuck.account).await;
    app.unstick.drive(&id, &|_| ()).await.unwrap();
    let viewer = app.signed_in(Role::Viewer).await;
    let mut events = Events::open(&viewer, &format!("/clean-ups/{id}/events")).await;
    assert_eq!(events.next().await.unwrap().0, "done");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let id = app.cleanup(&stuck.account).await;
    let viewer = app.signed_in(Role::Viewer).await;
    let mut events = Events::open(&viewer, &format!("/clean-ups/{id}/events")).await;
    events.next().await.unwrap();
    app.stop();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn who_is_signed_out_sees_no_more() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let id = app.cleanup(&stuck.account).await;
    let viewer = app.signed_in(Role::Viewer).await;
    let mut events = Events::open(&viewer, &format!("/clean-ups/{id}/events")).await;
    events.next().await.unwrap();
    let staff = domain::StaffId::parse("viewer").unwrap();
    let mut tx = app.unstick.store().begin().await.unwrap();
    tx.revoke_staff_sessions(&staff, None, domain::Clock::now(app.clock.as_ref())).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(events.next().await.unwrap().0, "signed-out");
    assert_eq!(events.next().await, None);
}
