//! Bulk clean-ups: many accounts' clean-ups under one approval. The list is frozen and hashed before anybody asks for it, so
//! what is approved is what is done.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    AccountFilter, AccountId, BulkId, CleanupId, Instant, Mode, PlanHash, ServerMove, ServerName, Span, StaffId,
};

/// Most accounts of one bulk clean-up.
pub const MOST_ACCOUNTS: usize = 200_000;

/// Where a bulk clean-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    /// Its list is being written down.
    Freezing,
    /// Its list is frozen; nobody asked for it yet.
    Draft,
    /// It waits for a second admin.
    AwaitingApproval,
    /// Nobody approved it in time.
    Expired,
    /// It works.
    Running,
    /// A person stopped it for a while.
    Paused,
    /// It stopped by itself: too many failures.
    Stopped,
    /// A person ended it before its end.
    Cancelled,
    /// Every account has its end.
    Done,
}

/// What happens to a bulk clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMove {
    /// Its list is complete.
    Freeze,
    /// It is asked for; above the limit it then waits for approval.
    Request {
        /// Whether a second admin must approve it.
        needs_approval: bool,
    },
    /// A second admin approves it.
    Approve,
    /// The time for approval is over.
    Expire,
    /// A person pauses it.
    Pause,
    /// A person lets it go on.
    Resume,
    /// It stops by itself.
    Stop,
    /// A person ends it.
    Cancel,
    /// What failed is tried again.
    Retry,
    /// Every account has its end.
    Finish,
}

impl BulkStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Freezing,
        Self::Draft,
        Self::AwaitingApproval,
        Self::Expired,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Cancelled,
        Self::Done,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Freezing => "freezing",
            Self::Draft => "draft",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Expired => "expired",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Freezing => "being prepared",
            Self::Draft => "not asked for yet",
            Self::AwaitingApproval => "waits for approval",
            Self::Expired => "not approved in time",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped by itself",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }

    /// Where `what` leads from here; `None` when it cannot happen here.
    pub const fn after(self, what: BulkMove) -> Option<Self> {
        use BulkMove as M;
        match (self, what) {
            (Self::Freezing, M::Freeze) => Some(Self::Draft),
            (Self::Draft, M::Request { needs_approval: true }) => Some(Self::AwaitingApproval),
            (Self::Draft, M::Request { needs_approval: false })
            | (Self::AwaitingApproval, M::Approve)
            | (Self::Paused | Self::Stopped, M::Resume)
            | (Self::Done | Self::Stopped | Self::Running | Self::Paused, M::Retry) => Some(Self::Running),
            (Self::AwaitingApproval, M::Expire) => Some(Self::Expired),
            (Self::Running, M::Pause) => Some(Self::Paused),
            (Self::Running, M::Stop) => Some(Self::Stopped),
            (Self::Running, M::Finish) => Some(Self::Done),
            (Self::Draft | Self::AwaitingApproval | Self::Running | Self::Paused | Self::Stopped, M::Cancel) => {
                Some(Self::Cancelled)
            }
            _ => None,
        }
    }

    /// The statuses from which `what` can happen.
    pub fn before(what: BulkMove) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |status| status.after(what).is_some())
    }
}

/// Where an account of a bulk clean-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkOutcome {
    /// Its turn has not come.
    Waiting,
    /// Its clean-up works.
    Running,
    /// Its clean-up waits for a router that does not answer.
    Owed,
    /// Everything was read back and is gone.
    Done,
    /// There was nothing to clean up.
    Nothing,
    /// Another clean-up of it, of another mode, was under way.
    UnderWay,
    /// Its clean-up needs a person.
    NeedsAttention,
    /// No clean-up could be asked for.
    Failed,
}

impl BulkOutcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Running,
        Self::Owed,
        Self::Done,
        Self::Nothing,
        Self::UnderWay,
        Self::NeedsAttention,
        Self::Failed,
    ];

    /// The word in the database, in URLs and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Owed => "owed",
            Self::Done => "done",
            Self::Nothing => "nothing",
            Self::UnderWay => "under_way",
            Self::NeedsAttention => "needs_attention",
            Self::Failed => "failed",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "not begun",
            Self::Running => "running",
            Self::Owed => "owed",
            Self::Done => "verified",
            Self::Nothing => "nothing to clean",
            Self::UnderWay => "another clean-up",
            Self::NeedsAttention => "needs attention",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens to the account by itself.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Owed)
    }

    /// Whether it counts against the limit of failures.
    pub const fn is_trouble(self) -> bool {
        matches!(self, Self::Owed | Self::UnderWay | Self::NeedsAttention | Self::Failed)
    }

    /// Whether it can be tried again: the account gets a new turn.
    pub const fn can_retry(self) -> bool {
        matches!(self, Self::UnderWay | Self::Failed)
    }
}

