//! Clean-ups in lists.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Cleanup, Permission, Status,
    view::{CleanupRow, CleanupsPage, Page, StepCounts},
};

use crate::{Result, Unstick};

impl Unstick {
    /// A page of clean-ups, newest first.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn cleanups(&self, actor: &Actor, status: Option<Status>, after: Option<&str>) -> Result<CleanupsPage> {
        self.authorize(actor, Permission::ReadCleanups, "clean-ups").await?;
        let page = self.store().cleanups_page(status, after, self.settings().page_size).await?;
        let page = Page { items: self.cleanup_rows(page.items), next: page.next };
        let unfinished = self.unfinished().await?;
        Ok(CleanupsPage { page, status, unfinished, now: self.now() })
    }

    #[expect(clippy::unused_self, reason = "a use case's helper, called like its siblings")]
    pub(crate) fn cleanup_rows(&self, items: Vec<(Cleanup, String, StepCounts)>) -> Vec<CleanupRow> {
        items.into_iter().map(|(cleanup, title, counts)| CleanupRow { cleanup, title, counts }).collect()
    }
}
