//! What the censuses found, to be looked at.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Permission,
    census::{Census, CensusKind, CensusOutcome, FindingFilter, FindingsPage},
};

use crate::{Check, CheckOutcome, Result, Unstick, doctor::check};

/// Censuses that the drawing of the trend shows.
const TREND: u32 = 96;

impl Unstick {
    /// A page of open findings that pass `filter`, with what the last census read.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
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

    /// The last census that came to its end, and the newest one, which may be under way.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn censuses(&self, actor: &Actor) -> Result<(Option<Census>, Option<Census>)> {
        self.authorize(actor, Permission::ReadFindings, "census").await?;
        Ok(tokio::try_join!(self.store().last_census(), self.store().newest_census())?)
    }

    /// Whether censuses come to their ends, read everything, and found our own database as it should be. What is left
    /// over elsewhere is for the page of findings.
    pub(crate) async fn check_census(&self) -> Result<Check> {
        const NAME: &str = "census";
        let (last, newest) = tokio::try_join!(self.store().last_census(), self.store().newest_census())?;
        if newest.is_some_and(|newest| newest.outcome == CensusOutcome::Failed) {
            return Ok(check(NAME, CheckOutcome::Warn, "the last one failed: see the log of the server that ran it"));
        }
        let Some(last) = last else {
            return Ok(check(NAME, CheckOutcome::Ok, "none has come to its end yet"));
        };
        let open = |kind| last.note.tallies.iter().any(|tally| tally.kind == kind && tally.open + tally.suspected > 0);
        if open(CensusKind::Chain) {
            let text = "the audit log does not verify: admin-tool audit verify says where";
            return Ok(check(NAME, CheckOutcome::Bad, text));
        }
        if open(CensusKind::CounterDrift) {
            let text = "counters of accounts are not what counting gives: see /findings?kind=counter_drift";
            return Ok(check(NAME, CheckOutcome::Warn, text));
        }
        if !last.note.unread.is_empty() {
            let places: Vec<String> = last
                .note
                .unread
                .iter()
                .map(|unread| format!("{} / {}", unread.place.router, unread.place.pool))
                .collect();
            let text = format!("could not read all of {}: what is left over there is not known", places.join(", "));
            return Ok(check(NAME, CheckOutcome::Warn, text));
        }
        let ended = last.ended_at.unwrap_or(last.started_at).relative_to(self.now());
        Ok(check(NAME, CheckOutcome::Ok, format!("{} findings open, as of {ended}", last.note.open())))
    }
}
