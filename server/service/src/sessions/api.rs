//! Sessions for back ends: created, touched, ended, read.

use domain::{
    AccountId, Actor, Permission, Session, SessionId,
    view::{Page, SessionFilter},
};
use store::{Changed, Created, End, SessionCreate, Touch};

use super::check_batch;
use crate::{Error, Result, Unstick};

impl Unstick {
    /// Stores new sessions; a repeat of the same is answered as such.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000 or too long texts; `Denied`.
    pub async fn create_sessions(&self, actor: &Actor, items: Vec<SessionCreate>) -> Result<Vec<Created>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        for item in &items {
            let texts = [(&item.client, 120), (&item.user_agent, 512), (&item.ip, 45)];
            if texts.iter().any(|(text, most)| text.len() > *most || text.chars().any(char::is_control)) {
                let message = format!(
                    "session {}: client is at most 120 bytes, user_agent 512, ip 45, each in one line",
                    item.id
                );
                return Err(Error::invalid("client", message));
            }
            check_ip(&item.ip)?;
        }
        self.report_creates(items).await
    }

    /// Notes that sessions were seen. One that is over is answered as such: the back end must end it too.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000; `Denied`.
    pub async fn touch_sessions(&self, actor: &Actor, items: Vec<Touch>) -> Result<Vec<Changed>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        items.iter().filter_map(|item| item.ip.as_deref()).try_for_each(check_ip)?;
        self.report_touches(items).await
    }

    /// Ends sessions. What the back end did not release itself is left over.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000; `Denied`.
    pub async fn end_sessions(&self, actor: &Actor, items: Vec<End>) -> Result<Vec<Changed>> {
        self.authorize(actor, Permission::ReportSessions, "sessions").await?;
        check_batch(items.len())?;
        self.report_ends(items).await
    }

    /// One session.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    pub async fn api_session(&self, actor: &Actor, id: &SessionId) -> Result<Session> {
        self.authorize(actor, Permission::ReadSessions, id.as_str()).await?;
        self.store().session(id).await?.ok_or(Error::NotFound("session"))
    }

    /// A page of an account's sessions, newest first; at most 1,000.
    ///
    /// # Errors
    /// `NotFound` for the account; `Invalid` when `after` is not where a page ended; `Denied`.
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

fn check_ip(ip: &str) -> Result<()> {
    if ip.is_empty() || ip.parse::<std::net::IpAddr>().is_ok() {
        return Ok(());
    }
    Err(Error::invalid("ip", "ip must be an IPv4 or IPv6 address, or empty"))
}
