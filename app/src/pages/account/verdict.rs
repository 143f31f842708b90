//! The verdict and what can be done about it.

use domain::{
    Mode, Status, VerdictKind,
    view::{AccountPage, Me},
};
use leptos::prelude::*;

use crate::{
    components::{
        card::button,
        markup::{Markup, Written},
        tag::Tone,
        text::rich,
        time::ago,
    },
    routes,
};

/// The verdict with its actions.
pub(super) fn verdict(page: &AccountPage, me: Option<&Me>) -> Markup {
    let tone = Tone::from(page.verdict.kind);
    view! {
        <section class=format!("verdict {}", tone.class()) aria-label="Verdict">
            <i class="mark"></i>
            <div class="say">
                <p>{rich(&page.verdict.sentence)}</p>
                <p class="times">"read " {ago(page.now, page.now)} " · " <a href=routes::account(&page.account.id)>"read again"</a></p>
            </div>
            {actions(page, me)}
        </section>
    }
    .written()
}

fn actions(page: &AccountPage, me: Option<&Me>) -> Markup {
    if let Some(row) = page.cleanups.iter().find(|row| row.cleanup.status != Status::Done) {
        let words = format!("See the clean-up that is {}", row.cleanup.status.label());
        return view! { <div class="do">{button(routes::cleanup(&row.cleanup.id), &words, "p")}</div> }.written();
    }
    let id = &page.account.id;
    if !page.may_clean_up {
        let role = me.map_or("nobody", |me| me.role.as_str());
        return view! {
            <div class="do">
                <button class="btn" disabled aria-describedby="may-not">"Clean up …"</button>
                <p class="hint" id="may-not">{format!("Your role, {role}, may not clean up. Ask support or an admin.")}</p>
            </div>
        }
        .written();
    }
    let Some(advice) = page.verdict.advice else {
        let words = if page.verdict.kind == VerdictKind::Clean { "Look at a plan anyway" } else { "Look at a plan" };
        return view! { <div class="do">{button(routes::plan(id, Mode::default()), words, "q")}</div> }.written();
    };
    let others = Mode::ALL.into_iter().filter(|mode| *mode != advice);
    let other = |mode: Mode| button(routes::plan(id, mode), words(mode), if mode == Mode::Force { "d" } else { "" });
    view! {
        <div class="do">
            {button(routes::plan(id, advice), words(advice), if advice == Mode::Force { "d p" } else { "p" })}
            {others.map(other).collect_view()}
        </div>
    }
    .written()
}

const fn words(mode: Mode) -> &'static str {
    match mode {
        Mode::Force => "Force …",
        Mode::Unstick | Mode::Stale => mode.label(),
    }
}
