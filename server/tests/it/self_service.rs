//! Customers help themselves through the API: who they are is proven by a live session's credential, what they may is their
//! own account, and what they are told is in plain words.

use std::collections::BTreeSet;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    AccountId, Actor, Counters, EndReason, Health, Mode, Place, PoolName, RePinRequest, Role, RouteKey, RouterName,
    ServerName, SessionId, Span, Status, TokenScope, view::CleanupRequest,
};
use serde_json::{Value, json};
use service::{End, SessionCreate};

use crate::{
    api::BackEnd,
    support::{Answer, Stuck, TestApp},
};

/// What customers call: method, path and body.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("get", "/self", ""),
    ("get", "/self/diagnosis", ""),
    ("post", "/self/reset", r#"{"confirm":false}"#),
    ("get", "/self/reset/{reset_id}", ""),
];

fn sid(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

/// The credential of a live session, as its back end gets it.
async fn credential(app: &TestApp, session: &SessionId) -> String {
    let back_end = BackEnd::with(app, app.token(&[TokenScope::SelfIssue]).await);
    let told = back_end.raw(Method::POST, &format!("/sessions/{session}/self-token"), String::new()).await;
    told.expect(200).json()["credential"].as_str().unwrap().to_owned()
}

/// The client of a live session.
async fn client<'a>(app: &'a TestApp, session: &SessionId) -> BackEnd<'a> {
    BackEnd::with(app, credential(app, session).await)
}