/// Accounts by where they are. As JSON an object with those outcomes that have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<BulkOutcome, i64>", into = "BTreeMap<BulkOutcome, i64>")]
pub struct BulkCounts([i64; 8]);

impl From<BTreeMap<BulkOutcome, i64>> for BulkCounts {
    fn from(counts: BTreeMap<BulkOutcome, i64>) -> Self {
        Self(BulkOutcome::ALL.map(|outcome| counts.get(&outcome).copied().unwrap_or(0)))
    }
}

impl From<BulkCounts> for BTreeMap<BulkOutcome, i64> {
    fn from(counts: BulkCounts) -> Self {
        BulkOutcome::ALL.into_iter().zip(counts.0).filter(|(_, n)| *n != 0).collect()
    }
}

impl BulkCounts {
    /// So many accounts, none of which has begun.
    pub const fn waiting(accounts: i64) -> Self {
        Self([accounts, 0, 0, 0, 0, 0, 0, 0])
    }
    /// The counts in the order of [`BulkOutcome::ALL`].
    pub const fn of(counts: [i64; 8]) -> Self {
        Self(counts)
    }
    /// Accounts that are there.
    pub fn get(&self, outcome: BulkOutcome) -> i64 {
        BulkOutcome::ALL.iter().position(|it| *it == outcome).map_or(0, |place| self.0[place])
    }
    /// One account more there.
    pub fn add(&mut self, outcome: BulkOutcome, n: i64) {
        if let Some(place) = BulkOutcome::ALL.iter().position(|it| *it == outcome) {
            self.0[place] += n;
        }
    }
    /// All of them.
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }
    /// Those with an end.
    pub fn ended(&self) -> i64 {
        BulkOutcome::ALL.into_iter().filter(|it| it.is_end()).map(|it| self.get(it)).sum()
    }
    /// Those that count against the limit of failures.
    pub fn troubled(&self) -> i64 {
        BulkOutcome::ALL.into_iter().filter(|it| it.is_trouble()).map(|it| self.get(it)).sum()
    }
}

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

    #[test]
    fn nothing_runs_that_was_not_asked_for_and_approved() {
        let approved = BulkMove::Approve;
        assert_eq!(BulkStatus::before(approved).collect::<Vec<_>>(), [BulkStatus::AwaitingApproval]);
        for status in [BulkStatus::Freezing, BulkStatus::Draft, BulkStatus::AwaitingApproval, BulkStatus::Expired] {
            for what in [BulkMove::Resume, BulkMove::Retry, BulkMove::Finish, BulkMove::Pause, BulkMove::Stop] {
                assert_eq!(status.after(what), None, "{status:?} {what:?}");
            }
        }
        assert_eq!(
            BulkStatus::Draft.after(BulkMove::Request { needs_approval: true }),
            Some(BulkStatus::AwaitingApproval)
        );
        for over in [BulkStatus::Cancelled, BulkStatus::Expired] {
            for what in [BulkMove::Approve, BulkMove::Resume, BulkMove::Retry, BulkMove::Cancel] {
                assert_eq!(over.after(what), None, "{over:?} {what:?}");
            }
        }
    }

    #[test]
    fn counts_add_up() {
        let mut counts = BulkCounts::waiting(10);
        for outcome in [BulkOutcome::Done, BulkOutcome::Owed, BulkOutcome::Failed] {
            counts.add(BulkOutcome::Waiting, -1);
            counts.add(outcome, 1);
        }
        assert_eq!((counts.total(), counts.ended(), counts.troubled()), (10, 2, 2));
        assert_eq!(counts.get(BulkOutcome::Waiting), 7);
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(text, r#"{"waiting":7,"owed":1,"done":1,"failed":1}"#);
        assert_eq!(serde_json::from_str::<BulkCounts>(&text).unwrap(), counts);
    }

    #[test]
    fn words_are_read_back() {
        for status in BulkStatus::ALL {
            assert_eq!(BulkStatus::parse(status.as_str()), Some(status));
        }
        for outcome in BulkOutcome::ALL {
            assert_eq!(BulkOutcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
