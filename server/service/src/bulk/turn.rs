//! An account's turn: its clean-up is planned as it is now, and asked for as a single one would be. Many turns are one
//! transaction.

use domain::{
    Account, AuditDraft, Bulk, BulkAccount, BulkOutcome, Cleanup, CleanupId, Instant, Plan, Step, view::CleanupRequest,
};
use futures::future::join_all;
use store::{BulkEnd, BulkLease};

use super::{off_server::Moving, run::LEASE};
use crate::{
    Error, Result, Unstick,
    cleanups::{Outcome, Request, Wanted},
    crash,
    workers::report,
};

/// Accounts that are planned at once.
const AT_ONCE: usize = 8;
/// Steps of one look at most, but for one account alone.
const STEPS: usize = 1_000;
/// Steps of one transaction at most, but for one account alone: so many are written in some 20 ms, and made last in as long
/// again or twice that (`make bench`). Everybody else waits for the writer meanwhile.
const STEPS_TOGETHER: usize = 500;

/// What an account's turn comes to.
enum Turn {
    /// A clean-up to be asked for.
    Ask(Box<Asked>),
    /// An end without one, or with one that is under way.
    End(BulkEnd),
}

struct Asked {
    account: BulkAccount,
    known: Account,
    plan: Plan,
    cleanup: Cleanup,
    steps: Vec<Step>,
    event: AuditDraft,
}

impl Asked {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { planned: &self.known, plan: &self.plan, cleanup: &self.cleanup, steps: &self.steps }
    }
}

impl Unstick {
    /// Gives the next `turns` accounts their turn, as far as [`STEPS`] go: the rest has its turn at the next look.
    pub(super) async fn give_turns(
        &self,
        bulk: &Bulk,
        lease: &BulkLease,
        turns: u32,
        moving: Option<&Moving>,
    ) -> Result<()> {
        let mut next = self.store().bulk_turns(&bulk.id, turns).await?.into_iter().peekable();
        let (mut ends, mut asked, mut steps) = (Vec::new(), Vec::<Asked>::new(), 0);
        while next.peek().is_some() && steps < STEPS {
            let some = next.by_ref().take(AT_ONCE).map(|it| self.plan_turn(bulk, it, moving));
            for turn in join_all(some).await {
                match turn {
                    Turn::End(end) => ends.push(end),
                    Turn::Ask(it) => {
                        steps += it.steps.len();
                        if asked.is_empty() || steps <= STEPS {
                            asked.push(*it);
                        }
                    }
                }
            }
        }
        if asked.is_empty() {
            return self.bulk_said(lease, &ends).await;
        }
        let mut parts = in_parts(asked).into_iter().peekable();
        while let Some(together) = parts.next() {
            // The bulk clean-up is given back with the last part.
            let until = parts.peek().map(|_| self.now() + LEASE);
            self.begin_asked(lease, until, &std::mem::take(&mut ends), &together, moving).await?;
        }
        Ok(())
    }

    /// Begins the clean-ups of `asked`, and writes with them what became of other accounts. Keeps the lease until `until`.
    async fn begin_asked(
        &self,
        lease: &BulkLease,
        until: Option<Instant>,
        ends: &[BulkEnd],
        asked: &[Asked],
        moving: Option<&Moving>,
    ) -> Result<()> {
        let away = moving.map(Moving::away);
        transact!(self, tx => {
            let (mut ends, mut made) = (ends.to_vec(), Vec::new());
            let wanted: Vec<Wanted<'_>> = asked.iter().map(Asked::wanted).collect();
            let mut events = Vec::with_capacity(asked.len());
            for (it, outcome) in asked.iter().zip(self.store_requests(&mut tx, &wanted).await?) {
                match outcome {
                    Outcome::Made => {
                        events.push(it.event.clone());
                        made.push(it.cleanup.id.clone());
                        ends.push(end(&it.account, BulkOutcome::Running, Some(it.cleanup.id.clone()), String::new()));
                    }
                    // It has its turn again at the next look, with the plan or the clean-up of then.
                    Outcome::UnderWay(_) | Outcome::Changed => {}
                }
            }
            tx.rank_behind(&made).await?;
            if let Some(away) = &away {
                tx.move_away(&made, away).await?;
            }
            tx.bulk_progress(lease, &ends, until).await?;
            tx.append_audits(&events).await?;
            crash::point("bulk:turns-before-commit");
            Ok(())
        })?;
        crash::point("bulk:turns-committed");
        self.0.kick.notify_one();
        Ok(())
    }

