//! The writer of what back ends report. Many requests share one transaction: a commit that reaches the disk costs
//! milliseconds, so what arrives while one commit runs goes together into the next (facts/performance.md: 1 insert a
//! commit 5,500 rows/s, 200 a commit up to 50,000, at full durability).

use std::{collections::HashSet, sync::OnceLock};

use domain::{Account, Instant};
use store::{AccountUpsert, Changed, Created, End, SessionCreate, Touch, Tx};
use tokio::sync::{mpsc, oneshot};

use crate::{Error, Result, Unstick, workers::report};

/// Requests that may wait for the writer; more are told to try again.
const QUEUE: usize = 4_096;
/// Items that go into one transaction.
const GROUP: usize = 2_000;

type Reply<T> = oneshot::Sender<Result<T>>;

enum Job {
    Accounts(Vec<AccountUpsert>, Reply<Vec<(Account, bool)>>),
    Create(Vec<SessionCreate>, Reply<Vec<Created>>),
    Touch(Vec<Touch>, Reply<Vec<Changed>>),
    End(Vec<End>, Reply<Vec<Changed>>),
}

/// What a job's transaction brought; told only once it is committed.
enum Done {
    Accounts(Vec<(Account, bool)>),
    Created(Vec<Created>),
    Changed(Vec<Changed>),
}

/// The way to the writer, which starts with the first report.
#[derive(Default)]
pub(crate) struct Reporter(OnceLock<mpsc::Sender<Job>>);

impl Unstick {
    pub(crate) async fn report_accounts(&self, items: Vec<AccountUpsert>) -> Result<Vec<(Account, bool)>> {
        self.report(|reply| Job::Accounts(items, reply)).await
    }
    pub(super) async fn report_creates(&self, items: Vec<SessionCreate>) -> Result<Vec<Created>> {
        self.report(|reply| Job::Create(items, reply)).await
    }
    pub(super) async fn report_touches(&self, items: Vec<Touch>) -> Result<Vec<Changed>> {
        self.report(|reply| Job::Touch(items, reply)).await
    }
    pub(super) async fn report_ends(&self, items: Vec<End>) -> Result<Vec<Changed>> {
        self.report(|reply| Job::End(items, reply)).await
    }

    async fn report<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T> {
        let writer = self.0.reporter.0.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(write(self.clone(), receiver));
            sender
        });
        let (reply, answer) = oneshot::channel();
        writer.try_send(job(reply)).map_err(|_| Error::Busy)?;
        answer.await.map_err(|_| Error::Busy)?
    }
}

impl Job {
    fn len(&self) -> usize {
        match self {
            Self::Accounts(items, _) => items.len(),
            Self::Create(items, _) => items.len(),
            Self::Touch(items, _) => items.len(),
            Self::End(items, _) => items.len(),
        }
    }

    fn ids(&self) -> Vec<&str> {
        match self {
            Self::Accounts(items, _) => items.iter().map(|item| item.id.as_str()).collect(),
            Self::Create(items, _) => items.iter().map(|item| item.id.as_str()).collect(),
            Self::Touch(items, _) => items.iter().map(|item| item.id.as_str()).collect(),
            Self::End(items, _) => items.iter().map(|item| item.id.as_str()).collect(),
        }
    }

    /// Tells who asked; somebody who went away is no matter.
    fn answer(self, done: Done) {
        match (self, done) {
            (Self::Accounts(_, reply), Done::Accounts(done)) => drop(reply.send(Ok(done))),
            (Self::Create(_, reply), Done::Created(done)) => drop(reply.send(Ok(done))),
            (Self::Touch(_, reply) | Self::End(_, reply), Done::Changed(done)) => drop(reply.send(Ok(done))),
            (job, _) => job.fail(&Error::Busy),
        }
    }

    fn fail(self, error: &Error) {
        if !matches!(error, Error::Busy) {
            tracing::error!(error = %report(error), "a report could not be written");
        }
        let told = || {
            if matches!(error, Error::Busy) { Error::Busy } else { Error::internal("the report could not be written") }
        };
        match self {
            Self::Accounts(_, reply) => drop(reply.send(Err(told()))),
            Self::Create(_, reply) => drop(reply.send(Err(told()))),
            Self::Touch(_, reply) | Self::End(_, reply) => drop(reply.send(Err(told()))),
        }
    }
}

