//! What happened when, and what to tell the customer.

use domain::view::{LedgerView, Milestone};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::super::time::{after, clock};
use crate::routes;

/// What happened when.
pub(super) fn milestones(view: &LedgerView) -> Markup {
    let row = |it: &Milestone| {
        view! {
            <tr>
                <td class="fold">{it.what.clone()}</td>
                <td class="n">{clock(it.at)} <div class="sub">{after(it.after)}</div></td>
            </tr>
        }
    };
    view! {
        <section class="card" aria-labelledby="evidence">
            <div class="h">
                <h2 id="evidence">"Evidence"</h2>
                <small>
                    "for the ticket: " <a href=routes::evidence(&view.cleanup.id, "md")>"Markdown"</a> " "
                    <a href=routes::evidence(&view.cleanup.id, "json")>"JSON"</a>
                </small>
            </div>
            <p class="pad hint">"Times in UTC, read back each time."</p>
            <table class="plain">
                <thead class="sr"><tr><th scope="col">"What"</th><th scope="col">"When"</th></tr></thead>
                <tbody>{view.milestones.iter().map(row).collect_view()}</tbody>
            </table>
        </section>
    }
    .written()
}

/// The text for the customer, with a button that copies it.
pub(super) fn reply(text: &str) -> Markup {
    view! {
        <section class="card" aria-labelledby="reply">
            <div class="h">
                <h2 id="reply">"Reply for the customer"</h2>
                <button type="button" class="btn q scripted" data-copy=text.to_owned()>"Copy"</button>
            </div>
            <div class="reply" dir="auto">{text.to_owned()}</div>
        </section>
    }
    .written()
}