    async fn plan_turn(&self, bulk: &Bulk, account: BulkAccount, moving: Option<&Moving>) -> Turn {
        match self.try_turn(bulk, &account, moving).await {
            Ok(turn) => turn,
            Err(Error::NothingToDo) => Turn::End(end(&account, BulkOutcome::Nothing, None, String::new())),
            Err(error) => {
                tracing::warn!(bulk.id = %bulk.id, error = %report(&error), "an account of a bulk clean-up failed");
                Turn::End(end(&account, BulkOutcome::Failed, None, error.to_string()))
            }
        }
    }

    async fn try_turn(&self, bulk: &Bulk, account: &BulkAccount, moving: Option<&Moving>) -> Result<Turn> {
        if let Some(id) = self.store().live_cleanup(&account.account).await? {
            return self.join_turn(bulk, account, id).await;
        }
        let request = CleanupRequest {
            account: account.account.clone(),
            mode: bulk.order.mode,
            reason: bulk.order.reason.clone(),
            ticket: bulk.order.ticket.clone(),
            hash: None,
        };
        let (world, mut plan) = self.plan_now(&request).await?;
        if let Some(Moving { stored, fleet }) = moving {
            plan = stored.order.plan(&world, &self.pools(), fleet);
            if let (true, Some(router)) = (plan.routes.is_empty(), plan.unread.first()) {
                return Err(Error::Conflict(format!(
                    "{router} could not be read, so nobody knows where the account is"
                )));
            }
        }
        if plan.is_empty() {
            return Err(Error::NothingToDo);
        }
        let cleanup = self.new_cleanup(Request { actor: bulk.actor.clone(), request: &request }, &plan);
        let steps = plan.steps(cleanup.requested_at);
        let mut event = self.requested_event(&cleanup, &plan);
        if let Some(detail) = event.detail.as_object_mut() {
            detail.insert("bulk".to_owned(), serde_json::json!(bulk.id));
        }
        let account = account.clone();
        Ok(Turn::Ask(Box::new(Asked { account, known: world.account, plan, cleanup, steps, event })))
    }

    /// One of the same mode that is under way is as good as its own.
    async fn join_turn(&self, bulk: &Bulk, account: &BulkAccount, id: CleanupId) -> Result<Turn> {
        Ok(Turn::End(if self.does_the_same(&id, bulk.order.mode, None).await? {
            end(account, BulkOutcome::Running, Some(id), String::new())
        } else {
            end(account, BulkOutcome::UnderWay, Some(id), "a clean-up of another mode was under way".to_owned())
        }))
    }
}

fn end(account: &BulkAccount, to: BulkOutcome, cleanup: Option<CleanupId>, note: String) -> BulkEnd {
    BulkEnd { no: account.no, from: account.outcome, to, cleanup, note }
}

/// In parts that are written together.
fn in_parts(asked: Vec<Asked>) -> Vec<Vec<Asked>> {
    let (mut parts, mut steps) = (Vec::<Vec<Asked>>::new(), 0);
    for it in asked {
        steps += it.steps.len();
        match parts.last_mut() {
            Some(part) if steps <= STEPS_TOGETHER => part.push(it),
            _ => {
                steps = it.steps.len();
                parts.push(vec![it]);
            }
        }
    }
    parts
}
