//! `unstick-server`: everybody off one server, in waves, without flooding the others.

use domain::{BulkOrder, Guard, Mode, Place, PoolName, RouterName, ServerMove, ServerName};
use service::BulkSource;

use super::{
    Context, Exit, Failure,
    bulk::{self, Manner},
    words,
};

/// Move everybody off one server, in waves
///
/// It is read who is on the server now, on every load balancer of the fleet; their routes to it, and nothing else, are cleared
/// and read back, at the rate that you choose. Nobody is signed out. It stops by itself when the other servers get worse. Set
/// the server to drain first (`server-state`), or some of them land on it again and are moved once more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool unstick-server --router lb-1 --pool app --server api-2 --dry-run
  admin-tool unstick-server --router lb-1 --pool app --server api-2 --rate 5 --reason 'fails 16 % of its requests' --wait
  admin-tool unstick-server --router lb-1 --pool app --server api-2 --to api-3 --reason 'their data moved to api-3' --wait

Above bulk_approval_above accounts (default 50) another admin approves exactly that list in the console. `bulk pause`, `resume`
and `cancel` steer it.

Exit codes: 0 done and verified (or only shown), 1 failed, or it stopped by itself, 2 wrong usage, 3 it works or waits for
approval, 4 refused.")]
pub struct Args {
    /// The router; its whole fleet is meant
    #[arg(long, value_name = "NAME", value_parser = words::id::<RouterName>)]
    router: RouterName,
    /// The pool
    #[arg(long, value_name = "NAME", value_parser = words::id::<PoolName>)]
    pool: PoolName,
    /// The server that everybody leaves
    #[arg(long, value_name = "NAME", value_parser = words::id::<ServerName>)]
    server: ServerName,
    /// Pin all of them to this server; without it the load balancer chooses
    #[arg(long, value_name = "NAME", value_parser = words::id::<ServerName>)]
    to: Option<ServerName>,
    /// Accounts moved a second, at most
    #[arg(long, value_name = "N", default_value_t = BulkOrder::MOVE_RATE)]
    rate: u32,
    /// Accounts under way at once
    #[arg(long, value_name = "N", default_value_t = BulkOrder::WAVE)]
    wave: u32,
    /// Stop by itself when more accounts than this are in trouble
    #[arg(long, value_name = "N", default_value_t = BulkOrder::FAILURE_LIMIT)]
    failure_limit: u32,
    /// Stop by itself when the errors of another server rise by more than so many percentage points; 0 for never
    #[arg(long, value_name = "POINTS", default_value_t = Guard::default().errors)]
    max_errors: u32,
    /// Stop by itself when another server takes so many percent longer to answer; 0 for never
    #[arg(long, value_name = "PERCENT", default_value_t = Guard::default().response)]
    max_response: u32,
    /// Show who is on it and where they would go, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Work on it here until it ends, and show how far it is
    #[arg(long)]
    wait: bool,
    /// Why; it goes into the audit log. Asked for on a terminal, required elsewhere
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The ticket it belongs to
    #[arg(long, value_name = "TICKET", default_value = "")]
    ticket: String,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let off = ServerMove {
        place: Place { router: args.router, pool: args.pool },
        server: args.server,
        to: args.to,
        guard: Guard { errors: args.max_errors, response: args.max_response },
    };
    let order = BulkOrder {
        mode: Mode::Unstick,
        reason: String::new(),
        ticket: args.ticket,
        wave: args.wave,
        rate: args.rate,
        failure_limit: args.failure_limit,
    };
    let manner = Manner { reason: args.reason, dry_run: args.dry_run, wait: args.wait, json: args.json };
    bulk::draft_and_ask(context, BulkSource::Server(Box::new(off)), order, manner).await
}
