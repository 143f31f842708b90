//! P2: how the processor's time of each kind of page grows with the number of sessions, as the slope of the logarithm of
//! one over that of the other: 0 is no growth at all, 1 is twice the time for twice the sessions.

use std::{
    io::Cursor,
    time::{Duration, Instant},
};

use domain::{BulkOrder, BulkOutcome, Mode, view::SessionFilter};
use service::{BulkSource, Settings};

use crate::{
    Outcome,
    measure::{Table, processor, time_text},
    world::{World, embedded_fleet, shell, unstick_over},
};

/// Sizes, each ten times the one before.
const SIZES: u32 = 3;
/// Calls of one kind at one size, after as many that do not count. The kernel counts in ticks of 4 ms.
const CALLS: usize = 3_000;

/// Accounts of a bulk clean-up, spread over the file; others each time.
const CLEANED: i64 = 500;

#[derive(Clone, Copy, PartialEq)]
enum Page {
    List,
    Deep,
    Id,
    Beginning,
    Ip,
    Shared,
    Detail,
    Part,
}

/// Each asks for what is met once, at every size: an answer of more takes longer, which is no growth of the way to it.
const PAGES: [(Page, &str, &str); 8] = [
    (Page::List, "list", "≤ 0.08"),
    (Page::Deep, "deep page", "≤ 0.08"),
    (Page::Id, "search: account id", "≤ 0.08"),
    (Page::Beginning, "search: session id, its beginning", "≤ 0.08"),
    (Page::Ip, "search: IP address", "≤ 0.08"),
    (Page::Shared, "search: IP address of a carrier, who gives it to many (up to 1,000 are counted)", ""),
    (Page::Detail, "account page", "≤ 0.08"),
    (Page::Part, "search: any part of an e-mail", "≤ 0.65"),
];

/// Measures up to `largest` accounts with `sessions` each.
pub async fn run(largest: u64, sessions: u64, table: &mut Table) -> Outcome<()> {
    let mut costs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); PAGES.len()];
    let mut bulks = Vec::new();
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
        let cost = Box::pin(bulk(&world)).await?;
        println!("{accounts:>9} accounts, {found:>9} sessions, bulk clean-up, a session: {}", time_text(cost));
        #[expect(clippy::cast_precision_loss, reason = "a logarithm of it is taken")]
        bulks.push(((found as f64).ln(), cost.as_secs_f64().ln()));
    }
    let whats = PAGES.iter().map(|(_, what, must)| (*what, *must)).chain([("bulk clean-up, a session", "≤ 0.55")]);
    costs.push(bulks);
    for ((what, must), points) in whats.zip(&costs) {
        let times: Vec<String> =
            points.iter().map(|(_, cost)| time_text(Duration::from_secs_f64(cost.exp()))).collect();
        table.add("P2", format!("growth of CPU: {what}"), times.join(" → "), "", format!("{:.2}", slope(points)), must);
    }
    Ok(())
}

/// The processor's time of a bulk clean-up, from the frozen list until everything is verified, for each session that it ended.
async fn bulk(world: &World) -> Outcome<Duration> {
    let ids: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM accounts, (SELECT max(1, max(row_no) / $1) AS apart FROM accounts) \
         WHERE row_no % apart = (SELECT count(*) FROM bulks) % apart AND live_sessions > 0 LIMIT $1",
    )
    .bind(CLEANED)
    .fetch_all(&world.bare)
    .await?;
    let list = ids.iter().map(|(id,)| id.as_str()).collect::<Vec<_>>().join("\n");
    let settings = Settings { bulk_approval_above: u32::MAX, ..Settings::default() };
    let unstick = unstick_over(world.store.clone(), embedded_fleet(&world.store), settings);
    let before = live_sessions(world).await?;
    let (reason, ticket) = ("benchmark".to_owned(), String::new());
    let order = BulkOrder { mode: Mode::Force, reason, ticket, wave: 1_000, rate: 1_000, failure_limit: 0 };
    let bulk = unstick.draft_bulk(&shell(), BulkSource::List(Box::new(Cursor::new(list.into_bytes()))), order).await?;
    let began = processor()?;
    unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await?;
    let done = Box::pin(unstick.drive_bulk(&bulk.id, &|_| ())).await?;
    let spent = processor()? - began;
    let cleaned = before - live_sessions(world).await?;
    if done.counts.get(BulkOutcome::Done) == 0 || cleaned == 0 {
        return Err(format!("the bulk clean-up ended as {:?}", done.counts).into());
    }
    Ok(Duration::from_secs_f64(spent) / u32::try_from(cleaned)?)
}

async fn live_sessions(world: &World) -> Outcome<i64> {
    Ok(sqlx::query_scalar("SELECT sum(live_sessions) FROM accounts").fetch_one(&world.bare).await?)
}

/// The processor's time of one call.
async fn cost(world: &World, page: Page) -> Outcome<Duration> {
    let queries = queries(world, page).await?;
    for call in 0..CALLS {
        ask(world, page, &queries[call % queries.len()]).await?;
    }
    let (began, clock) = (processor()?, Instant::now());
    for call in 0..CALLS {
        ask(world, page, &queries[call % queries.len()]).await?;
    }
    let spent = (processor()? - began).clamp(1e-9, clock.elapsed().as_secs_f64() * 64.0);
    Ok(Duration::from_secs_f64(spent) / u32::try_from(CALLS)?)
}

async fn ask(world: &World, page: Page, query: &str) -> Outcome<()> {
    match page {
        Page::List => drop(world.unstick.account_list(&shell(), &domain::AccountFilter::default(), None).await?),
        Page::Deep => drop(world.unstick.account_list(&shell(), &domain::AccountFilter::default(), Some(query)).await?),
        Page::Detail => {
            let id = domain::AccountId::parse(query)?;
            drop(world.unstick.account_page(&shell(), &id, SessionFilter::All, None).await?);
        }
        Page::Id | Page::Beginning | Page::Ip | Page::Shared | Page::Part => {
            drop(world.unstick.search(&shell(), query, None).await?);
        }
    }
    Ok(())
}

async fn queries(world: &World, page: Page) -> Outcome<Vec<String>> {
    let mut queries = Vec::new();
    // As many sessions as most accounts have: a page of more shows more, at every size.
    for account in world.picks.iter().filter(|account| (4..=12).contains(&account.total_sessions)).take(60) {
        let (session, ip, met): (String, String, i64) = sqlx::query_as(
            "SELECT id, ip, (SELECT count(*) FROM sessions AS o WHERE o.ip_key = s.ip_key AND o.ip_key <> '') \
             FROM sessions AS s WHERE account_id = $1 ORDER BY id LIMIT 1",
        )
        .bind(account.id.as_str())
        .fetch_one(&world.bare)
        .await?;
        let part: String = account.email.chars().skip(2).take(14).collect();
        let fits = match page {
            Page::Ip => met == 1,
            Page::Shared => met > 20,
            Page::Part => world.unstick.search(&shell(), &part, None).await?.hits.len() == 1,
            Page::List | Page::Deep | Page::Id | Page::Detail | Page::Beginning => true,
        };
        queries.extend(fits.then(|| match page {
            Page::List | Page::Deep | Page::Id | Page::Detail => account.id.to_string(),
            Page::Beginning => session.chars().take(12).collect(),
            Page::Ip | Page::Shared => ip,
            Page::Part => part,
        }));
    }
    if queries.is_empty() { Err("no account fits".into()) } else { Ok(queries) }
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
