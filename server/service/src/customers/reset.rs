//! A customer resets their own sessions: an ordinary clean-up of mode `force`, with the engine, the ledger, the fences and the
//! proof of all clean-ups, that leaves one session signed in.

use std::collections::HashMap;

use async_recursion::async_recursion as boxed;
use domain::{
    AccountId, Actor, Mode, Plan, PlanHash, Session, SessionId, Stays, World, preview_words,
    view::{CleanupRequest, ResetPreview},
};

use super::{Quota, own};
use crate::{
    Error, Result, Unstick,
    cleanups::{Ask, Requested},
};

impl Unstick {
    /// What a reset would do now, exactly.
    ///
    /// # Errors
    /// `Invalid` for a session that cannot stay; `Throttled`; `Denied`.
    #[boxed]
    pub async fn reset_preview(&self, actor: &Actor, stays: &Stays) -> Result<ResetPreview> {
        let (id, this) = self.customer(actor).await?;
        let keep = self.kept(id, this, stays).await?;
        self.count_read(id).await?;
        let (world, plan) = self.plan_now_keeping(&request(id, keep.as_ref()), keep.as_ref()).await?;
        let under_way = self.store().live_cleanup(id).await?;
        Ok(ResetPreview { under_way, ..preview(&world, &plan, this) })
    }

    /// Resets: exactly what was shown when `hash` is given, else what is there now. One of the same kind that is under way
    /// is joined.
    ///
    /// # Errors
    /// `WorldChanged` when it is not what was shown; `UnderWay`; `NothingToDo`; `Invalid` for a session that cannot stay;
    /// `Throttled`; `Denied`.
    #[boxed]
    pub async fn reset(&self, actor: &Actor, stays: &Stays, hash: Option<PlanHash>) -> Result<Requested> {
        let (id, this) = self.customer(actor).await?;
        let keep = self.kept(id, this, stays).await?;
        self.count_read(id).await?;
        let request = CleanupRequest { hash, ..request(id, keep.as_ref()) };
        let quota = Quota::resets(id, self.settings().customers.resets);
        self.ask(Ask { actor: actor.label(), request, keep, quota: Some(quota) }).await
    }

    /// The session that stays signed in.
    async fn kept(&self, account: &AccountId, this: Option<&SessionId>, stays: &Stays) -> Result<Option<SessionId>> {
        let chosen = match (stays, this) {
            (Stays::Nobody, _) => return Ok(None),
            (Stays::This, Some(this)) => return Ok(Some(this.clone())),
            (Stays::This, None) => {
                let message = "say which device stays signed in, or that none does";
                return Err(Error::invalid("stays", message));
            }
            (Stays::One(chosen), _) => chosen,
        };
        let session = self.store().session(chosen).await?;
        match session.filter(|session| session.account == *account && session.state.is_live()) {
            Some(session) => Ok(Some(session.id)),
            None => Err(Error::invalid("stays", "that device is not signed in any more: choose another one, or none")),
        }
    }
}

fn request(account: &AccountId, keep: Option<&SessionId>) -> CleanupRequest {
    let reason = keep.map_or_else(
        || "The customer reset all sessions of the account.".to_owned(),
        |keep| format!("The customer reset the account’s other sessions, and keeps {keep}."),
    );
    CleanupRequest { account: account.clone(), mode: Mode::Force, reason, ticket: String::new(), hash: None }
}

/// `plan` for the customer whose session is `this`.
fn preview(world: &World, plan: &Plan, this: Option<&SessionId>) -> ResetPreview {
    let known: HashMap<&SessionId, &Session> = world.sessions.iter().map(|session| (&session.id, session)).collect();
    let shown = |id: &SessionId| known.get(id).map(|session| own(session, this));
    let removes = plan.deletes.iter().filter(|id| !plan.ends.contains(id)).count();
    ResetPreview {
        ends: plan.ends.iter().filter_map(shown).collect(),
        keeps: plan.keep.as_ref().and_then(shown),
        removes: i64::try_from(removes).unwrap_or(i64::MAX),
        says: preview_words(plan, this),
        nothing: plan.is_empty(),
        hash: plan.hash(),
        under_way: None,
        now: world.read_at,
    }
}
