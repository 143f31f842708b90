//! Clean-ups, their steps, and the leases under which they are worked on.
//!
//! A lease has a token that grows with each claim. Every write of a worker names its token, so one that was stopped past
//! its lease changes nothing once another has taken over.

mod ages;
mod claim;
mod facts;
mod insert;
mod list;
mod mend;
mod owed;
mod progress;
mod read;
mod steps;
mod watch;

use domain::{AccountId, Cleanup, CleanupId, Instant, Mode, PlanHash, Status, view::StepCounts};
use serde::Deserialize;

pub use self::{
    claim::{Due, Lease, Most, Taken},
    insert::Inserted,
    progress::Moved,
};
use crate::{Result, StoreError};

/// The piece `cleanup` as a row.
#[derive(Deserialize)]
struct CleanupRecord {
    id: String,
    account_id: String,
    mode: String,
    reason: String,
    ticket: String,
    actor: String,
    plan_hash: String,
    status: String,
    requested_at: i64,
    finished_at: Option<i64>,
    next_at: i64,
}

impl TryFrom<CleanupRecord> for Cleanup {
    type Error = StoreError;

    fn try_from(record: CleanupRecord) -> Result<Self> {
        let word = || StoreError::corrupt("a clean-up has an unknown mode or status");
        Ok(Self {
            id: CleanupId::parse(record.id).map_err(StoreError::corrupt)?,
            account: AccountId::parse(record.account_id).map_err(StoreError::corrupt)?,
            mode: Mode::parse(&record.mode).ok_or_else(word)?,
            reason: record.reason,
            ticket: record.ticket,
            actor: record.actor,
            plan_hash: PlanHash(record.plan_hash),
            status: Status::parse(&record.status).ok_or_else(word)?,
            requested_at: Instant::from_micros(record.requested_at),
            finished_at: record.finished_at.map(Instant::from_micros),
            next_at: Instant::from_micros(record.next_at),
        })
    }
}

/// A clean-up in a list: the piece `cleanup`, what the account is called, and the counted steps.
#[derive(Deserialize)]
struct ListRecord {
    id: String,
    account_id: String,
    mode: String,
    reason: String,
    ticket: String,
    actor: String,
    plan_hash: String,
    status: String,
    requested_at: i64,
    finished_at: Option<i64>,
    next_at: i64,
    title: String,
    steps_total: i64,
    steps_verified: i64,
    steps_owed: i64,
    steps_failed: i64,
    came_back: i64,
}

impl TryFrom<ListRecord> for (Cleanup, String, StepCounts) {
    type Error = StoreError;

    fn try_from(record: ListRecord) -> Result<Self> {
        let ListRecord { id, account_id, mode, reason, ticket, actor, plan_hash, status, .. } = record;
        let (requested_at, finished_at, next_at) = (record.requested_at, record.finished_at, record.next_at);
        let cleanup = CleanupRecord {
            id,
            account_id,
            mode,
            reason,
            ticket,
            actor,
            plan_hash,
            status,
            requested_at,
            finished_at,
            next_at,
        };
        let counts = StepCounts {
            total: record.steps_total,
            verified: record.steps_verified,
            owed: record.steps_owed,
            failed: record.steps_failed,
            came_back: record.came_back,
        };
        Ok((cleanup.try_into()?, record.title, counts))
    }
}