/// Another live session of the account.
async fn second_session(app: &TestApp, account: &AccountId, id: &str) -> SessionId {
    let create = SessionCreate {
        id: sid(id),
        account: account.clone(),
        client: "Phone 9.1".to_owned(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: None,
    };
    app.unstick.create_sessions(&Actor::System, vec![create]).await.unwrap();
    sid(id)
}

/// A stuck account whose every request is led to the draining server.
pub async fn on_bad_server(app: &TestApp, account: &str) -> Stuck {
    let stuck = app.stuck(account).await;
    let (pool, bad) = (PoolName::parse("app").unwrap(), ServerName::parse("bad").unwrap());
    let turns = async |health| {
        app.unstick.feed_server(&Actor::System, &pool, &bad, health, Counters::default()).await.unwrap();
    };
    turns(Health::Healthy).await;
    let place = Place { router: RouterName::parse("embedded").unwrap(), pool: pool.clone() };
    let request = RePinRequest {
        place,
        key: RouteKey::of_account(&stuck.account),
        server: bad.clone(),
        reason: "as it was before it was drained".to_owned(),
        ticket: String::new(),
    };
    assert!(app.unstick.re_pin(&Actor::System, request).await.unwrap().is_done());
    turns(Health::Draining).await;
    let asked = app.unstick.ask_route(&Actor::System, &stuck.live, None).await.unwrap();
    assert_eq!(asked.server.as_str(), "bad", "the complaint");
    stuck
}

async fn is_live(app: &TestApp, session: &SessionId) -> bool {
    app.unstick.store().session(session).await.unwrap().unwrap().state.is_live()
}

async fn see_through(app: &TestApp, told: &Value) -> Status {
    let id = told["reset_id"].as_str().unwrap().parse().unwrap();
    app.unstick.drive(&id, &|_| ()).await.unwrap()
}

async fn call(app: &TestApp, secret: &str, (method, path, body): (&str, &str, &str)) -> Answer {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let path = path.replace("{reset_id}", "c_1");
    BackEnd::with(app, secret.to_owned()).raw(method, &path, body.to_owned()).await
}

#[tokio::test]
async fn only_a_credential_opens_what_is_a_customers_and_it_opens_nothing_else() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let document: Value = app.browser().get("/api/openapi.json").await.expect(200).json();
    let described: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().filter_map(|path| path.strip_prefix("/api/v1/self")).collect();
    let known: BTreeSet<&str> = OPERATIONS.iter().map(|(_, path, _)| path.strip_prefix("/self").unwrap()).collect();
    assert_eq!(described, known, "every operation of customers has a row");
    let all = app.token(&TokenScope::ALL).await;
    let own = credential(&app, &stuck.live).await;
    for operation in OPERATIONS {
        for wrong in ["", "self_", "self_AAAA.AAAA", &all] {
            let answer = call(&app, wrong, *operation).await.expect(401);
            assert_eq!(answer.json()["code"], "credential", "{operation:?} with {wrong:?}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
        let status = call(&app, &own, *operation).await.status;
        assert!([200, 404].contains(&status), "{operation:?}: {status}");
    }
    // Nor is it a token of a back end.
    let customer = BackEnd::with(&app, own);
    customer.get("/accounts/acc_a").await.expect(401);
    customer.post("/sessions/s_live_acc_a/touch", json!({})).await.expect(401);
    customer.raw(Method::POST, "/sessions/s_live_acc_a/self-token", String::new()).await.expect(401);
}

#[tokio::test]
async fn a_back_end_hands_out_credentials_of_live_sessions_alone() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let issue = async |scopes: &[TokenScope], session: &str| {
        let back_end = BackEnd::with(&app, app.token(scopes).await);
        back_end.raw(Method::POST, &format!("/sessions/{session}/self-token"), String::new()).await
    };
    let told = issue(&[TokenScope::SelfIssue], "s_live_acc_a").await.expect(200).json();
    assert!(told["credential"].as_str().unwrap().starts_with("self_"));
    assert_eq!(issue(&[TokenScope::SelfIssue], "s_live_acc_a").await.expect(200).json(), told, "the same again");
    assert_eq!(issue(&[TokenScope::SelfIssue], "s_ended_acc_a").await.expect(410).json()["code"], "session-ended");
    issue(&[TokenScope::SelfIssue], "s_nosuch").await.expect(404);
    for scope in TokenScope::ALL.into_iter().filter(|scope| *scope != TokenScope::SelfIssue) {
        issue(&[scope], stuck.live.as_str()).await.expect(403);
    }
}

#[tokio::test]
async fn a_customer_is_told_what_is_wrong_in_plain_words() {
    let app = TestApp::new().await;
    let stuck = on_bad_server(&app, "acc_a").await;
    second_session(&app, &stuck.account, "s_phone").await;
    let customer = client(&app, &stuck.live).await;
    let who = customer.get("/self").await.expect(200).json();
    assert_eq!((&who["account_id"], &who["signed_in"], &who["left_over"]), (&"acc_a".into(), &2.into(), &1.into()));
    let sessions = who["sessions"].as_array().unwrap();
    assert_eq!((&sessions[0]["session_id"], &sessions[0]["this_one"]), (&"s_live_acc_a".into(), &true.into()));
    assert_eq!((&sessions[1]["device"], &sessions[1]["this_one"]), (&"Phone 9.1".into(), &false.into()));
    let found = customer.get("/self/diagnosis").await.expect(200).json();
    assert_eq!((&found["verdict"], &found["reset_helps"]), (&"stuck".into(), &true.into()));
    let preview = customer.post("/self/reset", json!({})).await.expect(200).json();
    let says = preview["says"].to_string();
    assert!(says.contains("sign in again on 1 device") && says.contains("You stay signed in here"), "{says}");
    assert_eq!(preview["ends"][0]["session_id"], "s_phone");
    assert_eq!(preview["keeps"]["session_id"], "s_live_acc_a");
    for told in [who.to_string(), found.to_string(), preview.to_string()] {
        for inner in ["bad", "good", "embedded", "198.51.100.4", "\"app\""] {
            assert!(!told.contains(inner), "{inner} in {told}");
        }
    }
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none(), "nothing was done");
}

