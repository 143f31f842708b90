//! The plan of a clean-up: what it would do exactly, what the customer would notice, and the one confirmation.

use domain::{
    Freshness, Mode, Place, Plan as ThePlan, PlannedRoute, Scope, SessionId,
    view::{Me, PlanPage},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed, proof, reason};
use crate::{
    api::{
        cleanups, confirm as proving, ctx,
        flash::{self, Flash},
    },
    components::{
        card::{button, card, crumb, listed, note},
        form::{hidden, token},
        frame::Tab,
        markup::{Markup, Written},
        tag::{Tone, tag},
        text::{foreign, len, number, plural, rich},
    },
    routes,
};

/// Sessions and routes that are shown before the rest is folded away.
const SHOWN: usize = 12;
/// Those that are folded away; of an account with thousands of sessions the rest is counted.
const FOLDED: usize = 500;

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Accounts, async {
        let page = cleanups::plan().await?;
        let flash = flash::take().await;
        let me = ctx::me();
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new(format!("Clean up {}", page.account.title()), show(&page, flash.as_ref(), me.as_ref())))
    })
}

fn show(page: &PlanPage, flash: Option<&Flash>, me: Option<&Me>) -> Markup {
    let account = &page.account;
    let told = flash.filter(|flash| flash.field.is_empty()).map(|flash| {
        let title = if flash.code == "world-changed" { "The plan is new. " } else { "" };
        let kept = if flash.typed.is_empty() { "" } else { " What you typed is kept below." };
        note(Tone::Warn, view! { <b>{title}</b> {flash.text.clone()} {kept} })
    });
    view! {
        {crumb(&routes::account(&account.id), account.title())}
        <h1>"Clean up " {foreign(account.title())}</h1>
        <p class="lead">{rich(&page.verdict.sentence)}</p>
        {told}
        {modes(page)}
        <div class="grid even">
            <div class="stack">{what(&page.plan)} {places(&page.plan)}</div>
            <div class="stack">{notices(page)} {confirm(page, flash, me)}</div>
        </div>
    }
    .written()
}

fn modes(page: &PlanPage) -> Markup {
    let mode = |mode: Mode| {
        let here = mode == page.plan.mode;
        let advised = page.verdict.advice == Some(mode);
        view! {
            <a class="mode" href=routes::plan(&page.account.id, mode) aria-current=here.then_some("true")>
                <b>{mode.label()} {advised.then(|| view! { " " {tag(Tone::Ok, "advised")} })}</b>
                <span>{explained(mode)}</span>
            </a>
        }
    };
    view! { <nav class="modes" aria-label="How much to clean up">{Mode::ALL.map(mode).into_iter().collect_view()}</nav> }.written()
}

const fn explained(mode: Mode) -> &'static str {
    match mode {
        Mode::Unstick => "Removes the routes, so that the next requests find a good server. Nobody is signed out.",
        Mode::Stale => {
            "Removes everything that ended sessions left: their records and their routes. Live sessions stay."
        }
        Mode::Force => "Ends every session, live ones too, and removes all of it. Everybody must sign in again.",
    }
}

/// What happens, in numbers and names.
fn what(plan: &ThePlan) -> Markup {
    if plan.is_empty() {
        let words =
            "Nothing of what this mode removes is there. Choose another mode above, or look elsewhere for the cause.";
        return card("What will happen", "nothing".written(), view! { <p class="pad">{words}</p> }.written());
    }
    let ended: Vec<&SessionId> = plan.deletes.iter().filter(|id| !plan.ends.contains(id)).collect();
    let ends: Vec<&SessionId> = plan.ends.iter().collect();
    let held = held(plan);
    let later = i64::try_from(plan.routes.iter().filter(|route| is_unread(plan, route)).count()).unwrap_or(0);
    let checked = len(&plan.routes) - held - later;
    let body = view! {
        <ul class="will">
            {(!ends.is_empty()).then(|| line("Ends", plural(len(&ends), "live session", "live sessions"), &ends))}
            {(!ended.is_empty()).then(|| line("Cleans", plural(len(&ended), "record of an ended session", "records of ended sessions"), &ended))}
            {(held > 0).then(|| view! { <li><b>"Clears "</b> {plural(held, "route", "routes")} ", listed below."</li> })}
            {(checked > 0).then(|| view! { <li><b>"Reads "</b> {plural(checked, "key", "keys")} " that have no entry now, so that none appears meanwhile."</li> })}
            {(later > 0).then(|| view! { <li><b>"Later "</b> {plural(later, "key", "keys")} " on a router that could not be read now: read and cleared as soon as it can be."</li> })}
            <li><b>"Reads back "</b> "every one of these places, twice: at once, and after the longest request could have ended."</li>
        </ul>
    };
    card("What will happen", ().written(), body.written())
}

