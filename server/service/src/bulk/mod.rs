//! Bulk clean-ups: a list is frozen, asked for, approved by a second person, and carried out in waves with the engine of all
//! clean-ups.

mod ask;
mod control;
mod count;
mod draft;
mod drive;
mod list;
mod off_server;
mod page;
mod run;
mod turn;

pub use self::draft::BulkSource;
