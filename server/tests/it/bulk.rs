//! Bulk clean-ups as a browser without scripts sees them: the form that loses nothing, the preview, two people, the report.

use axum::http::{HeaderValue, Method, header};
use domain::Role;

use crate::support::{Browser, PASSWORD, TestApp};

fn id_of(location: &str) -> String {
    location.trim_start_matches("/bulk/").to_owned()
}

fn hash_in(page: &str) -> String {
    let at = page.find("name=\"hash\"").unwrap();
    let value = page[at..].split("value=\"").nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}

async fn drafted(admin: &mut Browser, list: &str) -> String {
    let fields = [("list", list), ("mode", "stale"), ("reason", "left by the outage"), ("ticket", "T-9")];
    let answer = admin.post("/fn/bulk/draft", &fields).await.expect(303);
    assert!(answer.location().starts_with("/bulk/b_"), "{}", answer.location());
    id_of(answer.location())
}

#[tokio::test]
async fn a_form_that_is_wrong_loses_nothing() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let mut admin = app.signed_in(Role::Admin).await;
    for (fields, words) in [
        (vec![("list", "acc_a"), ("mode", "stale"), ("reason", "no"), ("ticket", "T-9")], "at least 5 characters"),
        (vec![("mode", "stale"), ("reason", "left by the outage"), ("ticket", "T-9")], "nothing does not mean all"),
        (
            vec![("list", "acc_a"), ("leftover", "1"), ("mode", "stale"), ("reason", "left over"), ("ticket", "T-9")],
            "not by both",
        ),
        (vec![("leftover", "many"), ("mode", "stale"), ("reason", "left over"), ("ticket", "T-9")], "whole number"),
        (vec![("list", "nobody"), ("mode", "stale"), ("reason", "left over"), ("ticket", "T-9")], "names no account"),
        (
            vec![("list", "acc_a"), ("wave", "0"), ("mode", "stale"), ("reason", "left over"), ("ticket", "T-9")],
            "1 to 1000",
        ),
    ] {
        let answer = admin.post("/fn/bulk/draft", &fields).await.expect(303);
        assert_eq!(answer.location(), "/bulk/new", "{fields:?}");
        let page = admin.get("/bulk/new").await.expect(422).text;
        assert!(page.contains(words), "{words}");
        assert!(page.contains("value=\"T-9\""), "what was typed is there");
    }
    assert!(admin.get("/bulk").await.expect(200).text.contains("None was made yet"));
    admin.get("/bulk/new?colour=red").await.expect(422);
}

#[tokio::test]
async fn what_is_shown_is_asked_for_and_another_admin_approves_it() {
    let app = TestApp::new().await;
    let mut list = String::new();
    for at in 0..51 {
        list.push_str(app.stuck(&format!("acc_{at}")).await.account.as_str());
        list.push('\n');
    }
    let first = app.person_with_password("ada", Role::Admin).await;
    let second = app.person_with_password("bob", Role::Admin).await;
    let (mut ada, mut bob) = (app.session_of(&first).await, app.session_of(&second).await);
    let id = drafted(&mut ada, &list).await;
    let page = ada.get(&format!("/bulk/{id}")).await.expect(200).text;
    assert!(
        page.contains("Ask for approval of 51 accounts") && page.contains("51 left-over sessions are cleaned"),
        "{page}"
    );
    let hash = hash_in(&page);
    assert!(bob.get(&format!("/bulk/{id}")).await.expect(200).text.contains("Only staff:ada"));
    bob.post("/fn/bulk/request", &[("id", &id), ("hash", &hash)]).await.expect(303);
    assert!(bob.get(&format!("/bulk/{id}")).await.text.contains("only they can ask for it"));
    assert!(page.contains("name=\"password\""), "the proof is given in the form that carries the list");
    ada.post("/fn/bulk/request", &[("id", &id), ("hash", &hash)]).await.expect(303);
    let page = ada.get(&format!("/bulk/{id}")).await.expect(200).text;
    assert!(page.contains("Ask for approval of 51 accounts") && page.contains("Confirm that it is you"), "{page}");
    ada.post("/fn/bulk/request", &[("id", &id), ("hash", &hash), ("password", "not the one")]).await.expect(303);
    assert!(ada.get(&format!("/bulk/{id}")).await.text.contains("That is not your password"));
    ada.post("/fn/bulk/request", &[("id", &id), ("hash", &hash), ("password", PASSWORD)]).await.expect(303);
    assert!(!ada.get(&format!("/bulk/{id}")).await.text.contains("Ask for approval of"));
    ada.post("/fn/bulk/approve", &[("id", &id), ("hash", &hash)]).await.expect(303);
    assert!(ada.get(&format!("/bulk/{id}")).await.text.contains("another admin must approve it"));
    bob.post("/fn/bulk/approve", &[("id", &id), ("hash", "another")]).await.expect(303);
    assert!(bob.get(&format!("/bulk/{id}")).await.text.contains("not the list that was shown"));
    bob.post("/fn/bulk/approve", &[("id", &id), ("hash", &hash)]).await.expect(303);
    assert!(bob.get(&format!("/bulk/{id}")).await.text.contains("Confirm that it is you"), "a sign-in is not enough");
    bob.post("/fn/bulk/approve", &[("id", &id), ("hash", &hash), ("password", PASSWORD)]).await.expect(303);
    let page = bob.get(&format!("/bulk/{id}")).await.expect(200).text;
    assert!(page.contains("approved by staff:bob") && page.contains("Pause"), "{page}");
    bob.post("/fn/bulk/control", &[("id", &id), ("what", "pause")]).await.expect(303);
    assert!(bob.get(&format!("/bulk/{id}")).await.text.contains("Go on"));
    let mut viewer = app.signed_in(Role::Viewer).await;
    let page = viewer.get(&format!("/bulk/{id}")).await.expect(200).text;
    assert!(!page.contains("Go on"), "who may not steer it has no button");
    let report = viewer.get(&format!("/bulk/{id}/report.csv")).await.expect(200).text;
    assert_eq!(report.lines().count(), 52, "a line of names and one an account");
    // As a browser asks for it: compressed, to its end.
    let mut request = viewer.request(&Method::GET, &format!("/bulk/{id}/report.csv"));
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let packed = viewer.send(request).await.expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    viewer.get(&format!("/bulk/{id}?outcome=waiting&after=20")).await.expect(200);
    viewer.get(&format!("/bulk/{id}?outcome=nowhere")).await.expect(422);
    viewer.get("/bulk/b_nosuch").await.expect(404);
}
