//! Customers who sign in, work, sign out badly, and sign in again with a new client, for as long as the lab runs. About
//! a hundred requests a second for three hundred of them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;

use crate::{Outcome, control::World, sign_in::Client};

/// Where a customer's client stands, by account.
#[derive(Default)]
pub struct Traffic {
    pub paused: AtomicBool,
    pub requests: AtomicU64,
    clients: Mutex<HashMap<String, Client>>,
}

/// What a request came back with.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Answer {
    pub status: u16,
    pub served_by: String,
}

impl World {
    /// The present client of `account`.
    pub async fn client(&self, account: &str) -> Outcome<Client> {
        let clients = self.traffic.clients.lock().await;
        clients
            .get(account)
            .cloned()
            .ok_or_else(|| format!("{account} is not signed in").into())
    }

    /// Signs `account` in with a brand-new client, which becomes the present one.
    pub async fn fresh(&self, account: &str, client: &str) -> Outcome<Client> {
        let made = self.app.sign_in(account, client).await?;
        self.traffic
            .clients
            .lock()
            .await
            .insert(account.to_owned(), made.clone());
        Ok(made)
    }

    /// A request of `client` through the load balancer. Each client has a connection of its own, as a new machine has.
    pub async fn request(&self, client: &Client, path: &str) -> Outcome<Answer> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        self.request_on(&http, client, path).await
    }

    async fn request_on(&self, http: &reqwest::Client, client: &Client, path: &str) -> Outcome<Answer> {
        let url = format!("{}{path}", self.app.front);
        let answer = http.get(url).header("cookie", client.cookies()).send().await?;
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let served_by = answer
            .headers()
            .get("x-served-by")
            .and_then(|name| name.to_str().ok())
            .unwrap_or("nobody");
        Ok(Answer {
            status: answer.status().as_u16(),
            served_by: served_by.to_owned(),
        })
    }
}

/// The name of customer `number`, and what they are called.
pub fn person(number: usize) -> (String, String) {
    const GIVEN: [&str; 12] = [
        "Mira", "Jonas", "Aylin", "Kwame", "Sofía", "Chen", "Priya", "Lars", "Noor", "Mateo", "Ingrid", "Yuki",
    ];
    const FAMILY: [&str; 11] = [
        "Castellanos",
        "Lindqvist",
        "Yılmaz",
        "Mensah",
        "García",
        "Wang",
        "Sharma",
        "Nielsen",
        "Haddad",
        "Rossi",
        "Berg",
    ];
    (
        format!("acc_{number:04}"),
        format!("{} {}", GIVEN[number % 12], FAMILY[number % 11]),
    )
}

/// Starts the customers.
pub fn start(world: &Arc<World>, customers: usize) {
    for number in 0..customers {
        let world = world.clone();
        tokio::spawn(async move {
            let Ok(http) = reqwest::Client::builder().timeout(Duration::from_secs(10)).build() else {
                return;
            };
            let mut turn = u64::try_from(number).unwrap_or(0);
            loop {
                // Spread without chance: the lab is the same each time.
                turn = turn
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                tokio::time::sleep(Duration::from_millis(1_500 + (turn >> 33) % 3_000)).await;
                if !world.traffic.paused.load(Ordering::Relaxed) {
                    // What fails here is what a customer would see; the next turn tries again.
                    live(&world, &http, number, turn >> 40).await.ok();
                }
            }
        });
    }
}

async fn live(world: &World, http: &reqwest::Client, number: usize, chance: u64) -> Outcome<()> {
    let (account, _) = person(number);
    let client = world.client(&account).await?;
    let path = if chance % 3 == 0 { "/files/list" } else { "/app/work" };
    let answer = world.request_on(http, &client, path).await?;
    if answer.status == 401 {
        world.fresh(&account, "iOS 9.1").await?;
    } else if chance % 97 == 0 {
        world.app.sign_out(&client.session, true).await?;
        world.fresh(&account, "Web · Chrome 142").await?;
    }
    Ok(())
}
