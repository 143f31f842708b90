//! P16: sessions created and touched through the API's writer beside bare batched inserts at the same durability.

use std::time::Instant;

use domain::{Actor, SessionId, TokenId, TokenScope};
use futures::future::join_all;
use service::{SessionCreate, Touch};

use crate::{
    Outcome,
    measure::{Table, grouped, rate},
    world::World,
};

/// Sessions of one round.
const SESSIONS: usize = 4_000;
/// Requests in flight at once.
const AT_ONCE: usize = 200;

fn back_end() -> Outcome<Actor> {
    Ok(Actor::Token { id: TokenId::parse("t_bench")?, scopes: vec![TokenScope::SessionsWrite] })
}

pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let (mut created, mut touched, mut inserted) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let ids = ids(round)?;
        let create = rounds_of(world, &ids, Kind::Create).await?;
        let touch = rounds_of(world, &ids, Kind::Touch).await?;
        let insert = bare(world, &ids).await?;
        if round > 0 {
            created.push(create);
            touched.push(touch);
            inserted.push(insert);
        }
    }
    // The accounts' counters never knew of these.
    sqlx::query("DELETE FROM sessions WHERE id >= 'bare_' AND id < 'bare`'").execute(&world.bare).await?;
    for (what, mine) in [("sessions created, one a request", created), ("sessions touched, one a request", touched)] {
        let mut ratios: Vec<u64> = mine.iter().zip(&inserted).map(|(mine, other)| mine * 100 / other.max(&1)).collect();
        ratios.sort_unstable();
        let (low, mid, high) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        let ratio = format!("{mid} % ({low}–{high} %)");
        let median = |rates: &[u64]| {
            let mut rates = rates.to_vec();
            rates.sort_unstable();
            format!("{}/s", grouped(rates[rates.len() / 2]))
        };
        table.add("P16", what, median(&mine), median(&inserted), ratio, "≥ 50 %");
    }
    Ok(())
}

fn ids(round: usize) -> Outcome<Vec<SessionId>> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    let run = u32::from_le_bytes(bytes);
    (0..SESSIONS).map(|number| Ok(SessionId::parse(format!("b{run:x}_{round}_{number}"))?)).collect()
}

#[derive(Clone, Copy)]
enum Kind {
    Create,
    Touch,
}

/// Sessions a second, one a request, [`AT_ONCE`] requests in flight.
async fn rounds_of(world: &World, ids: &[SessionId], kind: Kind) -> Outcome<u64> {
    let (actor, started) = (back_end()?, Instant::now());
    for chunk in ids.chunks(AT_ONCE) {
        let answers = join_all(chunk.iter().enumerate().map(async |(place, id)| match kind {
            Kind::Create => {
                let account = world.picks[place % world.picks.len()].id.clone();
                let (client, ip) = ("CLI 2.4 · Linux".to_owned(), "203.0.113.9".to_owned());
                let user_agent = "service-cli/2.4.1 (linux; x86_64)".to_owned();
                let item = SessionCreate { id: id.clone(), account, client, user_agent, ip, created_at: None };
                world.unstick.create_sessions(&actor, vec![item]).await.map(drop)
            }
            Kind::Touch => {
                world.unstick.touch_sessions(&actor, vec![Touch { id: id.clone(), ip: None, at: None }]).await.map(drop)
            }
        }));
        for answer in answers.await {
            answer?;
        }
    }
    Ok(rate(ids.len() as u64, started.elapsed()))
}

/// The same rows into the same table by plain inserts, as many to a commit as requests are in flight above.
async fn bare(world: &World, ids: &[SessionId]) -> Outcome<u64> {
    let started = Instant::now();
    for chunk in ids.chunks(AT_ONCE) {
        let mut tx = world.bare.begin_with("BEGIN IMMEDIATE").await?;
        for (place, id) in chunk.iter().enumerate() {
            sqlx::query(
                "INSERT INTO sessions (account_id, created_at, id, client, user_agent, ip, ip_key, last_seen_at, generation) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $2, 0)",
            )
            .bind(world.picks[place % world.picks.len()].id.as_str())
            .bind(i64::try_from(place)? + 1_800_000_000_000_000)
            .bind(format!("bare_{id}"))
            .bind("CLI 2.4 · Linux")
            .bind("service-cli/2.4.1 (linux; x86_64)")
            .bind("203.0.113.9")
            .bind("4cb007109")
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
    }
    Ok(rate(ids.len() as u64, started.elapsed()))
}
