//! The audit log: searched by a form, exported by links, proven event by event.

use domain::{
    AuditEvent, Permission,
    view::{AuditPage, Me},
};
use leptos::prelude::*;

use super::{Loading, Shown, framed};
use crate::{
    api::{
        ApiError,
        audit::{self, AuditQuery},
        ctx,
    },
    components::{
        card::{button, empty, note},
        event,
        form::{blamed, field},
        frame::Tab,
        markup::{Markup, Written},
        table::{pager, table},
        tag::Tone,
        text::sentence,
        time::ago,
    },
    routes,
};

const HEADS: &[&str] = &["When", "Who", "What and why", "Account or target", "Ticket"];

/// The page. A filter that is not understood shows the form with the error beside its field, and no events.
pub(crate) fn page() -> Loading {
    framed(Tab::Audit, async {
        let query = audit::asked();
        let body = match audit::page(&query).await {
            Ok(page) => show(&query, &page, ctx::me().as_ref()),
            Err(error) if error.field.is_some_and(|field| field != "after") => {
                ctx::set_status(error.status);
                view! { <div class="head"><h1>"Audit log"</h1></div> {form(&query, &[], Some(&error))} }.written()
            }
            Err(error) => return Err(error),
        };
        Ok(Shown::new("Audit log", body))
    })
}

fn show(query: &AuditQuery, page: &AuditPage, me: Option<&Me>) -> Markup {
    let events = &page.page.items;
    let accounts = me.is_some_and(|me| me.may(Permission::ReadAccounts));
    let body = if events.is_empty() {
        empty(
            "No event fits. Widen the times, or leave a field empty.",
            button(routes::AUDIT.to_owned(), "Show all", ""),
        )
    } else {
        let rows = events.iter().map(|it| row(it, page, accounts)).collect();
        view! { <div class="stacks">{table("Audit events", HEADS, rows)}</div> }.written()
    };
    let first = ctx::asked("after").map(|_| routes::audit(query.pairs(), None));
    let next = page.page.next.as_deref().map(|after| routes::audit(query.pairs(), Some(after)));
    view! {
        <div class="head">
            <h1>"Audit log"</h1>
            <p class="meta">
                "Newest first. Export what is filtered: "
                <a download href=routes::audit_export("csv", query.pairs())>"CSV"</a> " "
                <a download href=routes::audit_export("ndjson", query.pairs())>"NDJSON"</a>
            </p>
        </div>
        {tampered(page)}
        {form(query, &page.actions, None)}
        <section class="card" aria-label="Events">{body}</section>
        {pager(first, next)}
    }
    .written()
}

/// Says that the log is not what was written, where it shows.
fn tampered(page: &AuditPage) -> Option<Markup> {
    let first = page.unproven.iter().min()?;
    let words = format!(
        "Event {first} is not as it was written, or does not follow the one before it. Prove the whole log in a shell: "
    );
    let body = view! { <b>"This log was tampered with. "</b> {words} <code>"admin-tool audit verify"</code> "." };
    Some(note(Tone::Bad, body))
}

fn form(query: &AuditQuery, actions: &[String], error: Option<&ApiError>) -> Markup {
    let option = |action: &String| view! { <option value=action.clone()></option> };
    let control = |name: &'static str, label, value: &str, list: Option<&'static str>, holder| {
        let wrong = error.filter(|error| error.field == Some(name));
        let input = view! {
            <input id=name name=name type="text" value=value.to_owned() list=list placeholder=holder autocomplete="off" spellcheck="false"
                aria-invalid=wrong.map(|_| "true") aria-describedby=blamed(name, wrong.is_some())/>
        };
        field(name, label, "", wrong.map(|error| sentence(&error.message)), input.written())
    };
    view! {
        <form class="card sieve" action=routes::AUDIT role="search" aria-label="Filter the audit log">
            {control("actor", "Who", &query.actor, None, "staff:dana")}
            {control("account", "Account", &query.account, None, "its id")}
            {control("action", "Action", &query.action, Some("actions"), "cleanup")}
            {control("ticket", "Ticket", &query.ticket, None, "T-48213")}
            {control("from", "From (UTC)", &query.from, None, "2026-11-23 09:00")}
            {control("to", "Before (UTC)", &query.to, None, "2026-11-24")}
            <datalist id="actions">{actions.iter().map(option).collect_view()}</datalist>
            <div class="do">
                <button class="btn p">"Filter"</button>
                {button(routes::AUDIT.to_owned(), "Clear", "q")}
            </div>
        </form>
    }
    .written()
}

fn row(it: &AuditEvent, page: &AuditPage, accounts: bool) -> Markup {
    let fits = !page.unproven.contains(&it.seq);
    let draft = &it.draft;
    let account = draft.account.as_ref().map(|id| {
        let code = view! { <code>{id.to_string()}</code> };
        if accounts { view! { <a href=routes::account(id)>{code}</a> }.written() } else { code.written() }
    });
    let also = draft.account.as_ref().is_none_or(|id| id.as_str() != draft.target);
    let target = (also && !draft.target.is_empty()).then(|| view! { <div class="sub">{draft.target.clone()}</div> });
    view! {
        <tr>
            <td>{ago(draft.at, page.now)}</td>
            <td>{draft.actor.clone()}</td>
            <td class="fold">{event::what(it)} {event::proof(it, fits)}</td>
            <td class="fold">{account} {target}</td>
            <td>{draft.ticket.clone()}</td>
        </tr>
    }
    .written()
}
