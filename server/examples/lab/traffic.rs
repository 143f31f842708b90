//! Customers who sign in, work, sign out badly, and sign in again with a new client, for as long as the lab runs. About
//! a hundred requests a second for three hundred of them. Bounded: a customer who was careless often enough learns to sign
//! out properly, so that a lab which runs for a day does not drown in left-over sessions.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;

use crate::{
    Outcome,
    people::Person,
    world::{Client, World, http},
};

/// Bad sign-outs of one customer in a run.
const CARELESS: u32 = 8;
/// What customers sign in with, one after another.
const KINDS: [&str; 6] =
    ["Web · Chrome 142", "iOS 9.1", "Desktop 5.2 · macOS", "Web · Firefox 145", "Android 9.0", "CLI 2.4 · Linux"];

/// Where customers stand.
#[derive(Default)]
pub struct Traffic {
    pub paused: AtomicBool,
    pub requests: AtomicU64,
    /// The present client of each account.
    pub clients: Mutex<HashMap<String, Client>>,
}

/// Starts the customers.
pub fn start(world: &Arc<World>, customers: usize, seed: usize, slow_pages: bool) {
    for number in 0..customers {
        let customer = Customer {
            account: Person::customer(number, seed).account,
            turn: u64::try_from(number.wrapping_mul(1_000_003).wrapping_add(seed)).unwrap_or(0),
            careless: 0,
            slow_pages,
            http: None,
        };
        tokio::spawn(customer.live(world.clone()));
    }
}

struct Customer {
    account: String,
    turn: u64,
    careless: u32,
    slow_pages: bool,
    /// The connection of the present client.
    http: Option<reqwest::Client>,
}

impl Customer {
    async fn live(mut self, world: Arc<World>) {
        loop {
            // Spread without chance (Knuth's MMIX generator): the lab is the same each time.
            self.turn = self.turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(1_500 + (self.turn >> 33) % 3_000)).await;
            if !world.traffic.paused.load(Ordering::Relaxed) {
                // What fails here is what a customer would see; the next turn tries again.
                self.turn(&world).await.ok();
            }
        }
    }

    async fn turn(&mut self, world: &World) -> Outcome<()> {
        let chance = self.turn >> 40;
        let client = world.client(&self.account).await?;
        let path = match chance % 3 {
            0 => "/files/list",
            1 if world.proxy.is_some() => "/docs/read",
            _ => "/app/work",
        };
        // One of seven takes 1 to 5 seconds: something is always under way.
        let slow = (self.slow_pages && chance.is_multiple_of(7)).then(|| 1_000 + (chance >> 4) % 4_000);
        let path = slow.map_or_else(|| path.to_owned(), |slow| format!("{path}?slow={slow}"));
        let http = match &self.http {
            Some(http) => http,
            None => self.http.insert(http()?),
        };
        let answer = world.request_on(http, &client, &path).await?;
        let over = answer.status == 401;
        if !over && chance.is_multiple_of(97) {
            let badly = self.careless < CARELESS;
            self.careless += u32::from(badly);
            world.sign_out(&client, badly).await?;
        } else if !over {
            return Ok(());
        }
        self.http = None;
        let kind = usize::try_from(chance >> 8).map_or(0, |kind| kind % KINDS.len());
        world.fresh(&self.account, KINDS[kind]).await.map(drop)
    }
}
