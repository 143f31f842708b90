//! Writing what came of a worker's round: for each clean-up its status and steps, the records that they clean and the audit
//! event that they cause, of all of them in one transaction.

use domain::{
    Actor, AuditDraft, CleanupId, EventKind, Instant, SessionId, Span, Status, Step, StepKind, Target, Watch,
    WebhookEvent, status_of,
};
use store::{Moved, SessionsOf, StoreError, Tx};

use super::run::Held;
use crate::{Result, Unstick, crash};

/// What is written of one clean-up of a team.
pub(super) struct Save {
    /// Its place in the team, in ascending order.
    pub(super) at: usize,
    /// The steps that changed.
    pub(super) changed: Vec<Step>,
    /// Until when the lease is given back; `None` keeps it.
    pub(super) release: Option<Instant>,
}

/// The same, worked out.
struct Written<'a> {
    moved: Moved<'a>,
    done: bool,
    deleted: Vec<SessionId>,
    event: Option<AuditDraft>,
}

impl Unstick {
    /// Writes `saves`. Answers the places of those whose lease is another worker's: of them nothing was written.
    pub(super) async fn save(&self, team: &mut [Held], saves: Vec<Save>) -> Result<Vec<usize>> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let mut untils = Vec::with_capacity(saves.len());
        let mut events = Vec::with_capacity(saves.len());
        for save in &saves {
            let (until, event) = self.moved_on(&mut team[save.at], save.release, now);
            untils.push(until);
            events.push(event);
        }
        let written: Vec<Written<'_>> = saves
            .iter()
            .zip(&untils)
            .zip(events)
            .map(|((save, until), event)| Written::of(&team[save.at], save, *until, event))
            .collect();
        let fenced = transact!(self, tx => { self.write(&mut tx, &written, now).await })?;
        let deletes = written.iter().any(|it| !it.deleted.is_empty());
        crash::point(if deletes { "delete:committed" } else { "clear:committed" });
        for (place, (save, until)) in saves.iter().zip(untils).enumerate() {
            if fenced.contains(&place) {
                continue;
            }
            let held = &mut team[save.at];
            if let Some(until) = until {
                held.lease.until = until;
            }
            self.0.changed.send(held.cleanup.id.clone()).ok();
        }
        Ok(fenced.into_iter().map(|place| saves[place].at).collect())
    }

    /// Moves a clean-up on to what its steps say. Answers the lease's new end and the audit event of it.
    fn moved_on(
        &self,
        held: &mut Held,
        release: Option<Instant>,
        now: Instant,
    ) -> (Option<Instant>, Option<AuditDraft>) {
        let before = held.cleanup.status;
        held.cleanup.status = status_of(&held.steps, self.policy());
        let done = held.cleanup.status == Status::Done;
        let over = done || held.cleanup.status == Status::NeedsAttention;
        held.cleanup.finished_at = done.then_some(now);
        held.cleanup.next_at = release.unwrap_or(now);
        let until = (release.is_none() && !over).then(|| now + self.settings().lease);
        let event = (held.cleanup.status != before).then(|| self.status_event(held)).flatten();
        (until, event)
    }

    async fn write(&self, tx: &mut Tx, all: &[Written<'_>], now: Instant) -> Result<Vec<usize>> {
        let watch = self.settings().watch;
        let moved: Vec<Moved<'_>> = all.iter().map(|it| it.moved.clone()).collect();
        let fenced = tx.save_progress(&moved).await?;
        let ours: Vec<&Written<'_>> = (0..all.len()).filter(|at| !fenced.contains(at)).map(|at| &all[at]).collect();
        let cleaned: Vec<SessionsOf<'_>> =
            ours.iter().map(|it| (&it.moved.cleanup.account, it.deleted.as_slice())).collect();
        tx.clean_all(&cleaned, now).await?;
        let ended: Vec<&Moved<'_>> = ours.iter().filter(|it| it.done).map(|it| &it.moved).collect();
        if !ended.is_empty() {
            if watch > Span::ZERO {
                let ids: Vec<CleanupId> = ended.iter().map(|it| it.cleanup.id.clone()).collect();
                tx.begin_watches(&ids, &Watch::begin(now, watch)).await?;
            }
            let event = |it: &&Moved<'_>| WebhookEvent::cleanup_done(it.cleanup, it.steps, now);
            tx.emit(EventKind::CleanupDone, now, || ended.iter().map(event).collect()).await?;
        }
        if ours.iter().any(|it| !it.deleted.is_empty()) {
            crash::point("delete:before-commit");
        }
        let events: Vec<AuditDraft> = ours.iter().filter_map(|it| it.event.clone()).collect();
        if !events.is_empty() {
            tx.append_audits(&events).await?;
        }
        crash::point(if ours.iter().any(|it| it.done) { "finish:before-commit" } else { "clear:before-commit" });
        Ok(fenced)
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

impl<'a> Written<'a> {
    fn of(held: &'a Held, save: &'a Save, until: Option<Instant>, event: Option<AuditDraft>) -> Self {
        let deleted = save.changed.iter().filter(|step| step.kind == StepKind::Delete);
        let deleted = deleted.filter_map(|step| match &step.target {
            Target::Session { session } => Some(session.clone()),
            Target::Route { .. } => None,
        });
        Self {
            done: held.cleanup.status == Status::Done,
            deleted: deleted.collect(),
            event,
            moved: Moved {
                lease: &held.lease,
                until,
                cleanup: &held.cleanup,
                steps: &held.steps,
                changed: &save.changed,
            },
        }
    }
}

impl crate::Error {
    pub(crate) fn is_fenced(&self) -> bool {
        let Self::Internal(source) = self else { return false };
        source.downcast_ref::<StoreError>().is_some_and(|error| matches!(error, StoreError::Fenced))
    }
}
