//! Is Unstick's own database consistent? Counters, the audit log, rows about places that are gone.

use std::collections::HashSet;

use domain::{
    Actor, Place, Severity,
    census::{CensusKind, CensusPhase, Seen},
};
use store::{Recount, Verification};

use super::{PAGE, run::Run};
use crate::{Result, Unstick};

fn seen(kind: CensusKind, subject: impl Into<String>, severity: Severity, detail: String) -> Seen {
    Seen {
        kind,
        place: None,
        subject: subject.into(),
        server: None,
        account: None,
        session: None,
        severity,
        since: None,
        count: 1,
        detail,
    }
}

impl Unstick {
    /// Whether every account's counters are what counting gives.
    pub(super) async fn recount(&self, run: &mut Run<'_>) -> Result<()> {
        let mut after = None;
        loop {
            run.tick(CensusPhase::Counters).await?;
            let page = self.store().recount(after.as_ref(), PAGE).await?;
            let drifted: Vec<Seen> = page.iter().filter(|one| one.kept != one.counted).map(drift).collect();
            if !drifted.is_empty() {
                run.look(drifted).await?;
            }
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.account),
                None => return Ok(()),
            }
        }
    }

    /// Whether the audit log is as it was written.
    pub(super) async fn prove_chain(&self, run: &mut Run<'_>) -> Result<()> {
        run.tick(CensusPhase::Chain).await?;
        let proof = self.verify_audit(&Actor::System, &|_| ());
        tokio::pin!(proof);
        let verification = loop {
            tokio::select! {
                verification = &mut proof => break verification?,
                () = tokio::time::sleep(std::time::Duration::from_secs(15)) => run.tick(CensusPhase::Chain).await?,
            }
        };
        match verification {
            Verification::Intact { events, .. } => {
                run.note.read.events = events;
                Ok(())
            }
            Verification::Broken { seq, why } => {
                let detail = format!("does not verify from event {seq} on: {why}");
                run.look(vec![seen(CensusKind::Chain, "audit", Severity::Critical, detail)]).await
            }
        }
    }

    /// Rows about routers and pools that are not configured any more: lists would show them for ever.
    pub(super) async fn dangling(&self, run: &mut Run<'_>) -> Result<()> {
        let configured: HashSet<Place> = self.pools().into_iter().map(|pool| pool.place).collect();
        let kept = self.store().places_kept().await?;
        let of = |(place, routes): (Place, i64)| {
            let detail = format!("about {routes} routes remain, though it is not configured any more");
            let count = routes;
            let bare = seen(CensusKind::DanglingRow, "routes", Severity::Notice, detail);
            Seen { place: Some(place), count, ..bare }
        };
        let found: Vec<Seen> =
            kept.into_iter().filter(|(place, routes)| *routes > 0 && !configured.contains(place)).map(of).collect();
        if found.is_empty() { Ok(()) } else { run.look(found).await }
    }
}

fn drift(one: &Recount) -> Seen {
    let words =
        |(live, left_over, total): (i64, i64, i64)| format!("{live} live, {left_over} left over, {total} in all");
    let detail = format!("is said to have {} sessions, and has {}", words(one.kept), words(one.counted));
    let bare = seen(CensusKind::CounterDrift, one.account.to_string(), Severity::Warning, detail);
    Seen { account: Some(one.account.clone()), ..bare }
}
