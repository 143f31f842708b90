//! Clean-ups that should have been finished by now: for the banner, the doctor and the metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_recursion::async_recursion as boxed;
use domain::{Actor, Instant, Permission, Return, RouterName, Span, census::CensusKind, view::Unfinished};

use crate::{Result, Unstick};

/// Age from which an unfinished clean-up counts as stuck.
pub(crate) const STUCK: Span = Span::from_secs(5 * 60);

/// Numbers for whoever watches this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Clean-ups that are not finished.
    pub unfinished: Unfinished,
    /// Steps that wait for a router, by router.
    pub owed: Vec<(RouterName, i64)>,
    /// Clean-ups that are done and wait for more than 5 min to be looked at again; at most 100 are counted.
    pub late_watches: usize,
    /// Entries that came back after they were cleaned, since this process began: by router and the way they probably came.
    pub returned: Vec<(RouterName, &'static str, u64)>,
    /// Findings that were open when the last census ended, by kind; none before the first one.
    pub findings: Vec<(CensusKind, i64)>,
    /// The longest transaction since this process began: on SQLite whoever else writes waited so long.
    pub longest_write: Duration,
    /// When they were read.
    pub now: Instant,
}

/// Counts what came back.
#[derive(Default)]
pub(crate) struct Returned(Mutex<BTreeMap<(RouterName, &'static str), u64>>);

impl Returned {
    pub(super) fn add(&self, found: &[Return]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for it in found {
            *counts.entry((it.place.router.clone(), it.way.as_str())).or_default() += 1;
        }
    }

    fn all(&self) -> Vec<(RouterName, &'static str, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((router, way), n)| (router.clone(), *way, *n)).collect()
    }
}

impl Unstick {
    /// Unfinished clean-ups, counted.
    pub(crate) async fn unfinished(&self) -> Result<Unfinished> {
        Ok(self.store().unfinished(self.now() - STUCK).await?)
    }

    /// Numbers for whoever watches this program.
    ///
    /// # Errors
    /// `Denied`; failures of the database.
    #[boxed]
    pub async fn numbers(&self, actor: &Actor) -> Result<Numbers> {
        self.authorize(actor, Permission::ReadCleanups, "metrics").await?;
        let now = self.now();
        let (unfinished, owed, late, census) = tokio::try_join!(
            self.store().unfinished(now - STUCK),
            self.store().owed_by_router(),
            self.store().due_watches(now - STUCK, 100),
            self.store().last_census(),
        )?;
        let tallies = census.map_or_else(Vec::new, |census| census.note.tallies);
        let findings = tallies.into_iter().map(|tally| (tally.kind, tally.open)).collect();
        Ok(Numbers {
            unfinished,
            owed,
            late_watches: late.len(),
            returned: self.0.returned.all(),
            findings,
            longest_write: self.store().longest_write(),
            now,
        })
    }
}
