//! Batches: an answer for each record, in order; what is wrong with one costs no other.

use serde_json::{Value, json};

use crate::{api::BackEnd, support::TestApp};

fn statuses(answer: &Value) -> Vec<u64> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_record_has_its_own_answer() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let accounts = json!({ "items": [
        { "account_id": "acc_1", "name": "One" }, { "account_id": "acc_2" }, { "account_id": "acc_1", "name": "Again" },
        { "account_id": " " }, { "name": "nobody" }, { "account_id": "acc_3", "emial": "x" }, { "account_id": 7 }, "x",
    ] });
    let answer = api.post("/batch/accounts", accounts).await.expect(200).json();
    assert_eq!(statuses(&answer), [201, 201, 200, 422, 422, 422, 422, 422]);
    assert_eq!((&answer["ok"], &answer["failed"]), (&3.into(), &5.into()));
    assert_eq!(answer["results"][5]["id"], "acc_3");
    assert!(answer["results"][5]["error"]["detail"].as_str().unwrap().contains("emial"));
    assert_eq!(api.get("/accounts/acc_1").await.json()["name"], "Again", "repeats count in order");

    let long = "x".repeat(500);
    let sessions = json!({ "items": [
        { "session_id": "s_1", "account_id": "acc_1" }, { "session_id": "s_1", "account_id": "acc_1" },
        { "session_id": "s_1", "account_id": "acc_2" }, { "session_id": "s_2", "account_id": "acc_9" },
        { "session_id": "s_3", "account_id": "acc_1", "client": long }, { "session_id": "s_4", "account_id": "acc_1" },
    ] });
    let answer = api.post("/batch/sessions", sessions).await.expect(200).json();
    assert_eq!(statuses(&answer), [201, 200, 409, 422, 422, 201]);

    let ends = json!({ "items": [
        { "session_id": "s_1", "reason": "expired" }, { "session_id": "s_1", "reason": "expired" },
        { "session_id": "s_9", "reason": "expired" }, { "session_id": "s_4", "reason": "bored" },
    ] });
    assert_eq!(statuses(&api.post("/batch/ends", ends).await.expect(200).json()), [200, 200, 404, 422]);
    let touches = json!({ "items": [{ "session_id": "s_1" }, { "session_id": "s_4" }, { "session_id": "s_9" }] });
    let answer = api.post("/batch/touches", touches).await.expect(200).json();
    assert_eq!(statuses(&answer), [410, 200, 404]);
    assert_eq!(answer["results"][0]["error"]["code"], "session-ended");
}

#[tokio::test]
async fn a_batch_repeated_changes_nothing() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let accounts: Vec<Value> = (0..1_000).map(|n| json!({ "account_id": format!("acc_{n}") })).collect();
    let sessions: Vec<Value> = (0..1_000)
        .map(|n| json!({ "session_id": format!("s_{n}"), "account_id": format!("acc_{}", n % 10) }))
        .collect();
    for (round, status) in [(1, 201), (2, 200)] {
        for (path, items) in [("/batch/accounts", &accounts), ("/batch/sessions", &sessions)] {
            let answer = api.post(path, json!({ "items": items })).await.expect(200).json();
            assert!(statuses(&answer).iter().all(|it| *it == status), "round {round} of {path}");
        }
    }
    assert_eq!(api.get("/accounts/acc_3").await.json()["live_sessions"], 100);
}

#[tokio::test]
async fn a_batch_that_is_too_large_or_no_batch_is_refused_whole() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let many: Vec<Value> = (0..1_001).map(|n| json!({ "account_id": format!("acc_{n}") })).collect();
    let refused = api.post("/batch/accounts", json!({ "items": many })).await.expect(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("1001"));
    api.get("/accounts/acc_0").await.expect(404);
    for bad in ["[]", "{}", "{\"itms\":[]}", "nonsense", ""] {
        api.raw(axum::http::Method::POST, "/batch/touches", bad.to_owned()).await.expect(400);
    }
    let empty = api.post("/batch/ends", json!({ "items": [] })).await.expect(200).json();
    assert_eq!((&empty["ok"], &empty["failed"]), (&0.into(), &0.into()));
}

/// Many single reports at once share transactions; each still gets its own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_get_their_own_answers() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    api.put("/accounts/acc_1", json!({})).await.expect(201);
    let calls = (0..200).map(|n| {
        let (api, n) = (&api, n % 100);
        async move { (n, api.put(&format!("/sessions/s_{n}"), json!({ "account_id": "acc_1" })).await) }
    });
    let answers = futures::future::join_all(calls).await;
    let mut made = 0;
    for (n, answer) in answers {
        made += usize::from(answer.status == 201);
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
        assert_eq!(answer.json()["session_id"], format!("s_{n}"));
    }
    assert_eq!(made, 100);
    assert_eq!(api.get("/accounts/acc_1").await.json()["live_sessions"], 100);
}
