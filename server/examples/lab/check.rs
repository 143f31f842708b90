//! `lab --check`: the complaint and its cure on the real HAProxy, by hand, through nothing but its runtime API. What Unstick
//! automates has to be true without it.
//!
//! 1. A fresh sign-in of a stuck account lands on the bad server, every time; a new account's never does.
//! 2. Clearing the row while a request is in flight does not help: HAProxy writes it back when the request ends.
//! 3. Fence, clear, wait for the longest request, clear again, read back: gone, and it stays gone.
//! 4. From then on a fresh sign-in lands on a healthy server. Who was not cleaned is where they were.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use crate::{
    Outcome,
    haproxy::MAX_REQUEST,
    people::Person,
    story::Report,
    wait::until,
    world::{Client, World},
};

/// Fresh sign-ins of each stuck account, before and after.
const TIMES: usize = 5;
/// Sign-ins of accounts that nobody has seen before.
const NEWCOMERS: usize = 60;
/// A request that is in flight while its row is cleared: well below [`MAX_REQUEST`].
const SLOW_MS: u64 = 1_500;
const AT_ONCE: usize = 8;
/// How `show table` says that a row is on `api-2`.
const ON_BAD: &str = " server_id=2 ";

/// Where requests landed.
#[derive(Default)]
struct Landed {
    tried: usize,
    bad: usize,
    failed: usize,
}

/// Keys with a row: on the bad server, and on any.
#[derive(Default)]
struct Rows {
    bad: usize,
    any: usize,
}

/// What was expected, and how it came out.
struct Findings(Vec<(bool, String)>);

impl Findings {
    fn add(&mut self, came_out: bool, sentence: String) {
        println!("  {} {sentence}", if came_out { "yes" } else { "NO " });
        self.0.push((came_out, sentence));
    }
}

/// Shows it, in figures.
///
/// # Errors
/// Something did not come out.
pub async fn run(world: &Arc<World>, report: &Report) -> Outcome<()> {
    let mut findings = Findings(Vec::new());
    let keys = keys(world, &report.stuck).await?;
    println!("\nWhile everything was healthy HAProxy pinned {:?}", report.pinned);
    complaint(world, report, &mut findings).await?;
    let others = pinned_to_bad(world, &keys).await?;
    cleared_naively(world, report, &keys, &mut findings).await?;
    cleared_with_fence(world, report, &keys, &mut findings).await?;
    cure(world, report, &others, &mut findings).await?;
    let failed = findings.0.iter().filter(|(came_out, _)| !came_out).count();
    if failed > 0 {
        return Err(format!("{failed} of {} did not come out", findings.0.len()).into());
    }
    println!("lab: all {} came out", findings.0.len());
    Ok(())
}

async fn complaint(world: &World, report: &Report, findings: &mut Findings) -> Outcome<()> {
    println!("\nThe complaint: api-2 is bad and drained");
    let stuck = fresh_sign_ins(world, &report.stuck, TIMES).await?;
    findings.add(
        stuck.bad == stuck.tried,
        format!(
            "{} of {} fresh sign-ins of {} stuck accounts landed on api-2, where {} of the requests failed",
            stuck.bad,
            stuck.tried,
            report.stuck.len(),
            stuck.failed
        ),
    );
    let newcomers: Vec<String> = (0..NEWCOMERS).map(|number| format!("new-{number:02}")).collect();
    let new = fresh_sign_ins(world, &newcomers, 1).await?;
    findings.add(
        new.bad == 0 && new.failed == 0,
        format!("{} of {} sign-ins of new accounts did; {} failed", new.bad, new.tried, new.failed),
    );
    Ok(())
}

async fn cleared_naively(world: &Arc<World>, report: &Report, keys: &[String], findings: &mut Findings) -> Outcome<()> {
    println!("\nClearing the rows, each with a request of {SLOW_MS} ms in flight");
    let in_flight = slow_requests(world, &report.stuck).await?;
    clear(world, keys).await?;
    let left = rows_of(world, keys).await?;
    finished(in_flight).await?;
    let back = rows_of(world, keys).await?;
    findings.add(
        left.any == 0 && back.bad == keys.len(),
        format!(
            "{} of {} rows left at once; {} there again when the requests had ended",
            left.any,
            keys.len(),
            back.bad
        ),
    );
    Ok(())
}

