//! `census` and `repair` as a shell runs them: exit codes, the file between them, and what it protects.

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::support::{Program, json};

/// A program with one account, of which two sessions ended long ago and were cleaned up nowhere; nothing is too young.
fn with_left_overs() -> Program {
    let program = Program::new().set("UNSTICK_CENSUS_GRACE", "0s");
    let lines = r#"{"type":"account","account_id":"acc_1","name":"Dana Ortiz"}
{"type":"session","session_id":"s_1","account_id":"acc_1"}
{"type":"session","session_id":"s_2","account_id":"acc_1"}
{"type":"session","session_id":"s_3","account_id":"acc_1"}
{"type":"end","session_id":"s_2","reason":"signed_out"}
{"type":"end","session_id":"s_3","reason":"expired"}
"#;
    let ran = program.feed(&["import", "-"], lines);
    assert_eq!(ran.code, 0, "{}", ran.err);
    program
}

fn census(program: &Program, code: i32) -> Value {
    json(&program.expect(&["census", "--json"], code).out)
}

/// A plan for what two censuses saw.
fn with_plan() -> Program {
    let program = with_left_overs();
    census(&program, 0);
    census(&program, 3);
    let told = json(&program.expect(&["repair", "--write", "plan.json", "--json"], 0).out);
    assert_eq!((&told["outcome"], &told["accounts"], &told["records"]), (&"written".into(), &1.into(), &2.into()));
    program
}

const APPLY: [&str; 5] = ["repair", "--plan", "plan.json", "--reason", "left by the outage"];

#[test]
fn nothing_open_is_0_findings_are_3_and_repaired_is_0_again() {
    let program = with_left_overs();
    let first = census(&program, 0);
    assert_eq!((&first["outcome"], &first["open"], &first["suspected"]), (&"clean".into(), &0.into(), &2.into()));
    let second = census(&program, 3);
    assert_eq!((&second["outcome"], &second["open"]), (&"findings".into(), &2.into()));
    assert_eq!(second["findings"][0]["kind"], "orphaned_session");
    assert_eq!(second["read"]["sessions"], 3);
    let ran = program.expect(&["census"], 3);
    assert!(ran.out.contains("orphaned sessions") && ran.out.contains("s_2 ended"), "{}", ran.out);
    program.expect(&["repair", "--write", "plan.json"], 0);
    let ran = program.expect(&["repair", "--plan", "plan.json", "--dry-run"], 0);
    assert!(ran.out.contains("clean 2 records") && ran.out.contains("acc_1"), "{}", ran.out);
    let told = json(&program.expect(&[&APPLY[..], &["--json"]].concat(), 0).out);
    assert_eq!((&told["outcome"], &told["done"]), (&"done".into(), &1.into()));
    assert!(told["cleanups"][0]["cleanup_id"].as_str().unwrap().starts_with("c_"));
    let last = census(&program, 0);
    assert_eq!((&last["open"], &last["tallies"][0]["gone"]), (&0.into(), &2.into()));
    let log = program.expect(&["audit", "export"], 0).out;
    for action in ["census.started", "census.finished", "repair.requested", "cleanup.requested", "cleanup.done"] {
        assert!(log.contains(&format!("\"action\":\"{action}\"")), "{action}");
    }
}

#[test]
fn a_router_that_does_not_answer_is_3_and_said() {
    let router = "census_grace = \"0s\"\n[[router]]\nname = \"lb-1\"\nkind = \"haproxy\"\nendpoint = \"unix:/nonexistent/haproxy.sock\"\n\
                  [[router.pool]]\nname = \"app\"\nscope = \"account\"\n";
    let program = Program::with_file(router);
    let told = census(&program, 3);
    assert_eq!((&told["open"], &told["unread"][0]["place"]["router"]), (&0.into(), &"lb-1".into()));
    let ran = program.expect(&["census"], 3);
    assert!(ran.out.contains("Not known: lb-1 / app"), "{}", ran.out);
}

#[test]
fn a_plan_that_was_edited_is_2_and_one_whose_world_changed_is_4() {
    let program = with_plan();
    program.expect(&["repair", "--write", "plan.json", "--json"], 2);
    let file = program.folder.path().join("plan.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "it names accounts: for its owner alone");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("s_2", "s_1")).unwrap();
    let ran = program.expect(&[&APPLY[..], &["--json"]].concat(), 2);
    assert!(json(&ran.out)["error"]["message"].as_str().unwrap().contains("not as it was written"), "{}", ran.out);
    std::fs::write(&file, &text).unwrap();
    program.feed(&["import", "-"], r#"{"type":"end","session_id":"s_1","reason":"signed_out"}"#);
    let ran = program.expect(&[&APPLY[..], &["--json"]].concat(), 4);
    let told = json(&ran.out)["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("acc_1") && told.contains("nothing was done"), "{told}");
    assert!(!program.expect(&["audit", "export"], 0).out.contains("repair.requested"));
}

#[test]
fn wrong_usage_is_2() {
    let program = with_plan();
    for arguments in [
        &["repair"][..],
        &["repair", "--write", "a", "--plan", "b"],
        &["repair", "--write", "a", "--kind", "chain"],
        &["repair", "--write", "a", "--limit", "0"],
        &["repair", "--plan", "plan.json", "--kind", "stale_route"],
        &["repair", "--plan", "plan.json", "--reason", "abc"],
        &["repair", "--plan", "plan.json", "--json"],
        &["repair", "--plan", "nosuch.json", "--dry-run"],
        &["census", "--all"],
    ] {
        program.expect(arguments, 2);
    }
}

#[tokio::test]
async fn a_broken_audit_log_is_found_and_where_it_breaks() {
    let program = with_left_overs();
    let url = format!("sqlite://{}", program.folder.path().join("data/unstick.db").display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DROP TRIGGER audit_events_no_update").execute(&mut conn).await.unwrap();
    let done =
        sqlx::query("UPDATE audit_events SET reason = 'nothing' WHERE seq = 1").execute(&mut conn).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    conn.close().await.unwrap();
    census(&program, 0);
    let told = census(&program, 3);
    let broken = told["findings"].as_array().unwrap().iter().find(|one| one["kind"] == "chain").unwrap();
    assert!(broken["detail"].as_str().unwrap().contains("from event 1 on"), "{broken}");
    assert_eq!(broken["severity"], "critical");
}

#[tokio::test]
async fn a_counter_that_drifted_is_found_and_the_doctor_says_so() {
    let program = with_left_overs();
    // As somebody with a shell on the database would.
    let url = format!("sqlite://{}", program.folder.path().join("data/unstick.db").display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE accounts SET live_sessions = 9").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    census(&program, 0);
    let told = census(&program, 3);
    let drift = told["findings"].as_array().unwrap().iter().find(|one| one["kind"] == "counter_drift").unwrap();
    assert!(drift["detail"].as_str().unwrap().contains("9 live"), "{drift}");
    let doctor = json(&program.run(&["doctor", "--json"]).out).to_string();
    assert!(doctor.contains("not what counting gives"), "{doctor}");
}
