//! What the console can do, by the API.

use axum::{body::Body, http::Request};
use domain::{Mode, Span, TokenScope};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

pub struct Api<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Api<'a> {
    pub async fn new(app: &'a TestApp, scopes: &[TokenScope]) -> Self {
        Self { app, token: app.token(scopes).await }
    }

    pub async fn send(&self, method: &str, path: &str, kind: &str, body: String) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        self.app.browser().send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "application/json", String::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string()).await
    }
}

#[tokio::test]
async fn a_stuck_account_is_found_diagnosed_and_cleaned_up() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let api = Api::new(&app, &TokenScope::ALL).await;
    let hits = api.get("search?q=acc_a").await.expect(200).json();
    assert_eq!(hits["hits"][0]["row"]["account"]["id"], "acc_a");
    let rows = api.get("filtered-accounts?leftover=1").await.expect(200).json();
    assert_eq!((rows["items"][0]["account"]["id"].as_str(), rows["next"].is_null()), (Some("acc_a"), true));
    let found = api.get("accounts/acc_a/diagnosis").await.expect(200).json();
    assert_ne!(found["verdict"]["kind"], "clean", "{found}");
    assert!(!found["findings"].as_array().unwrap().is_empty());
    let routes = api.get("accounts/acc_a/routes").await.expect(200).json();
    assert_eq!(routes["routes"][0]["route"]["server"], found["routes"][0]["server"]);
    let plan = api.get("accounts/acc_a/cleanup-plan?mode=force").await.expect(200).json();
    assert_eq!(plan["plan"]["ends"], json!(["s_live_acc_a"]));
    let asked = json!({
        "account_id": "acc_a", "mode": "force", "reason": "stuck on every device", "ticket": "T-1", "plan_hash": plan["hash"],
    });
    let answer = api.post("cleanups", &asked).await.expect(201);
    let id = answer.json()["cleanup_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.location(), format!("/api/v1/cleanups/{id}"));
    let (action, actor, outcome) = app.newest_event().await;
    assert_eq!((action.as_str(), outcome), ("cleanup.requested", "done"));
    assert!(actor.starts_with("token:"), "{actor}");
    // Asked again in the same mode it is joined; in another it is told.
    let joined = api.post("cleanups", &asked).await.expect(200).json();
    assert_eq!((joined["joined"].as_bool(), joined["cleanup_id"].as_str()), (Some(true), Some(id.as_str())));
    let mut other = asked.clone();
    other["mode"] = json!("unstick");
    let told = api.post("cleanups", &other).await.expect(409).json();
    assert_eq!((told["code"].as_str(), told["cleanup_id"].as_str()), (Some("under-way"), Some(id.as_str())));
    let status = app.unstick.drive(&domain::CleanupId::parse(id.clone()).unwrap(), &|_| ()).await.unwrap();
    assert_eq!(status, domain::Status::Done);
    let ledger = api.get(&format!("cleanups/{id}")).await.expect(200).json();
    assert_eq!(ledger["cleanup"]["status"], "done");
    assert!(!ledger["reply"].as_str().unwrap().is_empty());
    assert!(api.get(&format!("cleanups/{id}/steps")).await.expect(200).json().as_array().unwrap().len() > 1);
    assert_eq!(api.get(&format!("cleanups/{id}/evidence")).await.expect(200).json()["cleanup"]["id"], id.as_str());
    let text = api.get(&format!("cleanups/{id}/evidence.md")).await.expect(200);
    assert!(text.header("content-type").starts_with("text/markdown") && text.text.starts_with('#'));
    let history = api.get("accounts/acc_a/route-history").await.expect(200).json();
    assert_eq!((history["items"].is_array(), history["more"].as_bool()), (true, Some(false)), "{history}");
    assert!(api.get("accounts/acc_a/timeline").await.expect(200).json()["rows"].is_array());
    let nothing = api.post("cleanups", &json!({"account_id": "acc_a", "reason": "once more"})).await.expect(409).json();
    assert_eq!(nothing["code"], "nothing-to-do");
    assert_eq!(stuck.account.as_str(), "acc_a");
}

