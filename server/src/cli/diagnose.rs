//! `diagnose-sessions`: the verdict and its evidence.

use domain::{AccountId, Finding, Verdict, World};
use serde_json::json;

use super::{Context, Exit, Failure, output, self_service::Remote, words};
use crate::compose::Purpose;

/// Say what is wrong with an account's sessions and routes
///
/// Reads the account's sessions and asks every router; changes nothing. Without an account, and with a server, it is told of your
/// own sessions with the service, with the credential of your session.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool diagnose-sessions --account-id acc_7Q2mX0cVd4 --json | jq -r .verdict.kind
  UNSTICK_CREDENTIAL=self_… admin-tool diagnose-sessions --server https://unstick.example")]
pub struct Args {
    /// The account, as the identity system calls it
    #[arg(long, value_name = "ID", value_parser = words::id::<AccountId>, required_unless_present = "server")]
    pub account_id: Option<AccountId>,
    #[command(flatten)]
    pub remote: Remote,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Some(account_id) = &args.account_id else {
        return Err(Failure::usage("usage", "give --account-id, or --server and a credential"));
    };
    let unstick = context.open(Purpose::Work).await?;
    let (world, verdict, findings) = unstick.diagnose(&context.actor, account_id).await?;
    if args.json {
        output::document(&json!({
            "outcome": "done",
            "account": world.account,
            "verdict": { "kind": verdict.kind, "sentence": verdict.sentence.to_string(), "advice": verdict.advice },
            "findings": findings.iter().map(|finding| json!({
                "kind": finding.kind, "severity": finding.severity, "sentence": finding.sentence.to_string(),
                "since": finding.since, "sessions": finding.sessions, "count": finding.count,
            })).collect::<Vec<_>>(),
            "routes": world.routes,
            "unread": world.unread,
            "read_at": world.read_at,
        }));
    } else {
        output::print(&text(&world, &verdict, &findings));
    }
    Ok(Exit::Done)
}

fn text(world: &World, verdict: &Verdict, findings: &[Finding]) -> String {
    let account = &world.account;
    let mut lines = vec![
        format!("{} ({})", account.title(), account.id),
        format!(
            "{}, {} left over",
            words::count(usize::try_from(account.live_sessions).unwrap_or(0), "live session"),
            account.leftover_sessions
        ),
        String::new(),
        verdict.sentence.to_string(),
    ];
    lines.extend(findings.iter().map(|finding| format!("  - {}", finding.sentence)));
    lines.extend(world.unread.iter().map(|unread| format!("  ! {}: {}", unread.router, unread.why)));
    if let Some(mode) = verdict.advice {
        let flag = if mode == domain::Mode::Force { "--force".to_owned() } else { format!("--mode {}", mode.as_str()) };
        lines.push(format!(
            "\nWhat would help:\n  admin-tool cleanup-user-sessions --account-id '{}' {flag}",
            account.id
        ));
    }
    lines.join("\n")
}
