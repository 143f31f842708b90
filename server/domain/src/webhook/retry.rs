//! How often is tried: an event by itself, and a receiver as a whole.
//!
//! An event waits longer after each try. A receiver that fails many times in a row is left alone for a while and then
//! tried with one event: ten thousand accounts' events do not knock at a door that is shut, and none of them is given up for
//! that, since an event's tries count only when it was sent.

use serde::{Deserialize, Serialize};

use crate::{Instant, Span};

/// How often and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookPace {
    /// The first wait of an event, and of a receiver.
    pub first: Span,
    /// An event's longest.
    pub longest: Span,
    /// A receiver's longest.
    pub door: Span,
    /// Tries of one event before it is given up.
    pub attempts: i64,
    /// Failures in a row from which a receiver is left alone.
    pub patience: i64,
    /// A receiver that took nothing for so long is paused.
    pub pause_after: Span,
    /// How long an answer may take.
    pub timeout: Span,
}

impl Default for WebhookPace {
    fn default() -> Self {
        Self {
            first: Span::from_secs(5),
            longest: Span::from_secs(6 * 3_600),
            door: Span::from_secs(5 * 60),
            attempts: 10,
            patience: 5,
            pause_after: Span::from_days(1),
            timeout: Span::from_secs(10),
        }
    }
}

impl WebhookPace {
    /// How long an event waits after its `attempts`th try: three times as long each time, less up to a third by chance.
    pub fn wait(&self, attempts: i64, jitter: u64) -> Span {
        jittered(grown(self.first, 3, attempts - 1, self.longest), jitter)
    }

    /// How long a receiver is left alone that failed `failures` times in a row.
    pub fn closed(&self, failures: i64, jitter: u64) -> Option<Span> {
        let over = failures - self.patience;
        (over >= 0).then(|| jittered(grown(self.first, 2, over, self.door), jitter))
    }

    /// Whether a receiver that fails since `since` is paused at `now`.
    pub fn is_hopeless(&self, since: Option<Instant>, now: Instant) -> bool {
        since.is_some_and(|since| now.since(since) >= self.pause_after)
    }
}

fn grown(first: Span, factor: i64, times: i64, longest: Span) -> Span {
    let power = factor.saturating_pow(u32::try_from(times.clamp(0, 62)).unwrap_or(62));
    Span::from_micros(first.micros().saturating_mul(power)).min(longest)
}

fn jittered(span: Span, jitter: u64) -> Span {
    let third = u64::try_from(span.micros() / 3).unwrap_or(0);
    let less = if third == 0 { 0 } else { jitter % third };
    Span::from_micros(span.micros() - i64::try_from(less).unwrap_or(0))
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The receiver answered with this status, and asked to be left alone for so long.
    Status(u16, Option<Span>),
    /// There was no answer.
    Nothing,
    /// It may not be asked, or cannot be: nothing was sent.
    Refused,
}

/// What is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// It is tried again after so long.
    Later(Span),
    /// It is given up.
    GivenUp,
    /// The receiver is gone for good.
    Gone,
}

/// What is made of an event's `attempts`th try. Every 2xx means that it was taken; 410 that nobody wants any more; all else
/// is tried again: a redirection is not followed, for it could lead anywhere.
pub fn verdict(answered: Answered, attempts: i64, pace: &WebhookPace, jitter: u64) -> Verdict {
    let least = match answered {
        Answered::Status(200..=299, _) => return Verdict::Delivered,
        Answered::Status(410, _) => return Verdict::Gone,
        Answered::Status(_, least) => least.unwrap_or(Span::ZERO),
        Answered::Nothing | Answered::Refused => Span::ZERO,
    };
    if attempts >= pace.attempts {
        return Verdict::GivenUp;
    }
    Verdict::Later(pace.wait(attempts, jitter).max(least.min(pace.longest)))
}
