//! One server: how each load balancer has it, what was set of it before, and setting its state.

use domain::{Freshness, Instant, MovePage, ServerState, StateAt, StateEnd, StatePlan};
use leptos::prelude::*;

use super::{Loading, Shown, framed, move_off, proof, reason};
use crate::{
    api::{
        confirm as proving, ctx,
        flash::{self, Flash},
        routing, server_move,
    },
    components::{
        card::{button, card, crumb, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        server::health,
        table::table,
        tag::{Tone, tag},
        text::number,
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Load balancer", "Set to", "All in all", "#Pinned", "Last set from here"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Routing, async {
        let plan = routing::state_plan().await?;
        let moves = server_move::page().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new(plan.server.to_string(), show(&plan, &moves, flash.as_ref())))
    })
}

fn show(plan: &StatePlan, moves: &MovePage, flash: Option<&Flash>) -> Markup {
    let told = flash.filter(|flash| flash.field.is_empty()).map(|flash| {
        let tone = if flash.code.is_empty() { Tone::Ok } else { Tone::Warn };
        note(tone, flash.text.clone())
    });
    let rows = plan.fleet.iter().map(|at| row(at, plan.now)).collect();
    let unstick = button(routes::move_off(&plan.place, &plan.server), "Move everybody off it …", "");
    let who = button(routes::accounts_on(&plan.place, &plan.server, None), "Who is pinned to it", "");
    view! {
        {crumb(routes::ROUTING, "Routing")}
        <div class="head"><h1>{plan.server.to_string()}</h1><p class="do">{who} {unstick}</p></div>
        <p class="lead">{format!("In pool {} of {}.", plan.place.pool, plan.place.router)}</p>
        {told}
        <div class="grid even turned spaced">
            <div class="stack">{confirm(plan, flash)}</div>
            <div class="stack">
                <section class="card" aria-label="As it is now">{table("How each load balancer has it", HEADS, rows)}</section>
                {move_off::jobs(&moves.jobs, moves.now)}
            </div>
        </div>
    }
    .written()
}

fn row(at: &StateAt, now: Instant) -> Markup {
    let (state, overall) = match &at.now {
        Ok(reading) => (reading.state.as_str().written(), health(reading.health, false).written()),
        Err(why) => (tag(Tone::Bad, "not known").written(), why.clone().written()),
    };
    let asked = at.asked.as_ref().map(|asked| {
        let lost = at.now.as_ref().is_ok_and(|reading| asked.is_lost_at(reading.health));
        let (tone, word) = match asked.answer.as_ref().map(domain::StateAnswer::end) {
            Some(StateEnd::Done) if lost => (Tone::Bad, "lost since"),
            Some(StateEnd::Done) => (Tone::Ok, "read back"),
            Some(StateEnd::Refused) => (Tone::Bad, "not set"),
            Some(StateEnd::Unanswered) | None => (Tone::Warn, "not known"),
        };
        let why = asked.answer.as_ref().filter(|answer| answer.end() != StateEnd::Done).map(domain::StateAnswer::words);
        view! {
            {asked.state.as_str()} " by " {asked.actor.clone()} ", " {ago(asked.asked_at, now)} " " {tag(tone, word)}
            <small class="sub">{asked.reason.clone()} {why.map(|why| format!(" · {why}"))}</small>
        }
    });
    view! {
        <tr>
            <td><code>{at.router.to_string()}</code></td>
            <td>{state}</td>
            <td class="fold">{overall}</td>
            <td class="n">{at.pinned.map(number)}</td>
            <td class="fold">{asked.map_or_else(|| "never".written(), Written::written)}</td>
        </tr>
    }
    .written()
}

fn confirm(plan: &StatePlan, flash: Option<&Flash>) -> Markup {
    let chosen = flash.and_then(|flash| ServerState::parse(&flash.typed("state")));
    let option = |state: ServerState| {
        let id = format!("state-{}", state.as_str());
        let effects = state.effects(plan.kind).iter().map(|effect| view! { <li>{*effect}</li> }).collect_view();
        view! {
            <div class="choice">
                <input type="radio" name="state" id=id.clone() value=state.as_str() required checked=chosen == Some(state)
                    aria-describedby=format!("{id}-effects")/>
                <label for=id.clone()><b>{state.as_str()}</b></label>
                <ul class="will" id=format!("{id}-effects")>{effects}</ul>
            </div>
        }
    };
    let last = plan.last_one.then(|| {
        let words = "No other server of this pool is well: without this one, customers of the pool are not served.";
        note(Tone::Bad, words)
    });
    let all = (plan.fleet.len() > 1).then(|| {
        view! { <p class="hint">{format!("It is set on all {} load balancers of the fleet, and read back from each.", plan.fleet.len())}</p> }
    });
    let may = plan.may_set;
    let body = view! {
        <form class="pad form" method="post" action=routes::action::SERVER_STATE>
            {token(&ctx::csrf())}
            {hidden("router", plan.place.router.as_str())}
            {hidden("pool", plan.place.pool.as_str())}
            {hidden("server", plan.server.as_str())}
            <fieldset disabled=!may>
                <legend class="sr">"Set the state of the server"</legend>
                {last}
                {ServerState::ALL.map(option).into_iter().collect_view()}
                {all}
                {reason::fields(flash, 500)}
                {proof::fields(proving::needed(Freshness::FiveMinutes), flash)}
                <button class="btn p whole">"Set the state"</button>
            </fieldset>
        </form>
        {(!may).then(|| note(Tone::Warn, "Only admins set the state of a server."))}
    };
    card("Set its state", ().written(), body.written())
}
