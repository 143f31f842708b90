//! The doctor looks before it says that all is well: at files, folders, the audit log, and every pool of every router.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
};

use serde_json::Value;

use crate::support::{Program, json};

/// What the doctor says of `name`, with the outcome.
fn findings(program: &Program, name: &str) -> (i32, Vec<(String, String)>) {
    let ran = program.run(&["doctor", "--json"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = json(&ran.out);
    let checks = told["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name);
    (ran.code, checks.map(|check| (text(&check["outcome"]), text(&check["text"]))).collect())
}

#[track_caller]
fn finds(program: &Program, name: &str, outcome: &str, part: &str) {
    let (code, found) = findings(program, name);
    assert!(found.iter().any(|(how, text)| how == outcome && text.contains(part)), "{name}: {found:?}");
    assert!(code == 2 || outcome != "bad", "{name} is bad, and the code {code}");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_console_without_its_files_is_bad_and_is_not_served() {
    let program = Program::new().set("UNSTICK_SITE_DIR", "/nope").set("UNSTICK_LISTEN", "127.0.0.1:0");
    finds(&program, "console files", "bad", "/nope");
    let ran = program.expect(&["serve"], 2);
    assert!(ran.err.contains("/nope"), "{}", ran.err);
}

#[test]
fn a_folder_that_others_can_change_is_bad_and_nothing_works_in_it() {
    let program = Program::new();
    finds(&program, "audit log", "ok", "all 0 events");
    let folder = program.folder.path().join("data");
    finds(&program, "data folder", "ok", "owner");
    set_mode(&folder, 0o755);
    finds(&program, "data folder", "warn", "look into");
    set_mode(&folder, 0o777);
    finds(&program, "data folder", "bad", "chmod 700");
    for arguments in [&["token", "list"][..], &["serve"]] {
        let ran = program.expect(arguments, 1);
        assert!(ran.err.contains("chmod 700"), "{}", ran.err);
    }
}

#[test]
fn a_folder_in_which_no_key_can_be_made_is_bad() {
    // Nobody, not even root, can make a file there.
    let program = Program::new().set("UNSTICK_DATA_DIR", "/proc/self/fd").set("UNSTICK_DATABASE_URL", "sqlite://x.db");
    finds(&program, "data folder", "bad", "audit.key is not there and cannot be made");
}

#[test]
fn a_log_that_was_changed_is_bad() {
    let program = Program::new();
    program.expect(&["token", "create", "app", "--scope", "sessions:read"], 0);
    finds(&program, "audit log", "ok", "all 1 events");
    std::fs::write(program.folder.path().join("data/audit.key"), format!("{}\n", "ab".repeat(32))).unwrap();
    finds(&program, "audit log", "bad", "BROKEN at event 1");
}

/// A runtime API that knows nothing of what is asked for. Texts as HAProxy 2.6.12 writes them.
fn answer(command: &str) -> &'static str {
    match command.split_whitespace().take(2).collect::<Vec<_>>()[..] {
        ["show", "info"] => "Name: HAProxy\nVersion: 2.6.12\nUptime_sec: 77\nnode: lb\n\n",
        ["show", "table"] if command.contains("key") => "[3]: No such table\n\n",
        ["show", "table"] => "# table: other, type: string, size:1024, used:0\n\n",
        ["show", "servers"] => "[3]: Can't find backend.\n\n",
        ["get", "acl"] => "[3]: Unknown ACL identifier. Please use #<id> or <file>.\n\n",
        ["set", "severity-output"] => "\n",
        _ => "[3]: No such proxy.\n\n",
    }
}

fn listen(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let answers: String = line.trim().split(';').map(answer).collect();
            // Who asked may have gone.
            let _ = stream.write_all(answers.as_bytes());
        }
    });
}

#[test]
fn a_haproxy_that_answers_and_has_not_what_is_configured_is_bad() {
    let program = Program::new();
    let socket = program.folder.path().join("haproxy.sock");
    listen(&socket);
    let pool = "[[router.pool]]\nscope = \"account\"\n";
    let text = format!(
        "[[router]]\nname = \"lb-1\"\nkind = \"haproxy\"\nendpoint = \"unix:{}\"\n\
         {pool}name = \"app\"\ntable = \"app\"\nbackend = \"nowhere\"\nacl_file = \"/nope.acl\"\n{pool}name = \"open\"\n",
        socket.display()
    );
    std::fs::write(program.folder.path().join("unstick.toml"), text).unwrap();
    finds(&program, "router lb-1", "ok", "HAProxy 2.6.12");
    for part in ["no stick table called app (it has: other)", "no back end called nowhere", "no ACL file /nope.acl"] {
        finds(&program, "pool lb-1/app", "bad", part);
    }
    finds(&program, "pool lb-1/open", "bad", "no back end called open");
    finds(&program, "router lb-1", "warn", "pool open has no acl_file");
    // And a plan does not say that it does not answer.
    assert_eq!(program.feed(&["import", "-"], "{\"account_id\":\"a\"}\n").code, 0);
    let plan = program.expect(&["cleanup-user-sessions", "--account-id", "a", "--dry-run"], 0).out;
    assert!(plan.contains("lb-1 answered with an error: ") && plan.contains("no stick table called app"), "{plan}");
    assert!(!plan.contains("does not answer"), "{plan}");
}