#[tokio::test]
async fn a_plan_whose_world_changed_is_refused_with_the_new_one() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let api = Api::new(&app, &[TokenScope::CleanupsWrite]).await;
    let old = app.plan_hash(&stuck.account, Mode::Force).await;
    let end = service::End { id: stuck.live.clone(), reason: domain::EndReason::SignedOut, released: true, at: None };
    app.unstick.end_sessions(&domain::Actor::System, vec![end]).await.unwrap();
    let mut asked = json!({"account_id": "acc_a", "mode": "force", "reason": "stuck", "plan_hash": old});
    let problem = api.post("cleanups", &asked).await.expect(409).json();
    assert_eq!(problem["code"], "world-changed");
    assert_eq!(problem["plan"]["ends"], json!([]));
    asked["plan_hash"] = problem["plan_hash"].clone();
    api.post("cleanups", &asked).await.expect(201);
}

#[tokio::test]
async fn a_bulk_clean_up_is_drafted_asked_for_steered_and_never_approved_by_a_token() {
    // One more than what needs no approval.
    let app = TestApp::new().await;
    let account = |n: i32| service::AccountUpsert {
        id: domain::AccountId::parse(format!("acc_{n:02}")).unwrap(),
        email: None,
        name: None,
        plan: None,
        time_zone: None,
        created_at: None,
        sample: false,
    };
    app.unstick.upsert_accounts(&domain::Actor::System, (0..51).map(account).collect()).await.unwrap();
    let api = Api::new(&app, &TokenScope::ALL).await;
    let ids = (0..51).map(|n| format!("acc_{n:02}\n")).collect::<Vec<_>>().concat();
    let list = format!("account_id\n{ids}acc_00\nacc_nobody\n");
    let query = "bulk-cleanups?reason=left%20by%20the%20outage&mode=force";
    let drafted = api.send("POST", query, "text/csv", list).await.expect(201);
    let bulk = drafted.json();
    let (id, hash) = (bulk["id"].as_str().unwrap().to_owned(), bulk["hash"].clone());
    assert_eq!(drafted.location(), format!("/api/v1/bulk-cleanups/{id}"));
    let report = &bulk["selection"]["list"];
    assert_eq!((report["unknown"].as_i64(), report["duplicates"].as_i64()), (Some(1), Some(1)), "{bulk}");
    let wrong = api.post(&format!("bulk-cleanups/{id}/request"), &json!({"hash": "other"})).await.expect(409);
    assert!(wrong.text.contains("not the list"), "{}", wrong.text);
    let asked = api.post(&format!("bulk-cleanups/{id}/request"), &json!({"hash": hash})).await.expect(202).json();
    assert_eq!(asked["status"], "awaiting_approval");
    let refused = api.post(&format!("bulk-cleanups/{id}/approve"), &json!({"hash": hash})).await.expect(403).json();
    assert_eq!(refused["code"], "needs-a-person");
    assert!(refused["detail"].as_str().unwrap().contains("second admin"), "{refused}");
    let (action, actor, outcome) = app.newest_event().await;
    assert_eq!((action.as_str(), outcome), ("bulk.approved", "denied"));
    assert!(actor.starts_with("token:"));
    let page = api.get(&format!("bulk-cleanups/{id}")).await.expect(200).json();
    assert_eq!(
        (page["needs_approval"].as_bool(), page["bulk"]["status"].as_str()),
        (Some(true), Some("awaiting_approval"))
    );
    let accounts = api.get(&format!("bulk-cleanups/{id}/accounts?outcome=waiting")).await.expect(200).json();
    assert_eq!((accounts["items"].as_array().unwrap().len(), accounts["next"].as_str()), (50, Some("50")));
    assert!(api.get(&format!("bulk-cleanups/{id}/report.csv")).await.expect(200).text.contains("acc_50,waiting"));
    assert_eq!(api.get(&format!("bulk-cleanups/{id}/report.ndjson")).await.expect(200).text.lines().count(), 51);
    api.post(&format!("bulk-cleanups/{id}/control"), &json!({"what": "resume"})).await.expect(409);
    let ended = api.post(&format!("bulk-cleanups/{id}/control"), &json!({"what": "cancel"})).await.expect(200).json();
    assert_eq!(ended["status"], "cancelled");
    assert_eq!(api.get("bulk-cleanups").await.expect(200).json()["items"][0]["id"], id.as_str());
}

