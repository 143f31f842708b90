//! What runs beside the requests: clean-ups, the observer of routers, censuses, retention, checkpoints of the audit log. Each is
//! small, idempotent, bounded, and may run in several processes at once.

use std::{collections::HashSet, time::Duration};

use domain::{CleanupId, Span};
use futures::stream::{FuturesUnordered, StreamExt};
use store::Due;
use tokio::sync::watch;

use crate::{Result, Unstick};

/// Clean-ups that one process carries out at once.
const AT_ONCE: usize = 16;
/// Clean-ups of bulk ones that go side by side at most: with more a commit saves little, and others wait for it.
const TEAM: usize = 50;
/// Their steps at most, but for one clean-up alone: so many are written in some 30 ms.
const STEPS: i64 = 2_000;
/// Such teams that one process has at once: while one writes, the other one talks to routers.
const TEAMS: usize = 2;
/// How often the database is asked what is due, besides being told.
const POLL: Duration = Duration::from_millis(500);
/// How often it is asked which clean-ups that are done want a look.
const WATCH: Duration = Duration::from_secs(1);
/// How often history is purged.
const PURGE: Duration = Duration::from_mins(1);
/// How often it is asked whether the clock was set back.
const CLOCKS: Duration = Duration::from_secs(10);
/// How often what webhooks were sent is purged.
const HOOKS: Duration = Duration::from_mins(1);
/// How often it is asked whether a checkpoint is due.
const CHECKPOINT: Duration = Duration::from_secs(15);

/// Clean-ups that go side by side.
struct Team {
    ids: Vec<CleanupId>,
    /// Whether they are of bulk clean-ups.
    behind: bool,
}

/// What one process works on.
#[derive(Default)]
struct Desk {
    ids: HashSet<CleanupId>,
    teams: usize,
    behind: usize,
    /// Those whose team failed: each goes alone, so that a bad one stops nobody else again.
    alone: HashSet<CleanupId>,
}

impl Desk {
    fn begin(&mut self, team: &Team) {
        self.teams += 1;
        self.behind += usize::from(team.behind);
        self.ids.extend(team.ids.iter().cloned());
    }

    fn end(&mut self, team: &Team, failed: bool) {
        self.teams -= 1;
        self.behind -= usize::from(team.behind);
        for id in &team.ids {
            self.ids.remove(id);
            if failed && team.ids.len() > 1 {
                self.alone.insert(id.clone());
            } else {
                self.alone.remove(id);
            }
        }
    }

    /// Each single clean-up by itself; those of bulk ones together, as far as the teams go.
    fn put_together(&self, due: Vec<Due>, room: usize) -> Vec<Team> {
        // The last team takes more where it is not a single one's.
        let (mut teams, mut steps, mut open) = (Vec::<Team>::new(), 0, false);
        let mut behind = self.behind;
        for Due { id, behind: follows, steps: own } in due.into_iter().filter(|due| !self.ids.contains(&due.id)) {
            let together = follows && !self.alone.contains(&id);
            if let Some(team) = teams.last_mut().filter(|_| together && open)
                && team.ids.len() < TEAM
                && steps + own <= STEPS
            {
                steps += own;
                team.ids.push(id);
                continue;
            }
            if teams.len() == room {
                break;
            }
            if follows && behind == TEAMS {
                continue;
            }
            behind += usize::from(follows);
            (steps, open) = (own, together);
            teams.push(Team { ids: vec![id], behind: follows });
        }
        teams
    }
}

impl Unstick {
    /// Runs every worker until `stop` says so; what is in hand is finished or left to be taken over.
    pub async fn run_workers(&self, stop: watch::Receiver<bool>) {
        tokio::join!(
            self.clean_up_worker(stop.clone()),
            self.bulk_worker(stop.clone()),
            self.webhook_worker(stop.clone()),
            self.every("observer", self.settings().observe_every.to_std(), stop.clone(), async |s: &Self| s
                .observe_once()
                .await),
            self.every("watch", WATCH, stop.clone(), async |s: &Self| s.watch_once().await),
            self.every("clocks", CLOCKS, stop.clone(), async |s: &Self| s.mend_times_once().await),
            self.census_worker(stop.clone()),
            self.every("retention", PURGE, stop.clone(), async |s: &Self| s.purge_once().await),
            self.every("webhook retention", HOOKS, stop.clone(), async |s: &Self| s.purge_webhooks().await),
            self.every("checkpoints", CHECKPOINT, stop, async |s: &Self| s.checkpoint_if_due().await),
        );
    }

