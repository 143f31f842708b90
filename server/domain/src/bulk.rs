//! Bulk clean-ups: many accounts' clean-ups under one approval. The list is frozen and hashed before anybody asks for it, so
//! what is approved is what is done.

mod outcome;
mod status;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    AccountFilter, AccountId, BulkId, CleanupId, Instant, Mode, Place, PlanHash, ServerMove, ServerName, Span, StaffId,
    Unread,
};

pub use self::{
    outcome::{BulkCounts, BulkOutcome},
    status::{BulkMove, BulkStatus},
};

/// Most accounts of one bulk clean-up.
pub const MOST_ACCOUNTS: usize = 200_000;

/// How its accounts were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkSelection {
    /// By the filter of the list of accounts.
    Filter(AccountFilter),
    /// By a list of ids.
    List(ListReport),
}

/// What a list of ids had in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListReport {
    /// Lines with an id.
    pub lines: i64,
    /// Of these, ids that no account has.
    pub unknown: i64,
    /// Of these, ids that came before.
    pub duplicates: i64,
    /// Lines that are no id.
    pub malformed: i64,
    /// The first of all these, with their line, text and what is wrong.
    pub problems: Vec<ListProblem>,
}

/// A line of a list that names no account of the bulk clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListProblem {
    /// Its number, from 1.
    pub line: i64,
    /// What stands there, shortened.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// How it is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOrder {
    /// How much of each account.
    pub mode: Mode,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// Accounts under way at once, 1 to 1,000.
    pub wave: u32,
    /// Accounts that are begun a second at most, 1 to 1,000.
    pub rate: u32,
    /// It stops by itself when more accounts than this are in trouble, 0 to 100,000.
    pub failure_limit: u32,
}

impl BulkOrder {
    /// Waves that fill the workers of one process without making a single clean-up wait.
    pub const WAVE: u32 = 100;
    /// More than a process does, and little for a load balancer.
    pub const RATE: u32 = 500;
    /// As many failures as a person would look at.
    pub const FAILURE_LIMIT: u32 = 25;
    /// The rate at which everybody is moved off a server: the others are to notice little of it.
    pub const MOVE_RATE: u32 = 20;

    /// What is wrong with it: a field and what to do.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !(1..=1_000).contains(&self.wave) {
            return Some(("wave", "a wave has 1 to 1000 accounts"));
        }
        if !(1..=1_000).contains(&self.rate) {
            return Some(("rate", "the rate is 1 to 1000 accounts a second"));
        }
        (self.failure_limit > 100_000).then_some(("failure_limit", "the limit is 0 to 100000 accounts"))
    }
}

/// Where the routes of a bulk clean-up's accounts led when its list was frozen, as every router said then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRoutes {
    /// When they were counted.
    pub at: Instant,
    /// How many led to each server.
    pub counts: Vec<(Place, ServerName, i64)>,
    /// Routers that could not be read: none of theirs is counted.
    pub unread: Vec<Unread>,
}

/// A bulk clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    /// Its id.
    pub id: BulkId,
    /// How its accounts were chosen.
    pub selection: BulkSelection,
    /// How it is to be carried out.
    pub order: BulkOrder,
    /// Who made it, as [`crate::Actor::label`].
    pub actor: String,
    /// The same, where it is a staff member.
    pub staff: Option<StaffId>,
    /// The hash over mode and list: [`BulkHasher`].
    pub hash: PlanHash,
    /// Where it is.
    pub status: BulkStatus,
    /// When its list was frozen.
    pub created_at: Instant,
    /// When it was asked for.
    pub requested_at: Option<Instant>,
    /// Until when it can be approved.
    pub approve_until: Option<Instant>,
    /// Who approved it.
    pub approved_by: Option<StaffId>,
    /// When it began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// Why it stopped by itself; empty when it did not.
    pub stopped_why: String,
    /// Live sessions of its accounts when the list was frozen.
    pub live_sessions: i64,
    /// Left-over sessions of its accounts then.
    pub leftover_sessions: i64,
    /// Its accounts, counted.
    pub counts: BulkCounts,
}

impl Bulk {
    /// How long it still takes, from how long it has taken; `None` before anything has ended.
    pub fn remaining(&self, now: Instant) -> Option<Span> {
        let (ended, total) = (self.counts.ended(), self.counts.total());
        let taken = now.since(self.started_at?).micros();
        (self.status == BulkStatus::Running && ended > 0 && total >= ended && taken > 0)
            .then(|| Span::from_micros(taken / ended * (total - ended)))
    }

    /// Accounts that ended a second since it began, times ten.
    pub fn rate_tenths(&self, now: Instant) -> Option<i64> {
        let until = self.finished_at.unwrap_or(now);
        let taken = until.since(self.started_at?).micros();
        (taken > 0).then(|| self.counts.ended().saturating_mul(10_000_000) / taken)
    }
}

/// An account of a bulk clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkAccount {
    /// Its number in the list, from 1.
    pub no: i64,
    /// Which account.
    pub account: AccountId,
    /// Where it is.
    pub outcome: BulkOutcome,
    /// Its clean-up, once there is one.
    pub cleanup: Option<CleanupId>,
    /// What went wrong; empty when nothing.
    pub note: String,
}

/// The hash over a mode and a list, in the list's order: what is approved.
#[derive(Debug, Clone)]
pub struct BulkHasher(Sha256);

impl BulkHasher {
    /// Nothing of the list yet.
    pub fn new(mode: Mode) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"unstick bulk v1\0");
        hasher.update(mode.as_str().as_bytes());
        Self(hasher)
    }
    /// The server that everybody is moved off: another server, target or limit is another list.
    pub fn add_move(&mut self, order: &ServerMove) {
        let ServerMove { place, server, to, guard } = order;
        let to = to.as_ref().map_or("", ServerName::as_str);
        for text in ["move", place.router.as_str(), place.pool.as_str(), server.as_str(), to] {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text.as_bytes());
        }
        self.0.update(guard.errors.to_be_bytes());
        self.0.update(guard.response.to_be_bytes());
    }
    /// The next account.
    pub fn add(&mut self, account: &AccountId) {
        let text = account.as_str();
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }
    /// The hash.
    pub fn finish(self) -> PlanHash {
        PlanHash(URL_SAFE_NO_PAD.encode(self.0.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(mode: Mode, ids: &[&str]) -> PlanHash {
        let mut hasher = BulkHasher::new(mode);
        for id in ids {
            hasher.add(&AccountId::parse(*id).unwrap());
        }
        hasher.finish()
    }

    #[test]
    fn another_list_or_mode_has_another_hash() {
        let first = hash(Mode::Stale, &["ab", "c"]);
        assert_eq!(first, hash(Mode::Stale, &["ab", "c"]));
        for other in [hash(Mode::Stale, &["a", "bc"]), hash(Mode::Stale, &["c", "ab"]), hash(Mode::Force, &["ab", "c"])]
        {
            assert_ne!(first, other);
        }
    }
}
