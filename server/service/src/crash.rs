//! Named points at which a process can be made to die, so that tests see what is left. Without the feature
//! `crash-points` a point is nothing at all.

/// Every point, in the order in which a clean-up meets them.
pub const POINTS: &[&str] = &[
    "request:before-commit",
    "request:committed",
    "claim:committed",
    "clear:before",
    "clear:done",
    "clear:before-commit",
    "clear:committed",
    "drain:before-release",
    "drain:released",
    "delete:before-commit",
    "delete:committed",
    "verify:before",
    "verify:done",
    "finish:before-commit",
    "finish:committed",
];

/// The points of the watch that follows, when something came back.
pub const WATCH_POINTS: &[&str] = &["watch:claimed", "watch:before-commit", "watch:committed"];

/// The points of a bulk clean-up, beside those of its accounts' own.
pub const BULK_POINTS: &[&str] =
    &["bulk:turns-before-commit", "bulk:turns-committed", "bulk:ends-committed", "bulk:end-before-commit"];

/// The points of a webhook's way: claimed and not sent, sent and not written, written and not lasting, lasting.
pub const WEBHOOK_POINTS: &[&str] = &["webhook:claimed", "webhook:sent", "webhook:before-commit", "webhook:settled"];

/// The points of a repair: stored and nothing asked for, the first clean-up asked for and not written down.
pub const REPAIR_POINTS: &[&str] = &["repair:committed", "repair:asked"];

/// Dies here, at once and without cleaning up, when `UNSTICK_CRASH_AT` names this point.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "crash-points")]
    if std::env::var("UNSTICK_CRASH_AT").is_ok_and(|at| at == name) {
        std::process::abort();
    }
    #[cfg(not(feature = "crash-points"))]
    let _ = name;
}
