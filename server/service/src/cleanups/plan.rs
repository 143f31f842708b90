//! What a clean-up would do, read now.

use async_recursion::async_recursion as boxed;
use domain::{AccountId, Actor, Mode, Permission, Plan, SessionId, World, diagnose, plan_keeping, view::PlanPage};

use crate::{Error, Result, Unstick, world::PLAN_SESSIONS};

impl Unstick {
    /// The plan of a clean-up, to be shown before it is asked for.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn plan_page(&self, actor: &Actor, id: &AccountId, mode: Mode) -> Result<PlanPage> {
        let account = self.readable_account(actor, id).await?;
        let (under_way, world) = tokio::try_join!(async { Ok(self.store().live_cleanup(id).await?) }, async {
            self.read_world(account, PLAN_SESSIONS).await
        })?;
        let (verdict, _) = diagnose(&world);
        let plan = self.plan_of(&world, mode)?;
        let hash = plan.hash();
        let may_clean_up = actor.may(Permission::CleanUp);
        let (account, unread, now) = (world.account, world.unread, world.read_at);
        Ok(PlanPage { account, verdict, plan, hash, unread, under_way, may_clean_up, now })
    }

    /// The plan for `world`, which must have been read whole: a plan names everything or is none.
    pub(crate) fn plan_of(&self, world: &World, mode: Mode) -> Result<Plan> {
        self.plan_keeping(world, mode, None)
    }

    /// The same, that leaves the session `keep` signed in.
    pub(crate) fn plan_keeping(&self, world: &World, mode: Mode, keep: Option<&SessionId>) -> Result<Plan> {
        if world.truncated {
            let message = format!(
                "the account has more than {PLAN_SESSIONS} open sessions: end them at the identity system first"
            );
            return Err(Error::invalid("account", message));
        }
        Ok(plan_keeping(world, mode, &self.pools(), keep))
    }
}
