//! Repairing what the census found: a plan that names everything, and then one clean-up for each of its accounts, with the
//! engine of all clean-ups, and so with its ledger, its audit events and its proof.

use std::collections::BTreeSet;

use async_recursion::async_recursion as boxed;
use domain::{
    AccountId, Actor, Freshness, Mode, Permission, Plan, PlanHash, Repair, RepairId, RepairItem, RepairMade,
    RepairOutcome, RepairPlan, RepairRequest, Unrepairable,
    census::{CensusFinding, FindingFilter},
    new_id,
    view::CleanupRequest,
};
use futures::stream::{self, StreamExt};

use super::repairing::cleanup_request;
use crate::{Error, Result, Unstick, cleanups::checked, crash, world::PLAN_SESSIONS};

/// Accounts that one repair may have.
pub(super) const MOST: u32 = 1_000;
/// Accounts whose worlds are read at once.
const AT_ONCE: usize = 4;
/// Findings that are named as left alone.
const NAMED: u32 = 20;
/// Longest reason: the clean-ups' begins with the repair's id.
const REASON: usize = 400;

/// What a repair would do with an account.
enum Would {
    Remove(RepairItem),
    LeaveAlone(Unrepairable),
    Nothing,
}

impl Unstick {
    /// What a repair of the open findings that pass `filter` would remove, of at most `limit` accounts, exactly. It names
    /// all that is left over of each of them, as their clean-ups do.
    ///
    /// # Errors
    /// `Invalid` for a kind that no clean-up removes, or the limit; `Denied`.
    #[boxed]
    pub async fn repair_plan(&self, actor: &Actor, filter: &FindingFilter, limit: u32) -> Result<RepairPlan> {
        self.authorize(actor, Permission::Repair, "repair").await?;
        if filter.kind.is_some_and(|kind| !kind.is_repairable()) {
            let message = "only orphaned sessions and stale routes can be removed: choose one of them, or none";
            return Err(Error::invalid("kind", message));
        }
        if !(1..=MOST).contains(&limit) {
            return Err(Error::invalid("limit", format!("a repair has 1 to {MOST} accounts")));
        }
        let now = self.now();
        let mut accounts = self.store().accounts_to_repair(filter, None, limit + 1, now).await?;
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        let (mut items, mut left_alone) = (Vec::new(), Vec::new());
        for would in self.would(accounts).await? {
            match would {
                Would::Remove(item) => items.push(item),
                Would::LeaveAlone(why) => left_alone.push(why),
                Would::Nothing => {}
            }
        }
        for finding in self.store().findings_of_nobody(NAMED).await?.into_iter().filter(|it| passes(filter, it)) {
            let why = "it is not known whose it is, so no clean-up removes it: it expires, or clear it on the router";
            left_alone.push(Unrepairable { what: finding.seen.sentence().to_string(), why: why.to_owned() });
        }
        let census = self.store().last_census().await?.map_or(0, |census| census.no);
        let mut plan = RepairPlan {
            version: RepairPlan::VERSION,
            census,
            made_at: now,
            filter: filter.clone(),
            limit,
            items,
            left_alone,
            more,
            hash: PlanHash(String::new()),
        };
        plan.hash = plan.hash_now();
        Ok(plan)
    }

    /// The plan of a repair of what somebody was shown: the accounts of `shown`, each with the hash of its clean-up's plan. One that
    /// is not as shown any more names nothing, and keeps the hash that was shown, so that it is found to have changed.
    ///
    /// # Errors
    /// `Invalid` when there are too many; `Denied`.
    #[boxed]
    pub async fn repair_as_shown(
        &self,
        actor: &Actor,
        filter: &FindingFilter,
        shown: Vec<(AccountId, PlanHash)>,
    ) -> Result<RepairPlan> {
        self.authorize(actor, Permission::Repair, "repair").await?;
        if shown.len() > MOST as usize {
            return Err(Error::invalid("shown", format!("a repair has 1 to {MOST} accounts")));
        }
        let now = self.would(shown.iter().map(|(account, _)| account.clone()).collect()).await?;
        let item = |((account, plan), would): ((AccountId, PlanHash), Would)| match would {
            Would::Remove(item) if item.plan == plan => item,
            _ => RepairItem::changed(account, plan),
        };
        let mut plan = RepairPlan {
            version: RepairPlan::VERSION,
            census: self.store().last_census().await?.map_or(0, |census| census.no),
            made_at: self.now(),
            filter: filter.clone(),
            limit: MOST,
            items: shown.into_iter().zip(now).map(item).collect(),
            left_alone: Vec::new(),
            more: false,
            hash: PlanHash(String::new()),
        };
        plan.hash = plan.hash_now();
        Ok(plan)
    }

    /// Carries `request.plan` out: asks for a clean-up of each account that is still as the plan names it, of exactly what it
    /// names. Among many accounts some always change between the plan and its confirmation: they are left alone, and the
    /// repair names them.
    ///
    /// # Errors
    /// `Invalid` for the reason, the ticket, or a plan that was changed after it was written; `NothingToDo`; `Conflict`
    /// when none of its accounts is as planned any more (then nothing is done); `Unproved`; `Denied`.
    #[boxed]
    pub async fn request_repair(&self, actor: &Actor, request: RepairRequest) -> Result<Repair> {
        self.authorize_fresh(actor, Permission::Repair, Freshness::FiveMinutes, "repair").await?;
        let RepairRequest { plan, reason, ticket } = request;
        let first = plan.items.first().ok_or(Error::NothingToDo)?;
        let words = checked(cleanup_request(first.account.clone(), first.plan.clone(), reason, ticket))?;
        if words.reason.chars().count() > REASON {
            return Err(Error::invalid("reason", format!("say it in at most {REASON} characters")));
        }
        let changed = self.changed_since(&plan).await?;
        let repair = self.store_repair(actor, &plan, &changed, words).await?;
        crash::point("repair:committed");
        self.carry_out_repair(repair).await
    }

