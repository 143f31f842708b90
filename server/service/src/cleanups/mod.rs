//! Clean-ups: the plan, the request, the work, the proof.

mod drive;
mod ledger;
mod list;
mod perform;
mod plan;
mod request;
mod retry;
mod run;

pub use request::Requested;
pub(crate) use request::checked;
