//! P2: how the processor's time of each kind of page grows with the number of sessions, as the slope of the logarithm of
//! one over that of the other: 0 is no growth at all, 1 is twice the time for twice the sessions.

use std::time::Instant;

use domain::view::SessionFilter;

use crate::{
    Outcome,
    measure::{Table, processor, time_text},
    world::{World, shell},
};

/// Sizes, each ten times the one before.
const SIZES: u32 = 3;
/// Calls of one kind at one size, after as many that do not count.
const CALLS: usize = 150;

#[derive(Clone, Copy, PartialEq)]
enum Page {
    List,
    Deep,
    Id,
    Beginning,
    Ip,
    Detail,
    Part,
}

const PAGES: [(Page, &str, &str); 7] = [
    (Page::List, "list", "≤ 0.08"),
    (Page::Deep, "deep page", "≤ 0.08"),
    (Page::Id, "search: account id", "≤ 0.08"),
    (Page::Beginning, "search: session id, its beginning", "≤ 0.08"),
    (Page::Ip, "search: IP address", "≤ 0.08"),
    (Page::Detail, "account page", "≤ 0.08"),
    (Page::Part, "search: any part of an e-mail", "≤ 0.65"),
];

/// Measures up to `largest` accounts with `sessions` each.
pub async fn run(largest: u64, sessions: u64, table: &mut Table) -> Outcome<()> {
    let mut costs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); PAGES.len()];
    for step in (0..SIZES).rev() {
        let accounts = largest / 10_u64.pow(step);
        let world = World::open(accounts, sessions, table).await?;
        let (found,): (i64,) = sqlx::query_as("SELECT count(*) FROM sessions").fetch_one(&world.bare).await?;
        for (at, (page, what, _)) in PAGES.iter().enumerate() {
            let cost = cost(&world, *page).await?;
            println!("{accounts:>9} accounts, {found:>9} sessions, {what}: {}", time_text(cost));
            #[expect(clippy::cast_precision_loss, reason = "a logarithm of it is taken")]
            costs[at].push(((found as f64).ln(), cost.as_secs_f64().ln()));
        }
    }
    for ((_, what, must), points) in PAGES.iter().zip(&costs) {
        let times: Vec<String> =
            points.iter().map(|(_, cost)| time_text(std::time::Duration::from_secs_f64(cost.exp()))).collect();
        table.add("P2", format!("growth of CPU: {what}"), times.join(" → "), "", format!("{:.2}", slope(points)), must);
    }
    Ok(())
}

/// The processor's time of one call.
async fn cost(world: &World, page: Page) -> Outcome<std::time::Duration> {
    let queries = queries(world, page).await?;
    for call in 0..CALLS {
        ask(world, page, &queries[call % queries.len()]).await?;
    }
    let (began, clock) = (processor()?, Instant::now());
    for call in 0..CALLS {
        ask(world, page, &queries[call % queries.len()]).await?;
    }
    let spent = (processor()? - began).clamp(1e-9, clock.elapsed().as_secs_f64() * 64.0);
    Ok(std::time::Duration::from_secs_f64(spent) / u32::try_from(CALLS)?)
}

async fn ask(world: &World, page: Page, query: &str) -> Outcome<()> {
    match page {
        Page::List => drop(world.unstick.accounts(&shell(), &domain::AccountFilter::default(), None).await?),
        Page::Deep => drop(world.unstick.accounts(&shell(), &domain::AccountFilter::default(), Some(query)).await?),
        Page::Detail => {
            let id = domain::AccountId::parse(query)?;
            drop(world.unstick.account_page(&shell(), &id, SessionFilter::All, None).await?);
        }
        Page::Id | Page::Beginning | Page::Ip | Page::Part => {
            drop(world.unstick.search(&shell(), query, None).await?);
        }
    }
    Ok(())
}

async fn queries(world: &World, page: Page) -> Outcome<Vec<String>> {
    let mut queries = Vec::new();
    // As many sessions as most accounts have: a page of more shows more, at every size.
    for account in world.picks.iter().filter(|account| (4..=12).contains(&account.total_sessions)).take(60) {
        let (session, ip): (String, String) =
            sqlx::query_as("SELECT id, ip FROM sessions WHERE account_id = $1 LIMIT 1")
                .bind(account.id.as_str())
                .fetch_one(&world.bare)
                .await?;
        queries.push(match page {
            Page::List | Page::Deep | Page::Id | Page::Detail => account.id.to_string(),
            Page::Beginning => session.chars().take(12).collect(),
            Page::Ip => ip,
            Page::Part => account.email.chars().skip(2).take(14).collect(),
        });
    }
    Ok(queries)
}

/// The slope of the line that fits `points` best.
fn slope(points: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are three")]
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        (over + (point.0 - x) * (point.1 - y), under + (point.0 - x) * (point.0 - x))
    });
    over / under
}
