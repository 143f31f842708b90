//! A clean-up's ledger: live while it works, evidence afterwards.

use domain::{Status, view::LedgerView};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        cleanups, ctx,
        flash::{self, Flash},
    },
    components::{
        card::{crumb, note},
        frame::Tab,
        ledger::ledger,
        markup::{Markup, Written},
        tag::{Tone, mode_word, tag},
        text::{foreign, id},
        time::ago,
    },
    islands::LiveLedger,
    routes,
};

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Cleanups, async {
        let view = cleanups::ledger().await?;
        let flash = flash::take().await;
        Ok(Shown::new(format!("Clean-up of {}", view.title), show(&view, flash.as_ref())))
    })
}

fn show(view: &LedgerView, flash: Option<&Flash>) -> Markup {
    let cleanup = &view.cleanup;
    let csrf = ctx::csrf();
    let told = flash.map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let body = ledger(view, &csrf);
    let live = if cleanup.status == Status::Done {
        body
    } else {
        view! { <LiveLedger url=routes::cleanup_events(&cleanup.id) csrf=csrf>{body}</LiveLedger> }.written()
    };
    view! {
        {crumb(routes::CLEANUPS, "Clean-ups")}
        <h1>"Clean-up of " <a href=routes::account(&cleanup.account)>{foreign(&view.title)}</a></h1>
        {heading(view)}
        {told}
        {refresh(cleanup.status)}
        {live}
    }
    .written()
}

fn heading(view: &LedgerView) -> Markup {
    let cleanup = &view.cleanup;
    let ticket =
        (!cleanup.ticket.is_empty()).then(|| view! { <span>"ticket " <code>{cleanup.ticket.clone()}</code></span> });
    view! {
        <div class="meta">
            {tag(Tone::Off, mode_word(cleanup.mode))}
            <span>"asked for " {ago(cleanup.requested_at, view.now)} " by " {cleanup.actor.clone()}</span>
            {ticket}
            {id(cleanup.id.as_str())}
        </div>
        <p class="lead quote">{foreign(&cleanup.reason)}</p>
    }
    .written()
}

/// Without scripts the page loads itself again for as long as something may happen by itself.
fn refresh(status: Status) -> Option<Markup> {
    let seconds = match status {
        Status::Running => "2",
        Status::Owed => "10",
        Status::NeedsAttention | Status::Done => return None,
    };
    Some(
        view! { <noscript inner_html=format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")></noscript> }
            .written(),
    )
}
