//! Carrying a clean-up out. Any worker in any process may: it takes the lease, does what the steps say is next, and
//! writes what it read back, each time checking that the lease is still its own.

use std::collections::{HashMap, HashSet};

use domain::{
    Actor, AuditDraft, Away, Cleanup, CleanupId, EventKind, Instant, Mode, Progress, RouteKey, RouterName, Span, Status, Step,
    StepKind, Target, Watch, WebhookEvent, Work, next_work, rebased, status_of,
};
use futures::future::join_all;
use store::{Lease, StoreError};

use crate::{Result, Unstick, crash};

/// A wait that is sat out with the lease in hand; longer ones give it back.
const SHORT_WAIT: domain::Span = domain::Span::from_millis(300);

/// A clean-up under this worker's lease.
pub(super) struct Held {
    lease: Lease,
    pub(super) cleanup: Cleanup,
    pub(super) steps: Vec<Step>,
    /// The server that the account leaves, whatever its health.
    away: Option<Away>,
}

impl Unstick {
    /// Works on a clean-up until it is done, must wait, or another worker has it. Answers its status, or `None` when
    /// there is nothing for this worker to do.
    pub(crate) async fn run_cleanup(&self, id: &CleanupId) -> Result<Option<Status>> {
        let Some(mut held) = self.claim(id).await? else {
            return Ok(None);
        };
        crash::point("claim:committed");
        match self.work_through(&mut held).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.is_fenced() => {
                tracing::warn!(cleanup.id = %id, "another worker took this clean-up over; what it finds is what counts");
                self.lift_stale(&held).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn claim(&self, id: &CleanupId) -> Result<Option<Held>> {
        let now = self.now();
        let until = now + self.settings().lease;
        let lease = transact!(self, tx => { Ok(tx.claim_cleanup(id, &self.settings().instance, now, until).await?) })?;
        let Some(lease) = lease else { return Ok(None) };
        let (cleanup, steps) = tokio::try_join!(self.store().cleanup(id), self.store().steps(id))?;
        let Some(cleanup) = cleanup else { return Ok(None) };
        let away = if cleanup.mode == Mode::Unstick { self.store().away(id).await? } else { None };
        Ok(Some(Held { lease, cleanup, steps, away }))
    }

    async fn work_through(&self, held: &mut Held) -> Result<Status> {
        let back = rebased(&held.steps, self.now(), self.policy());
        if !back.is_empty() {
            put(&mut held.steps, &back);
            self.save(held, &back, None).await?;
        }
        self.work_on(held).await
    }

    async fn work_on(&self, held: &mut Held) -> Result<Status> {
        loop {
            match next_work(&held.steps, self.now(), self.policy()) {
                Progress::Work(work) => {
                    self.do_work(held, &work).await?;
                    if held.cleanup.status == Status::Done {
                        crash::point("finish:committed");
                        return Ok(Status::Done);
                    }
                }
                Progress::Wait(at) if held.cleanup.status == Status::Running && at.since(self.now()) <= SHORT_WAIT => {
                    tokio::time::sleep(at.since(self.now()).to_std()).await;
                }
                Progress::Wait(at) => {
                    crash::point("drain:before-release");
                    self.save(held, &[], Some(at)).await?;
                    crash::point("drain:released");
                    return Ok(held.cleanup.status);
                }
                Progress::Attention | Progress::Finished => {
                    self.save(held, &[], Some(self.now())).await?;
                    return Ok(held.cleanup.status);
                }
            }
        }
    }

    /// Does `work`, all places at once, and writes what came of it. Not past the end of the lease: what a worker does on a
    /// router when another one has finished is undone by nobody.
    async fn do_work(&self, held: &mut Held, work: &[Work]) -> Result<()> {
        if held.lease.until <= self.now() {
            return Err(StoreError::Fenced.into());
        }
        let records = self.store().servers().await?;
        let servers = self.current_servers(records).await;
        let (steps, away) = (&held.steps, held.away.as_ref());
        let outcomes = join_all(work.iter().map(|work| self.perform(steps, work, &servers, away))).await;
        let mut changed: Vec<Step> = outcomes.into_iter().flatten().collect();
        let now = self.now();
        for work in work {
            if let Work::Delete { steps } = work {
                let steps: HashSet<i64> = steps.iter().copied().collect();
                let records = held.steps.iter().filter(|step| steps.contains(&step.no));
                changed.extend(records.cloned().map(|step| step.after_delete(now)));
            }
        }
        put(&mut held.steps, &changed);
        self.save(held, &changed, None).await
    }

    /// Writes `changed` and the status, with the records that they clean and the audit event that they cause, in one
    /// transaction. `release` gives the lease back until then.
    async fn save(&self, held: &mut Held, changed: &[Step], release: Option<Instant>) -> Result<()> {
        let now = self.now();
        let before = held.cleanup.status;
        held.cleanup.status = status_of(&held.steps, self.policy());
        let done = held.cleanup.status == Status::Done;
        let over = done || held.cleanup.status == Status::NeedsAttention;
        held.cleanup.finished_at = done.then_some(now);
        held.cleanup.next_at = release.unwrap_or(now);
        let until = (release.is_none() && !over).then(|| now + self.settings().lease);
        let event = (held.cleanup.status != before).then(|| self.status_event(held)).flatten();
        let deleted: Vec<_> = changed
            .iter()
            .filter(|step| step.kind == StepKind::Delete)
            .filter_map(|step| match &step.target {
                Target::Session { session } => Some(session.clone()),
                Target::Route { .. } => None,
            })
            .collect();
        let (held_now, watch) = (&*held, self.settings().watch);
        transact!(self, tx => {
            if !deleted.is_empty() {
                tx.clean_sessions(&held_now.cleanup.account, &deleted, now).await?;
                crash::point("delete:before-commit");
            }
            if done {
                let event = || vec![WebhookEvent::cleanup_done(&held_now.cleanup, &held_now.steps, now)];
                tx.emit(EventKind::CleanupDone, now, event).await?;
            }
            tx.save_progress(&held_now.lease, until, &held_now.cleanup, changed).await?;
            if let Some(event) = &event {
                tx.append_audit(event).await?;
            }
            if done && watch > Span::ZERO {
                tx.begin_watch(&held_now.cleanup.id, &Watch::begin(now, watch)).await?;
            }
            crash::point(if done { "finish:before-commit" } else { "clear:before-commit" });
            Ok(())
        })?;
        crash::point(if deleted.is_empty() { "clear:committed" } else { "delete:committed" });
        if let Some(until) = until {
            held.lease.until = until;
        }
        self.0.changed.send(held.cleanup.id.clone()).ok();
        Ok(())
    }

    /// A worker that was too late may have fenced keys after the one that finished lifted them. What is needed again is
    /// lifted here; the keys of ended sessions stay fenced while they are watched.
    async fn lift_stale(&self, held: &Held) -> Result<()> {
        let (cleanup, watch) =
            tokio::try_join!(self.store().cleanup(&held.lease.cleanup), self.store().watch(&held.lease.cleanup))?;
        if cleanup.is_none_or(|cleanup| cleanup.status != Status::Done) {
            // Whoever works on it lifts them at the end.
            return Ok(());
        }
        let over = watch.is_none_or(|watch| watch.is_over());
        let mut keys: HashMap<&RouterName, Vec<RouteKey>> = HashMap::new();
        for step in &held.steps {
            if let Target::Route { place, key, must_vanish, .. } = &step.target
                && (over || !must_vanish)
            {
                keys.entry(&place.router).or_default().push(key.clone());
            }
        }
        for (name, keys) in keys {
            if let Some(router) = self.router(name).filter(|router| router.can_fence())
                && let Err(error) = router.lift(&keys).await
            {
                tracing::warn!(router.name = %name, %error, "a fence that came too late could not be lifted");
            }
        }
        Ok(())
    }

    /// The audit event of a change of status; owed ones are no event, they come and go with the router.
    fn status_event(&self, held: &Held) -> Option<AuditDraft> {
        let action = match held.cleanup.status {
            Status::Done => "cleanup.done",
            Status::NeedsAttention => "cleanup.needs_attention",
            Status::Owed => "cleanup.owed",
            Status::Running => return None,
        };
        let mut draft = self.draft(&Actor::System, action, held.cleanup.id.as_str());
        draft.account = Some(held.cleanup.account.clone());
        draft.ticket.clone_from(&held.cleanup.ticket);
        let cleared = held.steps.iter().filter(|step| step.had.is_some()).count();
        draft.detail = serde_json::json!({
            "mode": held.cleanup.mode, "steps": held.steps.len(), "routes_that_were_there": cleared,
            "requested_at": held.cleanup.requested_at, "asked_by": held.cleanup.actor,
        });
        Some(draft)
    }
}

/// Puts `changed` in the place of those of `steps` with the same numbers.
fn put(steps: &mut [Step], changed: &[Step]) {
    let mut places: HashMap<i64, &mut Step> = steps.iter_mut().map(|step| (step.no, step)).collect();
    for step in changed {
        if let Some(place) = places.get_mut(&step.no) {
            **place = step.clone();
        }
    }
}

impl crate::Error {
    pub(crate) fn is_fenced(&self) -> bool {
        let Self::Internal(source) = self else { return false };
        source.downcast_ref::<StoreError>().is_some_and(|error| matches!(error, StoreError::Fenced))
    }
}
