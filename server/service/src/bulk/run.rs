//! Carrying a bulk clean-up out: what ended is written down, then the next accounts get their turn, as many as wave and pace
//! allow. Any worker in any process may; between two looks nothing is in memory that is not in the database.

use std::time::Duration;

use async_recursion::async_recursion as boxed;
use domain::{Actor, Bulk, BulkMove, BulkOutcome, BulkStatus, Instant, Span};
use store::{BulkEnd, BulkLease};
use tokio::sync::watch;

use crate::{Result, Unstick, crash, workers::report};

/// How often a bulk clean-up that runs is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is asked whether there is one.
const POLL: Duration = Duration::from_secs(1);
/// A worker that is gone is not waited for longer.
pub(super) const LEASE: Span = Span::from_secs(15);
/// Bulk clean-ups of one look.
const AT_ONCE: u32 = 20;
/// Ends of accounts that are written down at once.
const ENDS: u32 = 500;

impl Unstick {
    /// Works on bulk clean-ups until `stop` says so.
    pub(crate) async fn bulk_worker(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let wait = match self.bulk_once().await {
                Ok(true) => LOOK,
                Ok(false) => POLL,
                Err(error) => {
                    tracing::error!(error = %report(&error), "a look at the bulk clean-ups failed; the next one tries again");
                    POLL
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.0.bulk_kick.notified() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One look at every bulk clean-up that is not over. Whether any works.
    ///
    /// # Errors
    /// When the database could not; one bulk clean-up's trouble holds no other one up.
    #[boxed]
    pub async fn bulk_once(&self) -> Result<bool> {
        let now = self.now();
        let mut any = false;
        for bulk in self.store().bulks_to_work_on(now, AT_ONCE).await? {
            if bulk.status == BulkStatus::AwaitingApproval {
                if bulk.approve_until.is_some_and(|until| until <= now) {
                    self.end_bulk(&bulk, BulkMove::Expire, "bulk.expired").await?;
                }
                continue;
            }
            any = true;
            match self.work_on_bulk(&bulk).await {
                Err(error) if error.is_fenced() => {
                    tracing::debug!(bulk.id = %bulk.id, "somebody else moved this bulk clean-up; what it is now counts");
                }
                Err(error) => {
                    tracing::error!(bulk.id = %bulk.id, error = %report(&error), "a bulk clean-up stopped; the next look goes on");
                }
                Ok(()) => {}
            }
        }
        Ok(any)
    }

    async fn work_on_bulk(&self, bulk: &Bulk) -> Result<()> {
        let ends = self.store().bulk_ends(&bulk.id, ENDS).await?;
        let room = room(bulk, ends.len());
        let over = bulk.status == BulkStatus::Running && is_over(bulk);
        if ends.is_empty() && room == 0 && !over {
            return Ok(());
        }
        let now = self.now();
        let lease = transact!(self, tx => { Ok(tx.claim_bulk(&bulk.id, now, now + LEASE).await?) })?;
        let Some(mut lease) = lease else { return Ok(()) };
        // Whoever had the lease before may have written these down: what is read under it counts.
        let ends = self.store().bulk_ends(&bulk.id, ENDS).await?;
        if !ends.is_empty() {
            transact!(self, tx => { Ok(tx.bulk_progress(&lease, &ends, Some(now + LEASE)).await?) })?;
            crash::point("bulk:ends-committed");
        }
        let bulk = self.bulk_by_id(&bulk.id).await?;
        if bulk.status != BulkStatus::Running {
            return self.release(&lease).await;
        }
        if bulk.counts.troubled() > i64::from(bulk.order.failure_limit) {
            return self.stop_bulk(&bulk).await;
        }
        if is_over(&bulk) {
            return self.end_bulk(&bulk, BulkMove::Finish, "bulk.done").await;
        }
        let moving = self.moving(&bulk.id).await?;
        // Who is under way ends in any case: only who waits can be spared.
        if let Some(moving) = moving.as_ref().filter(|_| bulk.counts.get(BulkOutcome::Waiting) > 0)
            && let Some(why) = self.others_are_worse(&bulk, moving).await?
        {
            return self.stop_bulk_for(&bulk, &why).await;
        }
        let (turns, paced_at) = pace(&bulk, lease.paced_at, self.now());
        lease.paced_at = paced_at;
        if turns == 0 {
            return self.release(&lease).await;
        }
        self.give_turns(&bulk, &lease, turns, moving.as_ref()).await
    }

    async fn release(&self, lease: &BulkLease) -> Result<()> {
        transact!(self, tx => { Ok(tx.bulk_progress(lease, &[], None).await?) })
    }

    async fn stop_bulk(&self, bulk: &Bulk) -> Result<()> {
        let counts = &bulk.counts;
        let parts: Vec<String> = BulkOutcome::ALL
            .into_iter()
            .filter(|outcome| outcome.is_trouble() && counts.get(*outcome) > 0)
            .map(|outcome| format!("{} {}", counts.get(outcome), outcome.label()))
            .collect();
        let why = format!(
            "{} accounts are in trouble ({}), more than the {} that were allowed",
            counts.troubled(),
            parts.join(", "),
            bulk.order.failure_limit
        );
        self.stop_bulk_for(bulk, &why).await
    }

    async fn stop_bulk_for(&self, bulk: &Bulk, why: &str) -> Result<()> {
        let mut draft = self.draft(&Actor::System, "bulk.stopped", bulk.id.as_str());
        draft.ticket.clone_from(&bulk.order.ticket);
        draft.detail = serde_json::json!({ "why": why, "counts": bulk.counts });
        let now = self.now();
        transact!(self, tx => {
            if tx.move_bulk(&bulk.id, BulkMove::Stop, now).await? {
                tx.bulk_stopped(&bulk.id, why).await?;
                tx.append_audit(&draft).await?;
            }
            Ok(())
        })
    }

    async fn end_bulk(&self, bulk: &Bulk, how: BulkMove, action: &str) -> Result<()> {
        let mut draft = self.draft(&Actor::System, action, bulk.id.as_str());
        draft.ticket.clone_from(&bulk.order.ticket);
        draft.detail = serde_json::json!({ "counts": bulk.counts, "asked_by": bulk.actor });
        let now = self.now();
        transact!(self, tx => {
            if tx.move_bulk(&bulk.id, how, now).await? {
                tx.append_audit(&draft).await?;
            }
            crash::point("bulk:end-before-commit");
            Ok(())
        })
    }

    /// Writes what became of accounts that had their turn.
    pub(super) async fn bulk_said(&self, lease: &BulkLease, ends: &[BulkEnd]) -> Result<()> {
        transact!(self, tx => { Ok(tx.bulk_progress(lease, ends, None).await?) })
    }
}

/// Accounts that could be begun beside those under way, before the pace is asked; `ended` of these just ended.
fn room(bulk: &Bulk, ended: usize) -> i64 {
    if bulk.status != BulkStatus::Running {
        return 0;
    }
    let under_way = bulk.counts.get(BulkOutcome::Running) - i64::try_from(ended).unwrap_or(0);
    (i64::from(bulk.order.wave) - under_way).clamp(0, bulk.counts.get(BulkOutcome::Waiting))
}

fn is_over(bulk: &Bulk) -> bool {
    bulk.counts.ended() == bulk.counts.total()
}

/// How many accounts get a turn at `now`, and the pace after them. What was not used in a second is lost: after a pause
/// nothing catches up.
fn pace(bulk: &Bulk, paced_at: Instant, now: Instant) -> (u32, Instant) {
    let interval = 1_000_000 / i64::from(bulk.order.rate.max(1));
    let from = paced_at.max(now - Span::from_secs(1));
    let due = now.since(from).micros().max(0) / interval.max(1);
    let turns = due.min(room(bulk, 0));
    (u32::try_from(turns).unwrap_or(0), from + Span::from_micros(turns * interval))
}
