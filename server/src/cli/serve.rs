//! `serve`: the console, the API and the workers, until a signal says stop.

use std::{sync::Arc, time::Duration};

use service::Unstick;
use store::Engine;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{Context, Exit, Failure, output, sample};
use crate::{
    background::Background,
    compose::{self, Purpose},
    http::{self, Holding, Site, SiteParts},
};

/// How often limits forget who has not asked for a while.
const TIDY: Duration = Duration::from_mins(1);

/// The signal that a process gets, and by default dies of, when a file would grow past its limit (signal(7)).
const SIGXFSZ: i32 = 25;

/// Serve the console and the API
///
/// Several servers may work on one PostgreSQL database; they share clean-ups by leases. SIGTERM and Ctrl-C let requests under way
/// end (`drain_timeout`) and then end the program with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  admin-tool serve
  admin-tool serve --sample
  UNSTICK_LISTEN=127.0.0.1:8080 UNSTICK_DATABASE_URL=postgres://unstick@db/unstick admin-tool serve")]
pub struct Args {
    /// Load sample data into an empty database and add a person of each role, with generated passphrases
    #[arg(long)]
    sample: bool,
}

pub async fn run(context: Context, args: Args) -> Result<Exit, Failure> {
    if let Some(text) = context.config.site_trouble() {
        return Err(Failure::usage("configuration", text).about("site_dir"));
    }
    let listen = context.config.listen;
    // Before anything is loaded: an address that is taken is told at once.
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::failed(format!("{listen} cannot be listened on: {error}")))?;
    let unstick = context.here(Purpose::Work, "serve").await?;
    let folder = &context.config.data_dir;
    if let Some(mode) = compose::folder_mode(folder).ok().filter(|mode| mode & 0o077 != 0) {
        tracing::warn!("{}", compose::open_to_others(folder, mode));
    }
    if args.sample {
        sample::prepare(&context, &unstick).await?;
    } else {
        first_run(&context, &unstick).await?;
    }
    let (stopper, stop) = watch::channel(false);
    tokio::spawn(stop_on_signal(stopper));
    let site = site(&context, &unstick, stop.clone())?;
    output::say(&format!("Unstick serves {}", context.config.public_origin));
    tracing::info!(%listen, database = %context.config.masked_database_url(), "serving");
    // Until the database is closed: connections that were made there live with it.
    let background =
        Background::start().map_err(|error| Failure::failed(format!("the workers could not start: {error}")))?;
    serve(&site, &background, listener, stop).await?;
    unstick.store().close().await;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

fn site(context: &Context, unstick: &Unstick, stop: watch::Receiver<bool>) -> Result<Site, Failure> {
    let config = Arc::new(context.config.clone());
    if config.site_dir().is_none() {
        let text = "the console's files are not there, so pages have no styles and no live updates: build them or set site_dir";
        tracing::warn!("{text}");
    }
    let csrf_key = compose::csrf_key(&config, &context.world)?;
    let entropy = context.world.entropy.clone();
    let unstick = unstick.clone();
    Ok(Site::new(SiteParts { unstick, config, csrf_key, entropy, stop }))
}

/// Connections, workers and upkeep side by side, until `stop`.
async fn serve(
    site: &Site,
    background: &Background,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let config = site.config();
    let drain = config.drain_timeout.to_std();
    let holding = Holding { connections: config.max_connections, head: config.head_timeout.to_std(), drain };
    let work = work(site.unstick().clone(), stop.clone(), drain);
    let workers = match site.unstick().store().engine() {
        Engine::Sqlite => background.spawn(work),
        Engine::Postgres => tokio::spawn(work),
    };
    let upkeep = tokio::spawn(tidy(site.clone(), stop.clone()));
    http::serve(listener, http::router(site), holding, stop)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    for task in [workers, upkeep] {
        task.await.map_err(|error| Failure::failed(format!("a worker broke off: {error}")))?;
    }
    Ok(())
}

/// The workers. A clean-up that does not come to a point in time is left to whoever takes its lease over.
async fn work(unstick: Unstick, mut stop: watch::Receiver<bool>, drain: Duration) {
    let workers = unstick.run_workers(stop.clone());
    let patience = async {
        // An error means that nobody can say stop any more, which is as good as stop.
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        () = workers => {}
        () = patience => tracing::warn!("a worker did not end in time; its clean-ups go on elsewhere, or at the next start"),
    }
}

async fn tidy(site: Site, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TIDY) => site.tidy(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Says how to begin when nobody could sign in: with a one-time code when nobody is there yet.
async fn first_run(context: &Context, unstick: &Unstick) -> Result<(), Failure> {
    if let Some(code) = unstick.first_run_code().await? {
        let (origin, path) = (&context.config.public_origin, app::routes::SETUP);
        output::say(&format!(
            "Nobody can sign in yet. Make the first admin with this one-time code, within 24 hours:\n  {origin}{path}\n  {code}"
        ));
    } else if unstick.staff(&context.actor).await?.iter().all(|row| row.disabled_at.is_some()) {
        output::say("Nobody can sign in: everybody is disabled. Let somebody in:\n  admin-tool staff enable NAME");
    }
    Ok(())
}

/// SIGTERM or Ctrl-C: stop in order. A second one ends the program at once.
async fn stop_on_signal(stopper: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to");
        return std::future::pending().await;
    };
    // A file that may not grow any more is a failed write, which is told, and not the end of the program (setrlimit(2)).
    let _too_large = signal(SignalKind::from_raw(SIGXFSZ));
    for first in [true, false] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if first {
            tracing::info!("stopping; a second signal stops at once");
            stopper.send_replace(true);
        }
    }
    std::process::exit(130);
}
