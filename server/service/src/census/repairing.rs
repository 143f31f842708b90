//! Carrying a repair out: one clean-up for each of its accounts. Whoever confirmed it may go away and the process may die
//! half-way: what nobody asked for by then is asked for by whoever looks next, and nothing is asked for twice.

use async_recursion::async_recursion as boxed;
use domain::{AccountId, Mode, PlanHash, Repair, RepairMade, RepairOutcome, Span, view::CleanupRequest};

use super::repair::MOST;
use crate::{Error, Result, Unstick, cleanups::Ask, crash};

/// How long a repair is left to whoever confirmed it. Two at once do no harm: each finds what the other asked for.
const LEFT_ALONE: Span = Span::from_secs(60);
/// Repairs that are gone on with in one go.
const AT_ONCE: u32 = 10;
/// The newest clean-ups of an account, among which that of a repair is looked for.
const NEWEST: u32 = 20;

impl Unstick {
    /// Goes on with repairs that somebody confirmed a minute ago and that still have accounts nothing became of.
    ///
    /// # Errors
    /// When the database could not.
    #[boxed]
    pub async fn resume_repairs(&self) -> Result<()> {
        for id in self.store().repairs_waiting(self.now() - LEFT_ALONE, AT_ONCE).await? {
            if let Some(repair) = self.store().repair(&id, MOST).await? {
                tracing::warn!(repair = id.as_str(), "a repair was broken off half-way; it goes on");
                self.carry_out_repair(repair).await?;
            }
        }
        Ok(())
    }

    /// Asks for a clean-up of each account of `repair` that waits. The hash of the plan that was shown goes with each: an
    /// account that changes at this moment is left alone. While the database is busy the rest goes on waiting.
    pub(super) async fn carry_out_repair(&self, mut repair: Repair) -> Result<Repair> {
        for (account, plan) in self.store().repair_waiting(&repair.id, MOST).await? {
            match self.carry_out_for(&mut repair, account, plan).await {
                Err(Error::Busy) => {
                    tracing::warn!(repair = repair.id.as_str(), "the database is busy; the repair goes on later");
                    break;
                }
                other => other?,
            }
        }
        Ok(repair)
    }

    async fn carry_out_for(&self, repair: &mut Repair, account: AccountId, plan: PlanHash) -> Result<()> {
        let made = self.clean_up_for(repair, account, plan).await?;
        crash::point("repair:asked");
        let id = &repair.id;
        transact!(self, tx => { Ok(tx.repair_made(id, &made).await?) })?;
        if let Some(it) = repair.made.iter_mut().find(|it| it.account == made.account) {
            *it = made;
        }
        Ok(())
    }

    async fn clean_up_for(&self, repair: &Repair, account: AccountId, plan: PlanHash) -> Result<RepairMade> {
        let reason = format!("census repair {}: {}", repair.id, repair.reason);
        let request = cleanup_request(account.clone(), plan, reason.clone(), repair.ticket.clone());
        let ask = Ask { actor: repair.actor.clone(), request, keep: None, quota: None };
        let (outcome, cleanup) = match self.ask(ask).await {
            Ok(requested) => (RepairOutcome::Requested, Some(requested.id)),
            Err(error @ (Error::UnderWay(_) | Error::WorldChanged(_) | Error::NothingToDo | Error::NotFound(_))) => {
                // It may be our own clean-up that changed the world: asked for, and whoever asked died before it said so.
                let newest = self.store().cleanups_of(&account, NEWEST).await?;
                let own =
                    newest.into_iter().map(|(cleanup, ..)| cleanup).find(|it| it.reason == reason).map(|it| it.id);
                match (own, error) {
                    (Some(own), _) => (RepairOutcome::Requested, Some(own)),
                    (None, Error::UnderWay(id)) => (RepairOutcome::Changed, Some(id)),
                    (None, _) => (RepairOutcome::Changed, None),
                }
            }
            Err(Error::Busy) => return Err(Error::Busy),
            Err(error) => {
                tracing::error!(error = %crate::workers::report(&error), "a clean-up of a repair could not be asked for");
                (RepairOutcome::Failed, None)
            }
        };
        Ok(RepairMade { account, outcome, cleanup })
    }
}

/// The clean-up of `account` that a repair asks for, of exactly `plan`.
pub(super) fn cleanup_request(account: AccountId, plan: PlanHash, reason: String, ticket: String) -> CleanupRequest {
    CleanupRequest { account, mode: Mode::Stale, reason, ticket, hash: Some(plan) }
}
