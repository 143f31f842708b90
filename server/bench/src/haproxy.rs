//! P18 on a real HAProxy, without time to drain: the same clean-up as on the embedded router, with a fence, beside the
//! runtime API alone that clears the same keys one by one and believes it.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{PoolName, RouteKey, RouterName, Scope, Span};
use routers::haproxy::{Endpoint, Haproxy, HaproxyConfig, HaproxyPool};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::Command,
};

use crate::{
    Outcome, cleanups,
    measure::{Table, time_text},
    world::{World, unstick_with},
};

/// Entries of other customers in each table.
const OTHERS: usize = 10_000;

/// Measures it; says so and goes on where there is no HAProxy.
pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let folder = world.folder.canonicalize()?;
    let socket = folder.join("haproxy.sock");
    let mut child = start(&folder, &socket).await?;
    let (store, clean) = World::empty("haproxy").await?;
    let router = Haproxy::new(HaproxyConfig {
        name: RouterName::parse("lb-1")?,
        endpoint: Endpoint::Unix(socket.clone()),
        pools: vec![pool(&folder, "app", Scope::Account)?, pool(&folder, "files", Scope::Session)?],
        timeout: Span::from_secs(2),
        max_request: Span::ZERO,
    })?;
    let unstick = unstick_with(store, vec![Arc::new(router)]);
    for table in ["app", "files"] {
        let others: Vec<String> = (0..OTHERS).map(|number| format!("other_{table}_{number}")).collect();
        fill(&socket, table, &others).await?;
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..(rounds * 4) {
        let (account, sessions) = cleanups::signed_in(&unstick, round, "h").await?;
        let one = vec![RouteKey::of_account(&account).as_str().to_owned()];
        let keys: Vec<String> = sessions.iter().map(|id| id.as_str().to_owned()).collect();
        fill(&socket, "app", &one).await?;
        fill(&socket, "files", &keys).await?;
        unstick.observe_once().await?;
        ours.push(cleanups::forced(&unstick, account).await?);
        fill(&socket, "app", &one).await?;
        fill(&socket, "files", &keys).await?;
        let started = Instant::now();
        for (table, keys) in [("app", &one), ("files", &keys)] {
            for key in keys {
                ask(&socket, &format!("clear table {table} key {key}")).await?;
            }
        }
        bare.push(started.elapsed());
    }
    child.kill().await?;
    std::fs::remove_dir_all(clean)?;
    ours.sort_unstable();
    bare.sort_unstable();
    let (mine, other): (Duration, Duration) = (ours[ours.len() / 2], bare[bare.len() / 2]);
    let ratio = format!("{:.1}", mine.as_secs_f64() / other.as_secs_f64().max(1e-9));
    let what = "the same on a real HAProxy, without drain";
    table.add("P18", what, time_text(mine), time_text(other), ratio, "≤ 100 ms");
    Ok(())
}

fn acl(folder: &Path) -> PathBuf {
    folder.join("fenced.acl")
}

/// The pool of table and backend `name` in what [`start`] starts.
pub fn pool(folder: &Path, name: &str, scope: Scope) -> Outcome<HaproxyPool> {
    Ok(HaproxyPool {
        name: PoolName::parse(name)?,
        scope,
        rule: None,
        table: name.to_owned(),
        backend: name.to_owned(),
        acl_file: Some(acl(folder).display().to_string()),
    })
}

/// Starts HAProxy with an empty table `app` and another one `files`.
pub async fn start(folder: &Path, socket: &Path) -> Outcome<tokio::process::Child> {
    let mut text = format!(
        "global\n  stats socket {} level operator\n  nbthread 2\ndefaults\n  mode http\n  timeout connect 1s\n  \
         timeout client 5s\n  timeout server 5s\nfrontend web\n  bind unix@{}\n  default_backend app\n",
        socket.display(),
        folder.join("haproxy.web").display()
    );
    for name in ["app", "files"] {
        let fenced = acl(folder);
        writeln!(
            text,
            "backend {name}\n  stick-table type string len 64 size 200k expire 30m\n  acl fenced req.cook(k) -m str -f {}\n  \
             stick match req.cook(k) unless fenced\n  stick store-request req.cook(k) unless fenced\n  \
             server api-1 127.0.0.1:9\n  server api-2 127.0.0.1:9",
            fenced.display()
        )?;
    }
    std::fs::write(acl(folder), "")?;
    launch(folder, socket, &text).await
}

/// Starts HAProxy with the configuration `text`, and waits until it answers on `socket`.
pub async fn launch(folder: &Path, socket: &Path, text: &str) -> Outcome<tokio::process::Child> {
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text)?;
    std::fs::remove_file(socket).ok();
    let program = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(program.unwrap_or("haproxy"));
    command.arg("-db").arg("-f").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let child =
        command.spawn().map_err(|error| format!("haproxy could not be started ({error}): .ci/setup gets it"))?;
    for _ in 0..200 {
        if ask(socket, "show info").await.is_ok() {
            return Ok(child);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err("haproxy does not answer on its socket".into())
}

/// Pins `keys` to api-2, some in one command.
pub async fn fill(socket: &Path, table: &str, keys: &[String]) -> Outcome<()> {
    for some in keys.chunks(200) {
        let mut line = String::new();
        for key in some {
            write!(line, "set table {table} key {key} data.server_id 2;")?;
        }
        ask(socket, line.trim_end_matches(';')).await?;
    }
    Ok(())
}

pub async fn ask(socket: &Path, command: &str) -> Outcome<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
