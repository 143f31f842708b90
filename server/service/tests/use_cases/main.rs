//! The use cases on both engines and a router that can be made to fail at every call.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed, in its helpers too")]

#[macro_use]
mod world;

mod bulk;
#[cfg(feature = "crash-points")]
mod bulk_crash;
mod census;
mod clocks;
#[cfg(feature = "crash-points")]
mod crash;
mod faults;
mod model;
mod outage;
mod processes;
mod requests;
mod server_moves;
mod staff;
mod states;
mod watch;
#[cfg(feature = "crash-points")]
mod webhook_crash;
mod webhooks;
mod zombies;
