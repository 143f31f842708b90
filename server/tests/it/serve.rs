//! `serve` as a process: it starts, says how to sign in, stops in order, and starts again.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Program, json};

/// A running server; ended when it is dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    said: Vec<String>,
}

impl Server {
    /// Starts it and waits until it says that it serves.
    pub fn start(program: &Program, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command: Command = program.command(&[&["serve"], arguments].concat());
        command.env("UNSTICK_LISTEN", &address).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            let ready = line.starts_with("Unstick serves");
            said.push(line);
            if ready {
                break;
            }
        }
        // Nobody reads the rest, and the program must not stop for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, said }
    }

    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Asks it to end, as a supervisor does, and waits.
    pub fn terminate(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let code = self.child.wait().unwrap().code();
        (code, began.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sign_ins(said: &[String]) -> Vec<String> {
    let starts = ["viewer ", "support ", "admin ", "auditor "];
    said.iter().filter(|line| starts.iter().any(|start| line.starts_with(start))).cloned().collect()
}

#[test]
fn sample_data_comes_with_a_generated_sign_in_for_each_role_and_the_second_start_shows_them_again() {
    let program = Program::new();
    let first = Server::start(&program, &["--sample"]);
    assert!(first.get("/readyz").starts_with("HTTP/1.1 200"));
    let shown = sign_ins(&first.said);
    assert_eq!(shown.len(), 4, "{:?}", first.said);
    let kept = program.folder.path().join("data/sign-in.txt");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&kept).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (code, took) = first.terminate();
    assert!(code == Some(0) && took < Duration::from_secs(10), "{code:?} after {took:?}");

    let accounts = program.expect(&["doctor", "--json"], 0);
    assert_eq!(json(&accounts.out)["outcome"], "ok");
    let other = "a passphrase of ones own choice";
    assert_eq!(program.feed(&["staff", "set-password", "viewer", "--password-stdin"], other).code, 0);
    let second = Server::start(&program, &["--sample"]);
    let again = sign_ins(&second.said);
    assert_eq!(again, shown[1..], "one was changed and is not shown any more");
    assert!(!second.said.iter().any(|line| line.contains("Sample data:")), "it was loaded twice");

    let another = Server::start(&Program::new(), &["--sample"]);
    assert!(sign_ins(&another.said).iter().all(|line| !shown.contains(line)), "two machines have the same passphrase");
}

#[test]
fn an_empty_server_says_how_to_begin_and_has_no_default_password() {
    let program = Program::new();
    let server = Server::start(&program, &[]);
    assert!(server.said.iter().any(|line| line.contains("/setup")), "{:?}", server.said);
    assert!(json(&program.expect(&["staff", "list", "--json"], 0).out)["staff"].as_array().unwrap().is_empty());
}

#[test]
fn a_request_that_began_before_the_signal_gets_its_answer() {
    let program = Program::new();
    let server = Server::start(&program, &[]);
    let mut slow = TcpStream::connect(&server.address).unwrap();
    let head = "POST /csp-reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    // The head was read when another connection, made later, has its answer.
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let gone = Instant::now();
    while TcpStream::connect(&server.address).is_ok() {
        assert!(gone.elapsed() < Duration::from_secs(5), "it still takes connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    slow.write_all(b"[]").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer:?}");
    let (code, took) = server.terminate_again();
    assert!(code == Some(0) && took < Duration::from_secs(10), "{code:?} after {took:?}");
}

impl Server {
    /// Waits for an end that was asked for already.
    pub fn terminate_again(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        (self.child.wait().unwrap().code(), began.elapsed())
    }
}

#[test]
fn a_server_whose_log_nobody_reads_any_more_goes_on() {
    let program = Program::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = program.command(&["serve", "--sample"]);
    command.env("UNSTICK_LISTEN", &address).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    let mut server = Server { child, address: address.clone(), said: Vec::new() };
    let began = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(server.child.try_wait().unwrap().is_none(), "it ended");
        assert!(began.elapsed() < Duration::from_secs(20), "it did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn an_address_that_is_taken_is_told_before_anything_is_made() {
    let program = Program::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = program.set("UNSTICK_LISTEN", &taken.local_addr().unwrap().to_string());
    let ran = program.expect(&["serve", "--sample"], 1);
    assert!(ran.err.contains("cannot be listened on"), "{}", ran.err);
    assert!(!program.folder.path().join("data").exists());
}

#[test]
fn no_secret_is_in_the_log_whatever_is_logged() {
    let program = Program::new().set("UNSTICK_LOG", "trace").set("UNSTICK_LOG_FORMAT", "text");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let log = program.folder.path().join("log");
    assert_eq!(
        program.feed(&["staff", "add", "dana", "--role", "admin", "--password-stdin"], crate::support::PASSWORD).code,
        0
    );
    let made = json(&program.expect(&["token", "create", "a", "--scope", "sessions:read", "--json"], 0).out);
    let token = made["secret"].as_str().unwrap().to_owned();
    let mut command = program.command(&["serve"]);
    command.env("UNSTICK_LISTEN", &address).stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
    let mut server = Server { child: command.spawn().unwrap(), address: address.clone(), said: Vec::new() };
    let began = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let form = format!("name=dana&password={}", crate::support::PASSWORD.replace(' ', "+"));
    let send = |head: &str, body: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "{head}\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let origin = format!("Origin: http://{address}\r\nContent-Type: application/x-www-form-urlencoded");
    let signed_in = send(&format!("POST /fn/sign-in HTTP/1.1\r\n{origin}"), &form);
    let cookie = signed_in.split("__Host-sid=").nth(1).expect(&signed_in).split(';').next().unwrap().to_owned();
    let page = send(&format!("GET /me HTTP/1.1\r\nCookie: __Host-sid={cookie}"), "");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    send(&format!("GET /?q=findme-canary HTTP/1.1\r\nCookie: __Host-sid={cookie}"), "");
    let answer = send(&format!("GET /api/v1/accounts HTTP/1.1\r\nAuthorization: Bearer {token}"), "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("answered") && text.contains("/api/v1/accounts"), "nothing was logged");
    let key = std::fs::read_to_string(program.folder.path().join("data/audit.key")).unwrap();
    for (what, canary) in [
        ("password", crate::support::PASSWORD),
        ("password", &crate::support::PASSWORD.replace(' ', "+")),
        ("cookie", &cookie),
        ("token", &token),
        ("form token", &csrf),
        ("audit key", key.trim()),
        ("query", "findme-canary"),
    ] {
        assert!(!text.contains(canary), "the {what} is in the log");
    }
}
