//! The census at size: every open session of the sample has a route on the embedded router's table, on a real HAProxy and in a
//! real Redis. `admin-tool census` runs as a shell would run it; what it takes, its largest memory, and the slowest answer
//! that HAProxy gave to somebody else meanwhile, are told.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
    sync::watch,
};

use crate::{
    Outcome,
    measure::{Table, grouped, time_text},
    world::World,
};

/// Keys that are read from the database at once.
const PAGE: i64 = 50_000;

/// Measures two censuses: what the second one sees again is open.
pub async fn run(world: &World, table: &mut Table) -> Outcome<()> {
    let folder = world.folder.canonicalize()?;
    let programs = ["target/release/admin-tool", "target/debug/admin-tool"].map(PathBuf::from);
    let program = programs.iter().find(|program| program.exists()).ok_or("make build first")?.canonicalize()?;
    println!("# {}", program.display());
    let (socket, web, map) = (folder.join("census.sock"), folder.join("census.web"), folder.join("map.sock"));
    let mut haproxy = start_haproxy(&folder, &socket, &web).await?;
    let mut redis = start_redis(&folder, &map).await?;
    let routes = fill(world, &socket, &map).await?;
    let config = folder.join("census.toml");
    std::fs::write(&config, configuration(&folder, &socket, &map))?;
    for turn in ["first", "second"] {
        let (stop, stopped) = watch::channel(false);
        let (ran, worst) = tokio::join!(
            async {
                let ran = census(&program, &config).await;
                stop.send_replace(true);
                ran
            },
            probe(&web, stopped)
        );
        let Ran { took, peak, told } = ran?;
        let read = &told["read"];
        let what = format!("{turn} census: {} sessions, {} routes, 3 routers", read["sessions"], read["routes"]);
        table.add("census", what, time_text(took), format!("peak {peak} MB"), time_text(worst?), "≤ 60 s, ≤ 300 MB");
        for place in told["unread"].as_array().into_iter().flatten() {
            println!("     not known at {}: {}", place["place"]["router"], place["why"]);
        }
    }
    println!(
        "     {} routes were put on HAProxy and on Redis each; the last column is HAProxy’s slowest answer",
        grouped(routes)
    );
    haproxy.kill().await?;
    redis.kill().await?;
    Ok(())
}

/// A census that ran.
struct Ran {
    took: Duration,
    /// In megabytes.
    peak: u64,
    told: serde_json::Value,
}

async fn census(program: &Path, config: &Path) -> Outcome<Ran> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.arg("--config").arg(config).args(["census", "--json"]).stdout(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id().ok_or("it ended at once")?);
    let (done, mut over) = watch::channel(false);
    let peaks = async {
        let mut peak = 0;
        while !*over.borrow() {
            if let Ok(text) = std::fs::read_to_string(&status) {
                peak = peak.max(high_water(&text));
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                _ = over.changed() => {}
            }
        }
        peak
    };
    let ended = async {
        let output = child.wait_with_output().await;
        let took = started.elapsed();
        done.send_replace(true);
        output.map(|output| (output, took))
    };
    let (peak, ended) = tokio::join!(peaks, ended);
    let (output, took) = ended?;
    let told = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("admin-tool census: {error}: {}", String::from_utf8_lossy(&output.stdout)))?;
    Ok(Ran { took, peak: peak / 1_024, told })
}

/// `VmHWM`, in kB.
fn high_water(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The slowest answer of HAProxy to a small request, one after the other, until `stopped`.
async fn probe(web: &Path, stopped: watch::Receiver<bool>) -> Outcome<Duration> {
    let mut worst = Duration::ZERO;
    while !*stopped.borrow() {
        let started = Instant::now();
        let mut stream = UnixStream::connect(web).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        worst = worst.max(started.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(worst)
}

async fn start_haproxy(folder: &Path, socket: &Path, web: &Path) -> Outcome<Child> {
    let text = format!(
        "global\n  stats socket {} level operator\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  \
         timeout server 5s\nfrontend web\n  bind unix@{}\n  http-request return status 200\nbackend files\n  \
         stick-table type string len 64 size 3m expire 8h\n  stick on req.cook(k)\n  server api-1 127.0.0.1:9\n  \
         server api-2 127.0.0.1:9\n  server api-3 127.0.0.1:9\n",
        socket.display(),
        web.display()
    );
    let file = folder.join("census.cfg");
    std::fs::write(&file, text)?;
    for old in [socket, web] {
        std::fs::remove_file(old).ok();
    }
    let program = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(program.unwrap_or("haproxy"));
    command.arg("-db").arg("-f").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    started(command.spawn()?, socket).await
}

async fn start_redis(folder: &Path, socket: &Path) -> Outcome<Child> {
    std::fs::remove_file(socket).ok();
    let mut command = Command::new("redis-server");
    command
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(socket)
        .arg("--dir")
        .arg(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    started(command.spawn()?, socket).await
}

async fn started(child: Child, socket: &Path) -> Outcome<Child> {
    for _ in 0..200 {
        if UnixStream::connect(socket).await.is_ok() {
            return Ok(child);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(format!("nobody answers at {}", socket.display()).into())
}

/// Pins every open session on both; how many there are.
async fn fill(world: &World, haproxy: &Path, redis: &Path) -> Outcome<u64> {
    let client = redis::Client::open(format!("unix:{}", redis.display()))?;
    let mut line = client.get_multiplexed_async_connection().await?;
    let (mut after, mut all) = (String::new(), 0_u64);
    loop {
        let keys: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, coalesce(route_key, id) FROM sessions WHERE id > $1 AND cleaned_at IS NULL ORDER BY id LIMIT $2",
        )
        .bind(&after)
        .bind(PAGE)
        .fetch_all(&world.bare)
        .await?;
        let Some((last, _)) = keys.last() else { return Ok(all) };
        after.clone_from(last);
        for some in keys.chunks(200) {
            let (mut text, mut pipe) = (String::new(), redis::pipe());
            for (_, key) in some {
                all += 1;
                let server = all % 3 + 1;
                write!(text, "set table files key {key} data.server_id {server};")?;
                pipe.cmd("SET").arg(format!("affinity:files:{key}")).arg(format!("api-{server}")).ignore();
            }
            let mut stream = UnixStream::connect(haproxy).await?;
            stream.write_all(format!("{}\n", text.trim_end_matches(';')).as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            pipe.query_async::<()>(&mut line).await?;
        }
    }
}

fn configuration(folder: &Path, haproxy: &Path, redis: &Path) -> String {
    let (folder, haproxy, redis) = (folder.display(), haproxy.display(), redis.display());
    format!(
        r#"data_dir = "{folder}"
census_grace = "1s"

[[router]]
name = "edge-1"
kind = "embedded"
[[router.pool]]
name = "app"
scope = "account"
[[router.pool]]
name = "files"
scope = "session"

[[router]]
name = "lb-1"
kind = "haproxy"
endpoint = "unix:{haproxy}"
[[router.pool]]
name = "files-lb"
scope = "session"
table = "files"
backend = "files"

[[router]]
name = "map-1"
kind = "redis"
endpoint = "unix:{redis}"
[[router.pool]]
name = "files-map"
scope = "session"
key_pattern = "affinity:files:{{key}}"
servers = ["api-1", "api-2", "api-3"]
"#
    )
}
