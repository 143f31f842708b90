//! The routers against a real HAProxy with real traffic and a real Redis. A missing one fails these tests; nothing is skipped.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

mod bounds;
mod broken;
mod conformance;
mod fences;
mod lab;
mod lists;
mod peers;
mod pins;
mod redis;
mod refusals;
mod servers;
mod speed;
mod states;
