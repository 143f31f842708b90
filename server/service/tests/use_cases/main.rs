//! The use cases on a real database and a router that can be made to fail at every call.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed, in its helpers too")]

#[cfg(feature = "crash-points")]
mod crash;
mod faults;
mod requests;
mod staff;
mod world;