async fn cleared_with_fence(
    world: &Arc<World>,
    report: &Report,
    keys: &[String],
    findings: &mut Findings,
) -> Outcome<()> {
    println!("\nThe same with the fence: add acl, clear, wait {} s, clear, read, del acl", MAX_REQUEST.as_secs());
    let acl = world.first().acl();
    let in_flight = slow_requests(world, &report.stuck).await?;
    for key in keys {
        everywhere(world, &format!("add acl {} {key}", acl.display())).await?;
    }
    clear(world, keys).await?;
    let fenced = fresh_sign_ins(world, &report.stuck, 1).await?;
    let new = rows_of(world, keys).await?;
    // No request lives longer: HAProxy ends it. That is what has to be waited for, not these.
    tokio::time::sleep(MAX_REQUEST).await;
    finished(in_flight).await?;
    let between = rows_of(world, keys).await?;
    clear(world, keys).await?;
    let left = rows_of(world, keys).await?;
    for key in keys {
        everywhere(world, &format!("del acl {} {key}", acl.display())).await?;
    }
    findings.add(
        new.any == 0 && fenced.bad == 0,
        format!(
            "{} of {} fresh sign-ins behind the fence landed on api-2, and they made {} rows",
            fenced.bad, fenced.tried, new.any
        ),
    );
    findings.add(
        left.any == 0,
        format!(
            "{} of {} rows were written back before the second clear, {} were left after it",
            between.bad,
            keys.len(),
            left.any
        ),
    );
    Ok(())
}

async fn cure(world: &World, report: &Report, others: &[String], findings: &mut Findings) -> Outcome<()> {
    println!("\nAfterwards");
    let after = fresh_sign_ins(world, &report.stuck, TIMES).await?;
    findings.add(
        after.bad == 0 && after.failed == 0,
        format!(
            "{} of {} fresh sign-ins of the same accounts landed on api-2; {} requests failed",
            after.bad, after.tried, after.failed
        ),
    );
    let still = rows_of(world, others).await?;
    findings.add(
        still.bad == others.len() && !others.is_empty(),
        format!("{} of the {} other accounts that are pinned to api-2 still are", still.bad, others.len()),
    );
    Ok(())
}

/// Signs each of `accounts` in `times` times, each time with a brand-new client that works once.
async fn fresh_sign_ins(world: &World, accounts: &[String], times: usize) -> Outcome<Landed> {
    let answers: Vec<_> = stream::iter(accounts)
        .map(|account| async move {
            let mut answers = Vec::new();
            world.app.registry.account(&Person::of(account)).await?;
            for _ in 0..times {
                let client = world.fresh(account, "Web · Safari 26").await?;
                answers.push(world.request(&client, "/app/work").await?);
            }
            Outcome::Ok(answers)
        })
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await?;
    Ok(Landed {
        tried: answers.len(),
        bad: answers.iter().filter(|answer| answer.served_by == "api-2").count(),
        failed: answers.iter().filter(|answer| answer.status != 200).count(),
    })
}

/// Begins a slow request of each account; comes back when all of them are with a back end.
async fn slow_requests(world: &Arc<World>, accounts: &[String]) -> Outcome<JoinSet<Outcome<()>>> {
    let mut in_flight = JoinSet::new();
    for account in accounts {
        let (world, client): (_, Client) = (world.clone(), world.client(account).await?);
        in_flight.spawn(async move {
            let path = format!("/app/work?slow={SLOW_MS}");
            world.request(&client, &path).await.map(drop)
        });
    }
    let under_way = || world.backends.iter().map(|backend| backend.slow.load(Ordering::Relaxed)).sum::<u64>();
    let wanted = u64::try_from(accounts.len())?;
    until("the slow requests are in flight", Duration::from_secs(5), async || Ok(under_way() == wanted)).await?;
    Ok(in_flight)
}

async fn finished(mut requests: JoinSet<Outcome<()>>) -> Outcome<()> {
    while let Some(request) = requests.join_next().await {
        request??;
    }
    Ok(())
}

async fn keys(world: &World, accounts: &[String]) -> Outcome<Vec<String>> {
    let mut keys = Vec::new();
    for account in accounts {
        keys.push(world.client(account).await?.account_key);
    }
    Ok(keys)
}

/// The keys that are pinned to the bad server, without `but`.
async fn pinned_to_bad(world: &World, but: &[String]) -> Outcome<Vec<String>> {
    let rows = world.first().rows("app", None).await?;
    let bad = rows.iter().filter(|row| row.contains(ON_BAD));
    let keys = bad.filter_map(|row| row.split_whitespace().find_map(|word| word.strip_prefix("key=")));
    Ok(keys.filter(|key| !but.iter().any(|other| other == key)).map(str::to_owned).collect())
}

/// Key by key: `clear table` with a filter skips rows beside those that are in use.
async fn clear(world: &World, keys: &[String]) -> Outcome<()> {
    for key in keys {
        everywhere(world, &format!("clear table app key {key}")).await?;
    }
    Ok(())
}

/// Tells every load balancer: the peers' protocol knows no deletion.
async fn everywhere(world: &World, command: &str) -> Outcome<()> {
    for haproxy in &world.fleet {
        haproxy.tell(command).await?;
    }
    Ok(())
}

/// The keys that have a row on any load balancer.
async fn rows_of(world: &World, keys: &[String]) -> Outcome<Rows> {
    let mut found = Rows::default();
    for key in keys {
        let mut rows = Vec::new();
        for haproxy in &world.fleet {
            rows.extend(haproxy.rows("app", Some(key)).await?);
        }
        found.any += usize::from(!rows.is_empty());
        found.bad += usize::from(rows.iter().any(|row| row.contains(ON_BAD)));
    }
    Ok(found)
}
