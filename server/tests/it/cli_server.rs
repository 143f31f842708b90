//! `admin-tool --server`: a server far away does the work, and the shell says the same as one beside the database.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{
    serve::Server,
    support::{Program, json},
};

/// A running server with made-up data, and the shell that asks it.
struct Far {
    here: Program,
    server: Server,
    there: Program,
}

impl Far {
    /// With a token of `scopes`; all of them when none is said.
    fn new(scopes: &[&str]) -> Self {
        let here = Program::new();
        here.expect(&["demo-data", "--accounts", "20", "--sessions-per-account", "4", "--seed", "7"], 0);
        left_over(&here, 5);
        let token = token(&here, scopes);
        let server = Server::start(&here, &[]);
        let there =
            Program::new().set("UNSTICK_SERVER", &format!("http://{}", server.address)).set("UNSTICK_TOKEN", &token);
        Self { here, server, there }
    }

    /// Runs the same on both sides; both must end with `code`. Answers the document of the far side and that of the near
    /// side.
    #[track_caller]
    fn both(&self, arguments: &[&str], code: i32) -> (Value, Value) {
        let (near, far) = (self.here.expect(arguments, code), self.there.expect(arguments, code));
        (json(&far.out), json(&near.out))
    }
}

/// Accounts `stuck-01` and so on, each with a live session and one that ended and was cleaned up nowhere.
pub fn left_over(program: &Program, accounts: usize) {
    let record = |n: usize| {
        format!(
            "{{\"account_id\":\"stuck-{n:02}\",\"name\":\"Mira {n}\"}}\n\
             {{\"session_id\":\"live-{n:02}\",\"account_id\":\"stuck-{n:02}\"}}\n\
             {{\"session_id\":\"ended-{n:02}\",\"account_id\":\"stuck-{n:02}\",\"reason\":\"signed_out\"}}\n"
        )
    };
    let lines = (1..=accounts).map(record).collect::<Vec<_>>().concat();
    let taken = program.feed(&["import", "-"], &lines);
    assert_eq!(taken.code, 0, "{}", taken.err);
}

fn token(program: &Program, scopes: &[&str]) -> String {
    let all: Vec<&str> = domain::TokenScope::ALL.iter().map(|scope| scope.as_str()).collect();
    let scopes = if scopes.is_empty() { &all } else { scopes };
    let mut arguments = vec!["token", "create", "far", "--json"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    let made = json(&program.expect(&arguments, 0).out);
    made["token"].as_str().or(made["secret"].as_str()).unwrap().to_owned()
}

/// The names of a document's fields, and of those in it.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(all) => Value::Array(all.first().map(shape).into_iter().collect()),
        Value::Null => Value::Null,
        _ => Value::Bool(true),
    }
}

