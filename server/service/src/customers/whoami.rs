//! A customer's own sessions.

use async_recursion::async_recursion as boxed;
use domain::{Actor, view::OwnPage};

use super::own;
use crate::{Error, Result, Unstick};

/// Sessions that are shown.
const SHOWN: usize = 200;

impl Unstick {
    /// Who the customer is here, and where they are signed in. Asks no load balancer.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn own_page(&self, actor: &Actor) -> Result<OwnPage> {
        let (id, this) = self.customer(actor).await?;
        let limit = u32::try_from(SHOWN * 4).unwrap_or(u32::MAX);
        let (account, open, under_way) = tokio::try_join!(
            self.store().account(id),
            self.store().open_sessions(id, limit),
            self.store().live_cleanup(id),
        )?;
        let account = account.ok_or(Error::NotFound("account"))?;
        let mut sessions: Vec<_> =
            open.iter().filter(|session| session.state.is_live()).map(|session| own(session, this)).collect();
        // The one that asks may be older than all that are shown.
        if let Some(this) = this
            && !sessions.iter().any(|session| session.this)
            && let Some(session) = self.store().session(this).await?.filter(|session| session.state.is_live())
        {
            sessions.push(own(&session, Some(this)));
        }
        sessions.sort_by_key(|session| !session.this);
        sessions.truncate(SHOWN);
        Ok(OwnPage {
            account: account.id,
            name: account.name,
            sessions,
            signed_in: account.live_sessions,
            left_over: account.leftover_sessions,
            under_way,
            now: self.now(),
        })
    }
}