#[tokio::test]
async fn a_reset_ends_the_others_and_the_present_session_is_on_a_good_server_afterwards() {
    let app = TestApp::new().await;
    let stuck = on_bad_server(&app, "acc_a").await;
    let phone = second_session(&app, &stuck.account, "s_phone").await;
    let before = app.unstick.store().account(&stuck.account).await.unwrap().unwrap();
    let customer = client(&app, &stuck.live).await;
    let hash = customer.post("/self/reset", json!({})).await.expect(200).json()["hash"].clone();
    let answer = customer.post("/self/reset", json!({ "confirm": true, "hash": hash })).await.expect(202);
    let told = answer.json();
    assert_eq!(answer.location(), told["progress"].as_str().unwrap());
    assert_eq!((&told["status"], &told["ended"], &told["joined"]), (&"running".into(), &1.into(), &false.into()));
    // Asked again while it is under way: the same one.
    let again = customer.post("/self/reset", json!({ "confirm": true })).await.expect(202).json();
    assert_eq!((&again["reset_id"], &again["joined"]), (&told["reset_id"], &true.into()));
    assert_eq!(see_through(&app, &told).await, Status::Done);
    let path = answer.location().strip_prefix("/api/v1").unwrap();
    let state = customer.get(path).await.expect(200).json();
    assert_eq!(state["says"], "Done. You may need to sign in again on 1 device; one stayed signed in.");

    assert!(is_live(&app, &stuck.live).await && !is_live(&app, &phone).await);
    let asked = app.unstick.ask_route(&Actor::System, &stuck.live, None).await.unwrap();
    assert_eq!(asked.server.as_str(), "good");
    let after = app.unstick.store().account(&stuck.account).await.unwrap().unwrap();
    assert_eq!((after.live_sessions, after.leftover_sessions), (1, 0));
    assert_eq!(after.generation, before.generation, "a new generation would void the session that stays");
    customer.get("/self").await.expect(200);
    assert_eq!(customer.get("/self/diagnosis").await.expect(200).json()["verdict"], "clean");

    // Staff see who did it, and tell the customer what is true.
    let mut support = app.signed_in(Role::Support).await;
    let page = support.get("/accounts/acc_a").await.expect(200).text;
    assert!(page.contains("customer:acc_a"), "{page}");
    let ledger = support.get(&format!("/clean-ups/{}", told["reset_id"].as_str().unwrap())).await.expect(200).text;
    assert!(ledger.contains("keeps s_live_acc_a") && ledger.contains("your other devices"), "{ledger}");
    let mut auditor = app.signed_in(Role::Auditor).await;
    let log = auditor.get("/audit/export.ndjson").await.expect(200).text;
    let event = log.lines().find(|line| line.contains("\"cleanup.requested\"")).unwrap();
    assert!(event.contains("\"actor\":\"customer:acc_a\"") && event.contains("\"keeps\":\"s_live_acc_a\""), "{event}");
}

#[tokio::test]
async fn including_this_one_ends_it_and_its_credential_with_it() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    let told =
        customer.post("/self/reset", json!({ "confirm": true, "including_this_one": true })).await.expect(202).json();
    assert_eq!(told["ended"], 1);
    let refused = customer.get("/self").await.expect(410).json();
    assert_eq!(
        (&refused["code"], &refused["detail"]),
        (&"session-ended".into(), &"your session is over: sign in again".into())
    );
    assert_eq!(see_through(&app, &told).await, Status::Done);
    assert!(!is_live(&app, &stuck.live).await);
}

#[tokio::test]
async fn a_credential_ends_at_once_with_its_session_whoever_ended_it() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    customer.get("/self").await.expect(200);
    let end = End { id: stuck.live.clone(), reason: EndReason::SignedOut, released: true, at: None };
    app.unstick.end_sessions(&Actor::System, vec![end]).await.unwrap();
    for operation in OPERATIONS {
        call(&app, &credential_of(&customer), *operation).await.expect(410);
    }
}

fn credential_of(client: &BackEnd<'_>) -> String {
    client.token().to_owned()
}

