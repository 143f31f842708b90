//! The end of a census: what it did not see, of what it read, is gone; the rest is counted.

use std::collections::{BTreeMap, HashSet};

use domain::{
    Actor, Instant, PoolInfo, RouteKey, Span,
    census::{CensusKind, CensusOutcome, CensusPhase, CensusTally, FindingState, UnreadPlace},
};
use store::{FindingCount, FindingKey, FindingMark};

use super::{LEASE, PAGE, run::Run};
use crate::{Result, Unstick};

/// How long findings that are gone are kept.
const GONE: Span = Span::from_days(7);

/// Findings counted by kind, router and server.
type Counts = BTreeMap<(CensusKind, String, String), i64>;

impl Unstick {
    /// Marks what is gone, counts what is open, and ends the census.
    pub(super) async fn close(&self, run: &mut Run<'_>) -> Result<()> {
        let (mut after, mut counts, pools) = (None, Counts::new(), self.pools());
        let mut tallies: BTreeMap<CensusKind, CensusTally> = BTreeMap::new();
        loop {
            run.tick(CensusPhase::Closing).await?;
            let marks = self.store().finding_marks(after.as_ref(), PAGE).await?;
            let Some(last) = marks.last() else { break };
            after = Some(last.key.clone());
            let mut gone: Vec<FindingKey> = Vec::new();
            let still = self.still_there(run, &marks).await;
            for mark in marks.into_iter().filter(|mark| mark.state != FindingState::Gone) {
                let empty = CensusTally { kind: mark.kind, open: 0, suspected: 0, gone: 0 };
                let tally = tallies.entry(mark.kind).or_insert(empty);
                let not_seen = mark.census < run.lease.no && !still.contains(&mark.key);
                if not_seen && would_have_seen(&run.note.unread, &pools, &mark) {
                    tally.gone += 1;
                    gone.push(mark.key);
                } else if mark.state == FindingState::Open {
                    tally.open += 1;
                    let router = mark.place.map_or_else(String::new, |place| place.router.to_string());
                    let server = mark.server.map_or_else(String::new, |server| server.to_string());
                    *counts.entry((mark.kind, router, server)).or_default() += 1;
                } else {
                    tally.suspected += 1;
                }
            }
            self.mark_gone(run, &gone).await?;
        }
        run.note.tallies = tallies.into_values().collect();
        self.finish(run, counts).await?;
        self.purge_censuses().await
    }

    /// Those of `marks` that were not seen, at places that are read key by key, and are there all the same: their key belongs to
    /// nobody any more, so it did not come up, and is looked up here. What cannot be is taken to be there.
    async fn still_there(&self, run: &Run<'_>, marks: &[FindingMark]) -> HashSet<FindingKey> {
        let mut still = HashSet::new();
        for unread in run.note.unread.iter().filter(|unread| unread.by_key) {
            let asked: Vec<(&FindingMark, RouteKey)> = marks
                .iter()
                .filter(|mark| mark.kind == CensusKind::StaleRoute && mark.state != FindingState::Gone)
                .filter(|mark| mark.census < run.lease.no && mark.place.as_ref() == Some(&unread.place))
                .filter_map(|mark| Some((mark, RouteKey::parse(mark.key.subject.as_str()).ok()?)))
                .collect();
            let Some(router) = self.router(&unread.place.router).filter(|_| !asked.is_empty()) else { continue };
            let keys: Vec<RouteKey> = asked.iter().map(|(_, key)| key.clone()).collect();
            let found = router.read(&unread.place.pool, &keys).await;
            let there = |mark: &FindingMark, key: &RouteKey| match &found {
                Ok(entries) => entries.iter().any(|entry| entry.key == *key && entry.server == mark.server),
                Err(_) => true,
            };
            still.extend(asked.into_iter().filter(|(mark, key)| there(mark, key)).map(|(mark, _)| mark.key.clone()));
        }
        still
    }

    async fn mark_gone(&self, run: &Run<'_>, gone: &[FindingKey]) -> Result<()> {
        let (lease, now) = (run.lease, self.now());
        if gone.is_empty() {
            return Ok(());
        }
        transact!(self, tx => {
            tx.keep_census(lease, now + LEASE).await?;
            tx.findings_gone(lease.no, gone, now).await?;
            Ok(())
        })
    }

