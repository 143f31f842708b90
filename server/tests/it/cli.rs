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
    let (_, _, told) = clean(&program, &["--force", "--mode", "stale", "--reason", "because of this"]);
    assert!(told.contains("leave out --mode") && told.contains("leave out --force"), "{told}");
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
    let under_way = told["cleanup_id"].as_str().unwrap().to_owned();
    let (code, told, _) = clean(&program, &["--reason", "left-overs of a sign-out", "--json"]);
    assert_eq!((code, &told["error"]["code"]), (4, &"under-way".into()));
    assert!(told["error"]["message"].as_str().unwrap().contains(&under_way), "{told}");
    let (_, _, shown) = clean(&program, &["--dry-run"]);
    let shown = shown + &program.run(&[&CLEAN[..], &["--dry-run"]].concat()).out;
    assert!(shown.contains("lb-1 does not answer: its part will be owed"), "{shown}");
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
fn an_import_takes_the_records_of_the_api() {
    let program = Program::new();
    let lines = r#"{"account_id":"a","email":"a@example.com","name":"Ann"}
{"session_id":"s1","account_id":"a","client":"Desktop","ip":"203.0.113.9"}
{"session_id":"s2","account_id":"a","reason":"signed_out","ended_at":"2026-11-01T10:00:00Z"}
{"session_id":"s3","account_id":"a"}
{"session_id":"s3","reason":"expired"}
"#;
    let ran = program.feed(&["import", "-", "--json"], lines);
    let told = json(&ran.out);
    assert_eq!((ran.code, &told["taken"]), (0, &5.into()), "{told}");
    let account =
        json(&program.expect(&["diagnose-sessions", "--account-id", "a", "--json"], 0).out)["account"].clone();
    assert_eq!((&account["live_sessions"], &account["leftover_sessions"]), (&1.into(), &2.into()), "{account}");
}

#[test]
fn an_import_takes_records_as_if_those_before_were_taken_already() {
    let program = Program::new();
    let lines = r#"{"session_id":"s1","account_id":"b"}
{"account_id":"b"}
{"session_id":"s2","reason":"expired"}
{"session_id":"s2","account_id":"b"}
{"session_id":"s2","reason":"signed_out","at":"2026-11-02T10:00:00Z"}
{"session_id":"s2","account_id":"b","reason":"expired","released":true,"ended_at":"2026-11-03T10:00:00Z"}
{"account_id":"c"}
{"session_id":"s2","account_id":"c"}
{"session_id":"s3","account_id":"c","reason":"revoked"}
{"session_id":"s3","account_id":"c"}
{"account_id":"b","email":"b@example.com"}
"#;
    let told = json(&program.feed(&["import", "-", "--json"], lines).out);
    let errors: Vec<(i64, &str)> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["error"].as_str().unwrap()))
        .collect();
    let wrong = [
        (1, "its account is not known: it must come before"),
        (3, "there is no such session"),
        (8, "the session belongs to another account"),
    ];
    assert_eq!((&told["taken"], errors.as_slice()), (&8.into(), wrong.as_slice()), "{told}");
    let of = |id: &str| json(&program.expect(&["diagnose-sessions", "--account-id", id, "--json"], 0).out);
    let counted = |told: &serde_json::Value| {
        let number = |name: &str| told["account"][name].as_i64().unwrap();
        (number("live_sessions"), number("leftover_sessions"), number("total_sessions"))
    };
    let (b, c) = (of("b"), of("c"));
    assert_eq!((counted(&b), counted(&c)), ((0, 0, 1), (0, 1, 1)), "{b} {c}");
    assert_eq!(b["account"]["email"], "b@example.com");
}

#[test]
fn the_same_sample_data_is_not_loaded_twice() {
    let program = Program::new();
    let load = ["demo-data", "--accounts", "30", "--sessions-per-account", "3", "--seed", "5", "--json"];
    program.expect(&load, 0);
    let told = json(&program.expect(&load, 4).out);
    let text = told["error"]["message"].as_str().unwrap();
    assert!(text.contains("seed 5 is there already") && text.contains("nothing was added"), "{told}");
    let more = ["demo-data", "--accounts", "40", "--sessions-per-account", "3", "--seed", "5"];
    program.expect(&more, 4);
    program.expect(&["demo-data", "--accounts", "30", "--sessions-per-account", "3", "--seed", "6"], 0);
}

