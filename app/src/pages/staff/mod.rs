//! Who signs in here: everybody, and adding somebody.

pub(crate) mod member;

use domain::{
    Instant, Role,
    view::{StaffMember, StaffPage},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        ctx,
        flash::{self, Flash},
        staff,
    },
    components::{
        card::{card, note},
        form::{described, field, token},
        frame::Tab,
        markup::{Markup, Written},
        table::table,
        tag::{Tone, tag},
        text::{foreign, plural},
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["Who", "Role", "!Password", "Second factor", "Last sign-in", "!#Open sign-ins"];

/// The page.
pub(crate) fn page() -> Loading {
    framed(Tab::Staff, async {
        let page = staff::list().await?;
        let flash = flash::take().await;
        if flash.as_ref().is_some_and(|flash| flash.code == "invalid") {
            ctx::set_status(422);
        }
        Ok(Shown::new("Staff", show(&page, flash.as_ref())))
    })
}

fn show(page: &StaffPage, flash: Option<&Flash>) -> Markup {
    let told = flash
        .filter(|flash| flash.field.is_empty())
        .map(|flash| note(if flash.code.is_empty() { Tone::Ok } else { Tone::Warn }, flash.text.clone()));
    let rows = page.members.iter().map(|member| row(member, page.now)).collect();
    view! {
        <h1>"Staff"</h1>
        <p class="lead">"Who signs in to this console. Every change is in the audit log, and counts from the next request on."</p>
        {told}
        <div class="grid spaced">
            <div class="stack">
                <section class="card" aria-label="Everybody">{table("Staff", HEADS, rows)}</section>
            </div>
            <div class="stack">{add(flash)}</div>
        </div>
    }
    .written()
}

fn row(member: &StaffMember, now: Instant) -> Markup {
    let it = &member.row;
    let state = if it.disabled_at.is_some() {
        Some(tag(Tone::Off, "disabled").written())
    } else {
        member.is_me.then(|| tag(Tone::Ok, "you").written())
    };
    let last = it.last_sign_in_at.map_or_else(|| "never".written(), |at| ago(at, now).written());
    view! {
        <tr>
            <td class="who-cell">
                <a class="go" href=routes::staff_member(&it.id)>{foreign(&it.name)}</a> " " {state}
                <div class="sub"><code>{it.id.to_string()}</code></div>
            </td>
            <td>{it.role.as_str()}</td>
            <td class="x">{password(member)}</td>
            <td>{factor(member)}</td>
            <td>{last}</td>
            <td class="x n">{member.open_sessions}</td>
        </tr>
    }
    .written()
}

fn password(member: &StaffMember) -> Markup {
    if member.has_password { "set".written() } else { tag(Tone::Warn, "waits for the code").written() }
}

fn factor(member: &StaffMember) -> Markup {
    if member.has_factor { tag(Tone::Ok, "on").written() } else { tag(Tone::Off, "none").written() }
}

/// What a role is for.
pub(super) const fn about(role: Role) -> &'static str {
    match role {
        Role::Viewer => "reads accounts and routing",
        Role::Support => "cleans up single accounts",
        Role::Admin => "everything: bulk, servers, staff, tokens",
        Role::Auditor => "reads the audit log, and no customer",
    }
}

/// Roles to choose from, in a select called `role`.
pub(super) fn roles(chosen: Option<Role>, bad: Option<String>) -> Markup {
    let option = |role: Role| {
        view! { <option value=role.as_str() selected=chosen == Some(role)>{format!("{role}: {}", about(role))}</option> }
    };
    let wrong = bad.is_some();
    let select = view! {
        <select id="role" name="role" required aria-invalid=wrong.then_some("true") aria-describedby=described("role", wrong)>
            <option value="" selected=chosen.is_none()>"Choose …"</option>
            {Role::ALL.map(option).into_iter().collect_view()}
        </select>
    };
    field("role", "Role", "It can be changed later.", bad, select.written())
}

fn add(flash: Option<&Flash>) -> Markup {
    let about = |name| flash.and_then(|flash| flash.about(name));
    let typed = |name| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let bad = about("name");
    let wrong = bad.is_some();
    let name = view! {
        <input id="name" name="name" type="text" required maxlength="64" value=typed("name") autocomplete="off" autocapitalize="none"
            spellcheck="false" autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described("name", wrong)/>
    };
    let shown = view! {
        <input id="shown" name="shown" type="text" maxlength="80" value=typed("shown") autocomplete="off" aria-describedby="shown-hint"/>
    };
    let body = view! {
        <form class="pad form" method="post" action=routes::action::STAFF_ADD>
            {token(&ctx::csrf())}
            <fieldset>
                <legend class="sr">"Add somebody"</legend>
                {field("name", "Sign-in name", "In lower case.", bad, name.written())}
                {field("shown", "Name", "Optional: as others see it.", None, shown.written())}
                {roles(Role::parse(&typed("role")), about("role"))}
                <button class="btn p whole">"Add, and get a one-time code"</button>
            </fieldset>
            <p class="hint">"They choose their own password with the code. You never know it."</p>
        </form>
    };
    card("Add somebody", ().written(), body.written())
}

/// How many sign-ins are open, in words.
fn open(n: i64) -> String {
    plural(n, "open sign-in", "open sign-ins")
}
