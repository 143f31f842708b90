//! Bulk clean-ups: frozen lists of accounts, their counts, and the leases under which they are worked on.

mod freeze;
mod keys;
mod list;
mod moves;
mod server_moves;
mod work;

use domain::{
    AccountId, Bulk, BulkAccount, BulkCounts, BulkId, BulkOrder, BulkOutcome, BulkStatus, CleanupId, Instant, Mode,
    PlanHash, StaffId,
};
use serde::Deserialize;

pub use self::{
    keys::{ListedSession, SeenKey},
    server_moves::StoredMove,
    work::{BulkEnd, BulkLease},
};
use crate::{Result, StoreError};

/// The piece `bulk` as a row.
#[derive(Deserialize)]
struct BulkRecord {
    id: String,
    selection: String,
    mode: String,
    reason: String,
    ticket: String,
    wave: i64,
    rate: i64,
    failure_limit: i64,
    actor: String,
    staff_id: Option<String>,
    hash: String,
    status: String,
    created_at: i64,
    requested_at: Option<i64>,
    approve_until: Option<i64>,
    approved_by: Option<String>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    stopped_why: String,
    live_sessions: i64,
    leftover_sessions: i64,
    waiting: i64,
    running: i64,
    owed: i64,
    done: i64,
    nothing_to_do: i64,
    under_way: i64,
    needs_attention: i64,
    failed: i64,
}

impl TryFrom<BulkRecord> for Bulk {
    type Error = StoreError;

    fn try_from(it: BulkRecord) -> Result<Self> {
        let word = || StoreError::corrupt("a bulk clean-up has an unknown mode or status");
        let small = |n: i64| u32::try_from(n).map_err(StoreError::corrupt);
        let staff = |id: Option<String>| id.map(StaffId::parse).transpose().map_err(StoreError::corrupt);
        let at = |at: Option<i64>| at.map(Instant::from_micros);
        Ok(Self {
            id: BulkId::parse(it.id).map_err(StoreError::corrupt)?,
            selection: serde_json::from_str(&it.selection).map_err(StoreError::corrupt)?,
            order: BulkOrder {
                mode: Mode::parse(&it.mode).ok_or_else(word)?,
                reason: it.reason,
                ticket: it.ticket,
                wave: small(it.wave)?,
                rate: small(it.rate)?,
                failure_limit: small(it.failure_limit)?,
            },
            actor: it.actor,
            staff: staff(it.staff_id)?,
            hash: PlanHash(it.hash),
            status: BulkStatus::parse(&it.status).ok_or_else(word)?,
            created_at: Instant::from_micros(it.created_at),
            requested_at: at(it.requested_at),
            approve_until: at(it.approve_until),
            approved_by: staff(it.approved_by)?,
            started_at: at(it.started_at),
            finished_at: at(it.finished_at),
            stopped_why: it.stopped_why,
            live_sessions: it.live_sessions,
            leftover_sessions: it.leftover_sessions,
            counts: BulkCounts::of([
                it.waiting,
                it.running,
                it.owed,
                it.done,
                it.nothing_to_do,
                it.under_way,
                it.needs_attention,
                it.failed,
            ]),
        })
    }
}

/// The piece `bulk_account` as a row.
#[derive(Deserialize)]
struct AccountRecord {
    no: i64,
    account_id: String,
    outcome: String,
    cleanup_id: Option<String>,
    note: String,
}

impl TryFrom<AccountRecord> for BulkAccount {
    type Error = StoreError;

    fn try_from(it: AccountRecord) -> Result<Self> {
        let outcome = BulkOutcome::parse(&it.outcome);
        Ok(Self {
            no: it.no,
            account: AccountId::parse(it.account_id).map_err(StoreError::corrupt)?,
            outcome: outcome.ok_or_else(|| StoreError::corrupt("an account of a bulk clean-up is nowhere known"))?,
            cleanup: it.cleanup_id.map(CleanupId::parse).transpose().map_err(StoreError::corrupt)?,
            note: it.note,
        })
    }
}
