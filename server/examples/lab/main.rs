//! `make lab`: the complaint that Unstick is for, on loopback, with a real HAProxy. Everything is healthy; customers sign
//! in and are pinned; then `api-2` turns bad and is drained, which moves nobody. Whoever was pinned to it stays there,
//! whatever they reinstall, until a clean-up frees them. `--check` shows just that, without the console, in figures.
//!
//! Ctrl-C and SIGTERM stop all of it. Children end with this process, however it ends.

mod backend;
mod check;
mod child;
mod confirm;
mod console;
mod control;
mod customers;
mod folder;
mod haproxy;
mod map;
mod people;
mod ports;
mod proxy;
mod receiver;
mod registry;
mod sign_in;
mod story;
mod traffic;
mod wait;
mod world;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::world::World;

/// What goes wrong in the lab ends it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A whole world on loopback: HAProxy, three back ends of which one is bad, a sign-in app, customers, and the console.
#[derive(Debug, Clone, Parser)]
pub struct Arguments {
    /// Customers who sign in, work and sign out badly by themselves.
    #[arg(long, default_value_t = 300)]
    pub accounts: usize,
    /// Which people the customers are, and when each of them does what.
    #[arg(long, default_value_t = 1)]
    pub seed: usize,
    /// Port of the console, when it is free; 0 takes any.
    #[arg(long, default_value_t = 3000)]
    pub console_port: u16,
    /// Port of the lab's own controls; 0 takes any.
    #[arg(long, default_value_t = 0)]
    pub control_port: u16,
    /// Where the lab keeps its files; what it left there last time is removed.
    #[arg(long, default_value = "data/lab")]
    pub folder: PathBuf,
    /// Keep the database of last time; HAProxy's tables start empty all the same.
    #[arg(long)]
    pub keep: bool,
    /// The console's program; by default the one that was built with the lab.
    #[arg(long)]
    pub admin_tool: Option<PathBuf>,
    /// No console: the sign-in app makes keys itself, and nobody cleans up but you.
    #[arg(long)]
    pub no_console: bool,
    /// Two load balancers that are each other's peers, instead of one; customers come through either.
    #[arg(long)]
    pub fleet: bool,
    /// An affinity proxy with a map in Redis in front of one application, under /docs/.
    #[arg(long, conflicts_with = "check")]
    pub redis: bool,
    /// Pages that take 1 to 5 seconds now and then, so that requests are under way when something is cleaned.
    #[arg(long, conflicts_with = "check")]
    pub slow_pages: bool,
    /// Show the complaint and its cure on the real HAProxy, without the console; exit 0 when all of it came out.
    #[arg(long)]
    pub check: bool,
    /// Be the receiver of webhooks, on this port and with the files in the folder; the lab starts itself so.
    #[arg(long, hide = true)]
    pub receive: Option<u16>,
    /// A file to write once everything runs.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
}

impl Arguments {
    /// The longest request.
    pub const fn max_request(&self) -> Duration {
        if self.slow_pages { haproxy::MAX_SLOW_REQUEST } else { haproxy::MAX_REQUEST }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Outcome<()> {
    if let Some(port) = arguments.receive {
        return receiver::run(&arguments.folder, port).await;
    }
    let mut end = End::listen()?;
    let world = tokio::select! {
        world = World::begin(&arguments) => world?,
        () = end.asked() => return Err("stopped before it was ready".into()),
    };
    let outcome = tokio::select! {
        outcome = live(&world, &arguments) => outcome,
        () = end.asked() => Ok(()),
    };
    println!("lab: stopping");
    world.end().await?;
    outcome
}

/// Lets the story happen, and then customers live until somebody ends the lab.
async fn live(world: &std::sync::Arc<World>, arguments: &Arguments) -> Outcome<()> {
    let report = story::tell(world, arguments.accounts).await?;
    traffic::start(world, arguments.accounts, arguments.seed, arguments.slow_pages);
    if arguments.check {
        return check::run(world, &report).await;
    }
    let control = control::serve(world.clone(), arguments.control_port).await?;
    control::ready(world, &control, &report)?;
    if let Some(file) = &arguments.ready_file {
        std::fs::write(file, &control)?;
    }
    world.child_ended().await
}

/// The signals that end the lab.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn listen() -> Outcome<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