#[test]
fn a_token_ends_within_ten_years() {
    let program = Program::new();
    for far in ["99999999d", "3653d", "99999999999d"] {
        let ran = program.run(&["token", "create", "app", "--scope", "sessions:read", "--expires", far, "--json"]);
        assert_eq!(ran.code, 2, "{far}: {}", ran.out);
    }
    program.expect(&["token", "create", "app", "--scope", "sessions:read", "--expires", "3650d"], 0);
    let listed = program.expect(&["token", "list"], 0).out;
    assert!(!listed.contains("1970") && listed.lines().count() == 2, "{listed}");
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    let program = Program::new();
    let told = program.expect(&["audit", "export", "--from", "bogus"], 2).err;
    assert!(told.contains("a day as 2026-11-23"), "{told}");
    let told = program.expect(&["token", "list", "--config", "nope.toml"], 2).err;
    assert!(told.contains("nope.toml: cannot be read") && !told.contains("line"), "{told}");
    let bogus = Program::new().set("UNSTICK_BOGUS", "1").set("UNSTICK_LISTN", "127.0.0.1:1");
    let told = bogus.expect(&["token", "list"], 2).err;
    assert!(told.contains("UNSTICK_BOGUS: there is no such setting\n"), "{told}");
    assert!(told.contains("did you mean UNSTICK_LISTEN?"), "{told}");
}

#[test]
fn what_cannot_be_written_is_not_done() {
    let program = with_account();
    for arguments in [&["config", "print"][..], &["token", "list", "--json"], &["doctor"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = program.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("standard output"), "{told}");
    }
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

/// What a router cannot promise as it is configured is told for each pool, also while nobody answers there.
#[test]
fn the_doctor_tells_what_a_router_cannot_promise() {
    let program = with_account();
    let pools = "[[router.pool]]\nname = \"app\"\nscope = \"account\"\nacl_file = \"/etc/blocked.acl\"\n\
                 [[router.pool]]\nname = \"files\"\nscope = \"session\"\n";
    let fleet = "[[router]]\nkind = \"haproxy\"\nendpoints = { \"lb-1\" = \"unix:/nonexistent/1\", \"lb-2\" = \"unix:/nonexistent/2\" }\n";
    let map = "[[router]]\nname = \"map-1\"\nkind = \"redis\"\nendpoint = \"unix:/nonexistent/redis.sock\"\n\
               [[router.pool]]\nname = \"map\"\nscope = \"account\"\nkey_pattern = \"a:{key}\"\nservers = [\"api-1\"]\n";
    std::fs::write(program.folder.path().join("unstick.toml"), format!("{fleet}{pools}{map}")).unwrap();
    let told = json(&program.expect(&["doctor", "--json"], 2).out);
    let of = |name: &str, outcome: &str| -> Vec<String> {
        let checks = told["checks"].as_array().unwrap();
        let mine = checks.iter().filter(|check| check["name"] == name && check["outcome"] == outcome);
        mine.map(|check| check["text"].as_str().unwrap().to_owned()).collect()
    };
    for (router, pool) in [("router lb-1", "files"), ("router lb-2", "files"), ("router map-1", "map")] {
        let (caveats, troubles) = (of(router, "warn"), of(router, "bad"));
        assert!(troubles.len() == 1 && troubles[0].contains("no such socket"), "{troubles:?}");
        assert!(caveats.len() == 1 && caveats[0].contains(&format!("pool {pool} has no")), "{caveats:?}");
        assert!(caveats[0].contains("may pin it again"), "{caveats:?}");
    }
    let printed = program.expect(&["config", "print"], 0).out;
    assert!(printed.contains("name = \"lb-2\"") && printed.contains("key_pattern = \"a:{key}\""), "{printed}");
}
