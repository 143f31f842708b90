//! The shell: exit codes, one JSON document, no secret on a command line, no reason no clean-up.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{PASSWORD, Program, json};

/// A program with one account that has a live session and a left-over one.
fn with_account() -> Program {
    let program = Program::new();
    let lines = r#"{"type":"account","account_id":"acc_1","name":"Dana Ortiz","email":"dana@example.com"}
{"type":"session","session_id":"s_1","account_id":"acc_1","client":"Desktop"}
{"type":"session","session_id":"s_2","account_id":"acc_1"}
{"type":"end","session_id":"s_2","reason":"signed_out"}
"#;
    let ran = program.feed(&["import", "-"], lines);
    assert_eq!(ran.code, 0, "{}", ran.err);
    program
}

const CLEAN: [&str; 3] = ["cleanup-user-sessions", "--account-id", "acc_1"];

fn clean(program: &Program, more: &[&str]) -> (i32, Value, String) {
    let ran = program.run(&[&CLEAN[..], more].concat());
    let document = if more.contains(&"--json") { json(&ran.out) } else { Value::Null };
    (ran.code, document, ran.err)
}

#[test]
fn done_and_verified_is_0_with_the_evidence() {
    let program = with_account();
    let (code, told, _) = clean(&program, &["--reason", "left-overs of a sign-out", "--ticket", "T-1", "--json"]);
    assert_eq!((code, &told["outcome"], &told["mode"]), (0, &"done".into(), &"stale".into()), "stale is the default");
    assert_eq!((&told["status"], &told["joined"]), (&"done".into(), &false.into()));
    let steps = told["steps"].as_array().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|step| step["stage"] == "verified"), "{steps:?}");
    assert!(told["milestones"].as_array().unwrap().len() >= 3);
    assert!(told["reply"].as_str().unwrap().contains("Dana"));
    let (code, told, _) = clean(&program, &["--reason", "left-overs of a sign-out", "--json"]);
    assert_eq!((code, &told["outcome"]), (0, &"nothing-to-do".into()));
}

#[test]
fn force_ends_every_session() {
    let program = with_account();
    let (code, told, _) = clean(&program, &["--force", "--reason", "stuck on every device", "--json"]);
    assert_eq!((code, &told["mode"], &told["plan"]["ends"]), (0, &"force".into(), &serde_json::json!(["s_1"])));
    let ran = program.expect(&["diagnose-sessions", "--account-id", "acc_1", "--json"], 0);
    let account = json(&ran.out)["account"].clone();
    assert_eq!((&account["live_sessions"], &account["leftover_sessions"]), (&0.into(), &0.into()));
}

#[test]
fn a_dry_run_does_nothing_and_asks_no_reason() {
    let program = with_account();
    let (code, told, _) = clean(&program, &["--force", "--dry-run", "--json"]);
    assert_eq!((code, &told["outcome"], &told["plan"]["ends"]), (0, &"dry-run".into(), &serde_json::json!(["s_1"])));
    let ran = program.expect(&["diagnose-sessions", "--account-id", "acc_1", "--json"], 0);
    assert_eq!(json(&ran.out)["account"]["live_sessions"], 1);
    let actions = program.expect(&["audit", "export"], 0);
    assert!(!actions.out.contains("cleanup.requested"));
}

