//! `re-pin`: one key pinned to a chosen server, on every load balancer of a fleet, and read back from each.

use domain::{Place, PoolName, RePinRequest, RouteKey, RouterName, ServerName};
use serde_json::json;

use super::{Context, Exit, Failure, output, terminal, words};
use crate::compose::Purpose;

/// Pin one key to a chosen server on all load balancers of a fleet
///
/// A clean-up lets the load balancer choose a server; this chooses for it. A server that is known not to be well is refused. It
/// is read back from every load balancer. A request that is open at this moment can pin the key back when it ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  admin-tool re-pin --router lb-1 --pool app --key acc_7Q2mX0cVd4 --server api-1 --reason 'their upload is on api-1'

Exit codes: 0 pinned and read back everywhere, 1 failed, 2 wrong usage, 3 one load balancer did not answer, 4 one refused, or
pins it elsewhere all the same.")]
pub struct Args {
    /// The router; its whole fleet is meant
    #[arg(long, value_name = "NAME", value_parser = words::id::<RouterName>)]
    router: RouterName,
    /// The pool
    #[arg(long, value_name = "NAME", value_parser = words::id::<PoolName>)]
    pool: PoolName,
    /// The key: an account's or a session's
    #[arg(long, value_name = "KEY", value_parser = route_key)]
    key: RouteKey,
    /// The server
    #[arg(long, value_name = "NAME", value_parser = words::id::<ServerName>)]
    server: ServerName,
    /// Why; it goes into the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The ticket it belongs to
    #[arg(long, value_name = "TICKET", default_value = "")]
    ticket: String,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

fn route_key(text: &str) -> Result<RouteKey, String> {
    RouteKey::parse(text).map_err(|error| error.to_string())
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let reason = terminal::reason(args.reason)?;
    let desk = context.desk(Purpose::Work).await?;
    let place = Place { router: args.router, pool: args.pool };
    let request = RePinRequest { place, key: args.key, server: args.server, reason, ticket: args.ticket };
    let told = desk.re_pin(request).await?;
    let (exit, outcome) = match (told.is_done(), told.is_unanswered()) {
        (true, _) => (Exit::Done, "done"),
        (false, true) => (Exit::Owed, "unanswered"),
        (false, false) => (Exit::Refused, "refused"),
    };
    if args.json {
        output::document(&json!({ "outcome": outcome, "pinned": told, "text": told.sentence() }));
    } else {
        output::print(&told.sentence());
    }
    Ok(exit)
}