async fn write(unstick: Unstick, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.recv().await {
        let mut items = first.len();
        let mut group = vec![first];
        while items < GROUP {
            let Ok(job) = jobs.try_recv() else { break };
            items += job.len();
            group.push(job);
        }
        write_group(&unstick, group).await;
    }
}

/// Writes `group` in one transaction; where that fails, each job alone, so that a bad one costs nobody else.
async fn write_group(unstick: &Unstick, group: Vec<Job>) {
    let jobs = &group;
    let outcome = transact!(unstick, tx => { run(&mut tx, jobs, unstick.now()).await });
    match outcome {
        Ok(done) => group.into_iter().zip(done).for_each(|(job, done)| job.answer(done)),
        Err(error) if group.len() > 1 && !matches!(error, Error::Busy) => {
            for job in group {
                let one = std::slice::from_ref(&job);
                let outcome = transact!(unstick, tx => { run(&mut tx, one, unstick.now()).await });
                match outcome.map(|mut done| done.pop()) {
                    Ok(Some(done)) => job.answer(done),
                    Ok(None) => job.fail(&Error::Busy),
                    Err(error) => job.fail(&error),
                }
            }
        }
        Err(error) => group.into_iter().for_each(|job| job.fail(&error)),
    }
}

/// Runs every job in order. Neighbours of one kind that name different things go into one statement.
async fn run(tx: &mut Tx, jobs: &[Job], now: Instant) -> Result<Vec<Done>> {
    let mut done = Vec::with_capacity(jobs.len());
    for run in runs(jobs) {
        let lengths: Vec<usize> = run.iter().map(Job::len).collect();
        match run.first() {
            Some(Job::Accounts(..)) => {
                let items = gather(run, |job| if let Job::Accounts(items, _) = job { items } else { &[] });
                done.extend(split(tx.upsert_accounts(&items, now).await?, &lengths).map(Done::Accounts));
            }
            Some(Job::Create(..)) => {
                let items = gather(run, |job| if let Job::Create(items, _) = job { items } else { &[] });
                done.extend(split(tx.create_sessions(&items, now).await?, &lengths).map(Done::Created));
            }
            Some(Job::Touch(..)) => {
                let items = gather(run, |job| if let Job::Touch(items, _) = job { items } else { &[] });
                done.extend(split(tx.touch_sessions(&items, now).await?, &lengths).map(Done::Changed));
            }
            Some(Job::End(..)) => {
                let items = gather(run, |job| if let Job::End(items, _) = job { items } else { &[] });
                done.extend(split(tx.end_sessions(&items, now).await?, &lengths).map(Done::Changed));
            }
            None => {}
        }
    }
    Ok(done)
}

fn gather<T: Clone>(run: &[Job], items: impl Fn(&Job) -> &[T]) -> Vec<T> {
    run.iter().flat_map(|job| items(job).iter().cloned()).collect()
}

fn split<T>(all: Vec<T>, lengths: &[usize]) -> impl Iterator<Item = Vec<T>> {
    let mut rest = all.into_iter();
    lengths.iter().map(|length| rest.by_ref().take(*length).collect()).collect::<Vec<_>>().into_iter()
}

/// Cuts `jobs` into runs of one kind in which no id comes twice.
fn runs(jobs: &[Job]) -> Vec<&[Job]> {
    let (mut found, mut start, mut seen) = (Vec::new(), 0, HashSet::new());
    for (at, job) in jobs.iter().enumerate() {
        let same_kind = std::mem::discriminant(job) == std::mem::discriminant(&jobs[start]);
        let ids = job.ids();
        if at > start && (!same_kind || ids.iter().any(|id| seen.contains(id))) {
            found.push(&jobs[start..at]);
            start = at;
            seen.clear();
        }
        seen.extend(ids);
    }
    if start < jobs.len() {
        found.push(&jobs[start..]);
    }
    found
}
