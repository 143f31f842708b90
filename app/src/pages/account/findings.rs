//! The findings, each with its evidence.

use domain::{Finding, view::AccountPage};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use crate::components::{
    card::{card, empty},
    tag::tag,
    text::{len, plural, rich},
    time::since,
};

/// The findings, worst first.
pub(super) fn findings(page: &AccountPage) -> Markup {
    if page.findings.is_empty() {
        let words = if page.unread.is_empty() {
            "Nothing is wrong with this account’s sessions and routes. If it is still slow, look elsewhere: its own network, \
             its data, the feature it uses."
        } else {
            "Nothing wrong was found in what could be read."
        };
        return card("Findings", "none".written(), empty(words, ().written()));
    }
    let item = |finding: &Finding| {
        view! {
            <li>
                <span>{tag(finding.severity, finding.kind.label())}</span>
                <span>{rich(&finding.sentence)}</span>
                <small>{finding.since.map(|at| since(at, page.now))}</small>
            </li>
        }
    };
    let note = plural(len(&page.findings), "kind of trouble", "kinds of trouble");
    let body = view! { <ul class="find">{page.findings.iter().map(item).collect_view()}</ul> };
    card("Findings", note.written(), body.written())
}