    /// A repair that was asked for, and what became of its accounts.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn repair(&self, actor: &Actor, id: &RepairId) -> Result<Repair> {
        self.authorize(actor, Permission::ReadFindings, id.as_str()).await?;
        self.store().repair(id, MOST).await?.ok_or(Error::NotFound("repair"))
    }

    /// The accounts that are not as `plan` names them any more.
    async fn changed_since(&self, plan: &RepairPlan) -> Result<BTreeSet<AccountId>> {
        if plan.version != RepairPlan::VERSION || plan.hash != plan.hash_now() || plan.items.len() > MOST as usize {
            let message = "this is not a plan as it was written: write a new one and leave it as it is";
            return Err(Error::invalid("plan", message));
        }
        let accounts: Vec<AccountId> = plan.items.iter().map(|item| item.account.clone()).collect();
        if accounts.iter().collect::<BTreeSet<_>>().len() < accounts.len() {
            return Err(Error::invalid("plan", "it names an account twice: make a new one and leave it as it is"));
        }
        let now = self.would(accounts).await?;
        let same = |(item, would): &(&RepairItem, Would)| matches!(would, Would::Remove(now) if now == *item);
        let changed: BTreeSet<AccountId> =
            plan.items.iter().zip(now).filter(|pair| !same(pair)).map(|(item, _)| item.account.clone()).collect();
        if changed.len() < plan.items.len() {
            return Ok(changed);
        }
        let named = changed.iter().take(5).map(AccountId::as_str).collect::<Vec<_>>().join(", ");
        Err(Error::Conflict(format!(
            "{} changed since the plan was made ({named}): nothing was done; make a new plan",
            if changed.len() == 1 {
                "its only account".to_owned()
            } else {
                format!("all of its {} accounts", changed.len())
            }
        )))
    }

    async fn store_repair(
        &self,
        actor: &Actor,
        plan: &RepairPlan,
        changed: &BTreeSet<AccountId>,
        words: CleanupRequest,
    ) -> Result<Repair> {
        let begun = |item: &RepairItem| RepairMade {
            account: item.account.clone(),
            outcome: if changed.contains(&item.account) { RepairOutcome::Changed } else { RepairOutcome::Waiting },
            cleanup: None,
        };
        let text = new_id("r", self.entropy());
        let repair = Repair {
            id: RepairId::parse(text).unwrap_or_else(|_| unreachable!("base64url is a token")),
            actor: actor.label(),
            reason: words.reason,
            ticket: words.ticket,
            plan_hash: plan.hash.clone(),
            requested_at: self.now(),
            made: plan.items.iter().map(begun).collect(),
        };
        let mut draft = self.draft(actor, "repair.requested", repair.id.as_str());
        draft.reason.clone_from(&repair.reason);
        draft.ticket.clone_from(&repair.ticket);
        draft.detail = serde_json::json!({
            "plan": plan.hash, "census": plan.census, "accounts": plan.items.len(), "records": plan.records(),
            "routes": plan.routes(), "changed": changed.len(),
        });
        let plans: Vec<&PlanHash> = plan.items.iter().map(|item| &item.plan).collect();
        transact!(self, tx => {
            tx.insert_repair(&repair, &plans).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(repair)
    }

    /// What a repair would do with each of `accounts`, in their order.
    async fn would(&self, accounts: Vec<AccountId>) -> Result<Vec<Would>> {
        let each = stream::iter(accounts).map(async |id| self.would_do(id).await).buffered(AT_ONCE);
        each.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn would_do(&self, id: AccountId) -> Result<Would> {
        let Some(account) = self.store().account(&id).await? else { return Ok(Would::Nothing) };
        if let Some(running) = self.store().live_cleanup(&id).await? {
            let why = format!("its clean-up {running} is under way");
            return Ok(Would::LeaveAlone(Unrepairable { what: format!("Account {id}"), why }));
        }
        let world = self.read_world(account, PLAN_SESSIONS).await?;
        let plan: Plan = match self.plan_of(&world, Mode::Stale) {
            Ok(plan) => plan,
            Err(error) => {
                let why = error.to_string();
                return Ok(Would::LeaveAlone(Unrepairable { what: format!("Account {id}"), why }));
            }
        };
        Ok(if plan.is_empty() { Would::Nothing } else { Would::Remove(RepairItem::of(&plan)) })
    }
}

/// Whether `finding` is one of those that `filter` is about.
fn passes(filter: &FindingFilter, finding: &CensusFinding) -> bool {
    let seen = &finding.seen;
    let router = seen.place.as_ref().map(|place| &place.router);
    filter.kind.is_none_or(|kind| kind == seen.kind)
        && (filter.router.is_none() || filter.router.as_ref() == router)
        && (filter.server.is_none() || filter.server == seen.server)
}
