//! What runs beside the requests: clean-ups, the observer of routers, censuses, retention, checkpoints of the audit log. Each is
//! small, idempotent, bounded, and may run in several processes at once.

use std::time::Duration;

use domain::{CleanupId, Span};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use crate::{Result, Unstick};

/// Clean-ups that one process carries out at once.
const AT_ONCE: usize = 16;
/// How often the database is asked what is due, besides being told.
const POLL: Duration = Duration::from_millis(500);
/// How often it is asked which clean-ups that are done want a look.
const WATCH: Duration = Duration::from_secs(1);
/// How often history is purged.
const PURGE: Duration = Duration::from_mins(1);
/// How often it is asked whether the clock was set back.
const CLOCKS: Duration = Duration::from_secs(10);
/// How often what webhooks were sent is purged.
const HOOKS: Duration = Duration::from_mins(1);
/// How often it is asked whether a checkpoint is due.
const CHECKPOINT: Duration = Duration::from_secs(15);

impl Unstick {
    /// Runs every worker until `stop` says so; what is in hand is finished or left to be taken over.
    pub async fn run_workers(&self, stop: watch::Receiver<bool>) {
        tokio::join!(
            self.clean_up_worker(stop.clone()),
            self.bulk_worker(stop.clone()),
            self.webhook_worker(stop.clone()),
            self.every("observer", self.settings().observe_every.to_std(), stop.clone(), async |s: &Self| s
                .observe_once()
                .await),
            self.every("watch", WATCH, stop.clone(), async |s: &Self| s.watch_once().await),
            self.every("clocks", CLOCKS, stop.clone(), async |s: &Self| s.mend_times_once().await),
            self.census_worker(stop.clone()),
            self.every("retention", PURGE, stop.clone(), async |s: &Self| s.purge_once().await),
            self.every("webhook retention", HOOKS, stop.clone(), async |s: &Self| s.purge_webhooks().await),
            self.every("checkpoints", CHECKPOINT, stop, async |s: &Self| s.checkpoint_if_due().await),
        );
    }

    pub(crate) async fn clean_up_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut ids: Vec<CleanupId> = Vec::new();
        loop {
            if !*stop.borrow() {
                for id in self.due(AT_ONCE - running.len(), &ids).await {
                    ids.push(id.clone());
                    running.push(async move { (self.run_cleanup(&id).await, id) });
                }
            } else if running.is_empty() {
                return;
            }
            tokio::select! {
                Some((outcome, id)) = running.next(), if !running.is_empty() => {
                    ids.retain(|other| *other != id);
                    if let Err(error) = outcome {
                        tracing::error!(cleanup.id = %id, error = %report(&error), "a clean-up stopped; its lease runs out and it goes on");
                    }
                }
                () = self.0.kick.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn due(&self, room: usize, running: &[CleanupId]) -> Vec<CleanupId> {
        if room == 0 {
            return Vec::new();
        }
        let limit = u32::try_from(room + running.len()).unwrap_or(u32::MAX);
        match self.store().due_cleanups(self.now(), limit).await {
            Ok(due) => due.into_iter().filter(|id| !running.contains(id)).take(room).collect(),
            Err(error) => {
                tracing::error!(%error, "could not ask which clean-ups are due");
                Vec::new()
            }
        }
    }

    async fn every(
        &self,
        name: &'static str,
        period: Duration,
        mut stop: watch::Receiver<bool>,
        work: impl AsyncFn(&Self) -> Result<()>,
    ) {
        while !*stop.borrow() {
            if let Err(error) = work(self).await {
                tracing::error!(worker.name = name, error = %report(&error), "a worker's pass failed; the next one tries again");
            }
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Deletes history past its time, a bounded piece at a time.
    async fn purge_once(&self) -> Result<()> {
        let now = self.now();
        let before = now - self.settings().retention;
        loop {
            let purged = transact!(self, tx => {
                let sessions = tx.purge_history(before, 500).await?;
                let sign_ins = tx.purge_staff_sessions(before, 500).await?;
                let answers = tx.purge_keys(now, 500).await?;
                let links = tx.purge_customer_links(now - Span::from_days(1), 500).await?;
                Ok(sessions.max(sign_ins).max(answers).max(links))
            })?;
            if purged < 500 {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

/// An error with its sources, in one line, for the log.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
