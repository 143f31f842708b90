//! Why a use case did not do what was asked. `Display` is a sentence for the person who asked; what happened inside is
//! only in the source, for the log.

use domain::{CleanupId, Denied, Plan, QueryError, Span, Unproved};
use store::StoreError;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The actor may not; `true` when nobody is signed in.
    #[error("{}", if *.1 { "sign in first".to_owned() } else { .0.to_string() })]
    Denied(Denied, bool),
    /// The person must prove anew who they are.
    #[error(transparent)]
    Unproved(#[from] Unproved),
    /// The person must set up a second factor before anything else.
    #[error("set up your second factor first: it is required here")]
    EnrolFirst,
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A field is wrong.
    #[error("{message}")]
    Invalid {
        /// Which field of the form or the request.
        field: &'static str,
        /// What to do about it.
        message: String,
    },
    /// The plan that was confirmed is not the plan of now, which is here.
    #[error("the account changed since the plan was shown: look at the new plan and confirm it")]
    WorldChanged(Box<Plan>),
    /// Another clean-up of the account, in another mode, is under way.
    #[error("clean-up {0} of this account, of another mode, is under way: wait for it, or look at it")]
    UnderWay(CleanupId),
    /// The plan is empty.
    #[error("there is nothing to clean up: the account has nothing of what this mode removes")]
    NothingToDo,
    /// The name, the password or the token is wrong: one text for all, so that nobody learns which.
    #[error("that name and password do not fit")]
    SignIn,
    /// Too many tries.
    #[error("too many tries: wait {wait} and try again")]
    Throttled {
        /// How long.
        wait: Span,
    },
    /// Too much at once.
    #[error("the service is busy: try again in a moment")]
    Busy,
    /// It is over.
    #[error("the {0} is over")]
    Gone(&'static str),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// Our fault.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The HTTP status that says the same.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Denied(_, true) | Self::SignIn => 401,
            Self::Denied(_, false) | Self::Unproved(_) | Self::EnrolFirst => 403,
            Self::NotFound(_) => 404,
            Self::WorldChanged(_) | Self::UnderWay(_) | Self::NothingToDo | Self::Conflict(_) => 409,
            Self::Gone(_) => 410,
            Self::Invalid { .. } => 422,
            Self::Throttled { .. } => 429,
            Self::Internal(_) => 500,
            Self::Busy => 503,
        }
    }

    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_, true) => "not-signed-in",
            Self::Denied(_, false) => "denied",
            Self::Unproved(_) => "unproved",
            Self::EnrolFirst => "enrol-first",
            Self::NotFound(_) => "not-found",
            Self::Invalid { .. } => "invalid",
            Self::WorldChanged(_) => "world-changed",
            Self::UnderWay(_) => "under-way",
            Self::NothingToDo => "nothing-to-do",
            Self::SignIn => "sign-in",
            Self::Throttled { .. } => "throttled",
            Self::Busy => "busy",
            Self::Gone(_) => "gone",
            Self::Conflict(_) => "conflict",
            Self::Internal(_) => "internal",
        }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => Self::invalid("after", "that page does not exist: start again"),
            error if error.is_busy() => Self::Busy,
            error => Self::internal(error),
        }
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Self::invalid("q", error.to_string())
    }
}