#[tokio::test]
async fn what_was_shown_before_is_not_done_when_it_changed() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    let old = customer.post("/self/reset", json!({})).await.expect(200).json()["hash"].clone();
    second_session(&app, &stuck.account, "s_phone").await;
    let refused = customer.post("/self/reset", json!({ "confirm": true, "hash": old })).await.expect(409);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let told = refused.json();
    assert_eq!((&told["code"], &told["status"]), (&"world-changed".into(), &409.into()));
    assert_eq!(told["preview"]["ends"][0]["session_id"], "s_phone");
    assert_ne!(told["preview"]["hash"], old);
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none());
    let new = told["preview"]["hash"].clone();
    customer.post("/self/reset", json!({ "confirm": true, "hash": new })).await.expect(202);
    // What was shown for one kind of reset is not confirmed as the other.
    let other = app.stuck("acc_b").await;
    let customer = client(&app, &other.live).await;
    let kept = customer.post("/self/reset", json!({})).await.expect(200).json()["hash"].clone();
    let body = json!({ "confirm": true, "hash": kept, "including_this_one": true });
    customer.post("/self/reset", body).await.expect(409);
}

#[tokio::test]
async fn nobody_reads_or_resets_another_account() {
    let app = TestApp::new().await;
    let (mine, thine) = (app.stuck("acc_a").await, app.stuck("acc_b").await);
    let theirs = app.cleanup(&thine.account).await;
    let customer = client(&app, &mine.live).await;
    customer.get(&format!("/self/reset/{theirs}")).await.expect(404);
    // There is no field in which another account could be named.
    customer.post("/self/reset", json!({ "account_id": "acc_b", "confirm": true })).await.expect(422);
    customer.post("/self/reset", json!({ "confirm": true })).await.expect(202);
    assert!(is_live(&app, &mine.live).await);
    let actor = Actor::Customer { account: mine.account.clone(), session: Some(mine.live.clone()) };
    let request = CleanupRequest {
        account: thine.account.clone(),
        mode: Mode::Force,
        reason: "because I can".to_owned(),
        ticket: String::new(),
        hash: None,
    };
    assert_eq!(app.unstick.request_cleanup(&actor, request).await.unwrap_err().status(), 403);
    assert_eq!(app.unstick.diagnose(&actor, &mine.account).await.unwrap_err().status(), 403, "nor a page of the staff");
    assert_eq!(app.newest_event().await, ("access.denied".to_owned(), "customer:acc_a".to_owned(), "denied"));
    for staff in [Actor::System, Actor::Shell { user: "root".to_owned(), host: "lb7".to_owned() }] {
        assert_eq!(app.unstick.own_page(&staff).await.unwrap_err().status(), 403, "nobody acts as a customer");
    }
}

#[tokio::test]
async fn a_clean_up_that_is_under_way_is_told_and_never_mistaken_for_a_reset() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    // The customer keeps a session: the staff's force, which keeps none, does not join.
    let told = customer.post("/self/reset", json!({ "confirm": true })).await.expect(202).json();
    let force = CleanupRequest {
        account: stuck.account.clone(),
        mode: Mode::Force,
        reason: "stuck everywhere".to_owned(),
        ticket: String::new(),
        hash: None,
    };
    let refused = app.unstick.request_cleanup(&Actor::System, force).await.unwrap_err();
    assert_eq!(refused.code(), "under-way");
    see_through(&app, &told).await;
    // And the other way round.
    let stuck = app.stuck("acc_b").await;
    second_session(&app, &stuck.account, "s_phone_b").await;
    let customer = client(&app, &stuck.live).await;
    let request = CleanupRequest {
        account: stuck.account.clone(),
        mode: Mode::Stale,
        reason: "left over".to_owned(),
        ticket: String::new(),
        hash: None,
    };
    let id = app.unstick.request_cleanup(&Actor::System, request).await.unwrap().id;
    let preview = customer.post("/self/reset", json!({})).await.expect(200).json();
    assert_eq!(preview["under_way"], id.as_str());
    let refused = customer.post("/self/reset", json!({ "confirm": true })).await.expect(409).json();
    assert_eq!(refused["code"], "under-way");
    assert!(refused["detail"].as_str().unwrap().contains("wait until that is done"), "{refused}");
}

