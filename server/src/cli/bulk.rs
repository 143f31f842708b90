//! `bulk`, and `cleanup-user-sessions` of many accounts: frozen and counted, asked for, approved in the console, carried out.

use std::{collections::BTreeSet, fs::File, io::Read, path::PathBuf};

use domain::{
    AccountFilter, Bulk, BulkId, BulkMove, BulkOrder, BulkOutcome, BulkSelection, BulkStatus, view::BulkPage,
};
use serde_json::json;
use service::BulkSource;

use super::{Context, Exit, Failure, desk::Desk, output, terminal, words};
use crate::compose::Purpose;

/// See and steer bulk clean-ups
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool bulk list
  admin-tool bulk show b_5Jp0wLZk3x --problems
  admin-tool bulk pause b_5Jp0wLZk3x

One is made by `cleanup-user-sessions --from-file FILE` or `--filter FILTER`. A second admin approves it in the console, where
it is known who they are.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the newest ones
    List,
    /// Show one: how far it is, and what became of its accounts
    Show {
        /// Which
        #[arg(value_parser = words::id::<BulkId>)]
        id: BulkId,
        /// Name the accounts that are in trouble
        #[arg(long)]
        problems: bool,
    },
    /// Begin nothing new; what is under way ends
    Pause {
        /// Which
        #[arg(value_parser = words::id::<BulkId>)]
        id: BulkId,
    },
    /// Let one that is paused, or stopped by itself, go on
    Resume {
        /// Which
        #[arg(value_parser = words::id::<BulkId>)]
        id: BulkId,
    },
    /// End it; what is under way ends as it should
    Cancel {
        /// Which
        #[arg(value_parser = words::id::<BulkId>)]
        id: BulkId,
    },
    /// Give the accounts for which no clean-up could be asked for another turn
    Retry {
        /// Which
        #[arg(value_parser = words::id::<BulkId>)]
        id: BulkId,
    },
}

/// Accounts in trouble that are named.
const NAMED: u32 = 100;

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { command, json } = args;
    let desk = context.desk(Purpose::Work).await?;
    let (id, what) = match command {
        Command::List => return list(&desk, json).await,
        Command::Show { id, problems } => return show(&desk, &id, problems, json).await,
        Command::Pause { id } => (id, BulkMove::Pause),
        Command::Resume { id } => (id, BulkMove::Resume),
        Command::Cancel { id } => (id, BulkMove::Cancel),
        Command::Retry { id } => (id, BulkMove::Retry),
    };
    let bulk = desk.control_bulk(&id, what).await?;
    if json {
        output::document(&json!({ "outcome": "done", "bulk": bulk }));
    } else {
        output::print(&line(&bulk));
    }
    Ok(Exit::Done)
}

async fn list(desk: &Desk, json: bool) -> Result<Exit, Failure> {
    let bulks = desk.bulks().await?;
    if json {
        output::document(&json!({ "outcome": "done", "bulks": bulks }));
    } else if bulks.is_empty() {
        output::say("There is none.");
    } else {
        for bulk in &bulks {
            output::print(&line(bulk));
        }
    }
    Ok(Exit::Done)
}

async fn show(desk: &Desk, id: &BulkId, problems: bool, json: bool) -> Result<Exit, Failure> {
    let page = desk.bulk(id).await?;
    let mut named = Vec::new();
    if problems {
        for outcome in BulkOutcome::ALL.into_iter().filter(|outcome| outcome.is_trouble()) {
            named.extend(desk.bulk_accounts(id, outcome, NAMED).await?);
        }
    }
    if json {
        output::document(
            &json!({ "outcome": "done", "bulk": page.bulk, "routes": page.routes, "unread": page.unread, "in_trouble": named }),
        );
    } else {
        output::print(&preview(&page));
        output::print(&line(&page.bulk));
        for account in named {
            output::print(&format!("  {}: {} {}", account.account, account.outcome.label(), account.note));
        }
    }
    Ok(Exit::Done)
}

/// `b_x  running  1,204 of 10,000 · …`
fn line(bulk: &Bulk) -> String {
    let counts: Vec<String> = BulkOutcome::ALL
        .into_iter()
        .filter(|outcome| bulk.counts.get(*outcome) > 0)
        .map(|outcome| format!("{} {}", bulk.counts.get(outcome), outcome.label()))
        .collect();
    let why = if bulk.stopped_why.is_empty() { String::new() } else { format!(" · {}", bulk.stopped_why) };
    format!("{}: {} · {}{why}", bulk.id, bulk.status.label(), counts.join(", "))
}