    pub(crate) async fn clean_up_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut desk = Desk::default();
        loop {
            if !*stop.borrow() {
                for team in self.teams(&desk).await {
                    desk.begin(&team);
                    running.push(async move { (self.run_team(&team.ids).await, team) });
                }
            } else if running.is_empty() {
                return;
            }
            tokio::select! {
                Some((outcome, team)) = running.next(), if !running.is_empty() => {
                    desk.end(&team, outcome.is_err());
                    if let Err(error) = outcome {
                        let first = team.ids.first().map(CleanupId::as_str).unwrap_or_default();
                        tracing::error!(cleanup.id = first, cleanups = team.ids.len(), error = %report(&error), "clean-ups stopped; their leases run out and they go on");
                    }
                }
                () = self.0.kick.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Works once on everything that is due, as the worker does, until it is done or must wait.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn clean_up_once(&self) -> Result<()> {
        for team in self.teams(&Desk::default()).await {
            self.run_team(&team.ids).await?;
        }
        Ok(())
    }

    /// What is due and has room, put together.
    async fn teams(&self, desk: &Desk) -> Vec<Team> {
        let room = AT_ONCE - desk.teams;
        if room == 0 {
            return Vec::new();
        }
        let limit = u32::try_from(room + desk.ids.len() + TEAMS * TEAM).unwrap_or(u32::MAX);
        match self.store().due_cleanups(self.now(), limit).await {
            Ok(due) => desk.put_together(due, room),
            Err(error) => {
                tracing::error!(%error, "could not ask which clean-ups are due");
                Vec::new()
            }
        }
    }

    async fn every(
        &self,
        name: &'static str,
        period: Duration,
        mut stop: watch::Receiver<bool>,
        work: impl AsyncFn(&Self) -> Result<()>,
    ) {
        while !*stop.borrow() {
            if let Err(error) = work(self).await {
                tracing::error!(worker.name = name, error = %report(&error), "a worker's pass failed; the next one tries again");
            }
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Deletes history past its time, a bounded piece at a time.
    async fn purge_once(&self) -> Result<()> {
        let now = self.now();
        let before = now - self.settings().retention;
        loop {
            let purged = transact!(self, tx => {
                let sessions = tx.purge_history(before, 500).await?;
                let sign_ins = tx.purge_staff_sessions(before, 500).await?;
                let answers = tx.purge_keys(now, 500).await?;
                let links = tx.purge_customer_links(now - Span::from_days(1), 500).await?;
                Ok(sessions.max(sign_ins).max(answers).max(links))
            })?;
            if purged < 500 {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

/// An error with its sources, in one line, for the log.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(id: &str, behind: bool, steps: i64) -> Due {
        Due { id: CleanupId::parse(id).unwrap(), behind, steps }
    }

    fn sizes(teams: &[Team]) -> Vec<usize> {
        teams.iter().map(|team| team.ids.len()).collect()
    }

    #[test]
    fn single_ones_go_alone_and_those_of_a_bulk_one_together() {
        let mut all: Vec<Due> = ["a", "b"].into_iter().map(|id| due(id, false, 9)).collect();
        all.extend((0..130).map(|n| due(&format!("c{n}"), true, 9)));
        assert_eq!(sizes(&Desk::default().put_together(all.clone(), 16)), [1, 1, TEAM, TEAM]);
        assert_eq!(sizes(&Desk::default().put_together(all.clone(), 3)), [1, 1, TEAM]);
        let busy = Desk { behind: TEAMS, teams: TEAMS, ..Desk::default() };
        assert_eq!(sizes(&busy.put_together(all, 14)), [1, 1]);
    }

    #[test]
    fn a_team_has_no_more_steps_than_a_short_transaction() {
        let all = vec![due("a", true, 1_500), due("b", true, 400), due("c", true, 400), due("d", true, 9_000)];
        assert_eq!(sizes(&Desk::default().put_together(all, 16)), [2, 1]);
    }

    #[test]
    fn those_of_a_team_that_failed_go_alone() {
        let mut desk = Desk::default();
        let team = Team { ids: vec![CleanupId::parse("a").unwrap(), CleanupId::parse("b").unwrap()], behind: true };
        desk.begin(&team);
        desk.end(&team, true);
        let all = vec![due("a", true, 1), due("b", true, 1), due("c", true, 1), due("d", true, 1)];
        assert_eq!(sizes(&desk.put_together(all.clone(), 16)), [1, 1]);
        assert_eq!(sizes(&desk.put_together(all[1..].to_vec(), 16)), [1, 2], "the others are not held up");
    }
}
