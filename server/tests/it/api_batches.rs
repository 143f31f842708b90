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
async fn a_batch_of_sessions_is_answered_with_keys_and_routes() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let accounts = json!({ "items": [{ "account_id": "acc_1" }, { "account_id": "acc_2" }, { "account_id": "a b" }] });
    api.post("/batch/accounts", accounts).await.expect(200);
    let without = json!({ "items": [{ "session_id": "s_0", "account_id": "acc_1" }] });
    let answer = api.post("/batch/sessions", without).await.expect(200).json();
    assert_eq!(
        answer["results"][0]["session"]["route"],
        Value::Null,
        "no server takes anybody; it is reported all the same"
    );

    for server in ["api-1", "api-2"] {
        api.put(&format!("/pools/app/servers/{server}"), json!({ "state": "ready" })).await.expect(200);
    }
    let items = json!({ "items": [
        { "session_id": "s_1", "account_id": "acc_1" }, { "session_id": "s_2", "account_id": "acc_1" },
        { "session_id": "s_3", "account_id": "acc_2" }, { "session_id": "s_4", "account_id": "a b" },
        { "session_id": "s_5", "account_id": "nobody" }, { "session_id": "s_1", "account_id": "acc_1" },
    ] });
    let answer = api.post("/batch/sessions", items).await.expect(200).json();
    assert_eq!(statuses(&answer), [201, 201, 201, 201, 422, 200]);
    let results = answer["results"].as_array().unwrap();
    let on = |at: usize| results[at]["session"]["route"]["server"].as_str().unwrap();
    assert_eq!((on(0), on(1), on(5)), ("api-1", "api-1", "api-1"), "an account is in one place");
    assert_eq!(on(2), "api-2", "keys that are new are spread");
    assert_eq!(results[0]["session"]["account_key"], "acc_1");
    assert!(results[3]["session"]["account_key"].as_str().unwrap().starts_with("ah_"));
    assert_eq!((&results[4]["session"], &results[4]["error"]["field"]), (&Value::Null, &"account_id".into()));
    for result in &results[..4] {
        let session = &result["session"];
        let alone = api.get(&format!("/sessions/{}", result["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(session, &alone, "as the single call says, and pinned");
    }

    // Who may not ask is told where a session is pinned, and pins nothing.
    let token = app.token(&[domain::TokenScope::SessionsWrite]).await;
    let other = BackEnd::with(&app, token);
    let items = json!({ "items": [{ "session_id": "s_6", "account_id": "acc_2" }] });
    let answer = other.post("/batch/sessions", items).await.expect(200).json();
    assert_eq!(answer["results"][0]["session"]["route"]["server"], "api-2");
}

#[tokio::test]
async fn a_batch_item_says_which_field_is_wrong() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let accounts = json!({ "items": [
        ["a", null, null, null, null], { "account_id": "a", "name": "x\u{0}" }, { "account_id": "a", "email": 7 }, {},
        { "account_id": 7 }, { "account_id": "a", "created_at": "2099-01-01T00:00:00Z" }, { "account_id": "b" },
    ] });
    let answer = api.post("/batch/accounts", accounts).await.expect(200);
    let told = answer.json();
    assert_eq!(statuses(&told), [422, 422, 422, 422, 422, 422, 201]);
    let fields: Vec<_> = told["results"].as_array().unwrap().iter().map(|it| it["error"]["field"].clone()).collect();
    let expected: [Value; 7] = [
        Value::Null,
        "name".into(),
        "email".into(),
        "account_id".into(),
        "account_id".into(),
        "created_at".into(),
        Value::Null,
    ];
    assert_eq!(fields, expected);
    assert!(!answer.text.contains("struct") && !answer.text.contains("invalid type"), "{}", answer.text);
}

#[tokio::test]
async fn a_few_wrong_ones_among_many_are_told_apart() {
    let app = TestApp::new().await;
    let api = BackEnd::of(&app).await;
    let wrong = [0, 1, 499, 500, 998, 999];
    let name = |n: usize| if wrong.contains(&n) { "two\nlines" } else { "One" };
    let items: Vec<Value> = (0..1_000).map(|n| json!({ "account_id": format!("acc_{n}"), "name": name(n) })).collect();
    let answer = api.post("/batch/accounts", json!({ "items": items })).await.expect(200).json();
    for (n, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        let expected = if wrong.contains(&n) { 422 } else { 201 };
        assert_eq!((&result["id"], &result["status"]), (&format!("acc_{n}").into(), &expected.into()));
    }
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
    for bad in ["[]", "[[]]", "[[{\"account_id\":\"a\"}]]", "{}", "{\"items\":7}", "{\"itms\":[]}", "nonsense", ""] {
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
