//! `repair`: what the census found left over, removed exactly as a written plan says.

use std::path::{Path, PathBuf};

use domain::{
    Repair, RepairOutcome, RepairPlan, RepairRequest, RouterName, ServerName, Status,
    census::{CensusKind, FindingAge, FindingFilter},
};
use serde_json::json;

use super::{Context, Exit, Failure, desk::Desk, output, terminal, words};
use crate::{compose::Purpose, config::create_private};

/// Remove what the census found left over, exactly as a plan in a file names it
///
/// First write a plan: it names every record and every route, account by account, and has a hash. Look at it. Then apply it:
/// that never touches what the plan does not name. Each account that is still as planned gets a clean-up of its own, in mode
/// `stale`, seen through to its end and read back; one that changed since is left alone, and named. Live sessions stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool repair --write plan.json --kind stale_route --older-than 1d
  admin-tool repair --plan plan.json --dry-run
  admin-tool repair --plan plan.json --reason 'left by the outage of 23 Nov' --ticket T-1042

Exit codes: 0 done and verified (or nothing to do), 1 failed, 2 wrong usage, 3 in part: owed to a router that does not answer,
or left alone because it changed, 4 refused: all of it changed, and nothing was done.")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["write", "plan"]))]
pub struct Args {
    /// Write a plan for the open findings into this new file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Apply the plan in this file
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// With --write: findings of this kind only, `orphaned_session` or `stale_route`
    #[arg(long, value_name = "KIND", value_parser = kind, requires = "write")]
    kind: Option<CensusKind>,
    /// With --write: findings on this router only
    #[arg(long, value_name = "NAME", value_parser = words::id::<RouterName>, requires = "write")]
    router: Option<RouterName>,
    /// With --write: findings about this server only
    #[arg(long, value_name = "NAME", value_parser = words::id::<ServerName>, requires = "write")]
    server: Option<ServerName>,
    /// With --write: findings first seen so long ago only: 1h, 1d or 7d
    #[arg(long, value_name = "AGE", value_parser = age, requires = "write")]
    older_than: Option<FindingAge>,
    /// With --write: accounts of the plan at most, 1 to 1000 [default: 200]
    #[arg(long, value_name = "N", requires = "write")]
    limit: Option<u32>,
    /// With --plan: show what would be done, and do nothing
    #[arg(long, requires = "plan")]
    dry_run: bool,
    /// With --plan: why; it goes into the audit log
    #[arg(long, value_name = "TEXT", requires = "plan")]
    reason: Option<String>,
    /// With --plan: the ticket it belongs to
    #[arg(long, value_name = "TICKET", default_value = "", requires = "plan")]
    ticket: String,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Accounts of a plan, where nobody says how many.
const ACCOUNTS: u32 = 200;
/// Accounts that are named where some were left alone.
const NAMED: usize = 10;
/// Longest plan that is read, in bytes: a thousand accounts with many sessions are a few MB.
const LONGEST: u64 = 64 << 20;

fn kind(text: &str) -> Result<CensusKind, String> {
    CensusKind::parse(text)
        .filter(|kind| kind.is_repairable())
        .ok_or_else(|| "write orphaned_session or stale_route".to_owned())
}

fn age(text: &str) -> Result<FindingAge, String> {
    FindingAge::parse(text).filter(|_| !text.is_empty()).ok_or_else(|| "write 1h, 1d or 7d".to_owned())
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match (&args.write, &args.plan) {
        (Some(file), _) => write(context, &args, file).await,
        (None, Some(file)) => apply(context, &args, file).await,
        (None, None) => Err(Failure::usage("usage", "give --write FILE or --plan FILE")),
    }
}

async fn write(context: &Context, args: &Args, file: &Path) -> Result<Exit, Failure> {
    let desk = context.desk(Purpose::Work).await?;
    let filter = FindingFilter {
        kind: args.kind,
        router: args.router.clone(),
        server: args.server.clone(),
        age: args.older_than.unwrap_or_default(),
    };
    let plan = desk.repair_plan(&filter, args.limit.unwrap_or(ACCOUNTS)).await?;
    let text = serde_json::to_string_pretty(&plan).map_err(|error| Failure::failed(error.to_string()))?;
    // It names customers' accounts and sessions: for its owner alone, and never over another file.
    match create_private(file, &format!("{text}\n")) {
        Ok(true) => {}
        Ok(false) => return Err(Failure::usage("file", format!("{} is there already", file.display()))),
        Err(error) => return Err(Failure::usage("file", format!("{} cannot be written: {error}", file.display()))),
    }
    let outcome = if plan.items.is_empty() { "nothing-to-do" } else { "written" };
    if args.json {
        output::document(&json!({
            "outcome": outcome, "file": file, "hash": plan.hash, "accounts": plan.items.len(),
            "records": plan.records(), "routes": plan.routes(), "left_alone": plan.left_alone, "more": plan.more,
        }));
    } else {
        output::say(&plan_text(&plan));
        output::print(&format!("{} written. Look at it, then: admin-tool repair --plan {0}", file.display()));
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<RepairPlan, Failure> {
    let trouble = |text: String| Failure::usage("file", format!("{}: {text}", file.display())).about("plan");
    let size = std::fs::metadata(file).map_err(|error| trouble(error.to_string()))?.len();
    if size > LONGEST {
        return Err(trouble("is no plan: it is too large".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| trouble(error.to_string()))?;
    let plan: RepairPlan = serde_json::from_str(&text).map_err(|error| trouble(format!("is no plan: {error}")))?;
    if plan.version != RepairPlan::VERSION || plan.hash != plan.hash_now() {
        return Err(trouble("is not as it was written: write a new plan and leave it as it is".to_owned()));
    }
    Ok(plan)
}

async fn apply(context: &Context, args: &Args, file: &Path) -> Result<Exit, Failure> {
    let plan = read(file)?;
    if args.dry_run {
        if args.json {
            output::document(&json!({ "outcome": "dry-run", "hash": plan.hash, "plan": plan }));
        } else {
            output::print(&plan_text(&plan));
        }
        return Ok(Exit::Done);
    }
    if plan.items.is_empty() {
        if args.json {
            output::document(&json!({ "outcome": "nothing-to-do", "hash": plan.hash }));
        } else {
            output::say("Nothing to do: the plan names nothing.");
        }
        return Ok(Exit::Done);
    }
    let asks = terminal::is_there() && !args.json;
    let reason = match &args.reason {
        Some(reason) => reason.clone(),
        None if asks => {
            output::say(&plan_text(&plan));
            terminal::ask("Why? (goes into the audit log; Ctrl-C to leave everything as it is)")?
        }
        None => {
            let text = "say why with --reason: it goes into the audit log (it is asked for only on a terminal)";
            return Err(Failure::usage("reason", text).about("reason"));
        }
    };
    let desk = context.desk(Purpose::Work).await?;
    let request = RepairRequest { plan, reason, ticket: args.ticket.clone() };
    let repair = desk.request_repair(request).await?;
    let statuses = drive(&desk, &repair, args).await?;
    Ok(tell(args, &repair, &statuses))
}

/// Sees every clean-up through to its end.
async fn drive(desk: &Desk, repair: &Repair, args: &Args) -> Result<Vec<Option<Status>>, Failure> {
    let bar = terminal::bar(u64::try_from(repair.made.len()).ok(), "accounts", args.json);
    let mut statuses = Vec::new();
    for made in &repair.made {
        statuses.push(match (made.outcome, &made.cleanup) {
            (RepairOutcome::Requested, Some(id)) => Some(desk.drive(id, &|_| ()).await?),
            _ => None,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(statuses)
}

fn tell(args: &Args, repair: &Repair, statuses: &[Option<Status>]) -> Exit {
    let count = |of: &dyn Fn(&Option<Status>) -> bool| statuses.iter().filter(|status| of(status)).count();
    let done = count(&|status| *status == Some(Status::Done));
    let owed = count(&|status| matches!(status, Some(Status::Owed | Status::Running)));
    let failed = count(&|status| *status == Some(Status::NeedsAttention))
        + repair.made.iter().filter(|made| made.outcome == RepairOutcome::Failed).count();
    let left_alone: Vec<&str> = repair
        .made
        .iter()
        .filter(|made| made.outcome == RepairOutcome::Changed)
        .map(|made| made.account.as_str())
        .collect();
    let changed = left_alone.len();
    let exit = match (failed, owed + changed) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::Owed,
        _ => Exit::Failed,
    };
    if args.json {
        let cleanup = |(made, status): (&domain::RepairMade, &Option<Status>)| {
            json!({
                "account_id": made.account, "outcome": made.outcome, "cleanup_id": made.cleanup, "status": status,
            })
        };
        output::document(&json!({
            "outcome": exit.as_str(), "repair_id": repair.id, "plan_hash": repair.plan_hash, "done": done, "owed": owed,
            "changed": changed, "failed": failed,
            "cleanups": repair.made.iter().zip(statuses).map(cleanup).collect::<Vec<_>>(),
        }));
        return exit;
    }
    output::print(&format!("Repair {}: {done} accounts clean, and read back.", repair.id));
    for (n, words) in [
        (owed, "owed to a router that does not answer: done when it is back".to_owned()),
        (
            changed,
            format!("changed since the plan was made, and left alone: {}", left_alone[..changed.min(NAMED)].join(", ")),
        ),
        (failed, "failed: see the clean-ups that need attention".to_owned()),
    ] {
        if n > 0 {
            output::print(&format!("  {n} {words}"));
        }
    }
    output::print("The next census shows what is gone.");
    exit
}

fn plan_text(plan: &RepairPlan) -> String {
    let mut lines = vec![format!(
        "Plan {}: of {} accounts, clean {} records and clear {} routes. Nobody is signed out.",
        plan.hash,
        plan.items.len(),
        plan.records(),
        plan.routes()
    )];
    for item in plan.items.iter().take(20) {
        let (records, routes) = (item.records.len(), item.routes.len());
        let owed = if item.unread.is_empty() { "" } else { ", part of it owed" };
        lines.push(format!("  {}: {records} records, {routes} routes{owed}", item.account));
    }
    if plan.items.len() > 20 {
        lines.push(format!("  and {} accounts more", plan.items.len() - 20));
    }
    if plan.more {
        lines.push("More accounts have open findings than the plan's limit: repair again afterwards.".to_owned());
    }
    for left in plan.left_alone.iter().take(10) {
        lines.push(format!("Left alone: {} ({})", left.what.trim_end_matches('.'), left.why));
    }
    lines.join("\n")
}
