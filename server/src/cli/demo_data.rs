//! `demo-data`: made-up accounts, as many as wanted.

use serde_json::json;
use service::SampleSpec;

use super::{Context, Exit, Failure, output, terminal};
use crate::compose::Purpose;

/// Load made-up accounts and sessions, with stuck cases of every kind
///
/// The same seed makes the same data. It is labelled as sample data wherever it is shown. Needs an embedded router with an
/// account pool and a session pool (the default has both).
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  admin-tool demo-data --accounts 100000 --sessions-per-account 10 --seed 7")]
pub struct Args {
    /// How many accounts
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    accounts: u64,
    /// How many sessions each has on average; a few have very many
    #[arg(long, value_name = "M", default_value_t = 8)]
    sessions_per_account: u64,
    /// What the data depends on
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let unstick = context.here(Purpose::Bulk, "demo-data").await?;
    let began = std::time::Instant::now();
    let bar = terminal::bar(Some(1), "rows", args.json);
    let progress = |rows: i64, of: i64| {
        bar.set_length(u64::try_from(of).unwrap_or(0));
        bar.set_position(u64::try_from(rows).unwrap_or(0));
    };
    let spec = SampleSpec { accounts: args.accounts, sessions_per_account: args.sessions_per_account, seed: args.seed };
    let report = unstick.load_sample(&context.actor, spec, &progress).await?;
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    let rate = rate(report.rows(), seconds);
    if args.json {
        output::document(&json!({
            "outcome": "done", "accounts": report.accounts, "sessions": report.sessions, "routes": report.routes,
            "moves": report.moves,
            "seconds": seconds, "rows_per_second": rate,
        }));
    } else {
        let rows = report.rows();
        output::print(&format!(
            "{} accounts, {} sessions, {} routes, {} moves of routes: {rows} rows in {seconds:.1} s ({rate} rows/s)",
            report.accounts, report.sessions, report.routes, report.moves
        ));
    }
    Ok(Exit::Done)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for a person's eyes"
)]
fn rate(rows: u64, seconds: f64) -> u64 {
    (rows as f64 / seconds.max(1e-9)).round() as u64
}
