//! The lab's own controls, for tests and for people: plain JSON over HTTP on loopback.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Outcome, backend::Backend, console::Console, haproxy::Haproxy, sign_in::SignIn, story::Report, traffic::Traffic,
};

/// Everything that runs.
pub struct World {
    pub haproxy: Arc<Haproxy>,
    pub backends: Vec<Backend>,
    pub app: Arc<SignIn>,
    pub console: Console,
    pub folder: PathBuf,
    pub traffic: Traffic,
}

struct Problem(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (StatusCode::BAD_GATEWAY, self.0.to_string()).into_response()
    }
}

type Answer = Result<Json<Value>, Problem>;
type Lab = State<Arc<World>>;

/// Serves the controls; answers where.
pub async fn serve(world: Arc<World>, port: u16) -> Outcome<String> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/state", get(state))
        .route("/customers/{account}/sign-in", post(sign_in))
        .route("/customers/{account}/request", post(request))
        .route("/customers/{account}/slow-request", post(slow_request))
        .route("/customers/{account}/sign-out", post(sign_out))
        .route("/haproxy/{what}", post(haproxy))
        .route("/haproxy/table/{table}", get(table))
        .route("/servers/{server}/{state}", post(server))
        .route("/traffic/{what}", post(traffic))
        .with_state(world);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Says that everything runs, on the terminal and in `lab.json`.
pub fn ready(world: &World, control: &str, report: &Report) -> Outcome<()> {
    let state = json!({
        "console": world.console.address, "front": world.app.front, "control": control,
        "staff": world.console.staff, "story": report, "config": world.console.config, "admin_tool": world.console.program,
    });
    let file = world.folder.join("lab.json");
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(
        &mut options.open(&file)?,
        serde_json::to_string_pretty(&state)?.as_bytes(),
    )?;
    println!("\nConsole       {}", world.console.address);
    for staff in &world.console.staff {
        println!("  {:8} {:5} {}", staff.role, staff.name, staff.password);
    }
    println!(
        "Customers     {} (through HAProxy)\nControls      {control}/state",
        world.app.front
    );
    println!("Pinned before api-2 turned bad: {:?}", report.pinned);
    println!(
        "Stuck now     {} of {} requests of stuck customers land on api-2",
        report.still_bad, report.tried
    );
    println!(
        "To try        search for {}; or, in a shell:",
        report.stuck.first().map_or("", String::as_str)
    );
    println!(
        "              {} --config {} diagnose-sessions --account-id {}",
        world.console.program.display(),
        world.console.config.display(),
        report.stuck.first().map_or("", String::as_str)
    );
    println!("lab ready");
    Ok(())
}

async fn state(State(world): Lab) -> Answer {
    let text = std::fs::read_to_string(world.folder.join("lab.json"))?;
    let mut state: Value = serde_json::from_str(&text)?;
    state["requests"] = world.traffic.requests.load(Ordering::Relaxed).into();
    Ok(Json(state))
}

/// A brand-new client signs in and works once in each pool.
async fn sign_in(State(world): Lab, Path(account): Path<String>) -> Answer {
    let client = world.fresh(&account, "Web · Safari 26").await?;
    let app = world.request(&client, "/app/work").await?;
    let files = world.request(&client, "/files/list").await?;
    Ok(Json(json!({ "client": client, "app": app, "files": files })))
}

async fn request(State(world): Lab, Path(account): Path<String>) -> Answer {
    let client = world.client(&account).await?;
    let app = world.request(&client, "/app/work").await?;
    Ok(Json(json!({ "client": client, "app": app })))
}

#[derive(Deserialize)]
struct Slow {
    #[serde(default = "Slow::usual")]
    ms: u64,
}

impl Slow {
    const fn usual() -> u64 {
        2_000
    }
}

/// A request that is in flight for a while; the answer comes when it is over.
async fn slow_request(State(world): Lab, Path(account): Path<String>, Query(slow): Query<Slow>) -> Answer {
    let client = world.client(&account).await?;
    let app = world.request(&client, &format!("/app/work?slow={}", slow.ms)).await?;
    Ok(Json(json!({ "client": client, "app": app })))
}

#[derive(Deserialize)]
struct Leaving {
    #[serde(default)]
    badly: bool,
}

async fn sign_out(State(world): Lab, Path(account): Path<String>, Query(leaving): Query<Leaving>) -> Answer {
    let client = world.client(&account).await?;
    world.app.sign_out(&client.session, leaving.badly).await?;
    Ok(Json(json!({ "client": client })))
}

async fn haproxy(State(world): Lab, Path(what): Path<String>) -> Answer {
    match what.as_str() {
        "stop" => world.haproxy.stop().await?,
        "start" => world.haproxy.run().await?,
        other => return Err(format!("stop or start, not {other}").into()),
    }
    Ok(Json(json!({ "haproxy": what })))
}

#[derive(Deserialize)]
struct Row {
    key: Option<String>,
}

/// What the runtime API itself shows of a table, untouched by Unstick.
async fn table(State(world): Lab, Path(table): Path<String>, Query(row): Query<Row>) -> Answer {
    let named = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let key = row.key.unwrap_or_default();
    if !named(&table) || !(key.is_empty() || named(&key)) {
        return Err("a table and a key are letters, digits, _ and -".into());
    }
    let one = if key.is_empty() {
        String::new()
    } else {
        format!(" key {key}")
    };
    let shown = world.haproxy.ask(&format!("show table {table}{one}")).await?;
    let rows: Vec<&str> = shown.lines().filter(|line| line.contains("key=")).collect();
    Ok(Json(json!({ "rows": rows })))
}

async fn server(State(world): Lab, Path((server, state)): Path<(String, String)>) -> Answer {
    let found = world
        .backends
        .iter()
        .find(|backend| backend.name == server)
        .ok_or("there is no such server")?;
    match state.as_str() {
        "bad" | "good" => found.bad.store(state == "bad", Ordering::Relaxed),
        "ready" | "drain" | "maint" => world.haproxy.set_state(&server, &state).await?,
        other => return Err(format!("bad, good, ready, drain or maint, not {other}").into()),
    }
    Ok(Json(json!({ "server": server, "state": state })))
}

async fn traffic(State(world): Lab, Path(what): Path<String>) -> Answer {
    world.traffic.paused.store(what == "pause", Ordering::Relaxed);
    Ok(Json(json!({ "traffic": what })))
}
