//! Clean-ups that should have been finished by now: for the banner, the doctor and the metrics.

use domain::{Actor, Instant, Permission, RouterName, Span, view::Unfinished};

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
    /// When they were read.
    pub now: Instant,
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
    pub async fn numbers(&self, actor: &Actor) -> Result<Numbers> {
        self.authorize(actor, Permission::ReadCleanups, "metrics").await?;
        let now = self.now();
        let (unfinished, owed, late) = tokio::try_join!(
            self.store().unfinished(now - STUCK),
            self.store().owed_by_router(),
            self.store().due_watches(now - STUCK, 100),
        )?;
        Ok(Numbers { unfinished, owed, late_watches: late.len(), now })
    }
}