fn line(verb: &'static str, words: String, ids: &[&SessionId]) -> Markup {
    let (first, rest) = ids.split_at(ids.len().min(SHOWN));
    let code = |id: &&SessionId| view! { <code>{id.to_string()}</code> " " };
    let folded = (!rest.is_empty()).then(|| {
        let shown = rest.iter().take(FOLDED).map(code).collect_view();
        view! { <details class="more"><summary>{format!("and {} more", rest.len())}</summary>{shown} {beyond(rest.len())}</details> }
    });
    view! { <li><b>{verb} " "</b> {words} ": " {first.iter().map(code).collect_view()} {folded}</li> }.written()
}

/// What is in the plan and not on the page.
fn beyond(folded: usize) -> Option<Markup> {
    let more = folded.checked_sub(FOLDED).filter(|more| *more > 0)?;
    let words = format!("{} more: the API’s plan names every one.", number(i64::try_from(more).unwrap_or(i64::MAX)));
    Some(view! { <p class="pad">{words}</p> }.written())
}

/// Whether nobody knows what is there, for the router could not be read.
fn is_unread(plan: &ThePlan, route: &PlannedRoute) -> bool {
    plan.unread.contains(&route.place.router)
}

/// Routes of the plan that are there now.
fn held(plan: &ThePlan) -> i64 {
    i64::try_from(plan.routes.iter().filter(|route| route.server.is_some()).count()).unwrap_or(i64::MAX)
}

/// The routes, by place; those that have an entry first.
fn places(plan: &ThePlan) -> Markup {
    let mut routes: Vec<&PlannedRoute> = plan.routes.iter().collect();
    routes.sort_by_key(|route| (&route.place, route.server.is_none(), &route.key));
    let mut groups: Vec<(&Place, Vec<&PlannedRoute>)> = Vec::new();
    for route in routes {
        match groups.last_mut() {
            Some((place, group)) if *place == &route.place => group.push(route),
            _ => groups.push((&route.place, vec![route])),
        }
    }
    groups.into_iter().map(|(place, group)| group_card(plan, place, &group)).collect_view().written()
}

fn group_card(plan: &ThePlan, place: &Place, group: &[&PlannedRoute]) -> Markup {
    let entries = group.iter().filter(|route| route.server.is_some()).count();
    let unread = plan.unread.contains(&place.router);
    let note = match group.len() - entries {
        _ if unread => "not read".to_owned(),
        0 => plural(i64::try_from(entries).unwrap_or(0), "entry", "entries"),
        none => format!("{entries} with an entry, {none} without"),
    };
    let row = |route: &&PlannedRoute| route_row(route, unread);
    let (first, rest) = group.split_at(group.len().min(SHOWN));
    let folded = (!rest.is_empty()).then(|| {
        let shown = rest.iter().take(FOLDED).map(row).collect_view();
        view! { <details class="more"><summary>{format!("and {} more", rest.len())}</summary><ul class="rows">{shown}</ul>{beyond(rest.len())}</details> }
    });
    let body = view! { <ul class="rows">{first.iter().map(row).collect_view()}</ul> {folded} };
    card(&format!("{} / {}", place.router, place.pool), note.written(), body.written())
}

fn route_row(route: &PlannedRoute, unread: bool) -> impl IntoView + use<> {
    let of = match (route.scope, &route.session) {
        (Scope::Account, _) => "the account’s route".to_owned(),
        (Scope::Session, Some(session)) if session.as_str() == route.key.as_str() => String::new(),
        (Scope::Session, Some(session)) => format!("of {session}"),
        (Scope::Session, None) => "of no known session".to_owned(),
    };
    let on = match &route.server {
        Some(server) => view! { "now on " <b>{server.to_string()}</b> }.written(),
        None if unread => view! { <span class="sub">"not known"</span> }.written(),
        None => view! { <span class="sub">"no entry"</span> }.written(),
    };
    view! { <li class="row"><span><code>{route.key.to_string()}</code> " " <small>{of}</small></span><span>{on}</span></li> }
}

