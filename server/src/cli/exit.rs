//! How a command ends.

use std::process::ExitCode;

/// How a command ended, as the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a clean-up: read back everywhere. The doctor: all well.
    Done,
    /// Failed. The doctor: somebody should look.
    Failed,
    /// The command line, the input or the configuration is wrong. The doctor: something does not work.
    Usage,
    /// Accepted, and owed to a router that does not answer.
    Owed,
    /// Refused.
    Refused,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Owed => 3,
            Self::Refused => 4,
        }
    }

    /// The word in a JSON document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Owed => "owed",
            Self::Refused => "refused",
        }
    }

    /// How a command ends that `error` ended.
    pub const fn of(error: &service::Error) -> Self {
        use service::Error as E;
        match error {
            E::Invalid { .. } => Self::Usage,
            E::Denied(..)
            | E::Unproved(_)
            | E::EnrolFirst
            | E::NotFound(_)
            | E::WorldChanged(_)
            | E::UnderWay(_)
            | E::NothingToDo
            | E::SignIn
            | E::Throttled { .. }
            | E::Gone(_)
            | E::Conflict(_) => Self::Refused,
            E::Busy | E::Internal(_) => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
