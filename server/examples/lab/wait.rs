//! Waiting for something to be so, and never for a time that is hoped to be enough.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use crate::Outcome;

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Waits until `holds`.
///
/// # Errors
/// `what` did not come to be within `limit`, or could not be asked.
pub async fn until<F, A>(what: &str, limit: Duration, mut holds: F) -> Outcome<()>
where
    F: FnMut() -> A,
    A: Future<Output = Outcome<bool>>,
{
    let deadline = Instant::now() + limit;
    while !holds().await? {
        if Instant::now() > deadline {
            return Err(format!("{what}: not within {} s", limit.as_secs()).into());
        }
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}
