//! Parts of pages as they are sent.
//!
//! On the server nothing in a part waits for anything or comes to life (islands aside, which write themselves), so a part is
//! written where it is made: its type ends there. As a view it would be compiled for everything that a view may have to do:
//! be streamed, awaited, built and changed in a browser. That was two thirds of this crate's machine code.

use leptos::prelude::*;

/// A part of a page: on the server its text, in the browser a view.
#[cfg(feature = "ssr")]
pub(crate) type Markup = leptos::tachys::html::InertElement;
/// A part of a page: on the server its text, in the browser a view.
#[cfg(not(feature = "ssr"))]
pub(crate) type Markup = AnyView;

/// What can be a part of a page.
pub(crate) trait Written {
    /// The part.
    fn written(self) -> Markup;
}

#[cfg(feature = "ssr")]
impl<V: RenderHtml> Written for V {
    fn written(self) -> Markup {
        // What escaping adds makes it grow.
        let mut html = String::with_capacity(self.html_len());
        let start = leptos::tachys::view::Position::FirstChild;
        self.to_html_with_buf(&mut html, &mut { start }, true, false, Vec::new());
        Markup::new(html)
    }
}

#[cfg(not(feature = "ssr"))]
impl<V: IntoAny> Written for V {
    fn written(self) -> Markup {
        self.into_any()
    }
}