fn preview(page: &BulkPage) -> String {
    let bulk = &page.bulk;
    let mut lines = vec![format!(
        "{} ({}): {}, {} live and {} left over; it takes about {}.",
        bulk.order.reason,
        bulk.order.mode.as_str(),
        words::count(usize::try_from(bulk.counts.total()).unwrap_or(0), "account"),
        words::count(usize::try_from(bulk.live_sessions).unwrap_or(0), "session"),
        bulk.leftover_sessions,
        page.takes,
    )];
    if let BulkSelection::List(report) = &bulk.selection {
        let all = report.unknown + report.duplicates + report.malformed;
        if all > 0 {
            lines.push(format!(
                "Not part of it: {} unknown, {} twice, {} no id.",
                report.unknown, report.duplicates, report.malformed
            ));
            lines.extend(
                report.problems.iter().take(20).map(|it| format!("  line {}: {} ({})", it.line, it.why, it.text)),
            );
            if all > 20 {
                lines.push(format!("  and {} more", all - 20));
            }
        }
    }
    lines.extend(page.routes.iter().map(|(place, server, n)| {
        let routes = words::count(usize::try_from(*n).unwrap_or(0), "route");
        format!("  {routes} to {server} on {} / {}", place.router, place.pool)
    }));
    lines.extend(page.unread.iter().map(|it| format!("  {}. Its routes are not counted.", it.words())));
    if let Some(moved) = &page.server_move {
        let targets: BTreeSet<&str> = page.targets.iter().map(|target| target.name.as_str()).collect();
        let chosen = if moved.order.to.is_some() { "all are pinned to" } else { "they go to" };
        lines.push(format!("  {chosen} {}", targets.into_iter().collect::<Vec<_>>().join(", ")));
        if moved.unknown > 0 {
            lines.push(format!("  {} routes to it belong to nobody known: they stay", moved.unknown));
        }
        if !moved.is_closed {
            lines.push(format!("  {} still takes new customers: set it to drain first", moved.order.server));
        }
    }
    lines.join("\n")
}

/// Many accounts that are to be cleaned up.
pub(super) struct Many {
    pub(super) from_file: Option<PathBuf>,
    pub(super) filter: Option<String>,
    pub(super) order: BulkOrder,
    pub(super) reason: Option<String>,
    pub(super) dry_run: bool,
    pub(super) wait: bool,
    pub(super) json: bool,
}

/// `cleanup-user-sessions` with `--from-file` or `--filter`.
pub(super) async fn clean_up(context: &Context, many: Many) -> Result<Exit, Failure> {
    let source = source(&many)?;
    let manner = Manner { reason: many.reason, dry_run: many.dry_run, wait: many.wait, json: many.json };
    draft_and_ask(context, source, many.order, manner).await
}

/// How a bulk clean-up is asked for from a shell.
pub(super) struct Manner {
    pub(super) reason: Option<String>,
    pub(super) dry_run: bool,
    pub(super) wait: bool,
    pub(super) json: bool,
}

/// Freezes the list, shows what would happen, asks for it, and sees it through where that is wanted.
pub(super) async fn draft_and_ask(
    context: &Context,
    source: BulkSource,
    order: BulkOrder,
    many: Manner,
) -> Result<Exit, Failure> {
    let reason = if many.dry_run { "dry run".to_owned() } else { terminal::reason(many.reason)? };
    let desk = context.desk(Purpose::Work).await?;
    let order = BulkOrder { reason, ..order };
    let bulk = desk.draft_bulk(source, order).await?;
    let page = desk.bulk(&bulk.id).await?;
    if !many.json {
        output::say(&preview(&page));
    }
    if many.dry_run {
        let bulk = desk.control_bulk(&bulk.id, BulkMove::Cancel).await?;
        if many.json {
            output::document(&json!({
                "outcome": "dry-run", "bulk": bulk, "routes": page.routes, "unread": page.unread, "server_move": page.server_move,
                "targets": page.targets,
            }));
        }
        return Ok(Exit::Done);
    }
    let mut bulk = desk.request_bulk(&bulk.id, &bulk.hash).await?;
    if bulk.status == BulkStatus::AwaitingApproval && !many.json {
        output::say(&format!(
            "It waits for another admin, who approves it within 30 minutes at {}/bulk/{}",
            desk.console(context),
            bulk.id
        ));
    }
    if many.wait {
        let total = u64::try_from(bulk.counts.total()).unwrap_or(0);
        let bar = terminal::bar(Some(total), "accounts", many.json);
        bulk = desk
            .drive_bulk(&bulk.id, &|bulk| bar.set_position(u64::try_from(bulk.counts.ended()).unwrap_or(0)))
            .await?;
        bar.finish_and_clear();
    } else if bulk.status == BulkStatus::Running && !many.json {
        output::say("A server on this database works on it; with --wait this program does too.");
    }
    let (exit, outcome) = ending(&bulk);
    if many.json {
        output::document(&json!({ "outcome": outcome, "bulk": bulk, "routes": page.routes, "unread": page.unread }));
    } else {
        output::print(&line(&bulk));
    }
    Ok(exit)
}

fn ending(bulk: &Bulk) -> (Exit, &'static str) {
    let troubled = bulk.counts.troubled() > 0;
    match bulk.status {
        BulkStatus::Done if troubled => (Exit::Failed, "failed"),
        BulkStatus::Done => (Exit::Done, "done"),
        BulkStatus::AwaitingApproval => (Exit::Owed, "awaiting-approval"),
        BulkStatus::Running | BulkStatus::Paused => (Exit::Owed, "running"),
        BulkStatus::Stopped => (Exit::Failed, "stopped"),
        _ => (Exit::Refused, "refused"),
    }
}

fn source(many: &Many) -> Result<BulkSource, Failure> {
    if let Some(text) = &many.filter {
        let filter = AccountFilter::parse_words(text)
            .map_err(|error| Failure::usage("filter", error.to_string()).about("filter"))?;
        return Ok(BulkSource::Filter(filter));
    }
    let Some(path) = &many.from_file else {
        return Err(Failure::usage("usage", "give --from-file FILE or --filter FILTER"));
    };
    let from: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let file = File::open(path)
            .map_err(|error| Failure::usage("file", format!("{}: {error}", path.display())).about("from_file"))?;
        Box::new(std::io::BufReader::new(file))
    };
    Ok(BulkSource::List(from))
}
