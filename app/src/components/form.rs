//! Fields with their labels, hints and errors.

use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

/// The hidden token of every form.
pub(crate) fn token(csrf: &str) -> View<impl IntoView + use<>> {
    hidden("csrf", csrf)
}

/// A hidden field.
pub(crate) fn hidden(name: &'static str, value: &str) -> View<impl IntoView + use<>> {
    view! { <input type="hidden" name=name value=value.to_owned()/> }
}

/// A field's label, hint and error around its `control`, whose id is `id`. The control names `id-hint` and `id-error`
/// as what describes it ([`described`]).
pub(crate) fn field(
    id: &'static str,
    label: &'static str,
    hint: &'static str,
    error: Option<String>,
    control: Markup,
) -> Markup {
    let wrong = error.is_some();
    view! {
        <div class=if wrong { "field wrong" } else { "field" }>
            <label for=id>{label}</label>
            {control}
            {error.map(|words| view! { <p class="error" id=format!("{id}-error")>{words}</p> })}
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
        </div>
    }
    .written()
}

/// The id of what is wrong with the field `id`, which has no hint.
pub(crate) fn blamed(id: &str, wrong: bool) -> Option<String> {
    wrong.then(|| format!("{id}-error"))
}

/// The ids of what describes the field `id`.
pub(crate) fn described(id: &str, wrong: bool) -> String {
    if wrong { format!("{id}-error {id}-hint") } else { format!("{id}-hint") }
}
