//! How far a bulk clean-up is: in words, and as a bar.

use domain::{Bulk, BulkOutcome, BulkStatus, Instant};
use leptos::prelude::*;

use super::{
    markup::{Markup, Written},
    tag::{Tone, tag},
    text::number,
};

impl From<BulkStatus> for Tone {
    fn from(status: BulkStatus) -> Self {
        match status {
            BulkStatus::Freezing | BulkStatus::Draft | BulkStatus::Cancelled | BulkStatus::Expired => Self::Off,
            BulkStatus::AwaitingApproval | BulkStatus::Paused => Self::Warn,
            BulkStatus::Running => Self::Busy,
            BulkStatus::Stopped => Self::Bad,
            BulkStatus::Done => Self::Ok,
        }
    }
}

impl From<BulkOutcome> for Tone {
    fn from(outcome: BulkOutcome) -> Self {
        match outcome {
            BulkOutcome::Waiting | BulkOutcome::Nothing => Self::Off,
            BulkOutcome::Running => Self::Busy,
            BulkOutcome::Owed | BulkOutcome::UnderWay => Self::Warn,
            BulkOutcome::NeedsAttention | BulkOutcome::Failed => Self::Bad,
            BulkOutcome::Done => Self::Ok,
        }
    }
}

/// A status as a tag.
pub(crate) fn status(status: BulkStatus) -> impl IntoView {
    tag(status, status.label())
}

/// `1,204 of 10,000 · 12 %`
pub(crate) fn progress_words(bulk: &Bulk) -> String {
    let (ended, total) = (bulk.counts.ended(), bulk.counts.total());
    let percent = if total > 0 { ended.saturating_mul(100) / total } else { 0 };
    format!("{} of {} · {percent} %", number(ended), number(total))
}

/// A bar with a piece for each outcome, and the same in words: no style of its own is needed.
pub(crate) fn progress(bulk: &Bulk, now: Instant) -> Markup {
    let total = bulk.counts.total().max(1);
    let mut x = 0;
    let mut pieces = Vec::new();
    let order = [
        (BulkOutcome::Done, "ok"),
        (BulkOutcome::Nothing, "off"),
        (BulkOutcome::Owed, "warn"),
        (BulkOutcome::UnderWay, "warn"),
        (BulkOutcome::NeedsAttention, "bad"),
        (BulkOutcome::Failed, "bad"),
        (BulkOutcome::Running, "busy"),
    ];
    for (outcome, class) in order {
        // In thousandths; what is there is seen.
        let n = bulk.counts.get(outcome);
        let width = (n.saturating_mul(1_000) / total).clamp(i64::from(n > 0) * 3, 1_000);
        if width > 0 {
            pieces.push(view! { <rect class=class x=x width=width height="10"></rect> });
            x += width;
        }
    }
    let rate = bulk.rate_tenths(now).filter(|_| bulk.counts.ended() > 0);
    let rate = rate.map(|tenths| format!("{}.{} accounts a second", number(tenths / 10), tenths % 10));
    let left = bulk.remaining(now).map(|span| format!("about {span} left"));
    let words: Vec<String> = [Some(progress_words(bulk)), rate, left].into_iter().flatten().collect();
    view! {
        <div class="pad progress">
            <svg class="bar thick" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">{pieces}</svg>
            <p><b>{words.join(" · ")}</b></p>
        </div>
    }
    .written()
}
