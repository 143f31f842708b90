//! One census, from its beginning to its end, and who runs it: a person, a shell, or the clock.

use std::{sync::PoisonError, time::Duration};

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditOutcome, Permission, Scope,
    census::{Census, CensusNote, CensusOutcome, CensusPhase, CensusRead},
};
use store::CensusLease;
use tokio::sync::watch;

use super::{LEASE, pass::Pass};
use crate::{Error, Result, Unstick, workers::report};

/// How often it is asked whether a census is due; and how long after a start the first one may be.
const ASK: Duration = Duration::from_mins(1);

/// What a census tells who watches it.
pub(super) type Watching<'a> = &'a (dyn Fn(CensusPhase, CensusRead) + Sync);

/// A census under way: its lease, and what it read so far.
pub(super) struct Run<'a> {
    pub(super) unstick: &'a Unstick,
    pub(super) lease: CensusLease,
    pub(super) note: CensusNote,
    pub(super) watching: Watching<'a>,
    kept_at: domain::Instant,
}

impl Run<'_> {
    /// Tells who watches, and keeps the lease alive.
    pub(super) async fn tick(&mut self, phase: CensusPhase) -> Result<()> {
        (self.watching)(phase, self.note.read);
        let now = self.unstick.now();
        if now.since(self.kept_at).micros() < LEASE.micros() / 4 {
            return Ok(());
        }
        let lease = self.lease;
        transact!(self.unstick, tx => { Ok(tx.keep_census(lease, now + LEASE).await?) })?;
        self.kept_at = now;
        Ok(())
    }
}

impl Unstick {
    /// Runs a census to its end. `progress` is told what it does and how much it read.
    ///
    /// # Errors
    /// `Conflict` when one is under way; failures of the database; `Denied`. A router that cannot be read is no error:
    /// the census says so.
    #[boxed]
    pub async fn run_census(
        &self,
        actor: &Actor,
        progress: &(dyn Fn(CensusPhase, CensusRead) + Sync),
    ) -> Result<Census> {
        let lease = self.begin_census(actor).await?;
        self.carry_out_census(lease, progress).await
    }

    /// Asks this process's worker to run a census now.
    ///
    /// # Errors
    /// `Conflict` when one is under way; `Denied`.
    #[boxed]
    pub async fn ask_census(&self, actor: &Actor) -> Result<()> {
        let lease = self.begin_census(actor).await?;
        let desk = &self.0.census;
        *desk.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        desk.kick.notify_one();
        Ok(())
    }

    /// Carries out the census that was asked for in this process, if one was.
    ///
    /// # Errors
    /// As [`Self::run_census`].
    #[boxed]
    pub async fn carry_out_asked_census(&self) -> Result<Option<Census>> {
        let asked = self.0.census.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        match asked {
            Some(lease) => self.carry_out_census(lease, &|_, _| ()).await.map(Some),
            None => Ok(None),
        }
    }

    async fn begin_census(&self, actor: &Actor) -> Result<CensusLease> {
        self.authorize(actor, Permission::RunCensus, "census").await?;
        let (now, label) = (self.now(), actor.label());
        let draft = self.draft(actor, "census.started", "census");
        let begun = transact!(self, tx => {
            let begun = tx.begin_census(&label, &self.settings().instance, now, now + LEASE).await?;
            if let Some(lease) = begun {
                let mut draft = draft.clone();
                draft.target = lease.no.to_string();
                tx.append_audit(&draft).await?;
            }
            Ok(begun)
        })?;
        begun.ok_or_else(|| Error::Conflict("a census is under way already: wait for it to end".to_owned()))
    }

    async fn carry_out_census(&self, lease: CensusLease, watching: Watching<'_>) -> Result<Census> {
        let note = CensusNote::default();
        let mut run = Run { unstick: self, lease, note, watching, kept_at: self.now() };
        match self.count(&mut run).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => {
                return Err(Error::Conflict("another census took over: this one was silent for too long".to_owned()));
            }
            Err(error) => {
                self.break_off(&run).await;
                return Err(error);
            }
        }
        let newest = self.store().last_census().await?;
        newest.filter(|census| census.no == lease.no).ok_or_else(|| Error::internal("the census is not there"))
    }

    async fn count(&self, run: &mut Run<'_>) -> Result<()> {
        let servers = self.current_servers(self.store().servers().await?).await;
        for (scope, phase) in [(Scope::Account, CensusPhase::Accounts), (Scope::Session, CensusPhase::Sessions)] {
            Pass::open(run, scope, phase, &servers).await?.carry_out(run).await?;
        }
        self.recount(run).await?;
        self.prove_chain(run).await?;
        self.dangling(run).await?;
        self.close(run).await
    }

    /// Writes down that a census came to no end. Whoever could not even do that finds it abandoned later.
    async fn break_off(&self, run: &Run<'_>) {
        let (now, lease) = (self.now(), run.lease);
        let mut draft = self.draft(&Actor::System, "census.finished", &lease.no.to_string());
        draft.outcome = AuditOutcome::Failed;
        let written: Result<()> = transact!(self, tx => {
            tx.end_census(lease, CensusOutcome::Failed, &run.note, now).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        });
        if let Err(error) = written {
            tracing::warn!(error = %report(&error), "a census that failed could not be ended");
        }
    }

    /// Runs censuses: those that were asked for at once, and one now and then by itself.
    pub(crate) async fn census_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut rested = false;
        loop {
            let work = async {
                self.carry_out_asked_census().await?;
                if rested && self.census_is_due().await? {
                    self.run_census(&Actor::System, &|_, _| ()).await?;
                }
                Ok::<_, Error>(())
            };
            tokio::select! {
                done = work => match done {
                    // Another process was faster: that one counts for all.
                    Ok(()) | Err(Error::Conflict(_)) => {}
                    Err(error) => tracing::error!(error = %report(&error), "a census failed; the next one tries again"),
                },
                // What is left behind is taken over when its lease runs out.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            tokio::select! {
                () = tokio::time::sleep(ASK) => rested = true,
                () = self.0.census.kick.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn census_is_due(&self) -> Result<bool> {
        let every = self.settings().census_every;
        if every.micros() <= 0 {
            return Ok(false);
        }
        let newest = self.store().newest_census().await?;
        Ok(newest.is_none_or(|census| self.now().since(census.started_at) >= every))
    }
}
