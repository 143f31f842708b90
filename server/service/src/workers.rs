//! What runs beside the requests: clean-ups, the observer of routers, censuses, retention, checkpoints of the audit log. Each is
//! small, idempotent, bounded, and may run in several processes at once.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_recursion::async_recursion as boxed;
use domain::{CleanupId, Span};
use store::{Lease, Most, Taken};
use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};

use crate::{Result, Unstick};

/// Single clean-ups that one process carries out at once.
const AT_ONCE: usize = 16;
/// Clean-ups of bulk ones that go side by side at most: with more a commit saves little, and others wait for it.
const TEAM: usize = 50;
/// Their steps at most, but for one clean-up alone: so many are written in some 30 ms.
const STEPS: i64 = 2_000;
/// Such teams that one process has at once, beside the single ones: while one writes, the other one talks to routers.
const TEAMS: usize = 2;
/// How often the database is asked what is due, besides being told.
const POLL: Duration = Duration::from_millis(500);
/// How often it is asked which clean-ups that are done want a look.
const WATCH: Duration = Duration::from_secs(1);
/// How often history is purged.
const PURGE: Duration = Duration::from_mins(1);
/// How often it is asked whether the clock was set back.
const CLOCKS: Duration = Duration::from_secs(10);
/// How often it is asked whether a repair was broken off half-way.
const REPAIRS: Duration = Duration::from_secs(20);
/// How often what webhooks were sent is purged.
const HOOKS: Duration = Duration::from_mins(1);
/// How often it is asked whether a checkpoint is due.
const CHECKPOINT: Duration = Duration::from_secs(15);

/// Clean-ups that go side by side.
struct Team {
    leases: Vec<Lease>,
    /// Whether they are of bulk clean-ups.
    behind: bool,
}

impl Team {
    fn ids(&self) -> impl Iterator<Item = &CleanupId> {
        self.leases.iter().map(|lease| &lease.cleanup)
    }
}

/// What one process works on.
#[derive(Default)]
struct Desk {
    /// The tasks: whether they are of bulk clean-ups, and of which.
    tasks: HashMap<Id, (bool, Vec<CleanupId>)>,
    /// Those whose team failed: each goes alone, so that a bad one stops nobody else again.
    alone: HashSet<CleanupId>,
}

impl Desk {
    fn begin(&mut self, task: Id, behind: bool, ids: Vec<CleanupId>) {
        self.tasks.insert(task, (behind, ids));
    }

    /// A task ended, and maybe failed. Answers whose it was.
    fn end(&mut self, task: Id, failed: bool) -> Vec<CleanupId> {
        let (_, ids) = self.tasks.remove(&task).unwrap_or_default();
        self.ended(&ids, failed);
        ids
    }

    fn ended(&mut self, ids: &[CleanupId], failed: bool) {
        for id in ids {
            if failed && ids.len() > 1 {
                self.alone.insert(id.clone());
            } else {
                self.alone.remove(id);
            }
        }
    }

    /// How many single clean-ups go at this moment, and how many teams of bulk ones.
    fn busy(&self) -> (usize, usize) {
        let teams = self.tasks.values().filter(|(behind, _)| *behind).count();
        (self.tasks.len() - teams, teams)
    }

    /// Each single clean-up by itself; those of bulk ones together, as far as the teams go. Then the leases that are left.
    fn put_together(&self, claimed: Vec<Taken>) -> (Vec<Team>, Vec<Lease>) {
        let (behind, single): (Vec<Taken>, Vec<Taken>) = claimed.into_iter().partition(|it| it.behind);
        let mut teams: Vec<Team> =
            single.into_iter().map(|it| Team { leases: vec![it.lease], behind: false }).collect();
        let (mut left, mut steps, mut open, mut room) = (Vec::new(), 0, false, TEAMS.saturating_sub(self.busy().1));
        for it in behind {
            let together = !self.alone.contains(&it.lease.cleanup);
            if let Some(team) = teams.last_mut().filter(|_| together && open)
                && team.leases.len() < TEAM
                && steps + it.steps <= STEPS
            {
                steps += it.steps;
                team.leases.push(it.lease);
            } else if room == 0 {
                left.push(it.lease);
            } else {
                room -= 1;
                (steps, open) = (it.steps, together);
                teams.push(Team { leases: vec![it.lease], behind: true });
            }
        }
        (teams, left)
    }
}

/// What there is room for beside so many single ones and so many teams.
fn room((single, teams): (usize, usize)) -> Most {
    let most = |n: usize| u32::try_from(n).unwrap_or(0);
    Most { single: most(AT_ONCE.saturating_sub(single)), behind: most(TEAM * TEAMS.saturating_sub(teams)) }
}

impl Unstick {
    /// Runs every worker until `stop` says so; what is in hand is finished or left to be taken over.
    #[boxed]
    pub async fn run_workers(&self, stop: watch::Receiver<bool>) {
        tokio::join!(
            self.clean_up_worker(stop.clone()),
            store::behind(self.bulk_worker(stop.clone())),
            self.webhook_worker(stop.clone()),
            self.every("observer", self.settings().observe_every.to_std(), stop.clone(), async |s: &Self| s
                .observe_once()
                .await),
            self.every("watch", WATCH, stop.clone(), async |s: &Self| s.watch_once().await),
            self.every("clocks", CLOCKS, stop.clone(), async |s: &Self| s.mend_times_once().await),
            store::behind(self.census_worker(stop.clone())),
            self.every("repairs", REPAIRS, stop.clone(), async |s: &Self| s.resume_repairs().await),
            store::behind(self.every("retention", PURGE, stop.clone(), async |s: &Self| s.purge_once().await)),
            store::behind(
                self.every("webhook retention", HOOKS, stop.clone(), async |s: &Self| s.purge_webhooks().await)
            ),
            self.every("checkpoints", CHECKPOINT, stop, async |s: &Self| s.checkpoint_if_due().await),
        );
    }

