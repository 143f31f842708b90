//! What the censuses found, to be looked at.

use domain::{
    Actor, Permission,
    census::{FindingFilter, FindingsPage},
};

use crate::{Result, Unstick};

/// Censuses that the drawing of the trend shows.
const TREND: u32 = 96;

impl Unstick {
    /// A page of open findings that pass `filter`, with what the last census read.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    pub async fn findings(&self, actor: &Actor, filter: &FindingFilter, after: Option<&str>) -> Result<FindingsPage> {
        self.authorize(actor, Permission::ReadFindings, "findings").await?;
        let (store, now, size) = (self.store(), self.now(), self.settings().page_size);
        let (last, newest, page, (ends, trend)) = tokio::try_join!(
            store.last_census(),
            store.newest_census(),
            store.findings_page(filter, after, size, now),
            store.census_trend(TREND),
        )?;
        let newest = newest.filter(|newest| last.as_ref().is_none_or(|last| last.no != newest.no));
        Ok(FindingsPage {
            last,
            newest,
            filter: filter.clone(),
            page,
            ends,
            trend,
            routers: self.fleet().iter().map(|router| router.name().clone()).collect(),
            may_run: actor.may(Permission::RunCensus),
            may_repair: actor.may(Permission::Repair),
            every: self.settings().census_every,
            now,
        })
    }
}
