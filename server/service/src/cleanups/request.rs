//! Asking for a clean-up: sessions revoked, audit event and steps, in one transaction. Effects come afterwards.

use std::collections::{BTreeMap, HashMap};

use async_recursion::async_recursion as boxed;
use domain::{
    Account, AccountId, Actor, AuditDraft, Cleanup, CleanupId, EndReason, EventKind, Freshness, Mode, Permission, Plan,
    SessionId, Status, Step, WebhookEvent, World, new_id, view::CleanupRequest,
};
use store::{Inserted, SessionsOf, Tx};

use crate::{Error, Result, Unstick, check::why, crash, customers::Quota, world::PLAN_SESSIONS};

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

/// A clean-up that is to be stored.
pub(crate) struct Wanted<'a> {
    /// The account as it was planned for.
    pub(crate) planned: &'a Account,
    /// What it does.
    pub(crate) plan: &'a Plan,
    /// What is stored.
    pub(crate) cleanup: &'a Cleanup,
    /// And its steps.
    pub(crate) steps: &'a [Step],
}

/// A request for a clean-up of one account, whoever makes it.
pub(crate) struct Ask {
    /// Who, as [`Actor::label`].
    pub(crate) actor: String,
    /// For what.
    pub(crate) request: CleanupRequest,
    /// The session that stays signed in.
    pub(crate) keep: Option<SessionId>,
    /// How often it may be asked for.
    pub(crate) quota: Option<Quota>,
}

