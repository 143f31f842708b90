//! P3, P4, P12, P13: whole signed-in pages over HTTP, beside a bare Leptos page of the same size and a plain axum
//! answer. The servers are pinned to one core and the load to the other (`taskset`, `wrk`), eight keep-alive
//! connections, no compression. Then memory, and what the first visit transfers.

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::{io::AsyncBufReadExt, net::TcpListener};

use crate::{
    Outcome,
    measure::{Table, grouped},
    world::{World, shell},
};

/// A child that ends with its owner.
struct Child(tokio::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.start_kill().ok();
    }
}

pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    for tool in ["wrk", "taskset"] {
        if Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Err(format!("{tool} is missing: .ci/setup installs it").into());
        }
    }
    let server = Served::start(&world.folder, &world.file, &world.unstick, domain::Role::Support).await?;
    let (base, cookie) = (&server.base, &server.cookie);
    let list = format!("{base}/accounts");
    let account = format!("{base}/accounts/{}", world.picks[0].id);
    let bytes = fetch(&list, cookie).await?.len();
    let bare_port = free_port().await?;
    let _bare = bare_child(bare_port, bytes).await?;
    let rival = format!("http://127.0.0.1:{bare_port}");
    let rounds = rounds.clamp(3, 5);
    let (mut lists, mut accounts, mut leptos, mut plain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // A sign-in took memory that is given back a moment later.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = server.most_idle_kb().await? >> 10;
    for round in 0..=rounds {
        let figures = [
            load(&list, cookie)?,
            load(&account, cookie)?,
            load(&format!("{rival}/leptos"), "")?,
            load(&format!("{rival}/plain"), "")?,
        ];
        if round > 0 {
            lists.push(figures[0]);
            accounts.push(figures[1]);
            leptos.push(figures[2]);
            plain.push(figures[3]);
        }
    }
    let figure = |rate: f64| format!("{}/s", grouped(rate.round().max(0.0).to_string().parse().unwrap_or(0)));
    let size = format!("{bytes} B of HTML");
    for (what, ours, beside, must) in [
        (format!("list page, {size}, beside a bare Leptos page"), &lists, &leptos, "≥ 55 %"),
        ("list page beside a plain axum answer".to_owned(), &lists, &plain, "≥ 2 %"),
        ("account page beside a bare Leptos page".to_owned(), &accounts, &leptos, ""),
    ] {
        let mut ratios: Vec<f64> = ours.iter().zip(beside.iter()).map(|(a, b)| 100.0 * a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = format!("{:.1} % ({:.1}–{:.1} %)", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
        table.add("P3", what, figure(median(ours)), figure(median(beside)), ratio, must);
    }
    let loaded = server.pss_kb()? >> 10;
    table.add(
        "P12",
        "memory: idle, at most in 6 s, and after the load (PSS)",
        format!("{idle} MB, {loaded} MB"),
        "",
        "",
        "≤ 32 MB, + 10 MB",
    );
    let account = format!("/accounts/{}", world.picks[0].id);
    let paths =
        [("list", "/accounts".to_owned()), ("plan of a clean-up", format!("{account}/clean-up")), ("account", account)];
    crate::paint::run(base, cookie, &paths, table).await?;
    transfer(table)
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

async fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

/// A server of its own on core 0, and somebody who is signed in to it.
pub struct Served {
    child: Child,
    base: String,
    cookie: String,
    client: reqwest::Client,
}

impl Served {
    /// Serves the database `file` with an embedded router.
    pub async fn start(
        folder: &std::path::Path,
        file: &std::path::Path,
        unstick: &service::Unstick,
        role: domain::Role,
    ) -> Outcome<Self> {
        let (password, port) = ("violet tram ledger nine", free_port().await?);
        let staff = domain::StaffId::parse("bench")?;
        if unstick.store().staff(&staff).await?.is_none() {
            unstick.add_staff(&shell(), &staff, "Bench", role, password).await?;
        }
        let base = format!("http://127.0.0.1:{port}");
        let config = folder.join("unstick.toml");
        // A census has a bound of its own, which the load of pages says nothing of.
        let text = format!(
            "census_every = \"0s\"\ndatabase_url = \"sqlite://{}\"\nlisten = \"127.0.0.1:{port}\"\npublic_origin = \"{base}\"\ndata_dir = \"{}\"\n\n\
             [[router]]\nname = \"edge-1\"\nkind = \"embedded\"\n\
             [[router.pool]]\nname = \"app\"\nscope = \"account\"\n[[router.pool]]\nname = \"files\"\nscope = \"session\"\n",
            file.display(),
            folder.display()
        );
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.join("server.log"))?;
        let mut command = tokio::process::Command::new("taskset");
        command
            .args(["-c", "0"])
            .arg(std::env::var("ADMIN_TOOL").unwrap_or_else(|_| "target/release/admin-tool".to_owned()));
        command.arg("--config").arg(&config).arg("serve");
        let child = Child(command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true).spawn()?);
        wait_for(&base).await?;
        let cookie = sign_in(&base, password).await?;
        Ok(Self { child, base, cookie, client: reqwest::Client::new() })
    }

    /// A request of whoever is signed in.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).header("cookie", &self.cookie)
    }

    /// The most memory that it has while nobody asks for anything, in KiB: long enough for the observer, which looks at every
    /// route each 5 s, to go round once.
    pub async fn most_idle_kb(&self) -> Outcome<u64> {
        Ok(self.most_kb_until(Box::pin(tokio::time::sleep(Duration::from_secs(6)))).await?.1)
    }

    /// What `work` comes to, and the most memory that the server had meanwhile, in KiB.
    pub async fn most_kb_until<T>(&self, mut work: impl Future<Output = T> + Unpin) -> Outcome<(T, u64)> {
        let mut most = 0;
        loop {
            most = most.max(self.pss_kb()?);
            tokio::select! {
                done = &mut work => return Ok((done, most)),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// The server's share of memory, in KiB.
    pub fn pss_kb(&self) -> Outcome<u64> {
        let id = self.child.0.id().ok_or("the server is gone")?;
        let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss line")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// Asks until it answers, for at most ten seconds.
async fn wait_for(base: &str) -> Outcome<()> {
    for _ in 0..200 {
        if reqwest::get(format!("{base}/healthz")).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{base} does not answer").into())
}

async fn sign_in(base: &str, password: &str) -> Outcome<String> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = client
        .post(format!("{base}/fn/sign-in"))
        .header("sec-fetch-site", "same-origin")
        .header("origin", base)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("name=bench&password={}&next=%2F", password.replace(' ', "+")))
        .send()
        .await?;
    let cookies =
        answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()?.split(';').next());
    let cookies: Vec<&str> = cookies.collect();
    if cookies.is_empty() {
        return Err(format!("could not sign in: {}", answer.status()).into());
    }
    Ok(cookies.join("; "))
}

async fn fetch(url: &str, cookie: &str) -> Outcome<String> {
    let answer = reqwest::Client::new().get(url).header("cookie", cookie).send().await?;
    if !answer.status().is_success() {
        return Err(format!("{url}: {}", answer.status()).into());
    }
    Ok(answer.text().await?)
}

/// Requests a second over three seconds; an answer that is no 2xx voids the run.
fn load(url: &str, cookie: &str) -> Outcome<f64> {
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "wrk", "-t1", "-c8", "-d3s"]);
    if !cookie.is_empty() {
        command.arg("-H").arg(format!("Cookie: {cookie}"));
    }
    let output = command.arg(url).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("{url} failed under load: {text}").into());
    }
    let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(line.ok_or("wrk printed no figure")?.trim().parse()?)
}

fn transfer(table: &mut Table) -> Outcome<()> {
    let (mut total, mut parts) = (0, String::new());
    for entry in std::fs::read_dir("target/site/pkg")? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "br") {
            let bytes = std::fs::metadata(&path)?.len();
            total += bytes;
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            write!(parts, " {name} {} kB", bytes / 1_000)?;
        }
    }
    let ratio = format!("{}.{:02}", total / 123_000, total % 123_000 / 1_230);
    table.add(
        "P13",
        format!("first load, brotli:{parts}"),
        format!("{} kB", total / 1_000),
        "123 kB (facts)",
        ratio,
        "≤ 2.5 ×",
    );
    Ok(())
}

async fn bare_child(port: u16, bytes: usize) -> Outcome<Child> {
    let mut command = tokio::process::Command::new("taskset");
    command.args(["-c", "0"]).arg(std::env::current_exe()?).args([
        "--bare-server",
        &port.to_string(),
        "--bytes",
        &bytes.to_string(),
    ]);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let out = child.stdout.take().ok_or("no output")?;
    tokio::io::BufReader::new(out).lines().next_line().await?;
    Ok(Child(child))
}
