//! Where the accounts of a bulk clean-up are, one by one and counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
        for outcome in BulkOutcome::ALL {
            assert_eq!(BulkOutcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
