//! `serve`: the console, the API and the workers, until a signal says stop.

use std::sync::Arc;

use service::Unstick;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{Context, Exit, Failure, output, sample};
use crate::{
    compose::{self, Purpose},
    http::{self, Site, SiteParts},
};

/// How often limits forget who has not asked for a while.
const TIDY: std::time::Duration = std::time::Duration::from_mins(1);

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
    let unstick = context.open(Purpose::Work).await?;
    if args.sample {
        sample::prepare(&context, &unstick).await?;
    }
    let csrf_key = compose::csrf_key(&context.config, &context.world)?;
    let (listen, origin) = (context.config.listen, context.config.public_origin.clone());
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::failed(format!("{listen} cannot be listened on: {error}")))?;
    let (stopper, stop) = watch::channel(false);
    tokio::spawn(stop_on_signal(stopper));
    let config = Arc::new(context.config.clone());
    let entropy = context.world.entropy.clone();
    let site = Site::new(SiteParts {
        unstick: unstick.clone(),
        config: config.clone(),
        csrf_key,
        entropy,
        stop: stop.clone(),
    });
    if config.site_dir().is_none() {
        tracing::warn!(
            "the console's files are not there: pages work without styles and live updates; build them or set site_dir"
        );
    }
    let router = http::router(&site);
    if !args.sample {
        hint(&context, &unstick).await?;
    }
    output::say(&format!("Unstick serves {origin}"));
    tracing::info!(%listen, %origin, database = %config.masked_database_url(), "serving");
    let served = http::serve(
        listener,
        router,
        config.max_connections,
        config.drain_timeout.to_std(),
        stop.clone(),
    );
    let (served, (), ()) = tokio::join!(
        served,
        work(&unstick, stop.clone(), config.drain_timeout.to_std()),
        tidy(&site, stop)
    );
    served.map_err(|error| Failure::failed(error.to_string()))?;
    unstick.store().close().await;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// The workers. A clean-up that does not come to a point in time is left to whoever takes its lease over.
async fn work(unstick: &Unstick, mut stop: watch::Receiver<bool>, drain: std::time::Duration) {
    let workers = unstick.run_workers(stop.clone());
    let patience = async {
        let stopped = stop.wait_for(|stop| *stop).await.is_ok();
        if stopped {
            tokio::time::sleep(drain).await;
        }
    };
    tokio::select! {
        () = workers => {}
        () = patience => tracing::warn!("a worker did not end in time; its clean-ups go on elsewhere, or at the next start"),
    }
}

async fn tidy(site: &Site, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TIDY) => site.tidy(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Says how to begin when nobody could sign in.
async fn hint(context: &Context, unstick: &Unstick) -> Result<(), Failure> {
    if unstick
        .staff(&context.actor)
        .await?
        .iter()
        .all(|row| row.disabled_at.is_some())
    {
        output::say("Nobody can sign in yet. Add the first admin:\n  admin-tool staff add NAME --role admin");
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
