//! After «done»: every place is read again for a while. What came back is written down, with the way it probably came,
//! and cleaned again.

use std::collections::BTreeMap;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Circumstances, Cleanup, CleanupId, EventKind, Instant, Place, Reading, Return, RouteKey, RouterKind,
    RouterName, ServerStatus, Span, Status, Step, StepKind, Target, Watch, WebhookEvent, likely_way,
};
use futures::future::join_all;

use super::perform::{Readings, key_of, must_vanish};
use crate::{Result, Unstick, crash};

/// Looks that are read from the database at once.
const AT_ONCE: u32 = 50;
/// How often one pass reads them: after thousands of clean-ups thousands of watches are due.
const ROUNDS: u32 = 10;

/// What one place answered.
struct Seen<'a> {
    place: &'a Place,
    steps: Vec<&'a Step>,
    readings: Readings,
    answered: bool,
}

impl Seen<'_> {
    fn has(&self, key: &RouteKey) -> bool {
        matches!(self.readings.reading(key), Reading::Found { .. })
    }
}

impl Unstick {
    /// One pass: every watch that is due is looked at.
    ///
    /// # Errors
    /// Failures of the database; a router that does not answer is no error.
    #[boxed]
    pub async fn watch_once(&self) -> Result<()> {
        let now = self.now();
        for _ in 0..ROUNDS {
            let due = self.store().due_watches(now, AT_ONCE).await?;
            for (id, due) in &due {
                self.look(id, *due).await?;
            }
            if due.len() < AT_ONCE as usize {
                break;
            }
        }
        Ok(())
    }

    async fn look(&self, id: &CleanupId, due: Instant) -> Result<()> {
        let claimed = self.now() + self.settings().lease;
        if !transact!(self, tx => { Ok(tx.claim_watch(id, due, claimed).await?) })? {
            return Ok(());
        }
        crash::point("watch:claimed");
        let (cleanup, steps, watch) =
            tokio::try_join!(self.store().cleanup(id), self.store().steps(id), self.store().watch(id))?;
        let (Some(cleanup), Some(mut watch)) = (cleanup, watch) else { return Ok(()) };
        if cleanup.status != Status::Done {
            // It was opened again; the next «done» begins the watch anew.
            watch.next_at = None;
            return transact!(self, tx => { tx.save_watch(id, claimed, &watch).await?; Ok(()) });
        }
        let seen = self.read_all(&steps).await?;
        let unread: Vec<RouterName> = unread(&seen);
        let found = self.returns(&seen).await;
        if !found.is_empty() {
            return self.reopen(&cleanup, &steps, &found, watch, claimed).await;
        }
        let now = self.now();
        watch.put_off(due, now);
        let ending = watch.is_due_to_end(now) && unread.is_empty();
        let lifted = watch.lifted || (ending && self.lift_all(&seen).await);
        let watch = watch.after_look(now, unread, lifted, self.policy().longest_drain());
        let draft = watch.is_over().then(|| self.still_gone(&cleanup, &watch));
        transact!(self, tx => {
            if tx.save_watch(id, claimed, &watch).await? && let Some(draft) = &draft {
                tx.append_audit(draft).await?;
            }
            Ok(())
        })?;
        self.0.changed.send(id.clone()).ok();
        Ok(())
    }

