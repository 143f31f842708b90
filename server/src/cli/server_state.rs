//! `server-state`: what a router does with a server, set on every load balancer of its fleet and read back from each.

use domain::{Place, PoolName, RouterName, ServerName, ServerState, StateEnd, StateRequest};
use serde_json::json;

use super::{Context, Exit, Failure, output, terminal, words};
use crate::compose::Purpose;

/// Set a server to ready, drain or maint on all load balancers of its fleet
///
/// drain takes no new customers and keeps those who are pinned; maint moves those as well, at their next request (not where
/// HAProxy has `option persist`). It is read back from every load balancer. HAProxy forgets it when it restarts: `doctor` and
/// the routing page say so then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool server-state --router lb-1 --pool app --server api-2 --state drain --reason 'fails 16 % of its requests'
  admin-tool server-state --router lb-1 --pool app --server api-2

Exit codes: 0 set and read back everywhere (or only shown), 1 failed, 2 wrong usage, 3 one load balancer did not answer,
4 one refused, or has another state all the same.")]
pub struct Args {
    /// The router; its whole fleet is meant
    #[arg(long, value_name = "NAME", value_parser = words::id::<RouterName>)]
    router: RouterName,
    /// The pool
    #[arg(long, value_name = "NAME", value_parser = words::id::<PoolName>)]
    pool: PoolName,
    /// The server
    #[arg(long, value_name = "NAME", value_parser = words::id::<ServerName>)]
    server: ServerName,
    /// The state: ready, drain or maint; without it what is set now is shown
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<ServerState>,
    /// Why; it goes into the audit log
    #[arg(long, value_name = "TEXT", requires = "state")]
    reason: Option<String>,
    /// The ticket it belongs to
    #[arg(long, value_name = "TICKET", default_value = "", requires = "state")]
    ticket: String,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

fn state(text: &str) -> Result<ServerState, String> {
    ServerState::parse(text).ok_or_else(|| "write ready, drain or maint".to_owned())
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let desk = context.desk(Purpose::Work).await?;
    let place = Place { router: args.router, pool: args.pool };
    let Some(state) = args.state else {
        let plan = desk.state(&place, &args.server).await?;
        if args.json {
            output::document(&json!({ "outcome": "done", "server": plan }));
        } else {
            for at in &plan.fleet {
                let told = match &at.now {
                    Ok(read) => format!("{}, all in all {}", read.state.as_str(), read.health.as_str()),
                    Err(why) => format!("not known: {why}"),
                };
                output::print(&format!("{}: {told}", at.router));
            }
        }
        return Ok(Exit::Done);
    };
    let reason = terminal::reason(args.reason)?;
    let request = StateRequest { place, server: args.server, state, reason, ticket: args.ticket };
    let set = desk.set_state(request).await?;
    let (exit, outcome) = match set.end() {
        StateEnd::Done => (Exit::Done, "done"),
        StateEnd::Unanswered => (Exit::Owed, "unanswered"),
        StateEnd::Refused => (Exit::Refused, "refused"),
    };
    if args.json {
        output::document(&json!({ "outcome": outcome, "set": set, "text": set.sentence() }));
    } else {
        output::print(&set.sentence());
    }
    Ok(exit)
}
