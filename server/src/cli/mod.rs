//! The shell's commands, one a file. Each works on the database directly, with the same use cases, the same leases and the
//! same audit log as the console; who acts is `cli:<os user>@<host>`. With `--server` a server far away does the work, by its
//! API; who acts is then the token.
//!
//! Exit codes: 0 done (and, for a clean-up, verified), 1 failed, 2 wrong usage, 3 accepted but owed to a router that does
//! not answer, 4 refused. A census ends with 3 when it found something, or could not read something. `doctor` has its own: 0 all well, 1 somebody should look, 2 something does not work.

mod audit;
mod bulk;
mod census;
mod cleanup;
mod completions;
mod config;
mod demo_data;
mod desk;
mod diagnose;
mod doctor;
mod evidence;
mod exit;
mod import;
mod man;
mod output;
mod re_pin;
mod repair;
mod sample;
mod self_service;
mod serve;
mod server_state;
mod staff;
mod terminal;
mod token;
mod unstick_server;
mod webhook;
mod words;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, error::ErrorKind};
use domain::Actor;
use service::Unstick;

use self::{desk::Target, exit::Exit, output::Failure};
use crate::{
    background,
    compose::{self, Purpose, World},
    config::{Config, Problems},
    logs, machine,
};

/// See why an account is stuck, clean it up, and prove that it is clean.
#[derive(Debug, Parser)]
#[command(
    name = "admin-tool",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done and verified, 1 failed, 2 wrong usage, 3 accepted but owed to a router that does not answer, \
                  4 refused.\n\nSettings come from unstick.toml in the current folder and from UNSTICK_* variables; \
                  `admin-tool config print` shows all of them."
)]
pub struct Cli {
    /// The configuration's file [default: unstick.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "UNSTICK_CONFIG")]
    config: Option<PathBuf>,
    /// Before the command: let this server do the work, by its API, with the token in `UNSTICK_TOKEN` or --token-file
    // Not for every command, as some have a --server of their own: the name of one in a pool.
    #[arg(long = "server", id = "server_url", value_name = "URL", env = "UNSTICK_SERVER")]
    server: Option<String>,
    /// With --server: a file of yours alone (mode 600) with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// With --server: trust the certificates in this file (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

// A doc comment on a variant would take the place of that on its arguments, and of its longer text with it.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    CleanupUserSessions(cleanup::Args),
    Bulk(bulk::Args),
    DiagnoseSessions(diagnose::Args),
    ResetSessions(self_service::Args),
    Evidence(evidence::Args),
    Census(census::Args),
    Repair(repair::Args),
    ServerState(server_state::Args),
    RePin(re_pin::Args),
    UnstickServer(unstick_server::Args),
    Import(import::Args),
    DemoData(demo_data::Args),
    Staff(staff::Args),
    Token(token::Args),
    Webhook(webhook::Args),
    Audit(audit::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    Completions(completions::Args),
    /// Print the manual page
    Man,
}

impl Command {
    /// Whether the answer is wanted as one JSON document.
    const fn json(&self) -> bool {
        match self {
            Self::CleanupUserSessions(args) => args.json,
            Self::Bulk(args) => args.json,
            Self::DiagnoseSessions(args) => args.json,
            Self::ResetSessions(args) => args.json,
            Self::Evidence(args) => args.json,
            Self::Census(args) => args.json,
            Self::Repair(args) => args.json,
            Self::ServerState(args) => args.json,
            Self::RePin(args) => args.json,
            Self::UnstickServer(args) => args.json,
            Self::Import(args) => args.json,
            Self::DemoData(args) => args.json,
            Self::Staff(args) => args.json,
            Self::Token(args) => args.json,
            Self::Webhook(args) => args.json,
            Self::Audit(args) => args.json,
            Self::Doctor(args) => args.json,
            Self::Config(args) => args.json(),
            Self::Serve(_) | Self::Completions(_) | Self::Man => false,
        }
    }
}

/// What a command works with.
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// Time and randomness.
    pub world: World,
    /// Who acts.
    pub actor: Actor,
    /// The server that does the work; the database here when none.
    pub server: Option<Target>,
}

impl Context {
    /// Opens the database.
    async fn open(&self, purpose: Purpose) -> Result<Unstick, Failure> {
        compose::open(&self.config, purpose, &self.world).await.map_err(Failure::from)
    }
}

