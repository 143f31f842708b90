//! `audit`: proving the log, taking it elsewhere, and signing its head.

use std::io::Write;

use clap::ValueEnum;
use domain::{AccountId, Instant, view::AuditFilter};
use serde_json::json;

use super::{Context, Exit, Failure, desk::Desk, output, terminal, words};
use crate::{compose::Purpose, http::ExportFormat, wire::Verified};

/// Verify, export and checkpoint the audit log
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool audit verify
  admin-tool audit export --format csv --from 2026-11-01 --action cleanup > november.csv
  admin-tool audit checkpoint")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON document on standard output (an export is a file of its own)
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Recompute the chain from its first event and hold it against the signed checkpoints
    Verify,
    /// Write the log to standard output, newest first; that it was exported is itself written down
    Export(ExportArgs),
    /// Sign the head of the chain into the checkpoint file, outside the database
    Checkpoint,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// How it looks
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// Only of this actor, exactly as in the log: staff:dana
    #[arg(long)]
    actor: Option<String>,
    /// Only about this account
    #[arg(long, value_parser = words::id::<AccountId>)]
    account: Option<AccountId>,
    /// Only this action, or all that begin so up to a dot: cleanup
    #[arg(long)]
    action: Option<String>,
    /// Only of this ticket, exactly
    #[arg(long)]
    ticket: Option<String>,
    /// Not before this day or instant
    #[arg(long, value_parser = words::instant)]
    from: Option<Instant>,
    /// Before this day or instant
    #[arg(long, value_parser = words::instant)]
    to: Option<Instant>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Verify => verify(&context.desk(Purpose::Work).await?, args.json).await,
        Command::Export(inner) => export(&context.desk(Purpose::Work).await?, inner).await,
        Command::Checkpoint => {
            let unstick = context.here(Purpose::Work, "audit checkpoint").await?;
            let checkpoint = unstick.checkpoint(&context.actor).await?;
            let file = context.config.checkpoint_file();
            if args.json {
                output::document(&json!({ "outcome": "done", "checkpoint": checkpoint, "file": file }));
            } else {
                output::print(&format!("event {} signed into {}", checkpoint.seq, file.display()));
            }
            Ok(Exit::Done)
        }
    }
}

async fn verify(desk: &Desk, as_json: bool) -> Result<Exit, Failure> {
    let bar = terminal::bar(None, "events", as_json);
    let progress = |seq: i64| bar.set_position(u64::try_from(seq).unwrap_or(0));
    let verified = desk.verify(&progress).await?;
    bar.finish_and_clear();
    let Verified { intact, events, head, seq, why } = verified;
    let (exit, text) = if intact {
        let (events, head) = (events.unwrap_or_default(), head.clone().unwrap_or_default());
        (Exit::Done, format!("intact: {events} events, head {head}"))
    } else {
        let (seq, why) = (seq.unwrap_or_default(), why.clone().unwrap_or_default());
        (Exit::Failed, format!("BROKEN at event {seq}: {why}"))
    };
    match (as_json, intact) {
        (true, true) => {
            output::document(&json!({ "outcome": "done", "intact": true, "events": events, "head": head }));
        }
        (true, false) => output::document(&json!({ "outcome": "failed", "intact": false, "seq": seq, "why": why })),
        (false, _) => output::print(&text),
    }
    Ok(exit)
}

async fn export(desk: &Desk, args: ExportArgs) -> Result<Exit, Failure> {
    let ExportArgs { format, actor, account, action, ticket, from, to } = args;
    let format = match format {
        Format::Csv => ExportFormat::Csv,
        Format::Ndjson => ExportFormat::Ndjson,
    };
    let filter = AuditFilter { actor, account, action, ticket, from, to };
    let mut out = std::io::BufWriter::new(std::io::stdout());
    desk.export(format, &filter, &mut out).await?;
    out.flush().map_err(|error| Failure::failed(format!("standard output cannot be written to: {error}")))?;
    Ok(Exit::Done)
}
