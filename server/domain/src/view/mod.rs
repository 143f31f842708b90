//! What pages, the shell and live updates are made of: plain data, ready to show, the same on both sides of the wire.

mod account;
mod accounts;
mod audit;
mod bulk;
mod cleanups;
mod customer;
mod routing;
mod staff;
mod webhooks;

use serde::{Deserialize, Serialize};

pub use account::*;
pub use accounts::*;
pub use audit::*;
pub use bulk::*;
pub use cleanups::*;
pub use customer::*;
pub use routing::*;
pub use staff::*;
pub use webhooks::*;

/// A number that was counted up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// How many, at most the limit.
    pub n: i64,
    /// Whether there are more.
    pub more: bool,
}

/// One page of a list that goes on by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one. Opaque.
    pub next: Option<String>,
}
