//! `evidence`: everything that is known of a clean-up, for the ticket.

use domain::CleanupId;

use super::{Context, Exit, Failure, output, words};
use crate::compose::Purpose;

/// Print all that is known of a clean-up, for the ticket
///
/// Markdown: what was where, when it was cleared and read back, what came back, and its events in the audit log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  admin-tool evidence --cleanup-id c_5Jp0wLZk3x > T-48213.md")]
pub struct Args {
    /// The clean-up, as `cleanup-user-sessions` and the console call it
    #[arg(long, value_name = "ID", value_parser = words::id::<CleanupId>)]
    cleanup_id: CleanupId,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let desk = context.desk(Purpose::Work).await?;
    if args.json {
        let mut told = serde_json::json!({ "outcome": "done" });
        let pack = desk.evidence(&args.cleanup_id).await?;
        if let (Some(told), serde_json::Value::Object(pack)) = (told.as_object_mut(), pack) {
            told.extend(pack);
        }
        output::document(&told);
    } else {
        output::print(desk.evidence_text(&args.cleanup_id).await?.trim_end());
    }
    Ok(Exit::Done)
}
