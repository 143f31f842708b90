//! The Redis router against a real Redis. A missing Redis fails these tests; nothing is skipped.

mod broken;
mod doors;
mod entries;
mod fences;
mod lists;
mod refusals;
mod returns;
mod speed;

use routers::{Entry, Router, RouterError};

/// The keys and servers of `entries`.
fn names(entries: &[Entry]) -> Vec<(&str, &str)> {
    entries.iter().map(|entry| (entry.key.as_str(), entry.server.as_ref().map_or("-", |name| name.as_str()))).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, RouterError>, part: &str) {
    match result {
        Err(RouterError::Refused(why)) => assert!(why.contains(part), "{why:?} lacks {part:?}"),
        other => panic!("{other:?} is no refusal with {part:?}"),
    }
}

fn not_now<T: std::fmt::Debug>(result: Result<T, RouterError>, part: &str) {
    match result {
        Err(RouterError::NotNow(why)) => assert!(why.contains(part), "{why:?} lacks {part:?}"),
        other => panic!("{other:?} is not «not now» with {part:?}"),
    }
}

fn unreachable<T: std::fmt::Debug>(result: Result<T, RouterError>, part: &str) {
    match result {
        Err(RouterError::Unreachable(why)) => assert!(why.contains(part), "{why:?} lacks {part:?}"),
        other => panic!("{other:?} is not unreachable with {part:?}"),
    }
}

/// Waits until the router answers again.
async fn back(router: &dyn Router) -> routers::About {
    for _ in 0..2_000 {
        match router.about().await {
            Ok(about) => return about,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
    panic!("it does not come back");
}