    async fn finish(&self, run: &Run<'_>, counts: Counts) -> Result<()> {
        let (lease, note, now) = (run.lease, &run.note, self.now());
        let count = |((kind, router, server), open)| FindingCount { kind, router, server, open };
        let counts: Vec<FindingCount> = counts.into_iter().map(count).collect();
        let mut draft = self.draft(&Actor::System, "census.finished", &lease.no.to_string());
        draft.detail = serde_json::json!({
            "read": note.read, "unread": note.unread.len(), "open": note.open(), "suspected": note.suspected(),
        });
        transact!(self, tx => {
            tx.save_points(lease, now, &counts).await?;
            tx.end_census(lease, CensusOutcome::Done, note, now).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })
    }

    /// Forgets findings that were gone long ago, and old censuses with their points.
    async fn purge_censuses(&self) -> Result<()> {
        let now: Instant = self.now();
        loop {
            let purged = transact!(self, tx => {
                Ok(tx.purge_censuses(now - GONE, now - self.settings().retention, PAGE).await?)
            })?;
            if purged < i64::from(PAGE) {
                return Ok(());
            }
        }
    }
}

/// Whether a census of `pools` that could not read `unread` would have seen the finding if it were still so. A place that is
/// not configured any more concerns nobody: what was found there is gone with it.
fn would_have_seen(unread: &[UnreadPlace], pools: &[PoolInfo], mark: &FindingMark) -> bool {
    let Some(place) = &mark.place else { return true };
    match mark.kind {
        CensusKind::StaleRoute | CensusKind::DegradedRoute => {
            let here = unread.iter().find(|unread| &unread.place == place);
            here.is_none_or(|here| here.by_key || mark.server.as_ref().is_some_and(|server| here.but.contains(server)))
        }
        // Whether routers disagree is known only when all of the pool were read.
        CensusKind::SplitRoute => {
            let mut same = pools.iter().filter(|pool| pool.place.pool == place.pool);
            same.all(|pool| unread.iter().all(|unread| unread.by_key || unread.place != pool.place))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Place, PoolName, RouterKind, RouterName, Scope, ServerName};

    use super::*;

    fn place(router: &str) -> Place {
        Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse("app").unwrap() }
    }

    fn mark(kind: CensusKind, router: Option<&str>, server: Option<&str>) -> FindingMark {
        FindingMark {
            key: FindingKey {
                kind: kind.as_str().to_owned(),
                router: router.unwrap_or_default().to_owned(),
                pool: String::new(),
                subject: "k".to_owned(),
            },
            kind,
            place: router.map(place),
            server: server.map(|name| ServerName::parse(name).unwrap()),
            state: FindingState::Open,
            census: 1,
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_gone() {
        let (kind, scope) = (RouterKind::Haproxy, Scope::Session);
        let pool = |router| PoolInfo { place: place(router), kind, scope, rule: None };
        let pools = [pool("lb-1"), pool("lb-2")];
        let but = vec![ServerName::parse("api-1").unwrap()];
        let unread = [UnreadPlace { place: place("lb-2"), but, by_key: false, why: "away".to_owned() }];
        for (kind, router, server, seen) in [
            (CensusKind::StaleRoute, Some("lb-1"), Some("api-2"), true),
            (CensusKind::StaleRoute, Some("lb-2"), Some("api-2"), false),
            (CensusKind::StaleRoute, Some("lb-2"), Some("api-1"), true),
            (CensusKind::StaleRoute, Some("lb-2"), None, false),
            (CensusKind::DegradedRoute, Some("lb-2"), Some("api-9"), false),
            (CensusKind::SplitRoute, Some("lb-1"), None, false),
            (CensusKind::OrphanedSession, None, None, true),
            (CensusKind::StaleRoute, Some("lb-9"), Some("api-2"), true),
        ] {
            let mark = mark(kind, router, server);
            assert_eq!(would_have_seen(&unread, &pools, &mark), seen, "{mark:?}");
        }
        assert!(would_have_seen(&[], &pools, &mark(CensusKind::SplitRoute, Some("lb-1"), None)));
    }
}
