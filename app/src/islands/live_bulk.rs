//! A bulk clean-up's progress that keeps itself up to date. What the server rendered is seen first, and stays without
//! scripts. Events: `progress` is a [`Progress`] as JSON; `over` says that it does not run any more, and the page is loaded
//! again.

use domain::{Bulk, Instant};
use leptos::{html::Div, prelude::*};
use serde::{Deserialize, Serialize};

use crate::components::bulk::progress;

/// One look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The bulk clean-up.
    pub bulk: Bulk,
    /// When it was read.
    pub now: Instant,
}

/// Live progress around the one that the server rendered.
#[island]
pub fn LiveBulk(
    /// Where its events come from.
    url: String,
    /// What the server rendered.
    children: Children,
) -> impl IntoView {
    let view = RwSignal::new(None::<Progress>);
    let lost = RwSignal::new(false);
    let first = NodeRef::<Div>::new();
    browser::follow(url, view, lost, first);
    view! {
        <p class=move || if lost.get() { "link lost" } else { "link live" } role="status">
            {move || if lost.get() { "connection lost, trying again. What you see may be old." } else { "live" }}
        </p>
        <div node_ref=first>{children()}</div>
        <div>{move || view.with(|view| view.as_ref().map(|it| progress(&it.bulk, it.now)))}</div>
    }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::{html::Div, prelude::*};

    use super::Progress;

    pub(super) fn follow(_: String, _: RwSignal<Option<Progress>>, _: RwSignal<bool>, _: NodeRef<Div>) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::{rc::Rc, time::Duration};

    use leptos::{html::Div, prelude::*};
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::Progress;

    /// How long to wait before a connection that the server refused is tried again: a browser does not by itself.
    const AGAIN: Duration = Duration::from_secs(3);

    #[derive(Clone)]
    struct Follower {
        url: Rc<str>,
        view: RwSignal<Option<Progress>>,
        lost: RwSignal<bool>,
        first: NodeRef<Div>,
    }

    pub(super) fn follow(url: String, view: RwSignal<Option<Progress>>, lost: RwSignal<bool>, first: NodeRef<Div>) {
        Effect::new(move |_| Follower { url: url.as_str().into(), view, lost, first }.connect());
    }

    impl Follower {
        fn connect(&self) {
            let Ok(source) = EventSource::new(&self.url) else {
                return self.lost.set(true);
            };
            let this = self.clone();
            on(&source, "progress", move |event| this.news(&event));
            let from = source.clone();
            on(&source, "over", move |_| {
                from.close();
                window().location().reload().ok();
            });
            let (this, from) = (self.clone(), source.clone());
            on(&source, "error", move |_| this.trouble(&from));
        }

        fn news(&self, event: &MessageEvent) {
            let text = event.data().as_string().unwrap_or_default();
            let Ok(news) = serde_json::from_str::<Progress>(&text) else { return };
            if self.view.with_untracked(Option::is_none)
                && let Some(first) = self.first.get_untracked()
            {
                first.set_inner_html("");
            }
            self.view.set(Some(news));
            self.lost.set(false);
        }

        fn trouble(&self, source: &EventSource) {
            self.lost.set(true);
            if source.ready_state() == EventSource::CLOSED {
                let this = self.clone();
                set_timeout(move || this.connect(), AGAIN);
            }
        }
    }

    /// Listens for as long as the page lives.
    fn on(source: &EventSource, name: &str, listener: impl Fn(MessageEvent) + 'static) {
        let listener = Closure::<dyn Fn(MessageEvent)>::new(listener);
        source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref()).ok();
        listener.forget();
    }
}
