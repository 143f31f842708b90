//! The HAProxy router against a real HAProxy with real traffic. A missing HAProxy fails these tests; nothing is skipped.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

mod bounds;
mod broken;
mod fences;
mod lab;
mod lists;
mod pins;
mod refusals;
mod servers;
mod speed;
