//! The API does what its description says, whoever asks what: schemathesis (.ci/setup installs it) makes calls of the
//! description, good ones and bad ones, against the real program with sample data. No answer is a failure of ours, none has
//! a status, a type or a form that the description does not name. Without schemathesis this fails; it is never skipped.

use std::{path::Path, process::Command};

use crate::{
    cli_server::left_over,
    serve::Server,
    support::{Program, json},
};

/// Calls that are made up for each operation, besides those of the description's own examples and edges: a few, or as
/// `make torture` says.
fn examples() -> usize {
    std::env::var("UNSTICK_TORTURE_SCHEMA").ok().map_or(4, |text| text.parse().unwrap())
}

/// What addresses name that is there. What is not there is in the other tests of the API.
struct Known {
    token: String,
    cleanup: String,
    bulk: String,
    hook: String,
}

impl Known {
    fn make(program: &Program) -> Self {
        program.expect(&["demo-data", "--accounts", "20", "--sessions-per-account", "4", "--seed", "7"], 0);
        left_over(program, 9);
        program.run(&["census", "--json"]);
        let clean = [
            "cleanup-user-sessions",
            "--account-id",
            "stuck-01",
            "--force",
            "--reason",
            "for the description",
            "--json",
        ];
        let cleanup = json(&program.expect(&clean, 0).out)["cleanup_id"].as_str().unwrap().to_owned();
        let many = program.feed(
            &["cleanup-user-sessions", "--from-file", "-", "--reason", "for the description", "--json"],
            "stuck-02\nstuck-03\nnobody\n",
        );
        let bulk = json(&many.out)["bulk"]["id"].as_str().unwrap().to_owned();
        let mut create = vec!["token", "create", "schema", "--json"];
        create.extend(domain::TokenScope::ALL.iter().flat_map(|scope| ["--scope", scope.as_str()]));
        let token = json(&program.expect(&create, 0).out)["secret"].as_str().unwrap().to_owned();
        let hook = program.expect(&["webhook", "add", "https://receiver.example/unstick", "--json"], 0);
        let hook = json(&hook.out)["id"].as_str().unwrap().to_owned();
        Self { token, cleanup, bulk, hook }
    }

    /// The settings of schemathesis. The token is in a variable, so it is in no argument.
    fn settings(&self) -> String {
        let Self { cleanup, bulk, hook, .. } = self;
        format!(
            "[headers]\nAuthorization = \"Bearer ${{UNSTICK_TEST_TOKEN}}\"\n\n[parameters]\n\
             \"path.account_id\" = \"stuck-04\"\n\"path.cleanup_id\" = \"{cleanup}\"\n\"path.bulk_id\" = \"{bulk}\"\n\
             \"path.webhook_id\" = \"{hook}\"\n\"path.router\" = \"embedded\"\n\"path.pool\" = \"app\"\n\"path.server\" = \"api-3\"\n\"path.key\" = \"stuck-05\"\n"
        )
    }
}

#[test]
fn no_answer_is_a_failure_of_ours_or_one_that_is_not_described() {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/schemathesis/bin/schemathesis");
    assert!(tool.is_file(), "schemathesis is missing: .ci/setup installs it");
    let program = Program::new();
    let known = Known::make(&program);
    let server = Server::start(&program, &[]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), known.settings()).unwrap();
    let examples = examples();
    let ran = Command::new(tool)
        .current_dir(folder.path())
        .env("UNSTICK_TEST_TOKEN", &known.token)
        .args(["run", &format!("http://{}/api/openapi.json", server.address)])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args(["--phases", "examples,coverage,fuzzing", "--seed", "1", "--max-examples", &examples.to_string()])
        .args([
            "--generation-database",
            "none",
            "--workers",
            "2",
            "--continue-on-failure",
            "--no-color",
            "--warnings",
            "off",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let tail: String = said.chars().rev().take(12_000).collect::<String>().chars().rev().collect();
    assert!(ran.status.success(), "{tail}\n{}", String::from_utf8_lossy(&ran.stderr));
    // A run that called nothing proves nothing.
    let calls = said.lines().rev().find(|line| line.contains("generated")).unwrap_or_default();
    assert!(calls.chars().any(|c| c.is_ascii_digit()), "no call was made:\n{tail}");
    println!("API  {examples:4} made-up calls for each operation against the description: {}", calls.trim());
}