fn notices(page: &PlanPage) -> Markup {
    let line = |unread: &domain::Unread| view! { <li>{unread.words()} "."</li> };
    let owed = (!page.unread.is_empty()).then(|| {
        let lines = view! {
            {listed(page.unread.iter().map(|it| line(it).written()).collect())}
            <p>"The clean-up is not called clean before."</p>
        };
        note(Tone::Warn, lines)
    });
    let item = |notice: &String| view! { <li>{notice.clone()}</li> };
    let body = view! { <ul class="will">{page.plan.notices.iter().map(item).collect_view()}</ul> };
    view! { {owed} {card("What the customer will notice", ().written(), body.written())} }.written()
}

fn confirm(page: &PlanPage, flash: Option<&Flash>, me: Option<&Me>) -> Markup {
    if let Some(running) = &page.under_way {
        let words = "A clean-up of this account is under way. There is never a second one.";
        let link = button(routes::cleanup(running), "See it", "p");
        return view! { <section class="card pad form">{note(Tone::Warn, words)} <p class="do">{link}</p></section> }
            .written();
    }
    if page.plan.is_empty() {
        return ().written();
    }
    let may = page.may_clean_up;
    let role = me.map_or("nobody", |me| me.role.as_str());
    let class = if page.plan.mode == Mode::Force { "btn d p whole" } else { "btn p whole" };
    let ask = Freshness::of_cleanup(page.plan.mode).and_then(proving::needed);
    view! {
        <section class="card pad form" aria-label="Confirm">
            <form method="post" action=routes::action::REQUEST>
                {token(&ctx::csrf())}
                {hidden("account", page.account.id.as_str())}
                {hidden("mode", page.plan.mode.as_str())}
                {hidden("hash", &page.hash.0)}
                <fieldset disabled=!may>
                    <legend class="sr">"Confirm the clean-up"</legend>
                    {reason::fields(flash, 500)}
                    {proof::fields(ask, flash)}
                    <button class=class>{doing(&page.plan)}</button>
                </fieldset>
            </form>
            {(!may).then(|| note(Tone::Warn, format!("Your role, {role}, may not clean up. Ask support or an admin.")))}
        </section>
    }
    .written()
}

/// What the button does: `End 4 sessions and clear 9 routes`.
fn doing(plan: &ThePlan) -> String {
    let ended = len(&plan.deletes) - len(&plan.ends);
    let parts = [
        (len(&plan.ends), "end", "session", "sessions"),
        (ended.max(0), "clean", "record", "records"),
        (held(plan), "clear", "route", "routes"),
    ];
    let mut words: Vec<String> = parts
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, verb, one, many)| format!("{verb} {}", plural(n, one, many)))
        .collect();
    if words.is_empty() {
        return format!("Check {}", plural(len(&plan.routes), "key", "keys"));
    }
    let last = words.pop().unwrap_or_default();
    let text = if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) };
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, PoolName, RouteKey, RouterName, ServerName};

    use super::*;

    fn plan_of(ends: usize, deletes: usize, routes: usize) -> ThePlan {
        let id = |n: usize| SessionId::parse(format!("s_{n}")).unwrap();
        let place = Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() };
        let route = |n: usize| PlannedRoute {
            place: place.clone(),
            scope: Scope::Session,
            key: RouteKey::parse(format!("k{n}")).unwrap(),
            server: Some(ServerName::parse("api-2").unwrap()),
            session: None,
            must_vanish: true,
        };
        ThePlan {
            account: AccountId::parse("a").unwrap(),
            mode: Mode::Force,
            keep: None,
            ends: (0..ends).map(id).collect(),
            deletes: (0..deletes).map(id).collect(),
            routes: (0..routes).map(route).collect(),
            unread: Vec::new(),
            notices: Vec::new(),
        }
    }

    #[test]
    fn the_button_says_what_it_does() {
        assert_eq!(doing(&plan_of(4, 4, 9)), "End 4 sessions and clear 9 routes");
        assert_eq!(doing(&plan_of(1, 3, 1)), "End 1 session, clean 2 records and clear 1 route");
        assert_eq!(doing(&plan_of(0, 5, 0)), "Clean 5 records");
        assert_eq!(doing(&plan_of(0, 0, 1)), "Clear 1 route");
    }
}
