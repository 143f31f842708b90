//! What a person can do with a bulk clean-up now.

use domain::{BulkMove, BulkOutcome, BulkStatus, Freshness, Mode, view::BulkPage};
use leptos::prelude::*;

use super::super::proof;
use crate::{
    api::{
        confirm::{self as proving, Ask},
        ctx,
        flash::Flash,
    },
    components::{
        form::{hidden, token},
        markup::{Markup, Written},
        text::plural,
    },
    routes,
};

/// Buttons, and why there is none.
pub(super) fn steering(page: &BulkPage, flash: Option<&Flash>) -> Markup {
    let it = &page.bulk;
    let (confirmation, words) = confirmation(page, flash);
    let retry = BulkOutcome::ALL.into_iter().any(|outcome| outcome.can_retry() && it.counts.get(outcome) > 0);
    let mut buttons: Vec<Markup> = confirmation.into_iter().collect();
    match it.status {
        BulkStatus::Running => buttons.push(control(page, "pause", "Pause", "btn")),
        BulkStatus::Paused | BulkStatus::Stopped => buttons.push(control(page, "resume", "Go on", "btn p")),
        _ => {}
    }
    if retry && it.status.after(BulkMove::Retry).is_some() {
        buttons.push(control(page, "retry", "Try again what failed", "btn"));
    }
    if it.status.after(BulkMove::Cancel).is_some() {
        buttons.push(control(page, "cancel", "Cancel", "btn q"));
    }
    if !page.may_control {
        buttons.clear();
    }
    if buttons.is_empty() && words.is_empty() {
        return ().written();
    }
    let words = (!words.is_empty()).then(|| view! { <p class="say">{words}</p> });
    view! { <div class="do steer">{words} {buttons}</div> }.written()
}

/// The button that lets it begin, or begin later; and what is to be known about that.
fn confirmation(page: &BulkPage, flash: Option<&Flash>) -> (Option<Markup>, String) {
    let it = &page.bulk;
    let accounts = plural(it.counts.total(), "account", "accounts");
    match it.status {
        BulkStatus::Draft if page.may_request => {
            let verb = match (page.needs_approval, &page.server_move) {
                (true, _) => "Ask for approval of",
                (false, Some(_)) => "Move",
                (false, None) => "Clean up",
            };
            // Above the limit the proof counts for exactly this list, however fresh the last one is.
            let fresh = || proving::needed(Freshness::FiveMinutes);
            let ask = if page.needs_approval { proving::always() } else { fresh() };
            let button = confirm(page, routes::action::BULK_REQUEST, format!("{verb} {accounts}"), ask, flash);
            let words = page.needs_approval.then(|| {
                let above = page.approval_above;
                format!("More than {above} accounts: another admin must approve exactly this list within 30 minutes.")
            });
            (Some(button), words.unwrap_or_default())
        }
        BulkStatus::Draft => (None, format!("Only {}, who made this list, can ask for it.", it.actor)),
        BulkStatus::AwaitingApproval => {
            let until = it.approve_until.map(|at| format!(" until {}", at.to_text())).unwrap_or_default();
            match &page.not_approver {
                None if page.may_control => {
                    let words = format!("Approve {accounts}");
                    let button = confirm(page, routes::action::BULK_APPROVE, words, proving::always(), flash);
                    (Some(button), format!("{} asks for it. It can be approved{until}.", it.actor))
                }
                None => (None, format!("It waits for a second admin{until}.")),
                Some(why) => (None, format!("It waits for a second admin{until}: {why}.")),
            }
        }
        _ => (None, String::new()),
    }
}

fn confirm(page: &BulkPage, action: &'static str, words: String, ask: Option<Ask>, flash: Option<&Flash>) -> Markup {
    let it = &page.bulk;
    let asks = ask.is_some();
    let class = if it.order.mode == Mode::Force { "btn d p" } else { "btn p" };
    view! {
        <form class=asks.then_some("card pad form") method="post" action=action>
            {token(&ctx::csrf())}
            {hidden("id", it.id.as_str())}
            {hidden("hash", &it.hash.0)}
            {proof::fields(ask, flash)}
            <button class=class>{words}</button>
        </form>
    }
    .written()
}

fn control(page: &BulkPage, what: &'static str, words: &'static str, class: &'static str) -> Markup {
    view! {
        <form method="post" action=routes::action::BULK_CONTROL>
            {token(&ctx::csrf())}
            {hidden("id", page.bulk.id.as_str())}
            {hidden("what", what)}
            <button class=class>{words}</button>
        </form>
    }
    .written()
}
