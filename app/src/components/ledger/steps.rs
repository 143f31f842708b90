//! The steps of a clean-up as a table.

use domain::{
    Stage, Step, StepKind,
    view::{LedgerStep, LedgerView},
};
use leptos::prelude::*;

use super::super::{
    markup::{Markup, Written},
    tag::{Tone, tag},
    text::{number, plural, rich},
    time::{after, clock},
};

/// The table, with the count of what it does not show.
pub(super) fn steps(view: &LedgerView) -> Markup {
    let requested = view.cleanup.requested_at;
    let row = |it: &LedgerStep| row(it, requested);
    let note = format!("{} of {} verified", number(view.counts.verified), number(view.counts.total));
    let hidden = (view.hidden > 0).then(|| {
        let words = plural(view.hidden, "more step is", "more steps are");
        view! { <p class="pad hint">{format!("{words} not shown here; each is counted above and read back like these.")}</p> }
    });
    view! {
        <section class="card" aria-labelledby="steps">
            <div class="h"><h2 id="steps">"Steps"</h2><small>{note}</small></div>
            <div class="wide" role="region" aria-label="Table: steps" tabindex="0">
                <table>
                    <thead>
                        <tr><th scope="col">"What"</th><th scope="col" class="x">"Was on"</th><th scope="col">"State"</th><th scope="col" class="x">"Cleared"</th><th scope="col">"Verified"</th></tr>
                    </thead>
                    <tbody>{view.steps.iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            {hidden}
        </section>
    }
    .written()
}

fn row(it: &LedgerStep, requested: domain::Instant) -> Markup {
    let step = &it.step;
    let had = step.had.as_ref().map(ToString::to_string);
    let had = had.unwrap_or_else(|| {
        let words = match step.kind {
            StepKind::Unroute if step.is_owed() => "not known",
            StepKind::Unroute => "no entry",
            StepKind::Revoke | StepKind::Delete => "",
        };
        words.to_owned()
    });
    let trouble = step.trouble.as_ref().filter(|_| step.stage != Stage::Verified);
    let cleared = step.cleared_at.filter(|_| step.kind == StepKind::Unroute);
    view! {
        <tr>
            <td class="fold">
                {rich(&it.words)}
                {trouble.map(|trouble| view! { <div class="why">{trouble.text().to_owned()}</div> })}
            </td>
            <td class="x">{had}</td>
            <td>{state(step)}</td>
            <td class="x">{cleared.map(|at| view! { <span title=at.to_text()>{after(at.since(requested))}</span> })}</td>
            <td>{step.verified_at.map(clock)}</td>
        </tr>
    }
    .written()
}

fn state(step: &Step) -> Markup {
    let (tone, words) = match (step.stage, &step.now_on) {
        (Stage::Verified, Some(server)) => (Tone::Ok, format!("gone, now on {server}")),
        (Stage::Verified, None) => (Tone::Ok, done(step.kind).to_owned()),
        _ if step.is_owed() => (Tone::Warn, "owed".to_owned()),
        _ if step.trouble.is_some() => (Tone::Bad, format!("tried {}", times(step.attempts))),
        (Stage::Pending, _) => (Tone::Off, "waiting".to_owned()),
        (Stage::Cleared, _) => (Tone::Busy, "cleared once".to_owned()),
        (Stage::ClearedAgain, _) => (Tone::Busy, "cleared twice".to_owned()),
    };
    tag(tone, words).written()
}

fn times(n: i64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

const fn done(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Revoke => "ended",
        StepKind::Unroute => "gone",
        StepKind::Delete => "cleaned",
    }
}
