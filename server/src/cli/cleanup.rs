//! `cleanup-user-sessions`: the plan, the reason, the clean-up, its evidence.

use std::path::PathBuf;

use clap::ValueEnum;
use domain::{
    AccountId, BulkOrder, CleanupId, Mode, Status, Step,
    view::{CleanupRequest, LedgerView, PlanPage},
};
use serde_json::{Value, json};
use service::Requested;

use super::{Context, Exit, Failure, desk::Desk, output, terminal, words};
use crate::compose::Purpose;

/// Clean up what is left of an account's sessions, and prove that it is gone
///
/// Every place is cleared key by key and read again, twice: at once, and after the longest request could have ended. A
/// server that runs on the same database sees the clean-up and may carry it on; it is never done twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool cleanup-user-sessions --account-id acc_7Q2mX0cVd4 --dry-run
  admin-tool cleanup-user-sessions --account-id acc_7Q2mX0cVd4 --reason 'pinned to api-2' --ticket T-1042
  admin-tool cleanup-user-sessions --account-id acc_7Q2mX0cVd4 --force --reason 'stuck on every device' --json
  admin-tool cleanup-user-sessions --from-file accounts.csv --reason 'left by the outage' --wait
  admin-tool cleanup-user-sessions --filter 'router=lb-1 pool=app server=api-2' --mode unstick --dry-run

With --from-file or --filter it is a bulk clean-up: the list is frozen and counted first; above bulk_approval_above accounts
(default 50) another admin approves exactly that list in the console.

Exit codes: 0 done and verified (or nothing to do), 1 failed, 2 wrong usage, 3 accepted but owed to a router that does not
answer, 4 refused.")]
pub struct Args {
    /// The account, as the identity system calls it
    #[arg(long, value_name = "ID", value_parser = words::id::<AccountId>, required_unless_present_any = ["from_file", "filter"])]
    account_id: Option<AccountId>,
    /// Many accounts: ids in a file, one a line or CSV with a column `account_id`; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["account_id", "filter"])]
    from_file: Option<PathBuf>,
    /// Many accounts: those that pass a filter, `field=value` between blanks; fields: text, kind, router, pool, server,
    /// leftover, `seen_before`, plan
    #[arg(long, value_name = "FILTER", conflicts_with = "account_id")]
    filter: Option<String>,
    /// With --from-file or --filter: accounts under way at once [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "account_id")]
    wave: Option<u32>,
    /// With --from-file or --filter: accounts begun a second, at most [default: 500]
    #[arg(long, value_name = "N", conflicts_with = "account_id")]
    rate: Option<u32>,
    /// With --from-file or --filter: stop by itself when more accounts than this are in trouble [default: 25]
    #[arg(long, value_name = "N", conflicts_with = "account_id")]
    failure_limit: Option<u32>,
    /// With --from-file or --filter: work on it here until it ends, and show how far it is
    #[arg(long, conflicts_with = "account_id")]
    wait: bool,
    /// How much: unstick removes routes and leaves everybody signed in; stale removes what ended sessions left [default: stale]
    #[arg(long, value_enum)]
    mode: Option<GentleMode>,
    /// End every session of the account, live ones too, and remove all that they left
    #[arg(long)]
    force: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
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

/// The modes that sign nobody out. The other one has a flag of its own, so that it is never meant by mistake.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum GentleMode {
    Unstick,
    Stale,
}

