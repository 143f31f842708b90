//! What happened before you look: how the customers came to be stuck.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::{Outcome, control::World, sign_in::Client, traffic::person};

/// Accounts that are stuck and otherwise left alone, for whoever tries the console.
pub const STUCK: usize = 16;

/// What the story came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Stuck accounts that nobody else touches.
    pub stuck: Vec<String>,
    /// Customers by the server that they were pinned to before it turned bad.
    pub pinned: BTreeMap<String, usize>,
    /// Of so many fresh sign-ins of stuck accounts…
    pub tried: usize,
    /// …so many landed on the bad server.
    pub still_bad: usize,
}

/// Signs everybody in, turns `api-2` bad and drains it, and looks who is stuck.
pub async fn tell(world: &World, customers: usize) -> Outcome<Report> {
    println!("lab: {STUCK} customers sign in while api-1 and api-3 are drained for a deployment");
    for server in ["api-1", "api-3"] {
        world.haproxy.set_state(server, "drain").await?;
    }
    let stuck: Vec<String> = (1..=STUCK).map(|number| format!("stuck-{number:02}")).collect();
    for account in &stuck {
        let name = person(account.bytes().map(usize::from).sum()).1;
        world.app.account(account, &name).await?;
    }
    let first: Vec<Client> = stream::iter(&stuck)
        .then(|account| pin(world, account, "CLI 2.3 · macOS"))
        .try_collect()
        .await?;
    observed(world, &stuck).await?;
    println!("lab: they sign in on two more clients, and two of the three are signed out badly");
    for (account, old) in stuck.iter().zip(&first) {
        let second = pin(world, account, "Desktop 5.2 · Windows").await?;
        pin(world, account, "Web · Firefox 145").await?;
        for session in [&old.session, &second.session] {
            world.app.sign_out(session, true).await?;
        }
    }
    for server in ["api-1", "api-3"] {
        world.haproxy.set_state(server, "ready").await?;
    }
    println!("lab: {customers} customers sign in");
    let pinned = everybody(world, customers).await?;
    println!("lab: api-2 turns bad, and is drained: which moves nobody");
    for backend in world.backends.iter().filter(|backend| backend.name == "api-2") {
        backend.bad.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    world.haproxy.set_state("api-2", "drain").await?;
    let (mut tried, mut still_bad) = (0, 0);
    for account in stuck.iter().take(4) {
        tried += 1;
        still_bad += usize::from(pinned_to(world, account).await? == "api-2");
    }
    Ok(Report {
        stuck,
        pinned,
        tried,
        still_bad,
    })
}

/// Signs `account` in with a new client, which works once in each pool.
async fn pin(world: &World, account: &str, kind: &str) -> Outcome<Client> {
    let client = world.fresh(account, kind).await?;
    for path in ["/app/work", "/files/list"] {
        let answer = world.request(&client, path).await?;
        if answer.status != 200 {
            return Err(format!("{account} was answered {} by {}", answer.status, answer.served_by).into());
        }
    }
    Ok(client)
}

/// The server of `account`'s next request from the client that it has.
async fn pinned_to(world: &World, account: &str) -> Outcome<String> {
    let client = world.client(account).await?;
    Ok(world.request(&client, "/app/work").await?.served_by)
}

async fn everybody(world: &World, customers: usize) -> Outcome<BTreeMap<String, usize>> {
    let servers: Vec<String> = stream::iter(0..customers)
        .map(|number| async move {
            let (account, name) = person(number);
            world.app.account(&account, &name).await?;
            let client = world.fresh(&account, "CLI 2.4 · Linux").await?;
            Outcome::Ok(world.request(&client, "/app/work").await?.served_by)
        })
        .buffer_unordered(16)
        .try_collect()
        .await?;
    let mut counts = BTreeMap::new();
    for server in servers {
        *counts.entry(server).or_insert(0) += 1;
    }
    Ok(counts)
}

/// Waits until the console has seen the account routes, so that it knows which session made them.
async fn observed(world: &World, accounts: &[String]) -> Outcome<()> {
    let Some(last) = accounts.last() else { return Ok(()) };
    for _ in 0..100 {
        let text = world
            .console
            .tool(&["diagnose-sessions", "--account-id", last, "--json"])
            .await?;
        let diagnosis: serde_json::Value = serde_json::from_str(&text)?;
        if text_of_route(&diagnosis) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err("the console saw no route for twenty seconds: see console.log".into())
}

/// Whether some route of the diagnosis knows the session that made it.
fn text_of_route(diagnosis: &serde_json::Value) -> bool {
    let routes = diagnosis.get("routes").or_else(|| diagnosis.pointer("/world/routes"));
    let known = |route: &serde_json::Value| route["scope"] == "account" && route["session"].is_string();
    routes
        .and_then(serde_json::Value::as_array)
        .is_some_and(|routes| routes.iter().any(known))
}