#[tokio::test]
async fn who_is_meant_is_never_all_by_mistake() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let api = Api::new(&app, &[TokenScope::BulkWrite]).await;
    for (body, field) in [
        (json!({"reason": "the outage"}), "filter"),
        (json!({"filter": {}, "reason": "the outage"}), "filter"),
        (json!({"filter": {"text": ""}, "reason": "the outage"}), "filter"),
        (json!({"filter": {"colour": "red"}, "reason": "the outage"}), "colour"),
        (json!({"filter": {"leftover": 0}, "reason": "the outage"}), "leftover"),
        (json!({"filter": {"leftover": 1}, "account_ids": ["acc_a"], "reason": "the outage"}), "filter"),
        (json!({"filter": {"leftover": 1}, "reason": ""}), "reason"),
        (json!({"filter": {"leftover": 1}, "reason": "the outage", "wave": 0}), "wave"),
        (json!({"account_ids": [], "reason": "the outage"}), "list"),
        (json!({"account_ids": ["acc_a\nacc_b"], "reason": "the outage"}), "account_ids"),
        (json!({"account_ids": "acc_a", "reason": "the outage"}), "account_ids"),
        (json!({"filter": {"leftover": 1}, "reason": "the outage", "modus": "force"}), "modus"),
    ] {
        let problem = api.post("bulk-cleanups", &body).await.expect(422).json();
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    api.send("POST", "bulk-cleanups", "application/xml", "<a/>".to_owned()).await.expect(415);
    api.send("POST", "bulk-cleanups?reason=x", "application/json", "{}".to_owned()).await.expect(400);
}

#[tokio::test]
async fn a_census_is_run_and_what_it_found_is_repaired() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    app.censuses().await;
    // Nothing more: who may repair may have what is left over cleaned.
    let api = Api::new(&app, &[TokenScope::CensusRead, TokenScope::CensusWrite]).await;
    let findings = api.get("findings?kind=orphaned_session").await.expect(200).json();
    assert_eq!(findings["items"][0]["subject"], "s_ended_acc_a", "{findings}");
    for bad in
        ["findings?kind=nonsense", "findings?older_than=1y", "repair-plan?kind=accumulation", "repair-plan?limit=0"]
    {
        let status = api.get(bad).await.status;
        assert!([400, 422].contains(&status), "{bad}: {status}");
    }
    let plan = api.get("repair-plan").await.expect(200).json();
    let mut other = plan.clone();
    other["items"][0]["records"] = json!(["s_live_acc_a"]);
    let body = |plan: &Value| json!({"repair_plan": plan, "reason": "left by the outage"});
    assert_eq!(api.post("repairs", &body(&other)).await.expect(422).json()["field"], "plan");
    assert_eq!(api.post("repairs", &body(&json!({"x": 1}))).await.expect(422).json()["field"], "repair_plan");
    let made = api.post("repairs", &body(&plan)).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.location(), format!("/api/v1/repairs/{id}"));
    assert_eq!(api.get(&format!("repairs/{id}")).await.expect(200).json()["made"][0]["outcome"], "requested");
    let number = api.post("census", &json!({})).await.expect(202).json()["census"].clone();
    api.post("census", &json!({})).await.expect(409);
    app.unstick.carry_out_asked_census().await.unwrap();
    assert_eq!(api.get("census").await.expect(200).json()["last"]["no"], number);
}

