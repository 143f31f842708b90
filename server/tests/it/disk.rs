//! A disk that is full (goal R9): changes are refused with 503 and soon, pages and lists are answered, nothing happens
//! without its audit event, and everything goes on by itself when there is space again.
//!
//! `cargo test` limits the size of the server's files (`prlimit`: a write then fails as on a full disk), and lets the kernel
//! refuse to write to the disk (EIO of `fsync` and `fdatasync`, by a library that is put before libc). `make torture` does the
//! first on a small tmpfs, which only root may mount, and the second as often.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    serve::Server,
    support::{Client, Program, json},
};

/// Longest time that a refusal may take.
const SOON: Duration = Duration::from_secs(2);
/// Longest time until it goes on.
const RESUMED: Duration = Duration::from_secs(10);

#[test]
fn a_limit_on_files_is_refused_as_busy_and_it_goes_on_when_it_is_lifted() {
    let program = Program::new();
    let limit = |server: &Server, bytes: &str| {
        let (id, limit) = (server.child.id().to_string(), format!("--fsize={bytes}:unlimited"));
        let done = Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap();
        assert!(done.success(), "prlimit is a part of util-linux");
    };
    fills_up(&program, "data", |server, full| limit(server, if full { "16384" } else { "unlimited" }));
}

/// `fsync` and `fdatasync` that fail as long as a file is there.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fails(void) {
    const char *flag = getenv("TEST_EIO_FLAG");
    if (!flag || access(flag, F_OK) != 0) return 0;
    errno = EIO;
    return 1;
}
int fsync(int fd) { return fails() ? -1 : (int) syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fails() ? -1 : (int) syscall(SYS_fdatasync, fd); }
"#;

/// What was not written may have been lost by the kernel all the same: the transaction is undone, and nobody is told otherwise.
#[test]
fn a_disk_that_does_not_take_what_is_written_is_refused_as_busy_and_it_goes_on_when_it_does() {
    let times = std::env::var("UNSTICK_TORTURE_DISK").ok().map_or(1, |text| text.parse::<usize>().unwrap());
    let build = tempfile::tempdir().unwrap();
    let (source, library) = (build.path().join("eio.c"), build.path().join("eio.so"));
    std::fs::write(&source, SHIM).unwrap();
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status().unwrap();
    assert!(compiled.success(), "cc is what links these tests too");
    for _ in 0..times {
        let program = Program::new();
        let flag = program.folder.path().join("eio");
        let program =
            program.set("LD_PRELOAD", &library.display().to_string()).set("TEST_EIO_FLAG", &flag.display().to_string());
        fills_up(&program, "data", |_, failing| {
            if failing { std::fs::write(&flag, "").unwrap() } else { std::fs::remove_file(&flag).unwrap() }
        });
    }
    if times > 1 {
        println!(
            "R9  {times} times EIO of fsync: changes 503 within 2 s, reads 200, integrity ok, resumed within 10 s"
        );
    }
}

#[test]
fn a_full_disk_is_refused_as_busy_and_it_goes_on_when_there_is_space() {
    let Some(times) = std::env::var("UNSTICK_TORTURE_DISK").ok().map(|text| text.parse::<usize>().unwrap()) else {
        return;
    };
    for _ in 0..times {
        let program = Program::new();
        let disk = Disk::mount(program.folder.path().join("disk"));
        let ballast = disk.0.join("ballast");
        let program = program.set("UNSTICK_DATA_DIR", &disk.0.join("data").display().to_string());
        fills_up(&program, "disk/data", |_, full| {
            if full {
                let all = vec![0_u8; 64 << 20];
                // It takes what fits.
                assert!(std::fs::write(&ballast, all).is_err());
            } else {
                std::fs::remove_file(&ballast).unwrap();
            }
        });
    }
    println!("R9  {times} times a full tmpfs: changes 503 within 2 s, reads 200, integrity ok, resumed within 10 s");
}

/// A small file system in memory; unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"]).arg(&folder);
        assert!(mount.status().unwrap().success(), "only root may mount");
        Self(folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A server whose disk `set` fills and frees.
fn fills_up(program: &Program, data: &str, set: impl Fn(&Server, bool)) {
    let made = json(&program.expect(&["token", "create", "a", "--scope", "sessions:write", "--json"], 0).out);
    let token = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        program.feed(&["staff", "add", "dana", "--role", "admin", "--password-stdin"], crate::support::PASSWORD).code,
        0
    );
    let server = Server::start(program, &[]);
    let mut client = Client::connect(&server.address, &token).unwrap();
    assert_eq!(client.send("PUT", "/api/v1/accounts/acc_1", "{}").unwrap().0, 201);
    set(&server, true);
    let mut refused = 0;
    for turn in 0..2_000 {
        let (path, began) = (format!("/api/v1/accounts/full_{turn}"), Instant::now());
        let (status, _) = client.send("PUT", &path, &format!(r#"{{"name":"{}"}}"#, "x".repeat(200))).unwrap();
        assert!(began.elapsed() < SOON, "{status} after {:?}", began.elapsed());
        assert!(matches!(status, 201 | 503), "{path}: {status}");
        refused += usize::from(status == 503);
        if refused >= 10 {
            break;
        }
    }
    assert!(refused >= 10, "the disk did not get full");
    for path in ["/readyz", "/sign-in"] {
        let answer = server.get(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {}", answer.lines().next().unwrap_or_default());
    }
    let began = Instant::now();
    let signed_in = sign_in(&server);
    // A form is answered with the way back to it, where it says why.
    assert!(signed_in.contains("error=busy") && !signed_in.contains("__Host-sid"), "{signed_in}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    set(&server, false);
    let freed = Instant::now();
    loop {
        let (status, _) = client.send("PUT", "/api/v1/accounts/acc_2", "{}").unwrap();
        if status == 201 {
            break;
        }
        assert!(status == 503 && freed.elapsed() < RESUMED, "{status} after {:?}", freed.elapsed());
    }
    assert!(sign_in(&server).contains("__Host-sid"), "and people can sign in");
    assert_eq!(server.terminate().0, Some(0));
    let database = program.folder.path().join(data).join("unstick.db");
    assert_eq!(integrity(&database), ("ok".to_owned(), 1), "one sign-in, and one audit event of it");
    program.expect(&["audit", "verify"], 0);
}

/// Dana signs in: the whole answer.
fn sign_in(server: &Server) -> String {
    use std::io::{Read, Write};
    let form = format!("name=dana&password={}", crate::support::PASSWORD.replace(' ', "+"));
    let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
    write!(
        stream,
        "POST /fn/sign-in HTTP/1.1\r\nHost: x\r\nOrigin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nAccept: text/html\r\nConnection: close\r\n\r\n{form}",
        server.address,
        form.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// What SQLite says of the file, and how often somebody signed in as the audit log tells.
fn integrity(file: &Path) -> (String, i64) {
    use sqlx::Connection;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        let checked = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut conn).await.unwrap();
        let sql = "SELECT count(*) FROM audit_events WHERE action = 'staff.signed_in'";
        (checked, sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap())
    })
}
