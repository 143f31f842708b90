//! A test's own Unstick: a database in a temporary folder, a clock that stands until it is moved, the real router in this
//! process. Nothing is shared between tests.

mod answer;
mod browser;
mod client;
mod program;
mod world;

pub use answer::Answer;
pub use browser::Browser;
pub use client::Client;
pub use program::{Program, json};
pub use world::{Stuck, TestApp};

/// A password that is good enough, for people who really sign in.
pub const PASSWORD: &str = "wobbly teapot sings at noon";
