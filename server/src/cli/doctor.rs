//! `doctor`: is everything as it should be?

mod far;

use std::path::Path;

use serde_json::json;
use service::{Check, CheckOutcome};

use super::{Context, Exit, Failure, output};
use crate::{
    compose::{Purpose, folder_mode, open_to_others},
    config::{Config, Problems, create_private, private_text},
};

/// Check configuration, database, routers and clean-ups
///
/// Exit codes: 0 all well, 1 somebody should look, 2 something does not work.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example, for a monitor:\n  admin-tool doctor --json | jq '.checks[] | select(.outcome != \"ok\")'"
)]
pub struct Args {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

fn check(name: &str, outcome: CheckOutcome, text: impl Into<String>) -> Check {
    Check { name: name.to_owned(), outcome, text: text.into() }
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    if let Some(target) = &context.server {
        return Ok(tell(&args, &far::checks(target).await));
    }
    let mut checks = vec![check("configuration", CheckOutcome::Ok, "every setting is understood")];
    checks.extend(check_files(&context.config));
    match context.open(Purpose::Work).await {
        Err(failure) => checks.push(check("database", CheckOutcome::Bad, failure.text())),
        Ok(unstick) => match unstick.doctor(&context.actor).await {
            Ok(found) => checks.extend(found),
            Err(error) => checks.push(check("database", CheckOutcome::Bad, Failure::from(error).text())),
        },
    }
    Ok(tell(&args, &checks))
}

/// A configuration that is not good, told as a finding.
pub fn bad_configuration(args: &Args, problems: &Problems) -> Exit {
    let told = |problem: &crate::config::Problem| {
        check("configuration", CheckOutcome::Bad, format!("{}: {}", problem.origin, problem.text))
    };
    let checks: Vec<Check> = problems.iter().map(told).collect();
    tell(args, &checks)
}

/// Files with secrets, and what is only noticed when it is missing.
fn check_files(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    for file in [
        config.audit_key_file(),
        config.csrf_key_file(),
        config.self_key_file(),
        config.webhook_key_file(),
        config.token_key_file(),
        config.factor_key_file(),
        config.sign_in_file(),
    ] {
        if let Err(text) = private_text(&file) {
            checks.push(check("secrets", CheckOutcome::Bad, text));
        }
    }
    if checks.is_empty() {
        checks.push(check("secrets", CheckOutcome::Ok, "nobody but the owner can read the keys"));
    }
    checks.extend(check_folder(config));
    checks.push(match config.site_dir() {
        _ if config.site_trouble().is_some() => {
            check("console files", CheckOutcome::Bad, config.site_trouble().unwrap_or_default())
        }
        Some(dir) => check("console files", CheckOutcome::Ok, dir.display().to_string()),
        None => check("console files", CheckOutcome::Warn, "not found: build them (make build) or set site_dir"),
    });
    if !config.listen.ip().is_loopback() && config.trusted_proxies.is_empty() {
        let text = "none is trusted, so every client seems to come from the proxy in front: set trusted_proxies";
        checks.push(check("proxies", CheckOutcome::Warn, text));
    }
    checks
}

/// The data folder: whose it is, and whether a server could keep there what it keeps.
fn check_folder(config: &Config) -> Vec<Check> {
    let folder = &config.data_dir;
    let Ok(mode) = folder_mode(folder) else {
        // It is made with the database, which is the next thing that is looked at.
        return Vec::new();
    };
    let mut checks = Vec::new();
    if mode & 0o077 != 0 {
        let outcome = if mode & 0o022 == 0 { CheckOutcome::Warn } else { CheckOutcome::Bad };
        checks.push(check("data folder", outcome, open_to_others(folder, mode)));
    }
    if let Err(error) = try_to_write(folder) {
        let missing = [config.audit_key_file(), config.csrf_key_file(), config.webhook_key_file()]
            .into_iter()
            .find(|file| !file.exists());
        let what = missing.map_or_else(
            || "the audit log's checkpoints cannot be kept".to_owned(),
            |file| format!("{} is not there and cannot be made", file.display()),
        );
        let text = format!("{} cannot be written to ({error}): {what}", folder.display());
        checks.push(check("data folder", CheckOutcome::Bad, text));
    }
    if checks.is_empty() {
        checks.push(check("data folder", CheckOutcome::Ok, format!("{}, its owner's alone", folder.display())));
    }
    checks
}

/// Makes a file in `folder` and takes it away again.
fn try_to_write(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".doctor-{}", std::process::id()));
    create_private(&file, "")?;
    std::fs::remove_file(&file)
}

fn tell(args: &Args, checks: &[Check]) -> Exit {
    let worst = checks.iter().map(|check| check.outcome).max().unwrap_or(CheckOutcome::Ok);
    let exit = match worst {
        CheckOutcome::Ok => Exit::Done,
        CheckOutcome::Warn => Exit::Failed,
        CheckOutcome::Bad => Exit::Usage,
    };
    if args.json {
        output::document(&json!({ "outcome": worst, "exit": exit.code(), "checks": checks }));
        return exit;
    }
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    for check in checks {
        let mark = match check.outcome {
            CheckOutcome::Ok => "ok  ",
            CheckOutcome::Warn => "WARN",
            CheckOutcome::Bad => "BAD ",
        };
        output::print(&format!("{mark}  {:<width$}  {}", check.name, check.text));
    }
    exit
}
