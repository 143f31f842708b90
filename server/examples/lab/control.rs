//! The lab's own controls, for tests and for people: plain JSON over HTTP on loopback, without any protection. An answer
//! that is not 200 is a sentence.
//!
//! | request | does | answers |
//! |---|---|---|
//! | `GET /state` | | addresses, staff with their passwords, the token, the story, `requests` so far, `traffic` |
//! | `POST /customers/{account}/sign-in` | a brand-new client signs in and works once in each pool | `client`, `app`, `files` |
//! | `POST /customers/{account}/request?pool=app` | the present client works | `client`, `app` or `files` |
//! | `POST /customers/{account}/slow-request?ms=2000` | the same, and is in flight for a while | `client`, `app` |
//! | `POST /customers/{account}/credential` | the sign-in app hands the present client its credential | `client`, `credential` |
//! | `POST /customers/{account}/sign-out?badly=true` | the present client signs out | `client` |
//! | `GET /haproxy/table/{table}?key=K&on=lb-2` | the runtime API's own rows | `rows` |
//! | `POST /haproxy/stop?on=lb-2`, `/haproxy/start` | comes back cold: what its peers know, servers ready, the fence down | |
//! | `GET /redis` | | `entries`: what the map itself holds, by key |
//! | `POST /redis/snapshot`, `/redis/crash` | keeps what the map holds; ends it and starts it on what it kept last | |
//! | `POST /console/kill`, `/console/start` | kill -9 of the console; it starts again on the same database and port | |
//! | `POST /servers/{server}/bad`, `good`, `drain`, `ready`, `maint` | | |
//! | `POST /receiver/kill`, `/receiver/start` | the receiver of webhooks dies, comes back | |
//! | `GET /receiver` | what it got, checked: `events`, `duplicates`, `out_of_order`, `bad_signatures`, `kinds`, `last` | |
//! | `POST /traffic/pause`, `/traffic/resume` | stops and starts everybody but the customers that are named here | |
//!
//! `client` is `{account, session, account_key, session_key}`; `app` and `files` are `{status, served_by}`.

use std::sync::{Arc, atomic::Ordering};

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

use crate::{Outcome, story::Report, world::World};

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
        .route("/customers/{account}/credential", post(credential))
        .route("/haproxy/{what}", post(haproxy))
        .route("/haproxy/table/{table}", get(table).post(teach))
        .route("/redis", get(entries))
        .route("/redis/{what}", post(redis))
        .route("/console/{what}", post(console))
        .route("/servers/{server}/{state}", post(server))
        .route("/receiver", get(received))
        .route("/receiver/{what}", post(receiver))
        .route("/traffic/{what}", post(traffic))
        .with_state(world);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Says that everything runs, on the terminal and in `lab.json`.
pub fn ready(world: &World, control: &str, report: &Report) -> Outcome<()> {
    let console = world.console.as_ref();
    let state = json!({
        "console": console.map(|console| &console.address),
        "staff": console.map(|console| &console.staff),
        "token": console.map(|console| &console.token),
        "config": console.map(|console| &console.config),
        "admin_tool": console.map(|console| &console.program),
        "front": world.first().address(), "fleet": fronts(world), "control": control, "story": report,
    });
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(world.folder.path.join("lab.json"))?;
    std::io::Write::write_all(&mut file, serde_json::to_string_pretty(&state)?.as_bytes())?;
    print(world, control, report);
    Ok(())
}

/// The doors of all load balancers by name.
fn fronts(world: &World) -> Value {
    world.fleet.iter().map(|haproxy| (haproxy.name.to_owned(), Value::from(haproxy.address()))).collect()
}

fn print(world: &World, control: &str, report: &Report) {
    let stuck = report.stuck.first().map_or("", String::as_str);
    println!();
    if let Some(console) = &world.console {
        println!("Console       {}", console.address);
        for staff in &console.staff {
            println!("  {:8} {:5} {}", staff.role, staff.name, staff.password);
        }
    }
    for haproxy in &world.fleet {
        println!("Customers     {} (through HAProxy {})", haproxy.address(), haproxy.name);
    }
    if let Some(receiver) = &world.receiver {
        println!("Webhooks      {}", receiver.address);
    }
    if world.proxy.is_some() {
        println!("              /docs/ goes through an affinity proxy that keeps its map in Redis, map-1");
    }
    println!("Controls      {control}/state");
    println!("Pinned before api-2 turned bad: {:?}", report.pinned);
    println!("Stuck now     {} of {} fresh sign-ins of stuck customers land on api-2", report.still_bad, report.tried);
    println!("To try        a stuck account: {stuck}");
    if let Some(console) = &world.console {
        let (program, config) = (console.program.display(), console.config.display());
        println!("              {program} --config {config} diagnose-sessions --account-id {stuck}");
    }
    println!("lab ready");
}

async fn state(State(world): Lab) -> Answer {
    let text = std::fs::read_to_string(world.folder.path.join("lab.json"))?;
    let mut state: Value = serde_json::from_str(&text)?;
    state["requests"] = world.traffic.requests.load(Ordering::Relaxed).into();
    let paused = world.traffic.paused.load(Ordering::Relaxed);
    state["traffic"] = if paused { "paused" } else { "running" }.into();
    Ok(Json(state))
}

async fn sign_in(State(world): Lab, Path(account): Path<String>) -> Answer {
    let client = world.fresh(&account, "Web · Safari 26").await?;
    let app = world.request(&client, "/app/work").await?;
    let files = world.request(&client, "/files/list").await?;
    Ok(Json(json!({ "client": client, "app": app, "files": files })))
}

