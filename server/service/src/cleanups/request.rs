//! Asking for a clean-up: sessions revoked, audit event and steps, in one transaction. Effects come afterwards.

use std::collections::BTreeMap;

use domain::{
    Account, Actor, AuditDraft, Cleanup, CleanupId, Freshness, Mode, Permission, Plan, Status, Step, World, new_id,
    view::CleanupRequest,
};
use store::{Inserted, Tx};

use crate::{Error, Result, Unstick, check::why, crash, world::PLAN_SESSIONS};

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The clean-up.
    pub id: CleanupId,
    /// Whether it was under way already, so that nothing new was asked for.
    pub joined: bool,
}

/// What the transaction found. Only `Made` wrote anything.
pub(crate) enum Outcome {
    /// The clean-up is stored.
    Made,
    /// This one of the same account is under way.
    UnderWay(CleanupId),
    /// The account is not as it was planned for.
    Changed,
}

/// Who asks for what.
pub(crate) struct Request<'a> {
    /// Who, as [`Actor::label`].
    pub(crate) actor: String,
    /// For what.
    pub(crate) request: &'a CleanupRequest,
}

impl Unstick {
    /// Asks for a clean-up of one account. A second request of the same mode joins the one that is under way.
    ///
    /// # Errors
    /// `WorldChanged` with the plan of now when it is not the one that was confirmed; `UnderWay` when one of another
    /// mode is; `NothingToDo`; `Invalid` for the reason or the ticket; `NotFound`; `Unproved`; `Denied`.
    pub async fn request_cleanup(&self, actor: &Actor, request: CleanupRequest) -> Result<Requested> {
        self.authorize(actor, Permission::CleanUp, request.account.as_str()).await?;
        if let Some(freshness) = Freshness::of_cleanup(request.mode) {
            actor.require_fresh(freshness, self.now())?;
        }
        let request = checked(request)?;
        if let Some(id) = self.store().live_cleanup(&request.account).await? {
            return self.join(id, request.mode).await;
        }
        let (world, plan) = self.plan_now(&request).await?;
        let changed = request.hash.as_ref().is_some_and(|hash| *hash != plan.hash());
        if changed || plan.is_empty() {
            // Somebody else's may have begun since it was looked for: then that is what changed the world.
            return match self.store().live_cleanup(&request.account).await? {
                Some(id) => self.join(id, request.mode).await,
                None if changed => Err(Error::WorldChanged(Box::new(plan))),
                None => Err(Error::NothingToDo),
            };
        }
        let cleanup = self.new_cleanup(Request { actor: actor.label(), request: &request }, &plan);
        let steps = plan.steps(cleanup.requested_at);
        let draft = self.requested_event(&cleanup, &plan);
        let outcome = transact!(self, tx => {
            let outcome = self.store_request(&mut tx, &world.account, &plan, &cleanup, &steps).await?;
            if matches!(outcome, Outcome::Made) {
                tx.append_audit(&draft).await?;
                crash::point("request:before-commit");
            }
            Ok(outcome)
        })?;
        match outcome {
            Outcome::Made => {
                crash::point("request:committed");
                self.0.kick.notify_one();
                Ok(Requested { id: cleanup.id, joined: false })
            }
            Outcome::UnderWay(id) => self.join(id, request.mode).await,
            Outcome::Changed => match self.store().live_cleanup(&request.account).await? {
                Some(id) => self.join(id, request.mode).await,
                None => Err(Error::WorldChanged(Box::new(self.plan_now(&request).await?.1))),
            },
        }
    }

    pub(crate) async fn plan_now(&self, request: &CleanupRequest) -> Result<(World, Plan)> {
        let account = self.store().account(&request.account).await?.ok_or(Error::NotFound("account"))?;
        let world = self.read_world(account, PLAN_SESSIONS).await?;
        let plan = self.plan_of(&world, request.mode)?;
        Ok((world, plan))
    }

    async fn join(&self, id: CleanupId, mode: Mode) -> Result<Requested> {
        let other = self.store().cleanup(&id).await?;
        if other.is_some_and(|other| other.mode == mode) {
            Ok(Requested { id, joined: true })
        } else {
            Err(Error::UnderWay(id))
        }
    }

    pub(crate) fn new_cleanup(&self, Request { actor, request }: Request<'_>, plan: &Plan) -> Cleanup {
        let now = self.now();
        let text = new_id("c", self.entropy());
        Cleanup {
            id: CleanupId::parse(text).unwrap_or_else(|_| unreachable!("base64url is a token")),
            account: request.account.clone(),
            mode: request.mode,
            reason: request.reason.clone(),
            ticket: request.ticket.clone(),
            actor,
            plan_hash: plan.hash(),
            status: Status::Running,
            requested_at: now,
            finished_at: None,
            next_at: now,
        }
    }

    pub(crate) fn requested_event(&self, cleanup: &Cleanup, plan: &Plan) -> AuditDraft {
        let mut routes: BTreeMap<&str, usize> = BTreeMap::new();
        for route in plan.routes.iter().filter(|route| route.server.is_some()) {
            *routes.entry(route.place.router.as_str()).or_default() += 1;
        }
        let mut draft = self.draft(&Actor::System, "cleanup.requested", cleanup.id.as_str());
        draft.actor.clone_from(&cleanup.actor);
        draft.account = Some(cleanup.account.clone());
        draft.reason.clone_from(&cleanup.reason);
        draft.ticket.clone_from(&cleanup.ticket);
        draft.detail = serde_json::json!({
            "mode": cleanup.mode, "plan": cleanup.plan_hash, "sessions_ended": plan.ends.len(),
            "records_cleaned": plan.deletes.len(), "routes": routes, "unread": plan.unread,
        });
        draft
    }

    /// Revokes, checks that the account is still the one that was planned for, and stores clean-up and steps.
    pub(crate) async fn store_request(
        &self,
        tx: &mut Tx,
        planned: &Account,
        plan: &Plan,
        cleanup: &Cleanup,
        steps: &[Step],
    ) -> Result<Outcome> {
        let Some(now) = tx.account_for_update(&planned.id).await? else {
            return Err(Error::NotFound("account"));
        };
        let counts = |account: &Account| (account.live_sessions, account.leftover_sessions, account.generation);
        if counts(&now) != counts(planned) {
            return Ok(Outcome::Changed);
        }
        if let Inserted::UnderWay(id) = tx.insert_cleanup(cleanup, steps).await? {
            return Ok(Outcome::UnderWay(id));
        }
        if plan.mode == Mode::Force {
            tx.bump_generation(&planned.id).await?;
            let revoked = tx.revoke_sessions(&planned.id, &plan.ends, cleanup.requested_at).await?;
            if usize::try_from(revoked) != Ok(plan.ends.len()) {
                return Err(Error::Conflict("a session of the account changed at this moment: try again".to_owned()));
            }
        }
        Ok(Outcome::Made)
    }
}

/// `request` with its words trimmed.
///
/// # Errors
/// `Invalid` for the reason or the ticket.
pub(crate) fn checked(mut request: CleanupRequest) -> Result<CleanupRequest> {
    (request.reason, request.ticket) = why(&request.reason, &request.ticket)?;
    Ok(request)
}
