//! What runs in the browser, and nothing else does: a live ledger, and comforts that a page works without.

mod comfort;
mod live_bulk;
mod live_ledger;

pub use comfort::{Comfort, ComfortProps};
pub use live_bulk::{LiveBulk, LiveBulkProps, Progress};
pub use live_ledger::{LiveLedger, LiveLedgerProps};