/// The program: reads the command line and runs what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(&error).into(),
    };
    let json = cli.command.json();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(background::workers()).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli));
            // A terminal that waits for input on a blocking thread must not hold the end up.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::failed(format!("the program could not start: {error}"))),
    };
    let exit = match outcome {
        Ok(exit) => exit,
        Err(failure) => failure.tell(json),
    };
    // What nobody could read was not told: then it is not done, whatever it was.
    let Some(error) = output::unwritten() else { return exit.into() };
    let unwritten = Failure::failed(format!("standard output cannot be written to: {error}")).tell(false);
    if exit == Exit::Done { unwritten } else { exit }.into()
}

async fn run(cli: Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Completions(args) => return Ok(completions::run(args)),
        Command::Man => return man::run(),
        // Customers have no configuration of Unstick.
        Command::ResetSessions(args) => return self_service::reset(args, cli.server.as_deref()).await,
        Command::DiagnoseSessions(args) if args.account_id.is_none() => {
            return self_service::diagnose(&args.remote, cli.server.as_deref(), args.json).await;
        }
        _ => {}
    }
    let server = target(&cli)?;
    let config = match load(&cli, server.is_some()) {
        Ok(config) => config,
        // The doctor says so in its own way: a configuration that is not good is a finding.
        Err(problems) => {
            if let Command::Doctor(args) = &cli.command {
                return Ok(doctor::bad_configuration(args, &problems));
            }
            return Err(Failure::usage("configuration", problems.to_string()));
        }
    };
    if matches!(cli.command, Command::Serve(_)) {
        logs::start(&config);
    } else {
        logs::start_quiet(&config);
    }
    let actor = Actor::Shell { user: machine::user(), host: machine::host() };
    let context = Context { config, world: World::default(), actor, server };
    match cli.command {
        Command::Serve(args) => serve::run(context, args).await,
        Command::CleanupUserSessions(args) => cleanup::run(&context, args).await,
        Command::Bulk(args) => bulk::run(&context, args).await,
        Command::DiagnoseSessions(args) => diagnose::run(&context, args).await,
        Command::Evidence(args) => evidence::run(&context, args).await,
        Command::Census(args) => census::run(&context, args).await,
        Command::Repair(args) => repair::run(&context, args).await,
        Command::ServerState(args) => server_state::run(&context, args).await,
        Command::RePin(args) => re_pin::run(&context, args).await,
        Command::UnstickServer(args) => unstick_server::run(&context, args).await,
        Command::Import(args) => import::run(&context, args).await,
        Command::DemoData(args) => demo_data::run(&context, args).await,
        Command::Staff(args) => staff::run(&context, args).await,
        Command::Token(args) => token::run(&context, args).await,
        Command::Webhook(args) => webhook::run(&context, args).await,
        Command::Audit(args) => audit::run(&context, args).await,
        Command::Doctor(args) => doctor::run(&context, args).await,
        Command::Config(args) => Ok(config::run(&context, &args)),
        Command::Completions(_) | Command::Man | Command::ResetSessions(_) => Ok(Exit::Done),
    }
}

/// The server that is to do the work, if one is.
fn target(cli: &Cli) -> Result<Option<Target>, Failure> {
    let own = match &cli.command {
        Command::DiagnoseSessions(args) => args.remote.server.as_deref(),
        _ => None,
    };
    let given = cli.server.as_deref().or(own).map(str::trim).filter(|url| !url.is_empty());
    let Some(url) = given else {
        let alone = [("token-file", cli.token_file.is_some()), ("ca-file", cli.ca_file.is_some())];
        return match alone.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(Failure::usage("usage", format!("--{name} belongs to --server: give the server's address too")))
            }
            None => Ok(None),
        };
    };
    let (token_file, ca_file) = (cli.token_file.clone(), cli.ca_file.clone());
    Ok(Some(Target { url: url.to_owned(), token_file, ca_file }))
}

/// The configuration. Whoever asks a server needs none of the machine that the server runs on.
fn load(cli: &Cli, far: bool) -> Result<Config, Problems> {
    let needed = matches!(cli.command, Command::Serve(_) | Command::Config(_));
    match Config::load(cli.config.as_deref(), std::env::vars()) {
        Err(_) if far && !needed => Config::load(Some(Path::new("/dev/null")), std::iter::empty()),
        loaded => loaded,
    }
}

/// Tells what is wrong with the arguments; with `--json` as a document too.
fn refuse_arguments(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // There is nobody to tell when the terminal is gone.
    let _ = error.print();
    if asked {
        return Exit::Done;
    }
    if std::env::args().any(|argument| argument == "--json") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        output::document(&output::failure_document(Exit::Usage, "usage", first, None));
    }
    Exit::Usage
}
