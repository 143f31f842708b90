//! A clean-up that does not come to its end is seen (goal R15): by the doctor, in the console, and by a monitor.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request},
};
use domain::{Actor, Role, Span};
use service::CheckOutcome;

use crate::support::{Answer, TestApp};

async fn metrics(app: &TestApp, peer: &str, forwarded: Option<&str>) -> Answer {
    let mut request = Request::builder().method(Method::GET).uri("/metrics").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
    if let Some(from) = forwarded {
        request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
    }
    app.browser().send(request).await
}

/// What three places say: the doctor's outcome, whether the console warns, and the metric.
async fn said(app: &TestApp) -> (CheckOutcome, bool, bool) {
    let checks = app.unstick.doctor(&Actor::System).await.unwrap();
    let doctor = checks.iter().find(|check| check.name == "clean-ups").unwrap().outcome;
    let mut warned = Vec::new();
    for page in ["/", "/clean-ups"] {
        let mut browser = app.signed_in(Role::Support).await;
        warned.push(browser.get(page).await.expect(200).text.contains("not finished after 5 min"));
    }
    assert_eq!(warned[0], warned[1], "both pages say the same");
    let text = metrics(app, "127.0.0.1:4711", None).await.expect(200).text;
    (doctor, warned[0], text.contains("unstick_cleanups_stuck 1\n"))
}

#[tokio::test]
async fn a_clean_up_that_is_older_than_five_minutes_is_told_everywhere() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    assert_eq!(said(&app).await, (CheckOutcome::Ok, false, false));
    let id = app.cleanup(&stuck.account).await;
    app.clock.advance(Span::from_secs(4 * 60));
    assert_eq!(said(&app).await, (CheckOutcome::Ok, false, false), "four minutes are not five");
    app.clock.advance(Span::from_secs(61));
    assert_eq!(said(&app).await, (CheckOutcome::Bad, true, true));
    app.unstick.drive(&id, &|_| ()).await.unwrap();
    assert_eq!(said(&app).await, (CheckOutcome::Ok, false, false), "and not when it is done");
}

#[tokio::test]
async fn nobody_from_elsewhere_reads_the_metrics() {
    let app = TestApp::new().await;
    let text = metrics(&app, "[::ffff:127.0.0.1]:4711", None).await.expect(200).text;
    assert!(text.contains("unstick_cleanups_unfinished{status=\"needs_attention\"} 0\n"), "{text}");
    metrics(&app, "198.51.100.7:4711", None).await.expect(403);
    metrics(&app, "127.0.0.1:4711", Some("198.51.100.7")).await.expect(403);
    let unknown = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    app.browser().send(unknown).await.expect(403);
}

#[tokio::test]
async fn the_doctor_says_when_what_is_stored_cannot_be() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let id = app.cleanup(&stuck.account).await;
    app.unstick.drive(&id, &|_| ()).await.unwrap();
    let invariants = async || {
        let checks = app.unstick.doctor(&Actor::System).await.unwrap();
        checks.into_iter().find(|check| check.name == "invariants").unwrap()
    };
    assert_eq!(invariants().await.outcome, CheckOutcome::Ok);
    let url = format!("sqlite://{}", app.folder.path().join("data/unstick.db").display());
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    // Somebody with a shell on the database «helps».
    sqlx::query("UPDATE cleanup_steps SET verified_at = NULL WHERE no = 1").execute(&mut conn).await.unwrap();
    let found = invariants().await;
    assert_eq!(found.outcome, CheckOutcome::Bad);
    assert!(found.text.contains("without evidence") && found.text.contains(id.as_str()), "{}", found.text);
}