impl Unstick {
    /// Asks for a clean-up of one account. A second request of the same mode joins the one that is under way.
    ///
    /// # Errors
    /// `WorldChanged` with the plan of now when it is not the one that was confirmed; `UnderWay` when one of another
    /// mode is; `NothingToDo`; `Invalid` for the reason or the ticket; `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn request_cleanup(&self, actor: &Actor, request: CleanupRequest) -> Result<Requested> {
        self.authorize(actor, Permission::CleanUp, request.account.as_str()).await?;
        if let Some(freshness) = Freshness::of_cleanup(request.mode) {
            actor.require_fresh(freshness, self.now())?;
        }
        self.ask(Ask { actor: actor.label(), request: checked(request)?, keep: None, quota: None }).await
    }

    /// Asks, once it is known that who asks may.
    pub(crate) async fn ask(&self, Ask { actor, request, keep, quota }: Ask) -> Result<Requested> {
        let (mode, keep) = (request.mode, keep.as_ref());
        if let Some(id) = self.store().live_cleanup(&request.account).await? {
            return self.join(id, mode, keep).await;
        }
        let (world, plan) = self.plan_now_keeping(&request, keep).await?;
        let changed = request.hash.as_ref().is_some_and(|hash| *hash != plan.hash());
        if changed || plan.is_empty() {
            // Somebody else's may have begun since it was looked for: then that is what changed the world.
            return match self.store().live_cleanup(&request.account).await? {
                Some(id) => self.join(id, mode, keep).await,
                None if changed => Err(Error::WorldChanged(Box::new(plan))),
                None => Err(Error::NothingToDo),
            };
        }
        let cleanup = self.new_cleanup(Request { actor, request: &request }, &plan);
        let steps = plan.steps(cleanup.requested_at);
        let draft = self.requested_event(&cleanup, &plan);
        let outcome = transact!(self, tx => {
            let wanted = Wanted { planned: &world.account, plan: &plan, cleanup: &cleanup, steps: &steps };
            let outcome = self.store_requests(&mut tx, &[wanted]).await?.pop().unwrap_or(Outcome::Changed);
            if matches!(outcome, Outcome::Made) {
                if let Some(quota) = &quota {
                    quota.take(&mut tx, cleanup.requested_at).await?;
                }
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
            Outcome::UnderWay(id) => self.join(id, mode, keep).await,
            Outcome::Changed => match self.store().live_cleanup(&request.account).await? {
                Some(id) => self.join(id, mode, keep).await,
                None => Err(Error::WorldChanged(Box::new(self.plan_now_keeping(&request, keep).await?.1))),
            },
        }
    }

    pub(crate) async fn plan_now(&self, request: &CleanupRequest) -> Result<(World, Plan)> {
        self.plan_now_keeping(request, None).await
    }

    /// What is there now, and the plan for it that leaves the session `keep` signed in.
    pub(crate) async fn plan_now_keeping(
        &self,
        request: &CleanupRequest,
        keep: Option<&SessionId>,
    ) -> Result<(World, Plan)> {
        let account = self.store().account(&request.account).await?.ok_or(Error::NotFound("account"))?;
        let world = self.read_world(account, PLAN_SESSIONS).await?;
        let plan = self.plan_keeping(&world, request.mode, keep)?;
        Ok((world, plan))
    }

    async fn join(&self, id: CleanupId, mode: Mode, keep: Option<&SessionId>) -> Result<Requested> {
        if self.does_the_same(&id, mode, keep).await? {
            Ok(Requested { id, joined: true })
        } else {
            Err(Error::UnderWay(id))
        }
    }

    /// Whether the clean-up `id` is of this mode and leaves the same session signed in.
    pub(crate) async fn does_the_same(&self, id: &CleanupId, mode: Mode, keep: Option<&SessionId>) -> Result<bool> {
        let (other, kept) = tokio::try_join!(self.store().cleanup(id), self.store().kept_session(id))?;
        Ok(other.is_some_and(|other| other.mode == mode) && kept.as_ref() == keep)
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
        if let (Some(keep), Some(detail)) = (&plan.keep, draft.detail.as_object_mut()) {
            detail.insert("keeps".to_owned(), serde_json::json!(keep));
        }
        draft
    }

    /// Checks that each account is still the one that was planned for, stores clean-ups and steps, and revokes. Of different
    /// accounts, any number of them in as many statements as one.
    pub(crate) async fn store_requests(&self, tx: &mut Tx, wanted: &[Wanted<'_>]) -> Result<Vec<Outcome>> {
        let ids: Vec<&AccountId> = wanted.iter().map(|it| &it.planned.id).collect();
        let accounts = tx.accounts_for_update(&ids).await?;
        let accounts: HashMap<&AccountId, &Account> = accounts.iter().map(|account| (&account.id, account)).collect();
        let counts = |account: &Account| (account.live_sessions, account.leftover_sessions, account.generation);
        let (mut outcomes, mut fit) = (Vec::with_capacity(wanted.len()), Vec::new());
        for (at, it) in wanted.iter().enumerate() {
            let now = accounts.get(&it.planned.id).ok_or(Error::NotFound("account"))?;
            outcomes.push(Outcome::Changed);
            if counts(now) == counts(it.planned) {
                fit.push(at);
            }
        }
        let rows: Vec<(&Cleanup, &[Step])> = fit.iter().map(|at| (wanted[*at].cleanup, wanted[*at].steps)).collect();
        for (at, stored) in fit.into_iter().zip(tx.insert_cleanups(&rows).await?) {
            outcomes[at] = match stored {
                Inserted::Yes => Outcome::Made,
                Inserted::UnderWay(id) => Outcome::UnderWay(id),
            };
        }
        let is_made = |(_, outcome): &(_, &Outcome)| matches!(outcome, Outcome::Made);
        let made: Vec<&Wanted<'_>> = wanted.iter().zip(&outcomes).filter(is_made).map(|(it, _)| it).collect();
        for it in &made {
            if let Some(keep) = &it.plan.keep {
                tx.keep_session(&it.cleanup.id, keep).await?;
            }
        }
        let forced: Vec<&Wanted<'_>> = made.into_iter().filter(|it| it.plan.mode == Mode::Force).collect();
        self.revoke(tx, &forced).await?;
        Ok(outcomes)
    }

    /// Ends the sessions that forced clean-ups end.
    async fn revoke(&self, tx: &mut Tx, forced: &[&Wanted<'_>]) -> Result<()> {
        let Some(at) = forced.iter().map(|it| it.cleanup.requested_at).min() else {
            return Ok(());
        };
        // A new generation voids every session of the old one, also what stays signed in: each one that ends is
        // revoked by itself in any case.
        let bumped: Vec<&AccountId> =
            forced.iter().filter(|it| it.plan.keep.is_none()).map(|it| &it.planned.id).collect();
        tx.bump_generations(&bumped).await?;
        let ends: Vec<SessionsOf<'_>> = forced.iter().map(|it| (&it.planned.id, it.plan.ends.as_slice())).collect();
        let planned: usize = ends.iter().map(|(_, ends)| ends.len()).sum();
        if usize::try_from(tx.revoke_all(&ends, at).await?) != Ok(planned) {
            return Err(Error::Conflict("a session of the account changed at this moment: try again".to_owned()));
        }
        let ended = |it: &&Wanted<'_>| {
            let (account, cleanup) = (it.planned.id.clone(), it.cleanup.id.clone());
            let one = move |id| WebhookEvent::session_ended(id, &account, EndReason::Revoked, at, Some(&cleanup));
            it.plan.ends.iter().map(one).collect::<Vec<_>>()
        };
        tx.emit(EventKind::SessionEnded, at, || forced.iter().flat_map(ended).collect()).await?;
        Ok(())
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
