//! Where a bulk clean-up is, and what leads where.

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn words_are_read_back() {
        for status in BulkStatus::ALL {
            assert_eq!(BulkStatus::parse(status.as_str()), Some(status));
        }
    }
}
