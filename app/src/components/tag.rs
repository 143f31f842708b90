//! Tags: a word, a colour and a shape, so that no meaning hangs on the colour alone.

use domain::{Mode, Status};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use domain::{AuditOutcome, Health, Severity, VerdictKind};

/// How something is, as a colour and a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Well.
    Ok,
    /// To be looked at.
    Warn,
    /// Hurts.
    Bad,
    /// Over, or not known.
    Off,
    /// Under way.
    Busy,
}

impl Tone {
    /// Its class in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Off => "off",
            Self::Busy => "busy",
        }
    }
}

impl From<Status> for Tone {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Busy,
            Status::Owed => Self::Warn,
            Status::NeedsAttention => Self::Bad,
            Status::Done => Self::Ok,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<VerdictKind> for Tone {
    fn from(kind: VerdictKind) -> Self {
        match kind {
            VerdictKind::Clean => Self::Ok,
            VerdictKind::Unsure | VerdictKind::LeftOver => Self::Warn,
            VerdictKind::PartlyStuck | VerdictKind::Stuck => Self::Bad,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<Health> for Tone {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Ok,
            Health::Unknown => Self::Off,
            Health::Draining | Health::Maintenance => Self::Warn,
            Health::Degraded | Health::Down | Health::Gone => Self::Bad,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Notice => Self::Off,
            Severity::Warning => Self::Warn,
            Severity::Critical => Self::Bad,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<AuditOutcome> for Tone {
    fn from(outcome: AuditOutcome) -> Self {
        match outcome {
            AuditOutcome::Done => Self::Off,
            AuditOutcome::Denied => Self::Warn,
            AuditOutcome::Failed => Self::Bad,
        }
    }
}

/// A tag.
pub(crate) fn tag(tone: impl Into<Tone>, words: impl Into<String>) -> View<impl IntoView> {
    view! { <span class=format!("tag {}", tone.into().class())>{words.into()}</span> }
}

/// Where a clean-up is.
pub(crate) fn status(status: Status) -> View<impl IntoView> {
    tag(status, status.label())
}

/// How much a clean-up cleans, as a word beside others: `un-stick`, `left-overs`, `force`.
pub(crate) const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Unstick => "un-stick",
        Mode::Stale => "left-overs",
        Mode::Force => "force",
    }
}
