//! Where an account's routes led before.

use async_recursion::async_recursion as boxed;
use domain::{AccountId, Actor, Instant};
use store::RouteChange;

use crate::{Result, Unstick};

/// Changes of one answer.
const MOST: u32 = 1_000;

impl Unstick {
    /// How the routes of an account changed since `since`, newest first; at most 1,000, and whether there are more.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn route_history(
        &self,
        actor: &Actor,
        id: &AccountId,
        since: Instant,
    ) -> Result<(Vec<RouteChange>, bool)> {
        self.readable_account(actor, id).await?;
        let mut changes = self.store().route_history(id, since, MOST + 1).await?;
        let more = changes.len() > MOST as usize;
        changes.truncate(MOST as usize);
        Ok((changes, more))
    }
}