#[tokio::test]
async fn servers_are_set_and_keys_are_pinned() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let api = Api::new(&app, &TokenScope::ALL).await;
    let routing = api.get("routing").await.expect(200).json();
    assert_eq!(routing["routers"][0]["name"], "embedded");
    let server = "routers/embedded/pools/app/servers/good/state";
    assert_eq!(api.get(server).await.expect(200).json()["server"], "good");
    api.get("routers/embedded/pools/app/servers/nosuch/state").await.expect(404);
    let key = "routers/embedded/pools/app/keys/acc_a";
    let body = json!({"server": "good", "reason": "their upload is there"}).to_string();
    let pinned = api.send("PUT", key, "application/json", body).await.expect(200).json();
    assert_eq!(pinned["answers"][0]["read"], "good", "{pinned}");
    assert_eq!(api.get(key).await.expect(200).json()["fleet"][0][1]["Ok"], "good");
    let body = json!({"state": "maint", "reason": "it is replaced tonight"}).to_string();
    let set = api.send("PUT", server, "application/json", body).await.expect(200).json();
    assert_eq!(set["answers"][0]["read"]["state"], "maint", "{set}");
    assert!(app.newest_event().await.1.starts_with("token:"));
    let bad = json!({"state": "off", "reason": "it is replaced tonight"}).to_string();
    assert_eq!(api.send("PUT", server, "application/json", bad).await.expect(422).json()["field"], "state");
}

#[tokio::test]
async fn everybody_is_moved_off_a_server() {
    let app = TestApp::new().await;
    for name in ["acc_a", "acc_b"] {
        app.stuck(name).await;
    }
    let (pool, spare) = (domain::PoolName::parse("app").unwrap(), domain::ServerName::parse("spare").unwrap());
    let (healthy, counters) = (domain::Health::Healthy, domain::Counters::default());
    app.unstick.feed_server(&domain::Actor::System, &pool, &spare, healthy, counters).await.unwrap();
    app.unstick.observe_once().await.unwrap();
    let api = Api::new(&app, &[TokenScope::RoutingRead, TokenScope::BulkWrite, TokenScope::CleanupsRead]).await;
    let address = "routers/embedded/pools/app/servers/good/move-off";
    let server = api.get(address).await.expect(200).json();
    assert_eq!((&server["held"], &server["others"]), (&json!([["embedded", 2]]), &json!(["spare"])), "{server}");
    assert_eq!((&server["may_ask"], &server["jobs"]), (&json!(true), &json!([])));
    api.get("routers/embedded/pools/app/servers/nosuch/move-off").await.expect(404);
    let order = |more: &Value| {
        let mut body = json!({"off_server": {"router": "embedded", "pool": "app", "server": "good"},
            "reason": "to be taken away", "ticket": "T-7"});
        let fields = more.as_object().unwrap().clone();
        for (name, value) in fields {
            body[name] = value;
        }
        body
    };
    let both = api.post("bulk-cleanups", &order(&json!({"account_ids": ["acc_a"]}))).await.expect(422).json();
    assert_eq!(both["field"], "filter");
    let forced = api.post("bulk-cleanups", &order(&json!({"mode": "force"}))).await.expect(422).json();
    assert_eq!(forced["field"], "mode", "{forced}");
    let to = json!({"off_server": {"router": "embedded", "pool": "app", "server": "good", "to": "nosuch"}});
    assert_eq!(api.post("bulk-cleanups", &order(&to)).await.expect(422).json()["field"], "to");
    let draft = api.post("bulk-cleanups", &order(&json!({}))).await.expect(201).json();
    assert_eq!((&draft["order"]["mode"], &draft["order"]["rate"]), (&json!("unstick"), &json!(20)), "{draft}");
    let id = draft["id"].as_str().unwrap();
    let page = api.get(&format!("bulk-cleanups/{id}")).await.expect(200).json();
    assert_eq!(page["server_move"]["order"]["guard"], json!({"errors": 3, "response": 100}), "{page}");
    assert_eq!(page["targets"][0]["name"], "spare");
    let asked = api.post(&format!("bulk-cleanups/{id}/request"), &json!({"hash": draft["hash"]})).await.expect(202);
    assert_eq!(asked.json()["status"], "running");
    assert_eq!(api.get(address).await.expect(200).json()["jobs"][0]["id"], draft["id"]);
}

