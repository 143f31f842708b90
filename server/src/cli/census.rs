//! `census`: what is left over anywhere.

use domain::census::{Census, CensusPhase, CensusRead, FindingFilter};
use serde_json::json;

use super::{Context, Exit, Failure, output, terminal};
use crate::compose::Purpose;

/// Look for everything that is left over anywhere: sessions, routes, and Unstick's own database
///
/// A finding counts (is open) when two censuses saw it and it is older than `census_grace`. Two censuses never run at once.
/// What could not be read is said, and what was found there before keeps its state.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool census
  admin-tool census --json | jq '.findings[] | select(.kind == \"stale_route\")'

Exit codes: 0 nothing is open and everything was read, 1 failed, 2 wrong usage, 3 findings are open or something could not be
read, 4 refused: another census is under way.")]
pub struct Args {
    /// One JSON document on standard output; it has the 50 oldest findings (`page_size`)
    #[arg(long)]
    pub json: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let desk = context.desk(Purpose::Scan).await?;
    let line = terminal::spinner(args.json);
    let progress = |phase: CensusPhase, read: CensusRead| {
        line.set_message(format!(
            "{}: {} accounts, {} sessions, {} routes read",
            phase.label(),
            read.accounts,
            read.sessions,
            read.routes
        ));
    };
    let census = desk.census(&progress).await;
    line.finish_and_clear();
    let census = census?;
    let note = &census.note;
    let exit = if note.open() == 0 && note.unread.is_empty() { Exit::Done } else { Exit::Owed };
    let (findings, more) = desk.findings(&FindingFilter::default()).await?;
    if args.json {
        output::document(&json!({
            "outcome": match exit { Exit::Done => "clean", _ => "findings" },
            "exit": exit.code(),
            "census": census.no,
            "started_at": census.started_at,
            "ended_at": census.ended_at,
            "read": note.read,
            "unread": note.unread,
            "open": note.open(),
            "suspected": note.suspected(),
            "tallies": note.tallies,
            "findings": findings,
            "more": more,
        }));
        return Ok(exit);
    }
    output::print(&text(&census));
    for finding in findings.iter().take(20) {
        output::print(&format!("  {}", finding.seen.sentence()));
    }
    if note.open() > 20 {
        output::print(&format!("  and {} more: see /findings in the console, or --json", note.open() - 20));
    }
    Ok(exit)
}

fn text(census: &Census) -> String {
    let note = &census.note;
    let read = note.read;
    let took = census.ended_at.map_or_else(String::new, |ended| format!(" in {}", ended.since(census.started_at)));
    let mut lines = vec![format!(
        "Census {}: {} accounts, {} sessions, {} routes and {} audit events read{took}.",
        census.no, read.accounts, read.sessions, read.routes, read.events
    )];
    for unread in &note.unread {
        lines.push(format!("Not known: {} / {}: {}", unread.place.router, unread.place.pool, unread.why));
    }
    let rows: Vec<Vec<String>> = note
        .tallies
        .iter()
        .filter(|tally| tally.open + tally.suspected + tally.gone > 0)
        .map(|tally| {
            vec![
                tally.kind.label().to_owned(),
                tally.open.to_string(),
                tally.suspected.to_string(),
                tally.gone.to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        lines.push("Nothing is left over.".to_owned());
    } else {
        lines.push(output::table(&["KIND", "OPEN", "SEEN ONCE", "GONE NOW"], &rows));
    }
    if note.open() == 0 && note.suspected() > 0 {
        lines.push("What was seen once counts when the next census sees it again.".to_owned());
    }
    lines.join("\n")
}