#[tokio::test]
async fn a_reset_that_finds_nothing_says_so() {
    let app = TestApp::new().await;
    app.servers().await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    let told = customer.post("/self/reset", json!({ "confirm": true })).await.expect(202).json();
    see_through(&app, &told).await;
    let preview = customer.post("/self/reset", json!({})).await.expect(200).json();
    assert_eq!(preview["nothing_to_do"], true, "{preview}");
    assert_eq!(
        customer.post("/self/reset", json!({ "confirm": true })).await.expect(409).json()["code"],
        "nothing-to-do"
    );
}

#[tokio::test]
async fn customers_ask_and_reset_so_often_and_no_oftener() {
    let app = TestApp::with(&[("UNSTICK_SELF_RESETS", "1"), ("UNSTICK_SELF_READS", "4")]).await;
    let stuck = app.stuck("acc_a").await;
    let customer = client(&app, &stuck.live).await;
    let told = customer.post("/self/reset", json!({ "confirm": true })).await.expect(202).json();
    see_through(&app, &told).await;
    second_session(&app, &stuck.account, "s_phone").await;
    let refused = customer.post("/self/reset", json!({ "confirm": true })).await.expect(429);
    assert_eq!(refused.header("retry-after"), "86400");
    assert!(
        refused.json()["detail"].as_str().unwrap().contains("often enough for now: try again in"),
        "{}",
        refused.text
    );
    assert!(is_live(&app, &sid("s_phone")).await, "a refused reset did something");
    for _ in 0..2 {
        customer.get("/self/diagnosis").await.expect(200);
    }
    let refused = customer.get("/self/diagnosis").await.expect(429);
    assert_eq!(refused.header("retry-after"), "3600");
    customer.post("/self/reset", json!({})).await.expect(429);
    // Who one is, and how far it is, ask no load balancer; and other accounts have their own share.
    customer.get("/self").await.expect(200);
    customer.get(&format!("/self/reset/{}", told["reset_id"].as_str().unwrap())).await.expect(200);
    let other = app.stuck("acc_b").await;
    client(&app, &other.live).await.get("/self/diagnosis").await.expect(200);
    app.clock.advance(Span::from_secs(3_600));
    customer.get("/self/diagnosis").await.expect(200);
    customer.post("/self/reset", json!({ "confirm": true })).await.expect(429);
    app.clock.advance(Span::from_days(1));
    customer.post("/self/reset", json!({ "confirm": true })).await.expect(202);
}

#[tokio::test]
async fn a_credential_that_was_changed_or_is_too_old_is_refused() {
    let app = TestApp::with(&[("UNSTICK_SELF_CREDENTIAL", "2h")]).await;
    let stuck = app.stuck("acc_a").await;
    let other = app.stuck("acc_b").await;
    let (good, theirs) = (credential(&app, &stuck.live).await, credential(&app, &other.live).await);
    let (text, proof) = good.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(json!({ "a": "acc_b", "s": "s_live_acc_b", "e": 1_900_000_000 }).to_string());
    for (what, bad) in [
        ("another statement", format!("self_{forged}.{proof}")),
        ("another proof", format!("{text}.{}", theirs.split_once('.').unwrap().1)),
        ("no proof", format!("{text}.")),
        ("a proof cut off", format!("{text}.{}", &proof[..20])),
        ("upper case", good.to_uppercase()),
        ("another beginning", good.replacen("self_", "sac_", 1)),
        ("twice", format!("{good}{good}")),
    ] {
        assert_eq!(call(&app, &bad, OPERATIONS[0]).await.expect(401).json()["code"], "credential", "{what}");
    }
    call(&app, &good, OPERATIONS[0]).await.expect(200);
    app.clock.advance(Span::from_secs(2 * 3_600));
    call(&app, &good, OPERATIONS[0]).await.expect(401);
    call(&app, &credential(&app, &stuck.live).await, OPERATIONS[0]).await.expect(200);
}