impl Args {
    const fn mode(&self) -> Mode {
        match (self.force, self.mode) {
            (true, _) => Mode::Force,
            (false, Some(GentleMode::Unstick)) => Mode::Unstick,
            (false, Some(GentleMode::Stale) | None) => Mode::Stale,
        }
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    if args.force && args.mode.is_some() {
        let text = "leave out --mode, for --force is a mode of its own (it ends every session); or leave out --force, and nobody is signed out";
        return Err(Failure::usage("usage", text).about("mode"));
    }
    let mode = args.mode();
    if args.from_file.is_some() || args.filter.is_some() {
        let many = super::bulk::Many {
            from_file: args.from_file,
            filter: args.filter,
            order: BulkOrder {
                mode,
                reason: String::new(),
                ticket: args.ticket,
                wave: args.wave.unwrap_or(BulkOrder::WAVE),
                rate: args.rate.unwrap_or(BulkOrder::RATE),
                failure_limit: args.failure_limit.unwrap_or(BulkOrder::FAILURE_LIMIT),
            },
            reason: args.reason,
            dry_run: args.dry_run,
            wait: args.wait,
            json: args.json,
        };
        return super::bulk::clean_up(context, many).await;
    }
    let Some(account_id) = args.account_id.clone() else {
        return Err(Failure::usage("usage", "give --account-id, --from-file or --filter"));
    };
    let asks = terminal::is_there() && !args.json;
    if !args.dry_run && args.reason.is_none() && !asks {
        let text = "say why with --reason: it goes into the audit log (it is asked for only on a terminal)";
        return Err(Failure::usage("reason", text).about("reason"));
    }
    let desk = context.desk(Purpose::Work).await?;
    let page = desk.plan(&account_id, mode).await?;
    match (args.dry_run, args.json) {
        (true, true) => output::document(&document("dry-run", &args, Some(&page))),
        (true, false) => output::print(&plan_text(&page)),
        (false, false) => output::say(&plan_text(&page)),
        (false, true) => {}
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let asked = args.reason.is_none();
    let reason = match &args.reason {
        Some(reason) => reason.clone(),
        None => terminal::ask("Why? (goes into the audit log; Ctrl-C to leave everything as it is)")?,
    };
    let request = CleanupRequest {
        account: account_id.clone(),
        mode,
        reason,
        ticket: args.ticket.clone(),
        // Who read the plan and thought about a reason confirmed that plan; a script takes the plan of the moment.
        hash: asked.then(|| page.hash.clone()),
    };
    let requested = match desk.request(request).await {
        Ok(requested) => requested,
        Err(failure) if failure.code() == "nothing-to-do" => return Ok(nothing(&args, &page)),
        Err(failure) => return Err(failure),
    };
    let status = watch(&desk, &requested.id, &args).await?;
    finish(&desk, &args, &page, &requested, status).await
}

/// What was wanted is so already, and was read.
fn nothing(args: &Args, page: &PlanPage) -> Exit {
    if args.json {
        output::document(&document("nothing-to-do", args, Some(page)));
    } else {
        output::say("Nothing to do: the account has nothing of what this mode removes.");
    }
    Exit::Done
}

async fn watch(desk: &Desk, id: &CleanupId, args: &Args) -> Result<Status, Failure> {
    let line = terminal::spinner(args.json);
    let visible = !line.is_hidden();
    let on_change = |view: &LedgerView| {
        let headline = view.headline.to_string();
        if visible {
            line.set_message(headline);
        } else if !args.json {
            output::say(&headline);
        }
    };
    let status = desk.drive(id, &on_change).await?;
    line.finish_and_clear();
    Ok(status)
}

async fn finish(
    desk: &Desk,
    args: &Args,
    page: &PlanPage,
    requested: &Requested,
    status: Status,
) -> Result<Exit, Failure> {
    let exit = match status {
        Status::Done => Exit::Done,
        Status::Owed | Status::Running => Exit::Owed,
        Status::NeedsAttention => Exit::Failed,
    };
    let view = desk.ledger(&requested.id).await?;
    if !args.json {
        output::print(&evidence_text(&view, requested));
        return Ok(exit);
    }
    let steps: Vec<Step> = desk.steps(&requested.id).await?;
    let mut told = document(exit.as_str(), args, Some(page));
    let more = json!({
        "cleanup_id": requested.id,
        "joined": requested.joined,
        "status": status,
        "headline": view.headline.to_string(),
        "requested_at": view.cleanup.requested_at,
        "finished_at": view.cleanup.finished_at,
        "counts": view.counts,
        "watch": view.watch,
        "came_back": view.returns,
        "milestones": view.milestones,
        "steps": steps,
        "reply": view.reply,
    });
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    output::document(&told);
    Ok(exit)
}

fn document(outcome: &str, args: &Args, page: Option<&PlanPage>) -> Value {
    json!({
        "outcome": outcome,
        "account_id": args.account_id,
        "mode": args.mode(),
        "verdict": page.map(|page| page.verdict.sentence.to_string()),
        "plan": page.map(|page| &page.plan),
        "plan_hash": page.map(|page| &page.hash),
    })
}

fn plan_text(page: &PlanPage) -> String {
    let plan = &page.plan;
    let mut lines = vec![format!("{} ({})", page.account.title(), page.account.id), page.verdict.sentence.to_string()];
    let there = plan.routes.iter().filter(|route| route.server.is_some()).count();
    lines.push(format!(
        "Plan ({}): end {}, clear {}, clean {}.",
        plan.mode.as_str(),
        words::count(plan.ends.len(), "live session"),
        words::count(there, "route"),
        words::count(plan.deletes.len(), "record"),
    ));
    for route in plan.routes.iter().filter_map(|route| Some((route, route.server.as_ref()?))).take(20) {
        let (route, server) = route;
        lines.push(format!("  {} on {} / {} → {server}", route.key, route.place.router, route.place.pool));
    }
    if there > 20 {
        lines.push(format!("  and {} more", there - 20));
    }
    lines.extend(page.unread.iter().map(|unread| format!("  {}", unread.words())));
    lines.extend(plan.notices.iter().cloned());
    lines.join("\n")
}

fn evidence_text(view: &LedgerView, requested: &Requested) -> String {
    let mut lines = vec![view.headline.to_string()];
    if requested.joined {
        lines.push("It was under way already; this command joined it.".to_owned());
    }
    lines.extend(view.milestones.iter().map(|it| format!("  {}  {} (after {})", it.at.to_clock(), it.what, it.after)));
    for step in view.steps.iter().filter(|step| step.step.trouble.is_some()) {
        let why = step.step.trouble.as_ref().map_or("", |trouble| trouble.text());
        lines.push(format!("  {}: {why}", step.words));
    }
    lines.push(format!("Clean-up {}", view.cleanup.id));
    if let Some(reply) = &view.reply {
        lines.push(format!("\nTo tell the customer:\n\n{}", reply.trim_end()));
    }
    lines.join("\n")
}
