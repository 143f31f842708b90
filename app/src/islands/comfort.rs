//! The comforts of every page, in one island: `/` goes to the search, and buttons with `data-copy` copy. One listener
//! for the whole page instead of an island for each button: a list of fifty ids stays small.

use leptos::prelude::*;

/// Makes the page comfortable, and says what it did to those who do not see it.
#[island]
pub fn Comfort() -> impl IntoView {
    let said = RwSignal::new(String::new());
    browser::listen(said);
    view! { <span class="sr" role="status">{move || said.get()}</span> }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::prelude::RwSignal;

    pub(super) fn listen(_: RwSignal<String>) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::{ev, prelude::*, task::spawn_local};
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent, MouseEvent};

    pub(super) fn listen(said: RwSignal<String>) {
        Effect::new(move |_| {
            // Shows what only works with scripts.
            if let Some(root) = document().document_element() {
                root.class_list().add_1("js").ok();
            }
            window_event_listener(ev::keydown, on_key);
            window_event_listener(ev::click, move |event| on_click(&event, said));
        });
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event listener's signature")]
    fn on_key(event: KeyboardEvent) {
        if event.key() != "/" || event.ctrl_key() || event.alt_key() || event.meta_key() || is_typing() {
            return;
        }
        let search = document().get_element_by_id("q").and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
        if let Some(search) = search {
            event.prevent_default();
            search.focus().ok();
            search.select();
        }
    }

    fn is_typing() -> bool {
        let Some(element) = document().active_element() else {
            return false;
        };
        let editable = element.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable);
        editable || matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    }

    /// What `button` copies: the text of its `data-copy`, or where that is empty, of what stands before it.
    fn text_of(button: &Element) -> Option<String> {
        let named = button.get_attribute("data-copy").filter(|text| !text.is_empty());
        named.or_else(|| button.previous_element_sibling()?.text_content())
    }

    fn on_click(event: &MouseEvent, said: RwSignal<String>) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-copy]").ok().flatten());
        let Some((button, text)) = button.and_then(|it| text_of(&it).map(|text| (it, text))) else {
            return;
        };
        let clipboard = window().navigator().clipboard();
        if clipboard.is_undefined() {
            said.set("The browser copies only on pages that come over HTTPS.".to_owned());
            return;
        }
        spawn_local(async move {
            if JsFuture::from(clipboard.write_text(&text)).await.is_err() {
                said.set("The browser did not allow to copy.".to_owned());
                return;
            }
            button.class_list().add_1("done").ok();
            said.set("Copied.".to_owned());
            set_timeout(
                move || {
                    button.class_list().remove_1("done").ok();
                    said.set(String::new());
                },
                Duration::from_millis(1_500),
            );
        });
    }
}