#[tokio::test]
async fn the_audit_log_is_searched_proven_and_exported() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    app.cleanup(&stuck.account).await;
    let api = Api::new(&app, &[TokenScope::AuditRead]).await;
    let events = api.get("audit?action=cleanup").await.expect(200).json();
    let event = &events["items"][0];
    assert_eq!((event["action"].as_str(), events["unproven"].clone()), (Some("cleanup.requested"), json!([])));
    let seq = event["seq"].as_i64().unwrap();
    let proven = api.get(&format!("audit/{seq}")).await.expect(200).json();
    assert_eq!((proven["proven"].as_bool(), proven["event"]["hash"].clone()), (Some(true), event["hash"].clone()));
    api.get("audit/999999").await.expect(404);
    api.get("audit/first").await.expect(400);
    assert_eq!(api.get("audit/verification").await.expect(200).json()["intact"], true);
    let csv = api.get("audit/export.csv?action=cleanup").await.expect(200);
    assert!(csv.header("content-type").starts_with("text/csv") && csv.text.contains("cleanup.requested"));
    assert_eq!(app.newest_event().await.0, "audit.exported");
    assert!(api.get("audit/export.ndjson").await.expect(200).text.lines().count() > 1);
    for bad in ["audit?from=yesterday", "audit?actr=x", "audit/export.csv?after=3"] {
        let status = api.get(bad).await.status;
        assert!([400, 422].contains(&status), "{bad}: {status}");
    }
}

#[tokio::test]
async fn pages_go_on_until_all_was_seen_once() {
    let app = TestApp::with(&[("UNSTICK_PAGE_SIZE", "10")]).await;
    let api = Api::new(&app, &TokenScope::ALL).await;
    let mut made: Vec<String> = (0..23).map(|n| format!("acc_{n:02}")).collect();
    for name in &made {
        app.stuck(name).await;
    }
    let list = made.join("\n");
    let bulk = api.send("POST", "bulk-cleanups?reason=the%20outage", "text/csv", list).await.expect(201).json();
    let accounts = format!("bulk-cleanups/{}/accounts?", bulk["id"].as_str().unwrap());
    for (path, id) in [("filtered-accounts?leftover=1", "/account/id"), (accounts.as_str(), "/account")] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("{path}{after}")).await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 10);
            seen.extend(items.iter().map(|row| row.pointer(id).unwrap().as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        seen.sort();
        made.sort();
        assert_eq!(seen, made, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_told_what_it_is_and_every_wrong_address_is_a_problem() {
    let app = TestApp::new().await;
    let api = Api::new(&app, &[TokenScope::AccountsRead]).await;
    let told = api.get("token").await.expect(200);
    assert_eq!(told.json()["scopes"], json!(["accounts:read"]));
    assert!(!told.text.contains("sac_"));
    assert_eq!(told.header("ratelimit-policy"), "\"token\";q=10000;w=2");
    for (method, path, status) in [
        ("GET", "nosuch", 404),
        ("GET", "cleanups/c_1/nosuch", 404),
        ("DELETE", "cleanups", 405),
        ("PATCH", "token", 405),
        ("OPTIONS", "search", 405),
    ] {
        let answer = api.send(method, path, "application/json", String::new()).await.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(answer.json()["correlation_id"], answer.header("x-request-id"));
    }
    for path in ["/api", "/api/", "/api/v2/token", "/api/v1"] {
        let answer = app.browser().send(Request::builder().uri(path).body(Body::empty()).unwrap()).await.expect(404);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
    app.clock.advance(Span::from_secs(1));
}

#[tokio::test]
async fn the_reference_is_readable_without_anything_from_elsewhere() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.get("/api/docs").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"));
    assert!(page.text.contains("Ask for a clean-up") && page.text.contains("Idempotency-Key"));
    assert!(!page.text.contains("<script"));
    let mut request = browser.request(&axum::http::Method::GET, "/api/docs");
    request.headers_mut().insert("cookie", "theme=dark".parse().unwrap());
    assert!(browser.send(request).await.text.contains("data-theme=\"dark\""));
}