fn names(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn a_clean_up_is_the_same_from_far_away() {
    let far = Far::new(&[]);
    let diagnose = |id: &'static str| ["diagnose-sessions", "--account-id", id, "--json"];
    let (there, here) = far.both(&diagnose("stuck-01"), 0);
    assert_eq!(names(&there), names(&here));
    assert_eq!(shape(&there["verdict"]), shape(&here["verdict"]));
    assert_eq!(there["account"], here["account"]);
    let plan = |id: &'static str| ["cleanup-user-sessions", "--account-id", id, "--force", "--dry-run", "--json"];
    let (there, here) = far.both(&plan("stuck-01"), 0);
    assert_eq!((&there["plan"], &there["outcome"]), (&here["plan"], &here["outcome"]));
    let clean = ["cleanup-user-sessions", "--account-id", "stuck-01", "--force", "--reason", "from far away", "--json"];
    let done = json(&far.there.expect(&clean, 0).out);
    assert_eq!((done["outcome"].as_str(), done["status"].as_str()), (Some("done"), Some("done")));
    let near = ["cleanup-user-sessions", "--account-id", "stuck-02", "--force", "--reason", "from near", "--json"];
    let near = json(&far.here.expect(&near, 0).out);
    assert_eq!(names(&done), names(&near), "one document, wherever it was done");
    // What there is not is refused in the same words, and so is what was done already.
    for arguments in [&diagnose("nobody")[..], &plan("nobody")] {
        let (there, here) = far.both(arguments, 4);
        assert_eq!(there, here);
    }
    let (there, here) = far.both(&clean, 0);
    assert_eq!((&there["outcome"], &here["outcome"]), (&"nothing-to-do".into(), &"nothing-to-do".into()));
    let id = done["cleanup_id"].as_str().unwrap();
    let (there, here) = far.both(&["evidence", "--cleanup-id", id, "--json"], 0);
    assert_eq!((&there["steps"], &there["cleanup"]), (&here["steps"], &here["cleanup"]));
    assert!(there["cleanup"]["actor"].as_str().unwrap().starts_with("token:"));
    assert!(far.there.expect(&["evidence", "--cleanup-id", id], 0).out.contains("stuck-01"));
    let people = far.there.expect(&["diagnose-sessions", "--account-id", "stuck-03"], 0).out;
    assert!(people.contains("What would help"), "{people}");
}

#[test]
fn everything_else_is_the_same_from_far_away() {
    let far = Far::new(&[]);
    let bulk =
        ["cleanup-user-sessions", "--from-file", "-", "--force", "--reason", "left by the outage", "--wait", "--json"];
    let done = far.there.feed(&bulk, "stuck-01\nstuck-02\nnobody\n");
    assert_eq!(done.code, 0, "{}\n{}", done.out, done.err);
    let done = json(&done.out);
    assert_eq!(
        (done["outcome"].as_str(), done["bulk"]["selection"]["list"]["unknown"].as_i64()),
        (Some("done"), Some(1))
    );
    let id = done["bulk"]["id"].as_str().unwrap();
    let (there, here) = far.both(&["bulk", "show", id, "--problems", "--json"], 0);
    assert_eq!(there["bulk"], here["bulk"]);
    far.both(&["bulk", "list", "--json"], 0);
    far.both(&["bulk", "pause", id, "--json"], 4);
    let none = ["cleanup-user-sessions", "--filter", "leftover=0", "--reason", "none", "--json"];
    let (there, here) = far.both(&none, 2);
    assert_eq!(there, here);
    let filter = ["cleanup-user-sessions", "--filter", "leftover=1 text=stuck-0", "--dry-run", "--json"];
    let (there, here) = far.both(&filter, 0);
    assert_eq!(there["bulk"]["hash"], here["bulk"]["hash"]);
    let census = json(&far.there.run(&["census", "--json"]).out);
    assert_eq!(names(&census), names(&json(&far.here.run(&["census", "--json"]).out)));
    far.there.expect(&["repair", "--write", "plan.json", "--json"], 0);
    let place = ["--router", "embedded", "--pool", "app"];
    let state = [&["server-state", "--json", "--server", "api-3"][..], &place].concat();
    let (there, here) = far.both(&state, 0);
    assert_eq!(names(&there["server"]), names(&here["server"]));
    let pin = [&["re-pin", "--json", "--key", "stuck-03", "--server", "api-3", "--reason", "their upload"][..], &place]
        .concat();
    assert_eq!(json(&far.there.expect(&pin, 0).out)["outcome"], "done");
    let records = "{\"account_id\":\"far-1\"}\n{\"session_id\":\"s_far\",\"account_id\":\"far-1\",\"reason\":\"expired\"}\n{\"nonsense\":1}\n\
                   {\"session_id\":\"s_x\",\"account_id\":\"nobody\"}\n";
    let taken = far.there.feed(&["import", "-", "--json"], records);
    assert_eq!(taken.code, 1, "{}", taken.err);
    let taken = json(&taken.out);
    assert_eq!((taken["taken"].as_i64(), taken["refused"].as_i64()), (Some(2), Some(2)), "{taken}");
    let lines: Vec<i64> = taken["errors"].as_array().unwrap().iter().map(|it| it["line"].as_i64().unwrap()).collect();
    assert_eq!(lines, [3, 4]);
    let verified = json(&far.there.expect(&["audit", "verify", "--json"], 0).out);
    assert_eq!(verified["intact"], true);
    let exported = far.there.expect(&["audit", "export", "--action", "bulk", "--format", "csv"], 0).out;
    assert!(exported.starts_with("seq,at,actor") && exported.contains("token:"), "{exported}");
    let looked = far.there.run(&["doctor", "--json"]);
    let checks = json(&looked.out);
    assert!(checks["checks"].as_array().unwrap().iter().any(|check| check["name"] == "router embedded"), "{checks}");
    for only_here in
        [&["staff", "list", "--json"][..], &["token", "list", "--json"], &["audit", "checkpoint", "--json"]]
    {
        assert_eq!(json(&far.there.expect(only_here, 4).out)["error"]["code"], "only-here");
    }
    drop(far.server);
}

#[test]
fn webhooks_are_the_same_from_far_away() {
    let far = Far::new(&[]);
    let add = ["webhook", "add", "https://receiver.example/unstick", "--event", "session.ended", "--json"];
    let (there, here) = far.both(&add, 0);
    assert_eq!(names(&there), names(&here));
    assert!(there["secret"].as_str().unwrap().starts_with("whsec_"), "{there}");
    let id = there["id"].as_str().unwrap();
    let (there, here) = far.both(&["webhook", "list", "--json"], 0);
    assert_eq!((there["webhooks"].as_array().unwrap().len(), shape(&there)), (2, shape(&here)));
    let sent = json(&far.there.expect(&["webhook", "test", id, "--json"], 0).out);
    let event = sent["event_id"].as_str().unwrap();
    let (there, here) = far.both(&["webhook", "log", id, "--type", "webhook.test", "--json"], 0);
    assert_eq!((&there["deliveries"][0]["event"], shape(&there)), (&event.into(), shape(&here)));
    let (there, here) = far.both(&["webhook", "replay", id, "--event", event, "--json"], 0);
    assert_eq!(there, here);
    let stretch = ["webhook", "replay", id, "--from", "2026-01-01", "--to", "2126-01-01", "--json"];
    assert_eq!(json(&far.there.expect(&stretch, 0).out)["outcome"], "done");
    assert_eq!(names(&json(&far.there.expect(&["webhook", "rotate", id, "--json"], 0).out)).len(), 3);
    far.there.expect(&["webhook", "disable", id, "--json"], 0);
    let (there, here) = far.both(&["webhook", "disable", id, "--json"], 4);
    assert_eq!(there, here, "refused in the same words");
    far.there.expect(&["webhook", "enable", id, "--json"], 0);
    far.there.expect(&["webhook", "delete", id, "--json"], 0);
    let (there, here) = far.both(&["webhook", "delete", id, "--json"], 4);
    assert_eq!(there, here);
    assert!(far.there.expect(&["webhook", "log", id], 0).out.contains("webhook.test"), "its log can be read");
    let (there, _) = far.both(&["webhook", "list", "--json"], 0);
    assert_eq!(there["webhooks"].as_array().unwrap().len(), 1);
    let (there, here) = far.both(&["webhook", "add", "https://10.0.0.1/", "--json"], 2);
    assert_eq!(there, here);
}

#[test]
fn everybody_is_moved_off_a_server_from_far_away() {
    let far = Far::new(&[]);
    let move_off = |more: &[&'static str]| {
        let words = ["unstick-server", "--router", "embedded", "--pool", "app", "--server", "api-3", "--json"];
        [&words[..], more].concat()
    };
    let state = |word: &'static str| {
        let words = ["server-state", "--router", "embedded", "--pool", "app", "--server", "api-3", "--state", word];
        [&words[..], &["--reason", "it is taken away", "--json"]].concat()
    };
    assert_eq!(json(&far.there.expect(&state("drain"), 0).out)["outcome"], "done");
    let (there, here) = far.both(&move_off(&["--dry-run"]), 0);
    assert_eq!((there["bulk"]["hash"].as_str(), names(&there)), (here["bulk"]["hash"].as_str(), names(&here)));
    assert_eq!((&there["routes"], &there["targets"]), (&here["routes"], &here["targets"]));
    let people = far
        .there
        .expect(&["unstick-server", "--router", "embedded", "--pool", "app", "--server", "api-3", "--dry-run"], 0);
    assert!(people.err.contains("they go to"), "{}", people.err);
    let done = json(&far.there.expect(&move_off(&["--reason", "it is taken away", "--wait"]), 0).out);
    assert_eq!((done["outcome"].as_str(), &done["bulk"]["order"]["rate"]), (Some("done"), &20.into()), "{done}");
    let (there, here) = far.both(&move_off(&["--dry-run"]), 2);
    assert_eq!(there, here, "nobody is on it now");
    assert!(there["error"]["message"].as_str().unwrap().contains("nobody is on api-3"), "{there}");
}

