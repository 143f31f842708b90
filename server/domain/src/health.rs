//! How a server is doing, from counters that only grow: a decayed window over requests, errors and time.

use serde::{Deserialize, Serialize};

use crate::{Instant, Place, ServerName, Span};

/// How a server is doing, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// In rotation and answering well.
    Healthy,
    /// Nothing is known yet.
    Unknown,
    /// Up, but too slow or failing too many requests.
    Degraded,
    /// Takes no new customers; the ones pinned to it stay.
    Draining,
    /// Out of rotation by an operator.
    Maintenance,
    /// Fails its health checks.
    Down,
    /// A route names it, but the router does not have it any more.
    Gone,
}

impl Health {
    /// Every health.
    pub const ALL: [Self; 7] =
        [Self::Healthy, Self::Unknown, Self::Degraded, Self::Draining, Self::Maintenance, Self::Down, Self::Gone];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
            Self::Down => "down",
            Self::Gone => "gone",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.as_str() == word)
    }

    /// Whether customers may be sent there: nothing speaks against it. Of the servers that an affinity map names nobody knows more.
    pub const fn takes_customers(self) -> bool {
        matches!(self, Self::Healthy | Self::Unknown)
    }

    /// Whether a customer who is pinned there is badly served, or about to be.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Degraded | Self::Draining | Self::Maintenance | Self::Down | Self::Gone)
    }
}

/// What a router counts for a server since its own start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Answers given.
    pub requests: u64,
    /// Answers that were server errors (5xx), and requests that got no answer.
    pub errors: u64,
    /// Mean time to answer over the router's own window (HAProxy: the last 1,024 requests), in milliseconds.
    pub response_ms: u32,
}

/// When a server counts as degraded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HealthPolicy {
    /// Share of failed requests from which a server is degraded, in thousandths.
    pub error_permille: u32,
    /// Mean time to answer from which a server is degraded, in milliseconds; 0 switches it off.
    pub response_ms: u32,
    /// Requests in the window below which nothing is concluded.
    pub min_requests: f64,
    /// Time in which a request's weight in the window falls to 37 %.
    pub window: Span,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self { error_permille: 50, response_ms: 2_000, min_requests: 20.0, window: Span::from_secs(300) }
    }
}

/// A decayed window over a server's counters. Any process may carry it on: all it needs is here.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HealthWindow {
    /// Decayed requests.
    pub requests: f64,
    /// Decayed errors.
    pub errors: f64,
    /// The counters last seen.
    pub seen: Counters,
    /// When they were seen; `None` before the first time.
    pub at: Option<Instant>,
}

impl HealthWindow {
    /// The window after `counters` were read at `now`. Counters that went backwards mean that the router restarted:
    /// then all of them are new.
    #[must_use]
    pub fn advance(self, counters: Counters, now: Instant, policy: &HealthPolicy) -> Self {
        let (requests, errors) = if counters.requests >= self.seen.requests && counters.errors >= self.seen.errors {
            (counters.requests - self.seen.requests, counters.errors - self.seen.errors)
        } else {
            (counters.requests, counters.errors)
        };
        let fade = self.at.map_or(0.0, |at| {
            let elapsed = now.since(at).micros().max(0);
            (-as_f64(elapsed.unsigned_abs()) / as_f64(policy.window.micros().max(1).unsigned_abs())).exp()
        });
        Self {
            requests: self.requests.mul_add(fade, as_f64(requests)),
            errors: self.errors.mul_add(fade, as_f64(errors)),
            seen: counters,
            at: Some(now),
        }
    }

    /// Share of failed requests in thousandths, where enough requests were seen to say.
    pub fn error_permille(&self, policy: &HealthPolicy) -> Option<u32> {
        (self.requests >= policy.min_requests).then(|| permille(self.errors / self.requests))
    }

    /// What the window says of a server that is up.
    pub fn health(&self, policy: &HealthPolicy) -> Health {
        let slow = policy.response_ms > 0 && self.seen.response_ms >= policy.response_ms;
        match self.error_permille(policy) {
            Some(share) if share >= policy.error_permille => Health::Degraded,
            _ if slow => Health::Degraded,
            _ => Health::Healthy,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
fn permille(share: f64) -> u32 {
    (share * 1000.0).round().clamp(0.0, 1000.0) as u32
}

/// A server as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// The pool it is in.
    pub place: Place,
    /// Its name.
    pub name: ServerName,
    /// How it is doing: the worse of what its operator set, its checks say and its window says.
    pub health: Health,
    /// Whether its window alone says that it is degraded, whatever its operator set.
    pub failing: bool,
    /// Share of failed requests in thousandths, where known.
    pub error_permille: Option<u32>,
    /// Mean time to answer in milliseconds, where known.
    pub response_ms: Option<u32>,
    /// Since when `health` is so.
    pub since: Instant,
    /// When it was last read.
    pub read_at: Instant,
    /// Routes that pin to it, where known.
    pub pinned: Option<i64>,
}

impl ServerStatus {
    /// What is wrong with it, as the end of «which …»; `None` when nothing is.
    pub fn complaint(&self) -> Option<String> {
        let failing = self.failing.then(|| match (self.error_permille, self.response_ms) {
            (Some(share), _) if share > 0 => format!("fails {} % of its requests", (share + 5) / 10),
            (_, Some(time)) => format!("takes {time} ms to answer"),
            _ => "is degraded".to_owned(),
        });
        let state = match self.health {
            Health::Draining => Some("is being drained"),
            Health::Maintenance => Some("is in maintenance"),
            Health::Down => Some("is down"),
            Health::Gone => Some("does not exist any more"),
            Health::Degraded | Health::Healthy | Health::Unknown => None,
        };
        match (failing, state) {
            (Some(failing), Some(state)) => Some(format!("{failing} and {state}")),
            (Some(failing), None) => Some(failing),
            (None, Some(state)) => Some(state.to_owned()),
            (None, None) => (self.health == Health::Degraded).then(|| "is degraded".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(requests: u64, errors: u64) -> Counters {
        Counters { requests, errors, response_ms: 10 }
    }

    #[test]
    fn sixteen_percent_is_degraded_and_heals_when_the_errors_stop() {
        let policy = HealthPolicy::default();
        let start = Instant::from_secs(1_000);
        let window = HealthWindow::default().advance(counted(100, 16), start, &policy);
        assert_eq!(window.error_permille(&policy), Some(160));
        assert_eq!(window.health(&policy), Health::Degraded);
        let later = window.advance(counted(2_100, 16), start + Span::from_secs(1_200), &policy);
        assert_eq!(later.health(&policy), Health::Healthy);
    }

    #[test]
    fn too_few_requests_say_nothing() {
        let policy = HealthPolicy::default();
        let window = HealthWindow::default().advance(counted(5, 5), Instant::from_secs(1), &policy);
        assert_eq!(window.error_permille(&policy), None);
        assert_eq!(window.health(&policy), Health::Healthy);
    }

    #[test]
    fn a_restarted_router_counts_from_nothing() {
        let policy = HealthPolicy::default();
        let at = Instant::from_secs(1);
        let window = HealthWindow::default().advance(counted(1_000, 0), at, &policy);
        let after = window.advance(counted(50, 25), at, &policy);
        assert!((after.requests - 1_050.0).abs() < 1e-9 && (after.errors - 25.0).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_blow_the_window_up() {
        let policy = HealthPolicy::default();
        let window = HealthWindow::default().advance(counted(100, 0), Instant::from_secs(1_000), &policy);
        let after = window.advance(counted(200, 0), Instant::from_secs(10), &policy);
        assert!(after.requests <= 200.0);
    }
}