#[test]
fn wrong_usage_is_2() {
    let program = with_account();
    for more in [
        &["--json"][..],
        &["--force", "--mode", "stale", "--reason", "because of this", "--json"],
        &["--mode", "force", "--reason", "because of this", "--json"],
        &["--reason", "abc", "--json"],
        &["--reson", "because of this", "--json"],
    ] {
        let (code, told, _) = clean(&program, more);
        assert_eq!((code, &told["outcome"]), (2, &"usage".into()), "{more:?}: {told}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty());
    }
    let (code, _, told) = clean(&program, &[]);
    assert!(code == 2 && told.contains("--reason"), "{told}");
    let (_, told, _) = clean(&program, &["--json"]);
    assert_eq!(told["error"]["field"], "reason");
}

#[test]
fn owed_is_3_and_done_when_the_router_is_back_is_0() {
    let program = with_account();
    let router = "[[router]]\nname = \"lb-1\"\nkind = \"haproxy\"\nendpoint = \"unix:/nonexistent/haproxy.sock\"\n\
                  [[router.pool]]\nname = \"app\"\nscope = \"account\"\n";
    std::fs::write(program.folder.path().join("unstick.toml"), router).unwrap();
    let (code, told, _) = clean(&program, &["--force", "--reason", "stuck on every device", "--json"]);
    assert_eq!((code, &told["outcome"], &told["status"]), (3, &"owed".into(), &"owed".into()));
    assert_eq!(told["plan"]["unread"], serde_json::json!(["lb-1"]));
    // The same again joins what is owed; another mode is refused.
    let (code, told, _) = clean(&program, &["--force", "--reason", "stuck on every device", "--json"]);
    assert_eq!((code, &told["joined"]), (3, &true.into()));
    let (code, told, _) = clean(&program, &["--reason", "left-overs of a sign-out", "--json"]);
    assert_eq!((code, &told["error"]["code"]), (4, &"under-way".into()));
    let doctor = program.expect(&["doctor", "--json"], 2);
    assert_eq!(json(&doctor.out)["outcome"], "bad");
}

#[test]
fn refused_is_4() {
    let program = with_account();
    let ran = program
        .expect(&["cleanup-user-sessions", "--account-id", "nosuch", "--reason", "stuck everywhere", "--json"], 4);
    assert_eq!(json(&ran.out)["error"]["code"], "not-found");
    let ran = program.expect(&["diagnose-sessions", "--account-id", "nosuch", "--json"], 4);
    assert_eq!(json(&ran.out)["outcome"], "refused");
    program.expect(&["staff", "disable", "nosuch"], 4);
}

#[test]
fn a_log_that_was_changed_is_1() {
    let program = with_account();
    assert_eq!(json(&program.expect(&["audit", "verify", "--json"], 0).out)["intact"], true);
    let file = program.folder.path().join("data/audit.key");
    std::fs::write(&file, format!("{}\n", "ab".repeat(32))).unwrap();
    let told = json(&program.expect(&["audit", "verify", "--json"], 1).out);
    assert_eq!((&told["intact"], &told["seq"]), (&false.into(), &1.into()));
    std::fs::remove_file(&file).unwrap();
    let ran = program.expect(&["audit", "verify", "--json"], 1);
    assert!(json(&ran.out)["error"]["message"].as_str().unwrap().contains("audit.key"), "{}", ran.out);
    assert!(!file.exists(), "a new key would make the log unprovable");
}

#[test]
fn an_import_checks_what_the_api_checks() {
    let program = Program::new();
    let lines = "{\"type\":\"account\",\"account_id\":\"a\",\"created_at\":\"0001-01-01T00:00:00Z\"}\n\
                 {\"type\":\"account\",\"account_id\":\"b\"}\n\
                 {\"type\":\"account\",\"account_id\":\"c\",\"name\":\"x\\u0000\"}\n\
                 {\"type\":\"session\",\"session_id\":\"s\",\"account_id\":\"b\",\"ip\":\"nowhere\"}\n\
                 {\"type\":\"session\",\"session_id\":\"t\",\"account_id\":\"a\"}\n\
                 {\"type\":\"session\",\"session_id\":\"u\",\"account_id\":\"b\"}\n\
                 {\"type\":\"end\",\"session_id\":\"u\",\"reason\":\"expired\",\"at\":\"2999-01-01T00:00:00Z\"}\n\
                 [\"account\",{\"account_id\":\"d\"}]\n";
    let told = json(&program.feed(&["import", "-", "--json"], lines).out);
    let errors: std::collections::BTreeMap<i64, &str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["error"].as_str().unwrap()))
        .collect();
    for (line, part) in [
        (1, "created_at must lie"),
        (3, "name must be one line"),
        (4, "ip must be"),
        (5, "its account is not known"),
        (7, "at must lie"),
        (8, "JSON object"),
    ] {
        assert!(errors[&line].contains(part), "line {line}: {errors:?}");
    }
    assert_eq!((&told["taken"], errors.len()), (&2.into(), 6));
}

