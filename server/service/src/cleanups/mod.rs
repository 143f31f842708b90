//! Clean-ups: the plan, the request, the work, the proof.

pub(crate) mod ages;
mod clocks;
mod drive;
mod evidence;
mod ledger;
mod list;
mod perform;
mod plan;
mod recheck;
mod request;
mod retry;
mod run;
mod save;
mod watch;

pub use ages::Numbers;
pub(crate) use ages::Returned;
pub use evidence::Evidence;
pub use request::Requested;
pub(crate) use request::{Ask, Outcome, Request, Wanted, checked};
