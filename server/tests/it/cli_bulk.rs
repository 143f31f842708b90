//! Many accounts as a shell cleans them up: exit codes, what is told of a list, and that nothing means nothing.

use serde_json::Value;

use crate::support::{Program, json};

/// A program with `n` accounts, each with a live session and one that ended and was cleaned up nowhere.
fn with_accounts(n: usize) -> Program {
    let program = Program::new();
    let mut lines = String::new();
    for at in 0..n {
        for line in [
            format!(r#"{{"type":"account","account_id":"acc_{at}"}}"#),
            format!(r#"{{"type":"session","session_id":"s_{at}","account_id":"acc_{at}"}}"#),
            format!(r#"{{"type":"session","session_id":"e_{at}","account_id":"acc_{at}"}}"#),
            format!(r#"{{"type":"end","session_id":"e_{at}","reason":"signed_out"}}"#),
        ] {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    assert_eq!(program.feed(&["import", "-"], &lines).code, 0);
    program
}

fn list(n: usize) -> String {
    (0..n).map(|at| format!("acc_{at}")).collect::<Vec<_>>().join("\n")
}

const BULK: [&str; 5] = ["cleanup-user-sessions", "--from-file", "-", "--reason", "left by the outage"];

fn told(program: &Program, more: &[&str], input: &str, code: i32) -> Value {
    let words: Vec<&str> = BULK.iter().chain(more).copied().collect();
    let ran = program.feed(&words, input);
    assert_eq!(ran.code, code, "{} {}", ran.out, ran.err);
    json(&ran.out)
}

#[test]
fn a_list_is_cleaned_and_what_is_not_part_of_it_is_told() {
    let program = with_accounts(3);
    let input = format!("account_id\n{}\nnobody\nacc_0\n", list(3));
    let dry = told(&program, &["--dry-run", "--json"], &input, 0);
    let report = &dry["bulk"]["selection"]["list"];
    assert_eq!((&report["unknown"], &report["duplicates"]), (&1.into(), &1.into()), "{dry}");
    let done = told(&program, &["--force", "--wait", "--json"], &input, 0);
    assert_eq!((&done["outcome"], &done["bulk"]["status"]), (&"done".into(), &"done".into()));
    let verdict = json(&program.expect(&["diagnose-sessions", "--account-id", "acc_2", "--json"], 0).out);
    assert_eq!(
        (&verdict["account"]["live_sessions"], &verdict["account"]["leftover_sessions"]),
        (&0.into(), &0.into())
    );
    let log = program.expect(&["audit", "export"], 0).out;
    assert_eq!(log.matches("\"action\":\"cleanup.done\"").count(), 3);
    program.expect(&["audit", "verify"], 0);
}

#[test]
fn a_filter_is_the_list_of_accounts_and_nothing_is_not_all() {
    let program = with_accounts(4);
    let filter =
        |text: &'static str| ["cleanup-user-sessions", "--filter", text, "--reason", "left by the outage", "--json"];
    for bad in ["", "leftover", "leftover=0", "colour=red", "server=api-2"] {
        program.expect(&filter(bad), 2);
    }
    // No account passes: an input that cannot be meant, as in a form.
    program.expect(&filter("leftover=9"), 2);
    let mut wait = filter("leftover=1").to_vec();
    wait.push("--wait");
    let done = json(&program.expect(&wait, 0).out);
    assert_eq!(done["bulk"]["leftover_sessions"], 4);
}

#[test]
fn many_wait_for_another_admin_and_can_be_cancelled() {
    let program = with_accounts(51);
    let asked = told(&program, &["--json"], &list(51), 3);
    assert_eq!(asked["outcome"], "awaiting-approval");
    let id = asked["bulk"]["id"].as_str().unwrap();
    assert!(program.expect(&["bulk", "list"], 0).out.contains("waits for approval"));
    program.expect(&["bulk", "pause", id], 4);
    program.expect(&["bulk", "cancel", id], 0);
    program.expect(&["bulk", "resume", id], 4);
    program.expect(&["bulk", "retry", id], 4);
    assert!(!program.expect(&["audit", "export"], 0).out.contains("cleanup.requested"));
    program.expect(&["bulk", "show", "b_nosuch"], 4);
}