#[test]
fn whoever_cannot_be_asked_is_told_why() {
    let far = Far::new(&["accounts:read"]);
    let clean = ["cleanup-user-sessions", "--account-id", "stuck-01", "--reason", "from far away", "--json"];
    let denied = json(&far.there.expect(&clean, 4).out);
    assert_eq!(denied["error"]["code"], "denied");
    assert!(denied["error"]["message"].as_str().unwrap().contains("cleanups:write"), "{denied}");
    let address = format!("http://{}", far.server.address);
    let ask = ["diagnose-sessions", "--account-id", "stuck-01", "--json"];
    let told = |program: &Program, arguments: &[&str], code: i32| {
        let ran = json(&program.expect(arguments, code).out);
        ran["error"]["code"].as_str().unwrap().to_owned()
    };
    let wrong = Program::new().set("UNSTICK_SERVER", &address).set("UNSTICK_TOKEN", "sac_wrong");
    assert_eq!(told(&wrong, &ask, 4), "token");
    let none = Program::new().set("UNSTICK_SERVER", &address);
    assert_eq!(told(&none, &ask, 2), "token");
    let nobody = Program::new().set("UNSTICK_SERVER", "http://127.0.0.1:9").set("UNSTICK_TOKEN", "sac_x");
    assert_eq!(told(&nobody, &ask, 1), "unreachable");
    let plain = Program::new().set("UNSTICK_SERVER", "http://unstick.example").set("UNSTICK_TOKEN", "sac_x");
    assert_eq!(told(&plain, &ask, 2), "server");
    let file = Program::new();
    let path = file.folder.path().join("token");
    std::fs::write(&path, token(&far.here, &["accounts:read"])).unwrap();
    let with_file = [&["--server", &address, "--token-file", "token"][..], &ask].concat();
    assert_eq!(told(&file, &with_file, 2), "token", "others can read it");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    file.expect(&with_file, 0);
    assert_eq!(told(&file, &[&["--token-file", "token"][..], &ask].concat(), 2), "usage");
    // A token is in no argument: there is none that takes it.
    let refused = file.command(&[&["--token", "sac_x"][..], &ask].concat()).stderr(Stdio::null()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// A way through TLS to a server, as a load balancer makes it; ended when it is dropped.
struct Tls {
    child: std::process::Child,
    address: String,
}

impl Tls {
    /// With a certificate of its own for 127.0.0.1 in `folder`, as `cert.pem`.
    fn before(server: &str, folder: &std::path::Path) -> Self {
        let file = |name: &str| folder.join(name).display().to_string();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=unstick.test", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args([
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-keyout",
                &file("key.pem"),
                "-out",
                &file("cert.pem"),
            ])
            .stderr(Stdio::null())
            .status()
            .expect("this test needs openssl: .ci/setup installs it");
        assert!(made.success());
        let both = format!(
            "{}{}",
            std::fs::read_to_string(file("cert.pem")).unwrap(),
            std::fs::read_to_string(file("key.pem")).unwrap()
        );
        std::fs::write(file("both.pem"), both).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
             frontend tls\n bind {address} ssl crt {}\n default_backend unstick\n\
             backend unstick\n server one {server}\n",
            file("both.pem")
        );
        std::fs::write(file("tls.cfg"), config).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let child = Command::new("haproxy")
            .env("PATH", path)
            .args(["-db", "-f", &file("tls.cfg")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs haproxy: .ci/setup installs it");
        let tls = Self { child, address };
        while std::net::TcpStream::connect(&tls.address).is_err() {
            std::thread::yield_now();
        }
        tls
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn over_https_only_a_certificate_that_is_trusted_will_do() {
    let far = Far::new(&["accounts:read"]);
    let tls = Tls::before(&far.server.address, far.there.folder.path());
    let address = format!("https://{}", tls.address);
    let ask = ["diagnose-sessions", "--account-id", "stuck-01", "--json"];
    let trusted = [&["--server", &address, "--ca-file", "cert.pem"][..], &ask].concat();
    assert_eq!(json(&far.there.expect(&trusted, 0).out)["account"]["id"], "stuck-01");
    let strange = json(&far.there.expect(&[&["--server", &address][..], &ask].concat(), 1).out);
    assert_eq!(strange["error"]["code"], "unreachable");
    assert!(strange["error"]["message"].as_str().unwrap().contains("certificate"), "{strange}");
    let none = [&["--server", &address, "--ca-file", "tls.cfg"][..], &ask].concat();
    assert_eq!(json(&far.there.expect(&none, 2).out)["error"]["code"], "ca-file");
}
