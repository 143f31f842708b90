//! Finding and showing accounts.

mod api;
mod history;
mod home;
mod list;
mod page;
mod rows;
mod search;
mod timeline;
mod why;
