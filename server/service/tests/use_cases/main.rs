//! The use cases on both engines and a router that can be made to fail at every call; and, where it is told, on real ones.

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
#[macro_use]
#[expect(dead_code, reason = "the kinds that run outside of Unstick are the routers' own tests' part")]
#[path = "../../../routers/tests/live/conformance/mod.rs"]
mod conformance;
mod drift;
mod embedded;
mod faults;
mod flights;
mod imports;
#[expect(dead_code, unused_imports, reason = "the routers' own tests use the rest of it")]
#[path = "../../../routers/tests/live/lab/mod.rs"]
mod lab;
mod model;
mod moves;
mod observer;
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
