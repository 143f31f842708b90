//! `diagnose-sessions`: the verdict and its evidence.

use domain::AccountId;
use serde_json::json;

use super::{Context, Exit, Failure, output, self_service::Remote, words};
use crate::{compose::Purpose, wire::Diagnosis};

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
    #[arg(long, value_name = "ID", value_parser = words::id::<AccountId>)]
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
    let told = context.desk(Purpose::Work).await?.diagnose(account_id).await?;
    if args.json {
        let Diagnosis { account, verdict, findings, routes, unread, read_at } = told;
        output::document(&json!({
            "outcome": "done", "account": account, "verdict": verdict, "findings": findings, "routes": routes,
            "unread": unread, "read_at": read_at,
        }));
    } else {
        output::print(&text(&told));
    }
    Ok(Exit::Done)
}

fn text(Diagnosis { account, verdict, findings, unread, .. }: &Diagnosis) -> String {
    let mut lines = vec![
        format!("{} ({})", account.title(), account.id),
        format!(
            "{}, {} left over",
            words::count(usize::try_from(account.live_sessions).unwrap_or(0), "live session"),
            account.leftover_sessions
        ),
        String::new(),
        verdict.sentence.clone(),
    ];
    lines.extend(findings.iter().map(|finding| format!("  - {}", finding.sentence)));
    lines.extend(unread.iter().map(|unread| format!("  ! {}: {}", unread.router, unread.why)));
    if let Some(mode) = verdict.advice {
        let flag = if mode == domain::Mode::Force { "--force".to_owned() } else { format!("--mode {}", mode.as_str()) };
        lines.push(format!(
            "\nWhat would help:\n  admin-tool cleanup-user-sessions --account-id '{}' {flag}",
            account.id
        ));
    }
    lines.join("\n")
}
