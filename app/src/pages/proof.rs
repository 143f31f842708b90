//! The fields with which a person confirms who they are, in a form that needs it: the password, and a code for whoever has
//! a second factor. Nothing while the last proof is fresh enough.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use crate::{
    api::{confirm::Ask, flash::Flash},
    components::form::{described, field},
};

/// The fields that `ask` asks for, with what was wrong with the last try.
pub(super) fn fields(ask: Option<Ask>, flash: Option<&Flash>) -> Markup {
    let Some(Ask { has_factor }) = ask else { return ().written() };
    let error = |name| flash.and_then(|flash| flash.about(name));
    let bad = error("password");
    let wrong = bad.is_some();
    let password = view! {
        <input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password"
            autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described("password", wrong)/>
    };
    view! {
        {field("password", "Your password", "To confirm that it is you.", bad, password.written())}
        {has_factor.then(|| code("code", error("code")))}
    }
    .written()
}

/// A field for a code of the app, or a recovery code.
pub(super) fn code(name: &'static str, bad: Option<String>) -> Markup {
    let wrong = bad.is_some();
    let input = view! {
        <input id=name name=name type="text" required maxlength="64" autocomplete="one-time-code" autocapitalize="none"
            spellcheck="false" autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described(name, wrong)/>
    };
    field(name, "Code", "Six digits of your app, or one of your recovery codes.", bad, input.written())
}

/// A field for a new password, called `name`.
pub(super) fn new_password(name: &'static str, label: &'static str, has_factor: bool, bad: Option<String>) -> Markup {
    let wrong = bad.is_some();
    let input = view! {
        <input id=name name=name type="password" required maxlength="256" autocomplete="new-password"
            autofocus=wrong aria-invalid=wrong.then_some("true") aria-describedby=described(name, wrong)/>
    };
    let hint = if has_factor {
        "At least 8 characters, for you have a second factor. A few random words are better."
    } else {
        "At least 15 characters: a few random words are good."
    };
    field(name, label, hint, bad, input.written())
}
