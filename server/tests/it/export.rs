//! The audit log as a file.

use domain::{Mode, Role};

use crate::support::TestApp;

async fn with_reasons(reasons: &[&str]) -> TestApp {
    let app = TestApp::new().await;
    for (n, reason) in reasons.iter().enumerate() {
        let stuck = app.stuck(&format!("acc_{n}")).await;
        let hash = app.plan_hash(&stuck.account, Mode::Force).await;
        let mut support = app.signed_in(Role::Support).await;
        let account = stuck.account.to_string();
        let fields =
            [("account", account.as_str()), ("mode", "force"), ("hash", &hash), ("reason", reason), ("ticket", "-1+1")];
        support.post("/fn/clean-ups/request", &fields).await.expect(303);
    }
    app
}

#[tokio::test]
async fn a_spreadsheet_runs_nothing_of_it() {
    let app = with_reasons(&["=HYPERLINK(\"http://evil\")", "+1+1+1", "@SUM(A1:A9)", "a \"quoted\", reason"]).await;
    let answer = app.signed_in(Role::Auditor).await.get("/audit/export.csv").await.expect(200);
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"unstick-audit-2026-11-23"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let mut reasons = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        for cell in &row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
        if &row[3] == "cleanup.requested" {
            reasons.push(row[6].to_owned());
        }
    }
    assert_eq!(reasons.len(), 4);
    assert_eq!(reasons[0], "a \"quoted\", reason");
}

#[tokio::test]
async fn lines_of_json_hold_the_whole_event_and_the_filter_filters() {
    let app = with_reasons(&["first of all", "second of all"]).await;
    let mut admin = app.signed_in(Role::Admin).await;
    let answer = admin.get("/audit/export.ndjson?action=cleanup&account=acc_1").await.expect(200);
    let events: Vec<serde_json::Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["reason"], &events[0]["account"]), (&"second of all".into(), &"acc_1".into()));
    assert_eq!(events[0]["hash"].as_str().unwrap().len(), 64);
    for bad in ["actr=x", "from=soon", "account=%00", "from=2026-11-24&to=2026-11-23"] {
        let answer = admin.get(&format!("/audit/export.ndjson?{bad}")).await;
        assert_eq!(answer.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn an_export_is_longer_than_a_batch() {
    let app = TestApp::new().await;
    let draft = domain::AuditDraft {
        at: domain::Clock::now(app.clock.as_ref()),
        actor: "system".to_owned(),
        action: "test.made".to_owned(),
        target: String::new(),
        account: None,
        reason: String::new(),
        ticket: String::new(),
        outcome: domain::AuditOutcome::Done,
        detail: serde_json::json!({}),
    };
    let mut tx = app.unstick.store().begin().await.unwrap();
    tx.append_audits(&vec![draft; 2_500]).await.unwrap();
    tx.commit().await.unwrap();
    let answer = app.signed_in(Role::Admin).await.get("/audit/export.ndjson?action=test.made").await.expect(200);
    let numbers: Vec<i64> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 2_500);
    assert!(numbers.is_sorted_by(|a, b| a > b), "newest first, each once");
}
