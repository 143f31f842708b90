//! Customers in a shell: a real server, and the thin client of their own sessions.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::{
    serve::Server,
    support::{Program, json},
};

/// A server with one customer, who is signed in on two devices and left something on a third.
struct World {
    program: Program,
    server: Server,
    token: String,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    fn with(file: &str) -> Self {
        let program = Program::with_file(file);
        let lines = r#"{"type":"account","account_id":"acc_1","name":"Dana Ortiz"}
{"type":"session","session_id":"s_here","account_id":"acc_1","client":"CLI 2.4"}
{"type":"session","session_id":"s_there","account_id":"acc_1","client":"Phone 9.1"}
{"type":"session","session_id":"s_old","account_id":"acc_1"}
{"type":"end","session_id":"s_old","reason":"signed_out"}
"#;
        assert_eq!(program.feed(&["import", "-"], lines).code, 0);
        let made = program
            .expect(&["token", "create", "app", "--scope", "self:issue", "--scope", "sessions:read", "--json"], 0);
        let token = json(&made.out)["secret"].as_str().unwrap().to_owned();
        let server = Server::start(&program, &[]);
        Self { program, server, token }
    }

    /// Asks the server as the back end.
    fn ask(&self, method: &str, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.server.address).unwrap();
        let token = &self.token;
        write!(
            stream,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 0\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null)
    }

    fn credential(&self, session: &str) -> String {
        self.ask("POST", &format!("/sessions/{session}/self-token"))["credential"].as_str().unwrap().to_owned()
    }

    /// A customer's machine: another folder, without configuration and database.
    fn customer(&self, session: &str) -> Program {
        Program::new()
            .set("UNSTICK_SERVER", &format!("http://{}", self.server.address))
            .set("UNSTICK_CREDENTIAL", &self.credential(session))
    }

    fn state(&self, session: &str) -> String {
        self.ask("GET", &format!("/sessions/{session}"))["state"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_customer_looks_and_then_resets_everything_but_this_session() {
    let world = World::new();
    let customer = world.customer("s_here");
    let told = customer.expect(&["diagnose-sessions"], 0).out;
    assert!(told.contains("CLI 2.4 (this one)") && told.contains("Phone 9.1"), "{told}");
    assert!(told.contains("left over") && told.contains("admin-tool reset-sessions"), "{told}");
    let shown = customer.expect(&["reset-sessions"], 0).out;
    assert!(shown.contains("sign in again on 1 device") && shown.contains("Nothing was done."), "{shown}");
    assert_eq!(world.state("s_there"), "active");
    let document = json(&customer.expect(&["reset-sessions", "--json"], 0).out);
    assert_eq!((&document["outcome"], &document["keeps"]["session_id"]), (&"preview".into(), &"s_here".into()));
    let done = customer.expect(&["reset-sessions", "--confirm"], 0).out;
    assert!(done.contains("Done. You may need to sign in again on 1 device; one stayed signed in."), "{done}");
    assert_eq!(
        (world.state("s_here"), world.state("s_there"), world.state("s_old")),
        ("active".into(), "cleaned".into(), "cleaned".into())
    );
    let nothing = json(&customer.expect(&["reset-sessions", "--confirm", "--json"], 0).out);
    assert_eq!(nothing["outcome"], "nothing-to-do");
    assert!(!customer.folder.path().join("data").exists(), "a customer's command made a database");
    // Written down with the customer as the actor.
    let log = world.program.expect(&["audit", "export"], 0).out;
    assert!(log.contains("\"actor\":\"customer:acc_1\""), "{log}");
}

#[test]
fn including_this_one_ends_it_too() {
    let world = World::new();
    let customer = world.customer("s_here");
    let told = customer.expect(&["reset-sessions", "--confirm", "--including-this-one"], 0).out;
    assert!(told.contains("Your own session ended with it: sign in again."), "{told}");
    let refused = json(&customer.expect(&["reset-sessions", "--json"], 4).out);
    assert_eq!((&refused["outcome"], &refused["error"]["code"]), (&"refused".into(), &"session-ended".into()));
    customer.expect(&["diagnose-sessions"], 4);
}

#[test]
fn a_load_balancer_that_is_away_is_3() {
    let world = World::with(
        "[[router]]\nname = \"lb-1\"\nkind = \"haproxy\"\nendpoint = \"unix:/nonexistent/haproxy.sock\"\n\
         [[router.pool]]\nname = \"app\"\nscope = \"account\"\n",
    );
    let ran = world.customer("s_here").expect(&["reset-sessions", "--confirm"], 3);
    assert!(
        ran.out.contains("Part of it will be done as soon as one of our load balancers is reachable again"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("lb-1"), "{}", ran.out);
    assert_eq!((world.state("s_here"), world.state("s_there")), ("active".into(), "ended".into()));
}

#[test]
fn limits_are_4_and_say_when() {
    let world = World::with("self_reads = 1\n");
    let customer = world.customer("s_here");
    customer.expect(&["reset-sessions"], 0);
    let refused = json(&customer.expect(&["reset-sessions", "--json"], 4).out);
    assert_eq!(refused["error"]["code"], "throttled");
    assert!(refused["error"]["message"].as_str().unwrap().contains("try again in"), "{refused}");
}

#[test]
fn a_credential_comes_from_a_private_file_or_standard_input_and_never_from_the_command_line() {
    let world = World::new();
    let server = format!("http://{}", world.server.address);
    let customer = Program::new().set("UNSTICK_SERVER", &server);
    let file = customer.folder.path().join("credential");
    std::fs::write(&file, format!("{}\n", world.credential("s_here"))).unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let with_file = ["reset-sessions", "--credential-file", "credential", "--json"];
    mode(0o644);
    let refused = customer.expect(&with_file, 2);
    assert!(refused.out.contains("chmod 600") && !refused.out.contains("self_"), "{}", refused.out);
    mode(0o600);
    customer.expect(&with_file, 0);
    let arguments = ["reset-sessions", "--credential-file", "-", "--json"];
    assert_eq!(customer.feed(&arguments, &world.credential("s_here")).code, 0);
    assert_eq!(customer.feed(&arguments, "self_AAAA.AAAA").code, 4, "one that does not count");
    customer.expect(&["reset-sessions", "--json"], 2);
    let help = customer.expect(&["reset-sessions", "--help"], 0).out;
    assert!(!help.contains("--credential ") && help.contains("--credential-file"), "{help}");
}

#[test]
fn who_cannot_be_reached_is_1_and_wrong_usage_2() {
    let nobody = Program::new().set("UNSTICK_CREDENTIAL", "self_AAAA.AAAA");
    let away = nobody.expect(&["reset-sessions", "--server", "http://127.0.0.1:9", "--json"], 1);
    assert!(json(&away.out)["error"]["message"].as_str().unwrap().contains("does not answer"), "{}", away.out);
    let clear = nobody.expect(&["reset-sessions", "--server", "http://unstick.example", "--json"], 2);
    assert!(clear.out.contains("in clear"), "{}", clear.out);
    nobody.expect(&["reset-sessions", "--json"], 2);
    nobody.expect(&["diagnose-sessions", "--json"], 2);
}