#[test]
fn an_import_tells_each_wrong_line_and_takes_the_rest() {
    let program = Program::new();
    let lines = "{\"type\":\"account\",\"account_id\":\"a\"}\n\nnonsense\n{\"type\":\"session\",\"session_id\":\"s\",\"account_id\":\"b\"}\n\
                 {\"type\":\"session\",\"session_id\":\"s\",\"account_id\":\"a\"}\n{\"type\":\"accout\",\"account_id\":\"a\"}\n";
    let ran = program.feed(&["import", "-", "--json"], lines);
    let told = json(&ran.out);
    assert_eq!((ran.code, &told["taken"], &told["refused"]), (1, &2.into(), &3.into()));
    let numbers: Vec<i64> =
        told["errors"].as_array().unwrap().iter().map(|error| error["line"].as_i64().unwrap()).collect();
    assert_eq!(numbers.iter().copied().collect::<std::collections::BTreeSet<_>>(), [3, 4, 6].into());
    std::fs::write(program.folder.path().join("all.ndjson"), lines).unwrap();
    let ran = program.run(&["import", "all.ndjson"]);
    assert!(
        ran.code == 1 && ran.err.contains("line 3:") && ran.out.contains("2 records taken"),
        "{} {}",
        ran.out,
        ran.err
    );
    program.expect(&["import", "nosuch.ndjson", "--json"], 2);
}

#[test]
fn a_password_comes_from_standard_input_and_is_checked() {
    let program = Program::new();
    let add = ["staff", "add", "dana", "--role", "admin", "--password-stdin"];
    for bad in ["", "short", "passwordpassword", "danadanadanadanadana"] {
        let ran = program.feed(&add, bad);
        assert_eq!(ran.code, 2, "{bad:?} was taken");
        assert!(bad.is_empty() || !ran.err.contains(bad), "the password is repeated: {}", ran.err);
    }
    assert_eq!(program.feed(&add, &format!("{PASSWORD}\n")).code, 0);
    assert_eq!(program.feed(&add, PASSWORD).code, 4, "there is one already");
    let without = program.run(&["staff", "add", "eve", "--role", "viewer"]);
    assert!(without.code == 2 && without.err.contains("--password-stdin"), "{}", without.err);
    let set_role = program.run(&["staff", "set-role", "dana", "viewer", "--json"]);
    assert_eq!((set_role.code, &json(&set_role.out)["error"]["code"]), (4, &"conflict".into()), "the last admin stays");
}

#[test]
fn a_secret_is_shown_once_and_never_listed() {
    let program = Program::new();
    let made = json(
        &program.expect(&["token", "create", "app", "--scope", "sessions:write", "--expires", "30d", "--json"], 0).out,
    );
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("sac_"));
    let listed = program.expect(&["token", "list", "--json"], 0);
    assert!(!listed.out.contains(secret) && listed.out.contains(made["id"].as_str().unwrap()));
    program.expect(&["token", "revoke", made["id"].as_str().unwrap()], 0);
    program.expect(&["token", "create", "app", "--json"], 2);
    program.expect(&["token", "create", "app", "--scope", "everything", "--json"], 2);
}

#[test]
fn a_configuration_that_is_not_good_says_all_that_is_wrong() {
    let program = Program::with_file("listn = \"127.0.0.1:1\"\npage_size = 1\n");
    let ran = program.expect(&["token", "list", "--json"], 2);
    let text = json(&ran.out)["error"]["message"].as_str().unwrap().to_owned();
    assert!(text.contains("line 1") && text.contains("did you mean listen") && text.contains("line 2"), "{text}");
    program.expect(&["doctor"], 2);
    let masked = Program::new().set("UNSTICK_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/x");
    for arguments in
        [&["config", "print"][..], &["config", "print", "--json"], &["doctor", "--json"], &["token", "list"]]
    {
        let ran = masked.run(arguments);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{arguments:?}: {} {}", ran.out, ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let program = with_account();
    for arguments in [&["completions", "bash"][..], &["man"], &["audit", "export"], &["config", "print"]] {
        let mut child = program.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"), "{arguments:?}");
    }
}
