//! Parts of pages. They take what they show, know no request and call nothing.

pub(crate) mod bulk;
pub(crate) mod ledger;
pub(crate) mod markup;
pub(crate) mod tag;
pub(crate) mod text;
pub(crate) mod time;

#[cfg(feature = "ssr")]
pub(crate) mod card;
#[cfg(feature = "ssr")]
pub(crate) mod cleanup_row;
#[cfg(feature = "ssr")]
pub(crate) mod event;
#[cfg(feature = "ssr")]
pub(crate) mod form;
#[cfg(feature = "ssr")]
pub(crate) mod frame;
#[cfg(feature = "ssr")]
pub(crate) mod server;
#[cfg(feature = "ssr")]
pub(crate) mod spread;
#[cfg(feature = "ssr")]
pub(crate) mod table;
#[cfg(feature = "ssr")]
pub(crate) mod timeline;
#[cfg(feature = "ssr")]
pub(crate) mod trend;