    pub(crate) async fn clean_up_worker(&self, mut stop: watch::Receiver<bool>) {
        // Tasks, for they must go on while the next ones are claimed: one of them may have the writer that the claim waits for.
        let mut running = JoinSet::new();
        let mut desk = Desk::default();
        loop {
            if !*stop.borrow() {
                for team in self.teams(&desk).await {
                    let (unstick, behind, ids) = (self.clone(), team.behind, team.ids().cloned().collect());
                    let task = running.spawn(async move {
                        // Somebody may wait for a single one.
                        let work = unstick.run_team(team.leases);
                        if behind { store::behind(work).await } else { work.await }
                    });
                    desk.begin(task.id(), behind, ids);
                }
            } else if running.is_empty() {
                return;
            }
            tokio::select! {
                Some(ended) = running.join_next_with_id(), if !running.is_empty() => {
                    let (task, failed) = match ended {
                        Ok((task, outcome)) => (task, outcome.err().map(|error| report(&error))),
                        Err(error) => (error.id(), Some(error.to_string())),
                    };
                    let ids = desk.end(task, failed.is_some());
                    if let Some(error) = failed {
                        let first = ids.first().map(CleanupId::as_str).unwrap_or_default();
                        tracing::error!(cleanup.id = first, cleanups = ids.len(), error, "clean-ups stopped; their leases run out and they go on");
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
    #[boxed]
    pub async fn clean_up_once(&self) -> Result<()> {
        for team in self.teams(&Desk::default()).await {
            self.run_team(team.leases).await?;
        }
        Ok(())
    }

    /// What is due and has room, claimed and put together.
    async fn teams(&self, desk: &Desk) -> Vec<Team> {
        let (now, room) = (self.now(), room(desk.busy()));
        if room == (Most { single: 0, behind: 0 }) {
            return Vec::new();
        }
        let until = now + self.settings().lease;
        let claimed = self.store().claim_due(&self.settings().instance, now, until, room).await;
        let (teams, left) = match claimed {
            Ok(claimed) => desk.put_together(claimed),
            Err(error) => {
                tracing::error!(%error, "could not ask which clean-ups are due");
                return Vec::new();
            }
        };
        if !left.is_empty()
            && let Err(error) = self.store().unclaim(&left).await
        {
            tracing::warn!(%error, "clean-ups that found no room wait until their leases run out");
        }
        teams
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
    use domain::Instant;

    use super::*;

    fn due(id: &str, behind: bool, steps: i64) -> Taken {
        let lease = Lease { cleanup: CleanupId::parse(id).unwrap(), token: 1, until: Instant::from_micros(1) };
        Taken { lease, behind, steps }
    }

    fn sizes((teams, _): &(Vec<Team>, Vec<Lease>)) -> Vec<usize> {
        teams.iter().map(|team| team.leases.len()).collect()
    }

    #[test]
    fn single_ones_go_alone_and_those_of_a_bulk_one_together() {
        let mut all: Vec<Taken> = ["a", "b"].into_iter().map(|id| due(id, false, 9)).collect();
        all.extend((0..130).map(|n| due(&format!("c{n}"), true, 9)));
        let put = Desk::default().put_together(all);
        assert_eq!(sizes(&put), [1, 1, TEAM, TEAM]);
        assert_eq!(put.1.len(), 30, "what has no room is given back");
    }

    #[test]
    fn a_worker_takes_what_it_has_room_for() {
        assert_eq!(room((0, 0)), Most { single: 16, behind: 100 });
        assert_eq!(room((1, 1)), Most { single: 15, behind: 50 });
        assert_eq!(room((16, 2)), Most { single: 0, behind: 0 });
    }

    #[tokio::test]
    async fn what_ended_makes_room() {
        let mut desk = Desk::default();
        let (one, other) = (tokio::spawn(async {}), tokio::spawn(async {}));
        desk.begin(one.id(), true, vec![due("a", true, 1).lease.cleanup]);
        desk.begin(other.id(), false, vec![due("b", false, 1).lease.cleanup]);
        assert_eq!(desk.busy(), (1, 1));
        let all = (0..130).map(|n| due(&format!("c{n}"), true, 9)).collect();
        assert_eq!(sizes(&desk.put_together(all)), [TEAM], "the other place is taken");
        assert_eq!(desk.end(one.id(), false), [due("a", true, 1).lease.cleanup]);
        desk.end(other.id(), false);
        assert_eq!(desk.busy(), (0, 0));
    }

    #[test]
    fn a_team_has_no_more_steps_than_a_short_transaction() {
        let all = vec![due("a", true, 1_500), due("b", true, 400), due("c", true, 400), due("d", true, 9_000)];
        let put = Desk::default().put_together(all);
        assert_eq!(sizes(&put), [2, 1]);
        assert_eq!(put.1, [due("d", true, 9_000).lease]);
    }

    #[test]
    fn those_of_a_team_that_failed_go_alone() {
        let mut desk = Desk::default();
        desk.ended(&["a", "b"].map(|id| CleanupId::parse(id).unwrap()), true);
        let all = vec![due("a", true, 1), due("b", true, 1), due("c", true, 1), due("d", true, 1)];
        assert_eq!(sizes(&desk.put_together(all.clone())), [1, 1]);
        assert_eq!(sizes(&desk.put_together(all[1..].to_vec())), [1, 2], "the others are not held up");
    }
}
