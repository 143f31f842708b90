//! Sessions for back ends: created, touched, ended, read.

use async_recursion::async_recursion as boxed;
use domain::{
    AccountId, Actor, Permission, Session, SessionId,
    view::{Page, SessionFilter},
};
use store::{Changed, Created, End, SessionCreate, Touch};

use super::check_batch;
use crate::{Error, Result, Unstick, check};

impl Unstick {
    /// Stores new sessions; a repeat of the same is answered as such.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000, too long texts and impossible times; `Denied`.
    #[boxed]
    pub async fn create_sessions(&self, actor: &Actor, items: Vec<SessionCreate>) -> Result<Vec<Created>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        let now = self.now();
        items.iter().try_for_each(|item| check::session(item, now))?;
        self.report_creates(items).await
    }

    /// Notes that sessions were seen. One that is over is answered as such: the back end must end it too.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000 and impossible times; `Denied`.
    #[boxed]
    pub async fn touch_sessions(&self, actor: &Actor, items: Vec<Touch>) -> Result<Vec<Changed>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        let now = self.now();
        items.iter().try_for_each(|item| check::touch(item, now))?;
        self.report_touches(items).await
    }

    /// Ends sessions. What the back end did not release itself is left over.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000 and impossible times; `Denied`.
    #[boxed]
    pub async fn end_sessions(&self, actor: &Actor, items: Vec<End>) -> Result<Vec<Changed>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        let now = self.now();
        items.iter().try_for_each(|item| check::end(item, now))?;
        self.report_ends(items).await
    }

    /// One session.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn api_session(&self, actor: &Actor, id: &SessionId) -> Result<Session> {
        self.authorize(actor, Permission::ReadSessions, id.as_str()).await?;
        self.store().session(id).await?.ok_or(Error::NotFound("session"))
    }

    /// A page of an account's sessions, newest first; at most 1,000.
    ///
    /// # Errors
    /// `NotFound` for the account; `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn api_sessions(
        &self,
        actor: &Actor,
        account: &AccountId,
        filter: SessionFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Session>> {
        self.authorize(actor, Permission::ReadSessions, account.as_str()).await?;
        if self.store().account(account).await?.is_none() {
            return Err(Error::NotFound("account"));
        }
        Ok(self.store().sessions_page(account, filter, after, limit.clamp(1, 1_000)).await?)
    }
}
