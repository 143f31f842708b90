//! `make lab`: the complaint that Unstick is for, on loopback, with a real HAProxy. Everything is healthy; customers sign
//! in and are pinned; then `api-2` turns bad and is drained, which moves nobody. Whoever was pinned to it stays there,
//! whatever they reinstall, until a clean-up frees them.
//!
//! Ctrl-C stops all of it. Children end with this process, however it ends.

mod backend;
mod child;
mod console;
mod control;
mod customers;
mod haproxy;
mod sign_in;
mod story;
mod traffic;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Parser;

/// What goes wrong in the lab ends it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A whole world on loopback: HAProxy, three back ends of which one is bad, a sign-in app, customers, and the console.
#[derive(Debug, Clone, Parser)]
pub struct Arguments {
    /// Customers who sign in, work and sign out badly by themselves.
    #[arg(long, default_value_t = 300)]
    pub accounts: usize,
    /// Port of the console; 0 takes a free one.
    #[arg(long, default_value_t = 3000)]
    pub console_port: u16,
    /// Port of the lab's own controls; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub control_port: u16,
    /// Where the lab keeps its files; what is there from last time is removed.
    #[arg(long, default_value = "data/lab")]
    pub folder: PathBuf,
    /// The console's program; by default the one that was built with the lab.
    #[arg(long)]
    pub admin_tool: Option<PathBuf>,
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
    if arguments.folder.exists() {
        std::fs::remove_dir_all(&arguments.folder)?;
    }
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = arguments.folder.canonicalize()?;
    let customers = Arc::new(customers::Customers::default());
    let backends = backend::start(&customers).await?;
    let sign_in_port = sign_in::reserve().await?;
    let haproxy = Arc::new(haproxy::Haproxy::start(&folder, &backends, sign_in_port.port()).await?);
    let console = console::Console::start(&arguments, &folder, &haproxy).await?;
    let app = Arc::new(sign_in::SignIn::new(&console, customers.clone(), haproxy.address())?);
    sign_in::serve(sign_in_port, app.clone());
    let world = Arc::new(control::World {
        haproxy,
        backends,
        app,
        console,
        folder,
        traffic: traffic::Traffic::default(),
    });
    let control = control::serve(world.clone(), arguments.control_port).await?;
    let report = story::tell(&world, arguments.accounts).await?;
    traffic::start(&world, arguments.accounts);
    control::ready(&world, &control, &report)?;
    wait_for_end().await?;
    println!("lab: stopping");
    Ok(())
}

async fn wait_for_end() -> Outcome<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
