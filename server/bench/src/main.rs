//! `make bench`: Unstick beside something plainer that gives the same answer, in one run, as a ratio. Rounds alternate,
//! the median of the rounds' ratios counts, and an A/A control says whether the machine was quiet enough to believe it.
//!
//! `ARGS='--accounts 1000000' make bench` for the large size; `ARGS='--growth 1000000'` measures how the processor's time of
//! a page grows over three sizes up to that one, `ARGS='--census 125000 --sessions-per-account 8'` runs a census of a million
//! sessions on three routers, `ARGS=--import` an import (`--import --postgres` into PostgreSQL), `ARGS=--bulk` bulk clean-ups, and `ARGS=--parts` routes on a large HAProxy, claims
//! on PostgreSQL and watchers of progress, and nothing else. `ARGS='--outage 600'` makes a load balancer a black hole for ten
//! minutes, `ARGS=--postgres` measures searches and the
//! account page on PostgreSQL, `ARGS='--answers 1000000'` reads a million answers to their ends.

mod answers;
mod bare;
mod bulk;
mod census;
mod cleanups;
mod floor;
mod growth;
mod haproxy;
mod import;
mod job;
mod measure;
mod million;
mod outage;
mod pages;
mod paint;
mod postgres;
mod queries;
mod queue;
mod reports;
mod sign_in;
#[path = "../../store/src/testing/mod.rs"]
mod testing;
mod watchers;
mod world;

use std::process::ExitCode;

use measure::Table;
// What `testing` takes from its own package there.
use store::{AuditKeys, Options, Store, StoreError};

struct Arguments {
    accounts: u64,
    sessions: u64,
    rounds: usize,
    /// The largest size whose growth is measured; 0 for the comparison.
    growth: u64,
    /// So many accounts whose sessions a census joins with three routers; 0 for the comparison.
    census: u64,
    /// So many seconds a load balancer is a black hole; 0 for the comparison.
    outage: u64,
    /// So many answers are read to their ends; 0 for the comparison.
    answers: u64,
    /// So many accounts are one bulk clean-up, whose memory is measured; 0 for the comparison.
    job: u64,
    /// Whether pages on `PostgreSQL` alone are measured.
    postgres: bool,
    /// Whether an import alone is measured.
    import: bool,
    /// Whether bulk clean-ups alone are measured.
    bulk: bool,
    /// Whether what load balancers and queues do alone is measured.
    parts: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        accounts: 100_000,
        sessions: 10,
        rounds: 7,
        growth: 0,
        census: 0,
        outage: 0,
        answers: 0,
        job: 0,
        postgres: false,
        import: false,
        bulk: false,
        parts: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--postgres" => found.postgres = true,
            "--import" => found.import = true,
            "--bulk" => found.bulk = true,
            "--parts" => found.parts = true,
            _ => {}
        }
        if ["--postgres", "--import", "--bulk", "--parts"].contains(&word.as_str()) {
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} wants a number"))?;
        let number: u64 = value.parse().map_err(|_| format!("{word}: {value} is no number"))?;
        match word.as_str() {
            "--accounts" => found.accounts = number,
            "--sessions-per-account" => found.sessions = number,
            "--growth" => found.growth = number,
            "--census" => found.census = number,
            "--outage" => found.outage = number,
            "--answers" => found.answers = number,
            "--job" => found.job = number,
            "--rounds" => found.rounds = usize::try_from(number).unwrap_or(7),
            other => {
                return Err(format!(
                    "unknown: {other} (there are --accounts, --sessions-per-account, --rounds, --growth, --census, --outage, --answers, --job, --postgres, --import, --bulk, --parts)"
                ));
            }
        }
    }
    Ok(found)
}

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, bare, port, _, bytes] = words.as_slice()
        && bare == "--bare-server"
        && let (Ok(port), Ok(bytes)) = (port.parse(), bytes.parse())
    {
        return if bare::serve(port, bytes).await.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("bench: {problem}");
            return ExitCode::from(2);
        }
    };
    match Box::pin(run(&arguments)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// What goes wrong in a benchmark ends it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn run(arguments: &Arguments) -> Outcome<()> {
    let mut table = Table::default();
    if !one_thing(arguments, &mut table).await? {
        comparison(arguments, &mut table).await?;
    }
    println!("\n{table}");
    Ok(())
}

/// Measures the one thing that was asked for, if one was.
async fn one_thing(arguments: &Arguments, table: &mut Table) -> Outcome<bool> {
    let (accounts, sessions) = (arguments.accounts, arguments.sessions);
    if arguments.growth > 0 {
        growth::run(arguments.growth, sessions, table).await?;
    } else if arguments.census > 0 {
        let world = world::World::open(arguments.census, sessions, table).await?;
        census::run(&world, table).await?;
    } else if arguments.outage > 0 {
        Box::pin(outage::run(arguments.outage, table)).await?;
    } else if arguments.answers > 0 {
        let world = world::World::open(accounts, sessions, table).await?;
        answers::run(&world, arguments.answers, table).await?;
    } else if arguments.job > 0 {
        Box::pin(job::run(arguments.job, sessions, table)).await?;
    } else if arguments.import && arguments.postgres {
        Box::pin(postgres::import(accounts, sessions, table)).await?;
    } else if arguments.import {
        import::sqlite((accounts, sessions), table).await?;
    } else if arguments.postgres {
        Box::pin(postgres::run(accounts, sessions, arguments.rounds, table)).await?;
    } else if arguments.parts {
        million::run(table).await?;
        queue::run(table).await?;
        Box::pin(watchers::run(table)).await?;
    } else if arguments.bulk {
        Box::pin(bulk::run(table)).await?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

async fn comparison(arguments: &Arguments, table: &mut Table) -> Outcome<()> {
    println!("# {} accounts × {} sessions, {} rounds", arguments.accounts, arguments.sessions, arguments.rounds);
    let world = world::World::open(arguments.accounts, arguments.sessions, table).await?;
    queries::run(&world, arguments.rounds, table).await?;
    reports::run(&world, arguments.rounds, table).await?;
    import::sqlite((arguments.accounts, arguments.sessions), table).await?;
    cleanups::run(&world, arguments.rounds, table).await?;
    Box::pin(bulk::run(table)).await?;
    haproxy::run(&world, arguments.rounds, table).await?;
    million::run(table).await?;
    queue::run(table).await?;
    Box::pin(watchers::run(table)).await?;
    sign_in::run(&world, arguments.rounds, table).await?;
    pages::run(&world, arguments.rounds, table).await
}
