//! The census: reads all routers and all sessions, joins them in bounded memory, and keeps what is left over as findings.
//! A repair removes what was found, through clean-ups of the accounts.

mod closing;
mod own;
mod page;
mod pass;
mod repair;
mod repairing;
mod run;
mod source;

use std::sync::Mutex;

use domain::Span;
use store::CensusLease;
use tokio::sync::Notify;

/// How long a census may be silent before the next one gives it up.
const LEASE: Span = Span::from_secs(120);
/// Rows of a page of any stream.
const PAGE: u32 = 2_000;
/// Findings or routes written in one transaction.
const BATCH: usize = 1_000;

/// Censuses that were asked for in this process and wait for its worker.
#[derive(Default)]
pub(crate) struct Desk {
    asked: Mutex<Option<CensusLease>>,
    kick: Notify,
}
