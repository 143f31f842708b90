//! The trend of findings: one line a kind, census by census. A drawing without a style of its own: the content security
//! policy allows none.

use std::collections::BTreeMap;

use domain::{
    Instant,
    census::{CensusKind, TrendPoint},
};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::text::number;

const WIDTH: i64 = 1_000;
const HEIGHT: i64 = 120;

/// The colour of a kind, and whether its line is dashed: there are more kinds than colours that differ for everybody.
pub(crate) const fn class(kind: CensusKind) -> &'static str {
    match kind {
        CensusKind::OrphanedSession => "s1",
        CensusKind::StaleRoute => "s2",
        CensusKind::DegradedRoute => "s4",
        CensusKind::SplitRoute => "s3",
        CensusKind::Accumulation => "s6",
        CensusKind::CounterDrift => "s5 second",
        CensusKind::Chain => "s2 second",
        CensusKind::DanglingRow => "s0 second",
    }
}

/// The lines of `points` over censuses that ended at `times`, or nothing when there are not two to draw between.
pub(crate) fn trend(times: &[Instant], points: &[TrendPoint]) -> Option<Markup> {
    let (first, last) = (*times.first()?, *times.last()?);
    if times.len() < 2 || points.is_empty() {
        return None;
    }
    let most = points.iter().map(|point| point.open).max().unwrap_or(0).max(1);
    let mut kinds: BTreeMap<CensusKind, BTreeMap<Instant, i64>> = BTreeMap::new();
    for point in points {
        kinds.entry(point.kind).or_default().insert(point.at, point.open);
    }
    let line = |(kind, open): (&CensusKind, &BTreeMap<Instant, i64>)| {
        // A kind of which none was open left no point: it is drawn at nothing.
        let at = |time: &Instant| spot(*time, open.get(time).copied().unwrap_or(0), first, last, most);
        let spots: Vec<String> = times.iter().map(at).collect();
        view! { <polyline class=class(*kind) points=spots.join(" ")><title>{kind.label()}</title></polyline> }
    };
    let words: Vec<String> = kinds
        .iter()
        .map(|(kind, open)| {
            format!("{} {}", open.get(&last).copied().map_or_else(|| "no".to_owned(), number), kind.label())
        })
        .collect();
    let label = format!("Open findings at the last {} censuses; now {}", times.len(), words.join(", "));
    Some(
        view! {
            <svg class="trend" viewBox=format!("0 -4 {WIDTH} {}", HEIGHT + 8) preserveAspectRatio="none" role="img" aria-label=label>
                <line class="axis" x1="0" x2=WIDTH y1=HEIGHT y2=HEIGHT></line>
                {kinds.iter().map(line).collect_view()}
            </svg>
            <p class="span">
                <time datetime=first.to_string()>{first.to_text()}</time>
                <span>{format!("most: {}", number(most))}</span>
                <time datetime=last.to_string()>{last.to_text()}</time>
            </p>
        }
        .written(),
    )
}

fn spot(at: Instant, open: i64, first: Instant, last: Instant, most: i64) -> String {
    let across = at.since(first).millis().saturating_mul(WIDTH) / last.since(first).millis().max(1);
    let up = open.saturating_mul(HEIGHT) / most;
    format!("{across},{}", HEIGHT - up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_spans_all_censuses_and_all_counts() {
        let at = Instant::from_secs;
        assert_eq!(spot(at(0), 0, at(0), at(100), 50), "0,120");
        assert_eq!(spot(at(100), 50, at(0), at(100), 50), "1000,0");
        assert_eq!(spot(at(50), 25, at(0), at(100), 50), "500,60");
        assert_eq!(spot(at(0), 0, at(0), at(0), 1), "0,120", "all at one time");
        assert!(trend(&[at(1)], &[TrendPoint { at: at(1), kind: CensusKind::Chain, open: 1 }]).is_none());
    }
}
