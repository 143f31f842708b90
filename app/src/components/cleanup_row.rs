//! Clean-ups in a table.

use domain::{
    Instant, Status,
    view::{CleanupRow, StepCounts, Unfinished},
};
use leptos::prelude::*;

use super::{
    card::note,
    markup::{Markup, Written},
    tag::{Tone, mode_word, status, tag},
    text::{foreign, number},
    time::ago,
};
use crate::routes;

/// The columns of [`row`].
pub(crate) const HEADS: &[&str] = &["Account", "Mode", "Status", "!Steps", "Requested", "!By", "!Why"];

/// Says that something came back after it was verified.
pub(crate) fn came_back(counts: StepCounts) -> Option<Markup> {
    let words = match counts.came_back {
        0 => return None,
        1 => "came back once".to_owned(),
        n => format!("came back {} times", number(n)),
    };
    Some(tag(Tone::Warn, words).written())
}

/// Says that clean-ups do not come to their end.
pub(crate) fn late(unfinished: &Unfinished) -> Option<Markup> {
    let words = match unfinished.late {
        0 => return None,
        1 => "One clean-up is not finished after 5 min. ".to_owned(),
        n => format!("{} clean-ups are not finished after 5 min. ", number(n)),
    };
    let which = [(Status::NeedsAttention, unfinished.needs_attention), (Status::Owed, unfinished.owed)];
    let which = which.into_iter().find(|(_, count)| *count > 0).map_or(Status::Running, |(status, _)| status);
    let link = view! { <a href=routes::cleanups(Some(which), None)>"Show them"</a> };
    Some(note(Tone::Warn, view! { {words} {link} }))
}

/// A clean-up as a row.
pub(crate) fn row(row: &CleanupRow, now: Instant) -> Markup {
    let (cleanup, counts) = (&row.cleanup, row.counts);
    let ticket = (!cleanup.ticket.is_empty()).then(|| view! { <code>{cleanup.ticket.clone()}</code> " " });
    view! {
        <tr>
            <td class="who-cell"><a class="go" href=routes::cleanup(&cleanup.id)>{foreign(&row.title)}</a></td>
            <td>{mode_word(cleanup.mode)}</td>
            <td>{status(cleanup.status)} {came_back(counts)}</td>
            <td class="x">{format!("{} of {}", number(counts.verified), number(counts.total))}</td>
            <td>{ago(cleanup.requested_at, now)}</td>
            <td class="x">{cleanup.actor.clone()}</td>
            <td class="x cut">{ticket} {foreign(&cleanup.reason)}</td>
        </tr>
    }
    .written()
}
