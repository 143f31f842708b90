//! Every verb of the shell: it runs, it answers with one document, and what it changes is in the audit log. The commands
//! are walked, so that one that is added without a row here fails.

use clap::CommandFactory;

use crate::support::{PASSWORD, Program, json};

/// A verb, how it is called, whether it answers with a document, and the event that it leaves.
struct Verb {
    name: &'static str,
    arguments: &'static [&'static str],
    input: &'static str,
    document: bool,
    event: Option<&'static str>,
}

const fn reads(name: &'static str, arguments: &'static [&'static str]) -> Verb {
    Verb { name, arguments, input: "", document: true, event: None }
}

const fn changes(name: &'static str, arguments: &'static [&'static str], event: &'static str) -> Verb {
    Verb { name, arguments, input: "", document: true, event: Some(event) }
}

const fn plain(name: &'static str, arguments: &'static [&'static str]) -> Verb {
    Verb { name, arguments, input: "", document: false, event: None }
}

/// In an order in which each finds what it needs. TOKEN, CLEANUP and the like stand for the ids of what was made.
const VERBS: &[Verb] = &[
    changes("demo-data", &["demo-data", "--accounts", "20", "--sessions-per-account", "4", "--json"], "sample.loaded"),
    Verb {
        input: "{\"type\":\"account\",\"account_id\":\"acc_1\"}\n{\"type\":\"session\",\"session_id\":\"s_1\",\"account_id\":\"acc_1\"}\n",
        ..changes("import", &["import", "-", "--json"], "import.done")
    },
    changes("census", &["census", "--json"], "census.started"),
    reads("repair", &["repair", "--write", "plan.json", "--json"]),
    reads("diagnose-sessions", &["diagnose-sessions", "--account-id", "acc_1", "--json"]),
    changes(
        "cleanup-user-sessions",
        &["cleanup-user-sessions", "--account-id", "acc_1", "--force", "--reason", "stuck everywhere", "--json"],
        "cleanup.requested",
    ),
    changes(
        "server-state",
        &[
            "server-state",
            "--router",
            "embedded",
            "--pool",
            "app",
            "--server",
            "api-1",
            "--state",
            "drain",
            "--reason",
            "it is replaced tonight",
            "--json",
        ],
        "server.state_set",
    ),
    changes(
        "re-pin",
        &[
            "re-pin",
            "--router",
            "embedded",
            "--pool",
            "app",
            "--key",
            "acc_1",
            "--server",
            "api-3",
            "--reason",
            "their upload is there",
            "--json",
        ],
        "route.pinned",
    ),
    changes(
        "unstick-server",
        &[
            "unstick-server",
            "--router",
            "embedded",
            "--pool",
            "app",
            "--server",
            "api-3",
            "--reason",
            "it is taken away",
            "--wait",
            "--json",
        ],
        "bulk.requested",
    ),
    reads("bulk list", &["bulk", "list", "--json"]),
    Verb {
        input: "acc_1\n",
        ..changes(
            "cleanup-user-sessions",
            &[
                "cleanup-user-sessions",
                "--from-file",
                "-",
                "--force",
                "--reason",
                "left by the outage",
                "--wait",
                "--json",
            ],
            "bulk.requested",
        )
    },
    reads("bulk show", &["bulk", "show", "BULK", "--problems", "--json"]),
    reads("evidence", &["evidence", "--cleanup-id", "CLEANUP", "--json"]),
    Verb {
        input: PASSWORD,
        ..changes(
            "staff add",
            &["staff", "add", "dana", "--role", "admin", "--password-stdin", "--json"],
            "staff.added",
        )
    },
    Verb {
        input: PASSWORD,
        ..changes(
            "staff add",
            &["staff", "add", "eve", "--role", "viewer", "--password-stdin", "--json"],
            "staff.added",
        )
    },
    reads("staff list", &["staff", "list", "--json"]),
    changes("staff set-role", &["staff", "set-role", "eve", "support", "--json"], "staff.role_set"),
    Verb {
        input: "quite another long passphrase",
        ..changes(
            "staff set-password",
            &["staff", "set-password", "eve", "--password-stdin", "--json"],
            "staff.password_set",
        )
    },
    changes("staff reset", &["staff", "reset", "eve", "--json"], "staff.reset"),
    changes("staff disable", &["staff", "disable", "eve", "--json"], "staff.disabled"),
    changes("staff enable", &["staff", "enable", "eve", "--json"], "staff.enabled"),
    changes("token create", &["token", "create", "app", "--scope", "sessions:read", "--json"], "token.created"),
    reads("token list", &["token", "list", "--json"]),
    changes("token revoke", &["token", "revoke", "TOKEN", "--json"], "token.revoked"),
    changes("webhook add", &["webhook", "add", "https://receiver.example/unstick", "--json"], "webhook.added"),
    reads("webhook list", &["webhook", "list", "--json"]),
    changes("webhook test", &["webhook", "test", "WEBHOOK", "--json"], "webhook.tested"),
    reads("webhook log", &["webhook", "log", "WEBHOOK", "--json"]),
    changes("webhook replay", &["webhook", "replay", "WEBHOOK", "--event", "EVENT", "--json"], "webhook.replayed"),
    changes(
        "webhook replay",
        &["webhook", "replay", "WEBHOOK", "--from", "2026-01-01", "--to", "2126-01-01", "--failed", "--json"],
        "webhook.replayed",
    ),
    changes("webhook rotate", &["webhook", "rotate", "WEBHOOK", "--json"], "webhook.secret_rotated"),
    changes("webhook disable", &["webhook", "disable", "WEBHOOK", "--json"], "webhook.disabled"),
    changes("webhook enable", &["webhook", "enable", "WEBHOOK", "--json"], "webhook.enabled"),
    changes("webhook delete", &["webhook", "delete", "WEBHOOK", "--json"], "webhook.deleted"),
    reads("audit verify", &["audit", "verify", "--json"]),
    Verb { document: false, ..changes("audit export", &["audit", "export", "--format", "csv"], "audit.exported") },
    reads("audit checkpoint", &["audit", "checkpoint", "--json"]),
    reads("config print", &["config", "print", "--json"]),
    plain("completions", &["completions", "zsh"]),
    plain("man", &["man"]),
];

/// Verbs with a test of their own: `serve` in `serve.rs`, `doctor` here below, those that steer in `cli_bulk.rs`,
/// `reset-sessions` in `cli_self.rs`.
const ELSEWHERE: &[&str] =
    &["serve", "doctor", "bulk pause", "bulk resume", "bulk cancel", "bulk retry", "reset-sessions"];

fn leaves(command: &clap::Command, name: &str, found: &mut Vec<String>) {
    let inner: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() {
        found.push(name.to_owned());
    }
    for command in inner {
        let name = format!("{name} {}", command.get_name());
        leaves(command, name.trim(), found);
    }
}

#[test]
fn every_verb_has_a_row() {
    let mut found = Vec::new();
    leaves(&server::cli::Cli::command(), "", &mut found);
    for verb in &found {
        let known = VERBS.iter().any(|row| row.name == verb) || ELSEWHERE.contains(&verb.as_str());
        assert!(known, "{verb} has no row");
    }
    assert!(found.len() >= 18, "{found:?}");
}

#[test]
fn every_verb_runs_and_what_it_changes_is_written_down() {
    let program = Program::new();
    let (mut token, mut cleanup, mut bulk) = (String::new(), String::new(), String::new());
    let (mut hook, mut event) = (String::new(), String::new());
    let mut events = 0;
    for verb in VERBS {
        let meant = |word: &'static str| match word {
            "TOKEN" => token.clone(),
            "CLEANUP" => cleanup.clone(),
            "BULK" => bulk.clone(),
            "WEBHOOK" => hook.clone(),
            "EVENT" => event.clone(),
            word => word.to_owned(),
        };
        let arguments: Vec<String> = verb.arguments.iter().copied().map(meant).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = program.feed(&arguments, verb.input);
        assert_eq!(ran.code, 0, "{}: {} {}", verb.name, ran.out, ran.err);
        if verb.document {
            let told = json(&ran.out);
            match verb.name {
                "token create" => token = told["id"].as_str().unwrap().to_owned(),
                "webhook add" => hook = told["id"].as_str().unwrap().to_owned(),
                "webhook log" => event = told["deliveries"][0]["event"].as_str().unwrap().to_owned(),
                "cleanup-user-sessions" if told["bulk"].is_object() => {
                    bulk = told["bulk"]["id"].as_str().unwrap().to_owned();
                }
                "cleanup-user-sessions" => cleanup = told["cleanup_id"].as_str().unwrap().to_owned(),
                _ => {}
            }
        } else {
            assert!(!ran.out.is_empty(), "{}", verb.name);
        }
        let log = program.expect(&["audit", "export"], 0).out;
        // This export is the newest event itself.
        let lines: Vec<&str> = log.lines().skip(1).collect();
        let new = &lines[..lines.len() - events];
        match verb.event {
            Some(action) => {
                let event = new.iter().find(|line| line.contains(&format!("\"action\":\"{action}\"")));
                assert!(
                    event.is_some_and(|line| line.contains("\"actor\":\"cli:")),
                    "{} left no {action}: {new:?}",
                    verb.name
                );
            }
            None => assert!(new.is_empty(), "{} only reads, and left {new:?}", verb.name),
        }
        events = lines.len() + 1;
    }
}

#[test]
fn every_verb_explains_itself() {
    let mut found = Vec::new();
    leaves(&server::cli::Cli::command(), "", &mut found);
    let program = Program::new();
    for verb in found {
        let arguments: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        let ran = program.expect(&arguments, 0);
        assert!(ran.out.contains("Usage: admin-tool"), "{verb}");
    }
    assert!(!program.folder.path().join("data").exists(), "asking for help made a database");
}

/// What only the longer texts say.
#[test]
fn the_longer_texts_are_in_the_help_and_in_the_manual() {
    let program = Program::new();
    let manual = program.expect(&["man"], 0).out.replace('\\', "");
    for (verb, part) in [
        ("serve", "share clean-ups by leases"),
        ("cleanup-user-sessions", "read again, twice"),
        ("diagnose-sessions", "changes nothing"),
        ("evidence", "Markdown"),
        ("import", "{\"session_id\":\"s_9fK2x\",\"account_id\":\"acc_7Q2m\""),
        ("import", "Repeating an import"),
        ("demo-data", "The same seed makes the same data"),
        ("staff", "change of role or password ends"),
        ("doctor", "somebody should look"),
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let help = words(&program.expect(&[verb, "--help"], 0).out);
        assert!(help.contains(part), "{verb} --help lacks {part:?}:\n{help}");
        assert!(words(&manual).contains(part), "the manual lacks {part:?}");
    }
}

#[test]
fn the_doctor_counts_up_to_two() {
    let program = Program::new();
    // Nobody can sign in yet: somebody should look.
    assert_eq!(json(&program.expect(&["doctor", "--json"], 1).out)["outcome"], "warn");
    let file = program.folder.path().join("data/audit.key");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let told = json(&program.expect(&["doctor", "--json"], 2).out);
    assert!(told.to_string().contains("chmod 600"), "{told}");
    // And nothing else starts on such a file either.
    let ran = program.expect(&["token", "list", "--json"], 1);
    assert!(ran.out.contains("chmod 600"), "{}", ran.out);
}
