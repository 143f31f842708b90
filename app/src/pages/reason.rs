//! The two fields of whatever is done to a customer or a server: why, and for which ticket.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use crate::{
    api::{escape, flash::Flash},
    components::form::{described, field},
};

/// Reason and ticket, with what was typed and what is wrong with it; a reason is at most `most` characters.
pub(super) fn fields(flash: Option<&Flash>, most: u16) -> Markup {
    let typed = |name| flash.map(|flash| flash.typed(name)).unwrap_or_default();
    let error = |name| flash.and_then(|flash| flash.about(name));
    let (bad_reason, bad_ticket) = (error("reason"), error("ticket"));
    // Leptos does not escape what is inside a textarea (tachys 0.2.19), so it is escaped here, and said so to leptos.
    let text = escape(&typed("reason"));
    let wrong = bad_reason.is_some();
    let reason = view! {
        <textarea
            id="reason"
            name="reason"
            required
            minlength="5"
            maxlength=most.to_string()
            rows="3"
            dir="auto"
            autofocus=wrong
            aria-invalid=wrong.then_some("true")
            aria-describedby=described("reason", wrong)
            inner_html=text
        ></textarea>
    };
    let wrong = bad_ticket.is_some();
    let ticket = view! {
        <input id="ticket" name="ticket" type="text" maxlength="64" value=typed("ticket") autocomplete="off" autofocus=wrong
            aria-invalid=wrong.then_some("true") aria-describedby=described("ticket", wrong)/>
    };
    let hint = if most == 500 {
        "Why, in 5 to 500 characters. It goes into the audit log."
    } else {
        "Why, in 5 to 400 characters. It goes into the audit log."
    };
    view! {
        {field("reason", "Reason", hint, bad_reason, reason.written())}
        {field("ticket", "Ticket", "Optional.", bad_ticket, ticket.written())}
    }
    .written()
}
