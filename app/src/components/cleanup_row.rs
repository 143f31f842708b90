//! Clean-ups in a table.

use domain::{Instant, view::CleanupRow};
use leptos::prelude::*;

use super::{
    tag::{mode_word, status},
    text::{foreign, number},
    time::ago,
};
use crate::routes;

/// The columns of [`row`].
pub(crate) const HEADS: &[&str] = &["Account", "Mode", "Status", "!Steps", "Requested", "!By", "!Why"];

/// A clean-up as a row.
pub(crate) fn row(row: &CleanupRow, now: Instant) -> AnyView {
    let (cleanup, counts) = (&row.cleanup, row.counts);
    let ticket = (!cleanup.ticket.is_empty()).then(|| view! { <code>{cleanup.ticket.clone()}</code> " " });
    view! {
        <tr>
            <td><a class="go" href=routes::cleanup(&cleanup.id)>{foreign(&row.title)}</a></td>
            <td>{mode_word(cleanup.mode)}</td>
            <td>{status(cleanup.status)}</td>
            <td class="x">{format!("{} of {}", number(counts.verified), number(counts.total))}</td>
            <td>{ago(cleanup.requested_at, now)}</td>
            <td class="x">{cleanup.actor.clone()}</td>
            <td class="x cut">{ticket} {foreign(&cleanup.reason)}</td>
        </tr>
    }
    .into_any()
}
