//! The use cases on a real database and a router that can be made to fail at every call.

#[cfg(feature = "crash-points")]
mod crash;
mod faults;
mod requests;
mod staff;
mod world;
