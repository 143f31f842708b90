//! A repair: exactly what would be removed, the one confirmation, and afterwards the clean-ups that were made of it.

use domain::{Freshness, PlannedRoute, Repair as Made, RepairItem, RepairMade, RepairOutcome, RepairPlan, SessionId};
use leptos::prelude::*;

use super::{Loading, Shown, framed, proof, reason};
use crate::{
    api::{
        census::{self, Repairing},
        confirm as proving, ctx,
        flash::{self, Flash},
    },
    components::{
        card::{button, card, crumb, empty, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::{id, len, plural},
    },
    routes,
};

/// Records and routes of an account that are shown before the rest is folded away.
const SHOWN: usize = 6;

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Findings, async {
        let repairing = census::repairing().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(match repairing {
            Repairing::Plan(plan) => Shown::new("Plan a repair", planned(&plan, flash.as_ref())),
            Repairing::Made(made) => Shown::new("Repair", show(&made)),
        })
    })
}

fn planned(plan: &RepairPlan, flash: Option<&Flash>) -> Markup {
    // What is wrong with the plan has no field of its own to stand beside.
    let told = flash.filter(|flash| matches!(flash.field.as_str(), "" | "plan")).map(|flash| {
        let title = if flash.code == "conflict" { "The plan is new. " } else { "" };
        note(Tone::Warn, view! { <b>{title}</b> {flash.text.clone()} })
    });
    let body = if plan.items.is_empty() {
        let words = "Nothing that is open here is left over any more, or nothing of it can be removed. The next census says so.";
        let back = button(routes::findings(&plan.filter, None), "Back to the findings", "");
        view! { <section class="card">{empty(words, back)}</section> }.written()
    } else {
        view! {
            <div class="grid even turned">
                <div class="stack">{summary(plan)} {confirm(plan, flash)}</div>
                <div class="stack">{plan.items.iter().map(item).collect_view()}</div>
            </div>
        }
        .written()
    };
    view! {
        {crumb(&routes::findings(&plan.filter, None), "Findings")}
        <h1>"Plan a repair"</h1>
        <p class="lead">"Everything that is named here was read just now. Confirming it asks for one clean-up an account, of exactly this; what changes meanwhile is left alone. Live sessions stay."</p>
        {told}
        <div class="stack spaced">{body} {left_alone(plan)}</div>
    }
    .written()
}

fn item(item: &RepairItem) -> Markup {
    let words = format!(
        "{}, {}",
        plural(len(&item.records), "record", "records"),
        plural(len(&item.routes), "route", "routes")
    );
    let owed = (!item.unread.is_empty()).then(|| {
        let names: Vec<&str> = item.unread.iter().map(domain::RouterName::as_str).collect();
        note(Tone::Warn, format!("{} does not answer: its part will be owed.", names.join(", ")))
    });
    let record = |id: &SessionId| {
        view! { <li class="row"><span>"record of " <code>{id.to_string()}</code></span></li> }.written()
    };
    let route = |route: &PlannedRoute| {
        let on = route.server.as_ref().map_or_else(String::new, ToString::to_string);
        let place = format!("{} / {}", route.place.router, route.place.pool);
        view! { <li class="row"><span>"route of " <code>{route.key.to_string()}</code></span><span>{place} " → " <b>{on}</b></span></li> }
            .written()
    };
    let mut rows: Vec<Markup> = item.routes.iter().map(route).chain(item.records.iter().map(record)).collect();
    let rest = rows.split_off(rows.len().min(SHOWN));
    let folded = (!rest.is_empty()).then(|| {
        view! { <details class="more"><summary>{format!("and {} more", rest.len())}</summary><ul class="rows">{rest}</ul></details> }
    });
    let link = view! { <a href=routes::account(&item.account)>{words}</a> };
    let body = view! { {owed} <ul class="rows">{rows}</ul> {folded} };
    card(item.account.as_str(), link.written(), body.written())
}

fn summary(plan: &RepairPlan) -> Markup {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let more = plan.more.then(|| {
        view! { <li>{format!("More than {} accounts have open findings: repair again afterwards.", plan.limit)}</li> }
    });
    let body = view! {
        <ul class="will">
            <li>{plural(len(&plan.items), "account", "accounts")}</li>
            <li>{plural(count(plan.records()), "record is cleaned", "records are cleaned")}</li>
            <li>{plural(count(plan.routes()), "route is cleared", "routes are cleared")}</li>
            <li>"Nobody is signed out."</li>
            {more}
        </ul>
        <p class="pad">"Plan " {id(&plan.hash.0)}</p>
    };
    card("What will happen", ().written(), body.written())
}

fn confirm(plan: &RepairPlan, flash: Option<&Flash>) -> Markup {
    let pairs = routes::finding_pairs(&plan.filter);
    view! {
        <section class="card pad form" aria-label="Confirm">
            <form method="post" action=routes::action::REPAIR>
                {token(&ctx::csrf())}
                {pairs.map(|(name, value)| hidden(name, value)).into_iter().collect_view()}
                {hidden("shown", &census::shown_text(plan))}
                <fieldset>
                    <legend class="sr">"Confirm the repair"</legend>
                    {reason::fields(flash, 400)}
                    {proof::fields(proving::needed(Freshness::FiveMinutes), flash)}
                    <button class="btn p whole">{format!("Repair {}", plural(len(&plan.items), "account", "accounts"))}</button>
                </fieldset>
            </form>
        </section>
    }
    .written()
}

fn left_alone(plan: &RepairPlan) -> Markup {
    if plan.left_alone.is_empty() {
        return ().written();
    }
    let item = |left: &domain::Unrepairable| {
        view! { <li class="row"><span>{left.what.clone()}</span><small>{left.why.clone()}</small></li> }
    };
    let body = view! { <ul class="rows">{plan.left_alone.iter().map(item).collect_view()}</ul> };
    card("Left alone", "not part of the plan".written(), body.written())
}

fn show(made: &Made) -> Markup {
    let row = |made: &RepairMade| {
        let tone = match made.outcome {
            RepairOutcome::Requested => Tone::Ok,
            RepairOutcome::Waiting | RepairOutcome::Changed => Tone::Warn,
            RepairOutcome::Failed => Tone::Bad,
        };
        let cleanup = made.cleanup.as_ref().map(|id| view! { <a class="go" href=routes::cleanup(id)>"Its ledger"</a> });
        view! {
            <tr>
                <td><a href=routes::account(&made.account)>{made.account.to_string()}</a></td>
                <td>{tag(tone, made.outcome.label())}</td>
                <td>{cleanup}</td>
            </tr>
        }
        .written()
    };
    view! {
        {crumb(routes::FINDINGS, "Findings")}
        <h1>"Repair"</h1>
        <p class="lead">
            {made.actor.clone()} " asked for it at " {made.requested_at.to_text()} ": " {made.reason.clone()} " "
            {(!made.ticket.is_empty()).then(|| view! { <code>{made.ticket.clone()}</code> })}
        </p>
        <section class="card spaced" aria-label="Clean-ups">
            {table("Clean-ups of this repair", &["Account", "What became of it", "Clean-up"], made.made.iter().map(row).collect())}
        </section>
        <p class="hint spaced">"Each is verified by its own clean-up. What is gone leaves the findings with the next census."</p>
    }
    .written()
}
