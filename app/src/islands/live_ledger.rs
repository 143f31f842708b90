//! A ledger that keeps itself up to date. The server's own rendering is what one sees first, and stays what one sees
//! without scripts; from the first event on the ledger is drawn here.
//!
//! Events: `ledger` is a whole [`LedgerView`] as JSON, the first at once; `done` is the last one; `signed-out` says that
//! there will be none for this person. A connection that says nothing for a while is made anew. The line above the
//! ledger always tells how current it is, so nothing spins without end.

use domain::view::LedgerView;
use leptos::{html::Div, prelude::*};

use crate::components::ledger::ledger;

/// How the connection is.
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only the browser connects"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Not there yet.
    Joining,
    /// There.
    Live,
    /// Lost; it is tried again.
    Lost,
    /// Refused: nobody is signed in any more.
    SignedOut,
    /// No longer needed: the clean-up is done.
    Over,
}

impl Link {
    const fn words(self) -> &'static str {
        match self {
            Self::Joining => "connecting …",
            Self::Live => "live",
            Self::Lost => "connection lost, trying again. What you see may be old.",
            Self::SignedOut => "you are signed out: load the page again to sign in. What you see may be old.",
            Self::Over => "",
        }
    }
    const fn class(self) -> &'static str {
        match self {
            Self::Joining => "link joining",
            Self::Live => "link live",
            Self::Lost | Self::SignedOut => "link lost",
            Self::Over => "link over",
        }
    }
}

/// A live ledger around the one that the server rendered.
#[island]
pub fn LiveLedger(
    /// Where its events come from.
    url: String,
    /// The token for its form.
    csrf: String,
    /// What the server rendered.
    children: Children,
) -> impl IntoView {
    let view = RwSignal::new(None::<LedgerView>);
    let link = RwSignal::new(Link::Joining);
    let first = NodeRef::<Div>::new();
    browser::follow(url, view, link, first);
    view! {
        <p class=move || link.get().class() role="status">{move || link.get().words()}</p>
        <div node_ref=first>{children()}</div>
        <div>{move || view.with(|view| view.as_ref().map(|view| ledger(view, &csrf)))}</div>
    }
}

#[cfg(not(feature = "hydrate"))]
mod browser {
    use domain::view::LedgerView;
    use leptos::{html::Div, prelude::*};

    use super::Link;

    pub(super) fn follow(_: String, _: RwSignal<Option<LedgerView>>, _: RwSignal<Link>, _: NodeRef<Div>) {}
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use domain::view::LedgerView;
    use leptos::{html::Div, prelude::*};
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::Link;

    /// How long a connection may say nothing.
    const SILENCE: Duration = Duration::from_secs(30);
    /// How long to wait before a connection that the server refused is tried again.
    const AGAIN: Duration = Duration::from_secs(3);

    #[derive(Clone)]
    struct Follower {
        url: Rc<str>,
        view: RwSignal<Option<LedgerView>>,
        link: RwSignal<Link>,
        first: NodeRef<Div>,
        /// Counts connections and what they say: whoever wakes up and finds another number is too late.
        count: Rc<Cell<u32>>,
    }

    pub(super) fn follow(url: String, view: RwSignal<Option<LedgerView>>, link: RwSignal<Link>, first: NodeRef<Div>) {
        Effect::new(move |_| {
            let follower = Follower { url: url.as_str().into(), view, link, first, count: Rc::default() };
            follower.connect();
        });
    }

    impl Follower {
        fn connect(&self) {
            let Ok(source) = EventSource::new(&self.url) else {
                return self.link.set(Link::Lost);
            };
            let (this, from) = (self.clone(), source.clone());
            on(&source, "ledger", move |event| this.news(&from, &event));
            let (this, from) = (self.clone(), source.clone());
            on(&source, "done", move |event| {
                this.news(&from, &event);
                this.end(&from, Link::Over);
            });
            let (this, from) = (self.clone(), source.clone());
            on(&source, "signed-out", move |_| this.end(&from, Link::SignedOut));
            let (this, from) = (self.clone(), source.clone());
            on(&source, "error", move |_| this.lost(&from));
            self.watch(&source);
        }

        fn news(&self, source: &EventSource, event: &MessageEvent) {
            let text = event.data().as_string().unwrap_or_default();
            let Ok(ledger) = serde_json::from_str::<LedgerView>(&text) else {
                return;
            };
            if self.view.with_untracked(Option::is_none)
                && let Some(first) = self.first.get_untracked()
            {
                // What the server rendered is replaced, not hidden: ids stay unique.
                first.set_inner_html("");
            }
            self.view.set(Some(ledger));
            if self.link.get_untracked() != Link::Live {
                self.link.set(Link::Live);
            }
            self.watch(source);
        }

        fn end(&self, source: &EventSource, link: Link) {
            self.count.set(self.count.get().wrapping_add(1));
            self.link.set(link);
            source.close();
        }

        /// Starts the time of silence again.
        fn watch(&self, source: &EventSource) {
            let (this, source, number) = (self.clone(), source.clone(), self.count.get().wrapping_add(1));
            self.count.set(number);
            set_timeout(
                move || {
                    if this.count.get() == number {
                        // Whether it is lost, the next one will tell.
                        source.close();
                        this.connect();
                    }
                },
                SILENCE,
            );
        }

        /// The browser connects again by itself, unless the server refused.
        fn lost(&self, source: &EventSource) {
            if matches!(self.link.get_untracked(), Link::Over | Link::SignedOut) {
                return;
            }
            self.link.set(Link::Lost);
            if source.ready_state() != EventSource::CLOSED {
                return;
            }
            let (this, number) = (self.clone(), self.count.get().wrapping_add(1));
            self.count.set(number);
            set_timeout(
                move || {
                    if this.count.get() == number {
                        this.connect();
                    }
                },
                AGAIN,
            );
        }
    }

    /// Listens for as long as the page lives.
    fn on(source: &EventSource, name: &str, listener: impl Fn(MessageEvent) + 'static) {
        let listener = Closure::<dyn Fn(MessageEvent)>::new(listener);
        source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref()).ok();
        listener.forget();
    }
}
