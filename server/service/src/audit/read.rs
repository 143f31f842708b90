//! The audit log, a page or a batch at a time. Reading and exporting it is itself written down.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditEvent, Permission,
    view::{AuditFilter, AuditPage, Page},
};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// A page of the audit log, newest first. `before` goes on where a page ended.
    ///
    /// # Errors
    /// `Invalid` when `before` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn audit(&self, actor: &Actor, filter: &AuditFilter, before: Option<&str>) -> Result<AuditPage> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let before = before.map(str::parse::<i64>).transpose();
        let before = before.map_err(|_| Error::invalid("after", "that page does not exist: start again"))?;
        let limit = self.settings().page_size;
        let (mut items, actions) =
            tokio::try_join!(self.store().audit_page(filter, before, limit + 1), self.store().audit_actions())?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|event| event.seq.to_string());
        let shown: Vec<i64> = items.iter().map(|event| event.seq).collect();
        let unproven = self.store().unproven(&shown).await?;
        Ok(AuditPage { page: Page { items, next }, filter: filter.clone(), actions, unproven, now: self.now() })
    }

    /// One event, and whether it is as it was written.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn audit_event(&self, actor: &Actor, seq: i64) -> Result<(AuditEvent, bool)> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let filter = AuditFilter::default();
        let newest = self.store().audit_page(&filter, Some(seq.saturating_add(1)), 1).await?.into_iter().next();
        let event = newest.filter(|event| event.seq == seq).ok_or(Error::NotFound("audit event"))?;
        let proven = self.store().unproven(&[seq]).await?.is_empty();
        Ok((event, proven))
    }

    /// A batch of the audit log for an export, newest first, at most 1,000 events before `before`.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn audit_batch(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        Ok(self.store().audit_page(filter, before, limit.clamp(1, 1_000)).await?)
    }

    /// Writes down that the log was exported.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn note_export(&self, actor: &Actor, filter: &AuditFilter, format: &str) -> Result<()> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let mut draft = self.draft(actor, "audit.exported", "audit");
        draft.detail = serde_json::json!({ "format": format, "filter": filter });
        transact!(self, tx => { tx.append_audit(&draft).await?; Ok(()) })
    }
}
