//! A PostgreSQL for tests: a real one, that the test process starts for itself and that ends with it, however that ends.
//!
//! The server runs under a shell that holds the other end of a pipe from the test process. When the process is gone, by
//! a panic or by `kill -9` too, the pipe closes, and the shell stops the server and removes its data.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, Executor, PgConnection};

use crate::{AuditKeys, Options, Store};

/// What the shell does. `$1` is the folder of PostgreSQL's programs.
const KEEPER: &str = include_str!("keeper.sh");

/// The migrated database that each test's own is a copy of.
const TEMPLATE: &str = "template_unstick";

/// How much of its files the server keeps in memory; PostgreSQL's default where nobody says. Asked for when the server starts.
pub static BUFFERS: OnceLock<&str> = OnceLock::new();

/// The server of this process.
static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();

struct Server {
    folder: PathBuf,
    /// Its standard input is the pipe: it must live as long as the process.
    _keeper: Child,
}

/// The address of a new, migrated, empty database on this process's PostgreSQL, which is started for the first one.
///
/// # Panics
/// When there is no PostgreSQL, or it does not start: such a test must fail, not be skipped.
pub async fn postgres() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
    // Starting takes seconds and blocks; the first caller does it, the others wait.
    let started = tokio::task::spawn_blocking(|| SERVER.get_or_init(start)).await;
    let server = match started {
        Ok(Ok(server)) => server,
        Ok(Err(why)) => panic!("no PostgreSQL for the tests: {why}"),
        Err(error) => panic!("no PostgreSQL for the tests: {error}"),
    };
    match create(server, &name).await {
        Ok(()) => server.address(&name),
        Err(error) => panic!("no database for a test: {error}"),
    }
}

/// Keys and options for tests.
pub fn options() -> Options {
    Options { readers: 4, audit: AuditKeys::new([7; 32], Vec::new()), migrate: true, bulk: false }
}

async fn create(server: &Server, name: &str) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect(&server.address("postgres")).await?;
    conn.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))).await?;
    conn.close().await
}

impl Server {
    fn address(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }
}

/// Starts the server and makes the template, on a thread that may block.
fn start() -> Result<Server, String> {
    let programs = programs()?;
    let mut command = as_other_than_root()?;
    command.args(["sh", "-c", KEEPER, "keeper"]).arg(&programs).arg(BUFFERS.get().unwrap_or(&"128MB"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).current_dir("/");
    let mut keeper = command.spawn().map_err(|error| format!("the shell did not start: {error}"))?;
    let output = keeper.stdout.take().ok_or("the shell has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
    let Some(folder) = line.trim().strip_prefix("ready ") else {
        return Err(format!("the server did not start: {}", line.trim()));
    };
    let server = Server { folder: PathBuf::from(folder), _keeper: keeper };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(make_template(&server))?;
    Ok(server)
}

async fn make_template(server: &Server) -> Result<(), String> {
    let made = async {
        let mut conn = PgConnection::connect(&server.address("postgres")).await?;
        conn.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {TEMPLATE}"))).await?;
        conn.close().await?;
        let store = Store::open(&server.address(TEMPLATE), options()).await?;
        store.close().await;
        Ok::<_, crate::StoreError>(())
    };
    made.await.map_err(|error| format!("the schema could not be made: {error} ({error:?})"))
}

/// The folder of `initdb` and `postgres`.
fn programs() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    folders.extend(installed.into_iter().rev());
    let found = folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.ok_or_else(|| "initdb is neither on the PATH nor in /usr/lib/postgresql/*/bin: install postgresql".to_owned())
}

/// PostgreSQL refuses to run as root: then it runs as the user that Debian made for it.
fn as_other_than_root() -> Result<Command, String> {
    let who = Command::new("id").arg("-u").output().map_err(|error| format!("id: {error}"))?;
    if who.stdout.trim_ascii() != b"0" {
        return Ok(Command::new("env"));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]);
    Ok(command)
}
