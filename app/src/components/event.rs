//! An audit event, with its proof.

use domain::AuditEvent;
use leptos::prelude::*;

use super::{
    markup::{Markup, Written},
    tag::{Tone, tag},
    text::{foreign, id},
};

/// What happened, on what and why, in one cell.
pub(crate) fn what(event: &AuditEvent) -> Markup {
    let draft = &event.draft;
    let plain = draft.outcome == domain::AuditOutcome::Done;
    view! {
        <code>{draft.action.clone()}</code>
        {(!plain).then(|| view! { " " {tag(draft.outcome, draft.outcome.as_str())} })}
        {(!draft.reason.is_empty()).then(|| view! { <div class="why">{foreign(&draft.reason)}</div> })}
    }
    .written()
}

/// The place of an event in the chain, folded away; `fits` says that its hash was computed anew and is the same.
pub(crate) fn proof(event: &AuditEvent, fits: bool) -> Markup {
    let detail = serde_json::to_string_pretty(&event.draft.detail).unwrap_or_default();
    view! {
        <details class="proof">
            <summary>{if fits { "Proof" } else { "Tampered with" }}</summary>
            <dl>
                <dt>"Checked just now"</dt>
                <dd>
                    {if fits {
                        tag(Tone::Ok, "as it was written, and after the one before it")
                    } else {
                        tag(Tone::Bad, "its hash does not fit, or it does not follow the one before")
                    }}
                </dd>
                <dt>"Number in the chain"</dt>
                <dd>{event.seq}</dd>
                <dt>"Hash of this event"</dt>
                <dd>{id(&event.hash)}</dd>
                <dt>"Hash of the one before"</dt>
                <dd>{id(&event.prev_hash)}</dd>
                <dt>"Exact time"</dt>
                <dd>{event.draft.at.to_string()}</dd>
                <dt>"Detail"</dt>
                <dd><pre>{detail}</pre></dd>
            </dl>
        </details>
    }
    .written()
}
