//! The console. Pages and components are rendered on the server and never run in the browser; what does run there is
//! in [`islands`]: a live ledger and a few comforts. Every form posts without scripts.
//!
//! A request reads: `pages/…` (form) → `api/…` (parse, actor, call, map the error) → `service`.

#![cfg_attr(not(feature = "ssr"), expect(dead_code, reason = "pages use the rest of the components, on the server"))]

mod components;
pub mod islands;
pub mod routes;

#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use self::{
    pages::{Loaded, Loading, PAGES, Page, not_found},
    shell::document,
};