#[derive(Deserialize)]
struct Work {
    pool: Option<String>,
}

async fn request(State(world): Lab, Path(account): Path<String>, Query(work): Query<Work>) -> Answer {
    let client = world.client(&account).await?;
    let (pool, path) = match work.pool.as_deref() {
        None | Some("app") => ("app", "/app/work"),
        Some("files") => ("files", "/files/list"),
        Some("docs") if world.proxy.is_some() => ("docs", "/docs/read"),
        Some(other) => return Err(format!("app, files or docs (with --redis), not {other}").into()),
    };
    let answer = world.request(&client, path).await?;
    Ok(Json(json!({ "client": client, pool: answer })))
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
    world.sign_out(&client, leaving.badly).await?;
    Ok(Json(json!({ "client": client })))
}

async fn credential(State(world): Lab, Path(account): Path<String>) -> Answer {
    let client = world.client(&account).await?;
    let credential = world.credential(&client).await?;
    Ok(Json(json!({ "client": client, "credential": credential })))
}

#[derive(Deserialize)]
struct Which {
    /// The load balancer; the first unless it is named.
    on: Option<String>,
}

async fn haproxy(State(world): Lab, Path(what): Path<String>, Query(which): Query<Which>) -> Answer {
    let haproxy = world.balancer(which.on.as_deref())?;
    match what.as_str() {
        "stop" => haproxy.stop().await?,
        "start" => haproxy.run().await?,
        other => return Err(format!("stop or start, not {other}").into()),
    }
    Ok(Json(json!({ "haproxy": what })))
}

async fn console(State(world): Lab, Path(what): Path<String>) -> Answer {
    let console = world.console.as_ref().ok_or("this lab has no console")?;
    match what.as_str() {
        "kill" => console.kill().await?,
        "start" => console.start_again().await?,
        other => return Err(format!("kill or start, not {other}").into()),
    }
    Ok(Json(json!({ "console": what })))
}

async fn redis(State(world): Lab, Path(what): Path<String>) -> Answer {
    let proxy = world.proxy.as_ref().ok_or("this lab has no Redis: start it with --redis")?;
    match what.as_str() {
        "snapshot" => proxy.map.ask::<()>(redis::cmd("SAVE")).await?,
        "crash" => proxy.map.crash().await?,
        other => return Err(format!("snapshot or crash, not {other}").into()),
    }
    Ok(Json(json!({ "redis": what })))
}

/// What the affinity proxy's map holds, untouched by Unstick; fences too, with `:fence` behind their key.
async fn entries(State(world): Lab) -> Answer {
    let proxy = world.proxy.as_ref().ok_or("this lab has no Redis: start it with --redis")?;
    Ok(Json(json!({ "entries": proxy.map.entries().await? })))
}

#[derive(Deserialize)]
struct Row {
    key: Option<String>,
    on: Option<String>,
}

/// Whether `text` can go into a command of the runtime API.
fn named(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Puts a row on the bad server into a table, as a peer that still had it would.
async fn teach(State(world): Lab, Path(table): Path<String>, Query(row): Query<Row>) -> Answer {
    let key = row.key.filter(|key| named(key) && named(&table)).ok_or("name a table and a ?key=")?;
    world.first().tell(&format!("set table {table} key {key} data.server_id 2")).await?;
    Ok(Json(json!({ "rows": world.first().rows(&table, Some(&key)).await? })))
}

/// What the runtime API itself shows of a table, untouched by Unstick.
async fn table(State(world): Lab, Path(table): Path<String>, Query(row): Query<Row>) -> Answer {
    if !named(&table) || row.key.as_deref().is_some_and(|key| !named(key)) {
        return Err("a table and a key are letters, digits, _ and -".into());
    }
    let haproxy = world.balancer(row.on.as_deref())?;
    Ok(Json(json!({ "rows": haproxy.rows(&table, row.key.as_deref()).await? })))
}

async fn server(State(world): Lab, Path((server, state)): Path<(String, String)>) -> Answer {
    let found = world.backends.iter().find(|backend| backend.name == server);
    let found = found.ok_or("there is no such server")?;
    match state.as_str() {
        "bad" | "good" => found.bad.store(state == "bad", Ordering::Relaxed),
        "ready" | "drain" | "maint" => world.set_state(&server, &state).await?,
        other => return Err(format!("bad, good, ready, drain or maint, not {other}").into()),
    }
    Ok(Json(json!({ "server": server, "state": state })))
}

async fn received(State(world): Lab) -> Answer {
    let receiver = world.receiver.as_ref().ok_or("a lab without a console has no receiver")?;
    Ok(Json(receiver.told().await?))
}

async fn receiver(State(world): Lab, Path(what): Path<String>) -> Answer {
    let receiver = world.receiver.as_ref().ok_or("a lab without a console has no receiver")?;
    match what.as_str() {
        "kill" => receiver.kill().await?,
        "start" => receiver.start().await?,
        other => return Err(format!("kill or start, not {other}").into()),
    }
    Ok(Json(json!({ "receiver": what })))
}

async fn traffic(State(world): Lab, Path(what): Path<String>) -> Answer {
    match what.as_str() {
        "pause" | "resume" => world.traffic.paused.store(what == "pause", Ordering::Relaxed),
        other => return Err(format!("pause or resume, not {other}").into()),
    }
    Ok(Json(json!({ "traffic": what })))
}