    /// Reads every key of `steps` at its place, all places at once.
    async fn read_all<'a>(&self, steps: &'a [Step]) -> Result<Vec<Seen<'a>>> {
        let records = self.store().servers().await?;
        let servers: Vec<ServerStatus> = self.current_servers(records).await;
        let mut by_place: BTreeMap<&Place, Vec<&Step>> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.kind == StepKind::Unroute) {
            if let Target::Route { place, .. } = &step.target {
                by_place.entry(place).or_default().push(step);
            }
        }
        let read = |(place, steps): (&'a Place, Vec<&'a Step>)| {
            let servers = &servers;
            async move {
                let keys: Vec<RouteKey> = steps.iter().filter_map(|step| key_of(step)).cloned().collect();
                // A router that is not configured any more holds nothing that anybody could look at.
                let answer = match self.router(&place.router) {
                    Some(router) => router.read(&place.pool, &keys).await,
                    None => Ok(Vec::new()),
                };
                let answered = answer.is_ok();
                Seen { place, steps, readings: Readings::after_done(answer, place, servers), answered }
            }
        };
        Ok(join_all(by_place.into_iter().map(read)).await)
    }

    /// What is there again.
    async fn returns(&self, seen: &[Seen<'_>]) -> Vec<Return> {
        let now = self.now();
        let mut found = Vec::new();
        for at in seen {
            let reading = |step: &&Step| key_of(step).map(|key| (key.clone(), at.readings.reading(key)));
            let back: Vec<(&Step, RouteKey, Reading)> = at
                .steps
                .iter()
                .filter_map(|step| reading(step).map(|(key, reading)| (*step, key, reading)))
                .filter(|(step, _, reading)| step.has_come_back(reading))
                .collect();
            if back.is_empty() {
                continue;
            }
            let router = self.router(&at.place.router);
            let uptime = match router {
                Some(router) => router.about().await.ok().and_then(|about| about.uptime),
                None => None,
            };
            for (step, key, reading) in back {
                let (Target::Route { scope, .. }, Reading::Found { server, .. }) = (&step.target, reading) else {
                    continue;
                };
                let way = likely_way(Circumstances {
                    kind: router.map_or(RouterKind::Embedded, |router| router.kind()),
                    uptime,
                    is_another: self.0.observer.is_another_since(&at.place.router, step.verified_at),
                    since: step.verified_at.map_or(Span::ZERO, |at| now.since(at)),
                    drain: self.policy().drain.get(&at.place.router).copied().unwrap_or(Span::ZERO),
                    elsewhere: seen.iter().any(|other| other.has(&key) && other.place.router != at.place.router),
                });
                found.push(Return { at: now, step: step.no, place: at.place.clone(), scope: *scope, key, server, way });
            }
        }
        found
    }

    /// Writes down what came back, and has it cleaned again.
    async fn reopen(
        &self,
        cleanup: &Cleanup,
        steps: &[Step],
        found: &[Return],
        mut watch: Watch,
        claimed: Instant,
    ) -> Result<()> {
        let now = self.now();
        let again: Vec<Step> = found
            .iter()
            .filter_map(|it| steps.iter().find(|step| step.no == it.step).map(|step| step.clone().reopened(it, now)))
            .collect();
        let mut draft = self.draft(&Actor::System, "cleanup.came_back", cleanup.id.as_str());
        draft.account = Some(cleanup.account.clone());
        draft.ticket.clone_from(&cleanup.ticket);
        let told: Vec<_> = found.iter().take(20).collect();
        draft.detail = serde_json::json!({ "entries": found.len(), "found": told, "verified_at": cleanup.finished_at });
        watch.looks += 1;
        // While another clean-up of the account is under way this one cannot be opened again: then it is looked later, for
        // nobody says that the other one's plan names what came back.
        let later = now + Span::from_secs(5);
        watch.next_at = Some(later);
        let over = Watch { next_at: None, ..watch.clone() };
        let reopened = transact!(self, tx => {
            let ours = tx.save_watch(&cleanup.id, claimed, &watch).await?;
            let reopened = ours && tx.reopen_cleanup(&cleanup.id, &again, now).await?;
            if reopened {
                tx.save_watch(&cleanup.id, later, &over).await?;
                tx.add_returns(&cleanup.id, found).await?;
                let event = || vec![WebhookEvent::came_back(cleanup, found, now)];
                tx.emit(EventKind::CleanupCameBack, now, event).await?;
                tx.append_audit(&draft).await?;
                crash::point("watch:before-commit");
            }
            Ok(reopened)
        })?;
        if !reopened {
            return Ok(());
        }
        crash::point("watch:committed");
        self.0.returned.add(found);
        tracing::warn!(cleanup.id = %cleanup.id, entries = found.len(), "what was cleaned came back; it is cleaned again");
        self.0.changed.send(cleanup.id.clone()).ok();
        self.0.kick.notify_one();
        Ok(())
    }

    /// Lifts the fences that were left; whether all are gone.
    async fn lift_all(&self, seen: &[Seen<'_>]) -> bool {
        for at in seen {
            let keys: Vec<RouteKey> =
                at.steps.iter().filter(|step| must_vanish(step)).filter_map(|step| key_of(step)).cloned().collect();
            if let Some(router) = self.router(&at.place.router).filter(|router| router.can_fence() && !keys.is_empty())
                && let Err(error) = router.lift(&keys).await
            {
                tracing::debug!(router.name = %at.place.router, %error, "a fence could not be lifted yet");
                return false;
            }
        }
        true
    }

    fn still_gone(&self, cleanup: &Cleanup, watch: &Watch) -> domain::AuditDraft {
        let mut draft = self.draft(&Actor::System, "cleanup.still_gone", cleanup.id.as_str());
        draft.account = Some(cleanup.account.clone());
        draft.ticket.clone_from(&cleanup.ticket);
        draft.detail = serde_json::json!({ "looks": watch.looks, "since": watch.since, "until": watch.looked_at });
        draft
    }
}

fn unread(seen: &[Seen<'_>]) -> Vec<RouterName> {
    let mut names: Vec<RouterName> = seen.iter().filter(|at| !at.answered).map(|at| at.place.router.clone()).collect();
    names.sort();
    names.dedup();
    names
}
