//! What happened before you look: how the customers came to be stuck.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures::{TryStreamExt, stream};
use serde::Serialize;

use crate::{
    Outcome,
    people::Person,
    wait::until,
    world::{Client, World},
};

/// Accounts that are stuck and otherwise left alone, for whoever tries the console.
pub const STUCK: usize = 16;
/// How many of them, the last ones, show that the lab came out as it should.
const SHOWN: usize = 2;
/// Customers who sign in at once.
const AT_ONCE: usize = 16;

/// What the story came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Stuck accounts that nobody else touches: two sessions that were ended badly, a live one, all on `api-2`.
    pub stuck: Vec<String>,
    /// Customers by the server that they were pinned to before it turned bad.
    pub pinned: BTreeMap<String, usize>,
    /// Of so many fresh sign-ins of stuck accounts, each from a new client…
    pub tried: usize,
    /// …so many landed on the bad server.
    pub still_bad: usize,
}

/// Signs everybody in, turns `api-2` bad and drains it, and looks who is stuck.
pub async fn tell(world: &World, customers: usize) -> Outcome<Report> {
    println!("lab: {STUCK} customers sign in while api-1 and api-3 are drained for a deployment");
    for server in ["api-1", "api-3"] {
        world.set_state(server, "drain").await?;
    }
    let stuck: Vec<String> = (1..=STUCK).map(|number| format!("stuck-{number:02}")).collect();
    let mut first = Vec::new();
    for account in &stuck {
        world.app.registry.account(&Person::of(account)).await?;
        first.push(pin(world, account, "CLI 2.3 · macOS").await?);
    }
    observed(world, &stuck).await?;
    println!("lab: they sign in on two more clients, and two of the three are signed out badly");
    for (account, old) in stuck.iter().zip(&first) {
        let second = pin(world, account, "Desktop 5.2 · Windows").await?;
        pin(world, account, "Web · Firefox 145").await?;
        for client in [old, &second] {
            world.sign_out(client, true).await?;
        }
    }
    for server in ["api-1", "api-3"] {
        world.set_state(server, "ready").await?;
    }
    println!("lab: {customers} customers sign in");
    let pinned = everybody(world, customers).await?;
    println!("lab: api-2 turns bad, and is drained: which moves nobody");
    for backend in world.backends.iter().filter(|backend| backend.name == "api-2") {
        backend.bad.store(true, Ordering::Relaxed);
    }
    world.set_state("api-2", "drain").await?;
    let (mut tried, mut still_bad) = (0, 0);
    for account in stuck.iter().rev().take(SHOWN) {
        let present = world.client(account).await?;
        for kind in ["Web · Safari 26", "iOS 9.1"] {
            let client = world.fresh(account, kind).await?;
            tried += 1;
            still_bad += usize::from(world.request(&client, "/app/work").await?.served_by == "api-2");
            // Properly, so that the account is what it was.
            world.sign_out(&client, false).await?;
        }
        world.go_back_to(present).await;
    }
    Ok(Report { stuck, pinned, tried, still_bad })
}

/// Signs `account` in with a new client, which works once in each pool.
async fn pin(world: &World, account: &str, kind: &str) -> Outcome<Client> {
    let client = world.fresh(account, kind).await?;
    let docs = world.proxy.is_some().then_some("/docs/read");
    for path in ["/app/work", "/files/list"].into_iter().chain(docs) {
        let answer = world.request(&client, path).await?;
        if (answer.status, answer.served_by.as_str()) != (200, "api-2") {
            return Err(format!("{account} was answered {} by {}", answer.status, answer.served_by).into());
        }
    }
    Ok(client)
}

async fn everybody(world: &World, customers: usize) -> Outcome<BTreeMap<String, usize>> {
    let counts = Mutex::new(BTreeMap::new());
    stream::iter((0..customers).map(Ok))
        .try_for_each_concurrent(AT_ONCE, async |number| {
            let person = Person::customer(number, world.seed);
            world.app.registry.account(&person).await?;
            let client = world.fresh(&person.account, "Web · Chrome 142").await?;
            let server = world.request(&client, "/app/work").await?.served_by;
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(server).or_insert(0) += 1;
            Outcome::Ok(())
        })
        .await?;
    Ok(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Waits until the console has seen the account routes, so that it knows which session made them.
async fn observed(world: &World, accounts: &[String]) -> Outcome<()> {
    let (Some(console), Some(last)) = (&world.console, accounts.last()) else {
        return Ok(());
    };
    until("the console saw the routes", Duration::from_secs(30), async || {
        let text = console.tool(&["diagnose-sessions", "--account-id", last, "--json"]).await?;
        Ok(knows_its_maker(&serde_json::from_str(&text)?))
    })
    .await
}

/// Whether some account route of the diagnosis knows the session that made it.
fn knows_its_maker(diagnosis: &serde_json::Value) -> bool {
    let known = |route: &serde_json::Value| route["scope"] == "account" && route["session"].is_string();
    diagnosis["routes"].as_array().is_some_and(|routes| routes.iter().any(known))
}
