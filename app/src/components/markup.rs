//! Parts of pages as they are sent.
//!
//! On the server nothing in a part waits for anything or comes to life (islands aside, which write themselves), so a part is
//! written where it is made: its type ends there. As a view it would be compiled for everything that a view may have to do:
//! be streamed, awaited, built and changed in a browser. That was two thirds of this crate's machine code.

#[cfg(feature = "ssr")]
use std::fmt::{self, Write as _};

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

/// What is sent of `view`.
#[cfg(feature = "ssr")]
pub(crate) fn html(view: impl RenderHtml) -> String {
    // A view says how long it is without what escaping adds, which seldom is more than this.
    let len = view.html_len();
    let mut html = String::with_capacity(len + len / 8 + 64);
    let start = leptos::tachys::view::Position::FirstChild;
    view.to_html_with_buf(&mut html, &mut { start }, true, false, Vec::new());
    html
}

#[cfg(feature = "ssr")]
impl<V: RenderHtml> Written for View<V> {
    fn written(self) -> Markup {
        // Around a view, leptos 0.8.23 has forgotten to ask it how long it is.
        Markup::new(html(self.into_inner()))
    }
}

#[cfg(feature = "ssr")]
impl<V: RenderHtml> Written for Vec<V> {
    fn written(self) -> Markup {
        Markup::new(html(self))
    }
}

#[cfg(feature = "ssr")]
impl Written for String {
    fn written(self) -> Markup {
        Markup::new(html(self))
    }
}

#[cfg(feature = "ssr")]
impl Written for &'static str {
    fn written(self) -> Markup {
        Markup::new(html(self))
    }
}

#[cfg(feature = "ssr")]
impl Written for () {
    fn written(self) -> Markup {
        Markup::new("")
    }
}

#[cfg(feature = "ssr")]
impl<W: Written> Written for Option<W> {
    fn written(self) -> Markup {
        self.map_or_else(|| ().written(), W::written)
    }
}

#[cfg(feature = "ssr")]
impl Written for Markup {
    fn written(self) -> Markup {
        self
    }
}

#[cfg(not(feature = "ssr"))]
impl<V: IntoAny> Written for V {
    fn written(self) -> Markup {
        self.into_any()
    }
}

/// A part that is written piece by piece: the rows of lists, of which a page has fifty, and what is around every page. A
/// `view!` makes three strings for each of their elements (tachys 0.2.19, `attributes_to_html`), which is most of what a row
/// takes.
#[cfg(feature = "ssr")]
#[derive(Debug, Default)]
pub(crate) struct Pieces(String);

#[cfg(feature = "ssr")]
impl Pieces {
    /// Room for about `bytes`.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// HTML, which stands in the code.
    pub(crate) fn html(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// A text between elements.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        html_escape::encode_text_to_string(text, &mut self.0);
        self
    }

    /// The value of an attribute, between `"` and `"`.
    pub(crate) fn value(&mut self, text: &str) -> &mut Self {
        html_escape::encode_double_quoted_attribute_to_string(text, &mut self.0);
        self
    }

    /// A number or a time, in which nothing is to be escaped.
    pub(crate) fn figure(&mut self, figure: impl fmt::Display) -> &mut Self {
        let before = self.0.len();
        // Writing into a string fails for nothing but what is shown, which then ends there.
        write!(self.0, "{figure}").ok();
        debug_assert!(!self.0[before..].contains(['<', '>', '&', '"']), "{figure} is no figure");
        self
    }

    /// A part.
    pub(crate) fn part(&mut self, part: Markup) -> &mut Self {
        let start = leptos::tachys::view::Position::FirstChild;
        part.to_html_with_buf(&mut self.0, &mut { start }, true, false, Vec::new());
        self
    }

    /// All of it.
    pub(crate) fn done(&mut self) -> Markup {
        Markup::new(self.taken())
    }

    /// All of it, to be sent.
    pub(crate) fn taken(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}
