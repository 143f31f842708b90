//! Session life as back ends report it.

mod api;
mod report;

pub(crate) use report::Reporter;

use crate::{Error, Result};

/// Items that one call may have.
const MOST: usize = 1_000;

/// Refuses batches that are too large.
pub(crate) fn check_batch(items: usize) -> Result<()> {
    if items > MOST {
        return Err(Error::invalid("items", format!("at most {MOST} items at once; you sent {items}")));
    }
    Ok(())
}
