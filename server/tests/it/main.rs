//! Everything that holds at the edge, through the real router and the real program: one test binary.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's helper fails by it, as a test does")]

mod support;

mod api;
mod api_batches;
mod api_console;
mod api_webhooks;
mod audit_trail;
mod bulk;
mod cli;
mod cli_bulk;
mod cli_census;
mod cli_self;
mod cli_server;
mod cli_verbs;
mod csrf;
mod disk;
mod doctor;
mod errors;
mod events;
mod export;
mod findings;
mod first_run;
mod headers;
mod idempotency;
mod limits;
mod metrics;
mod roles;
mod roles_api;
mod schema;
mod second_factor;
mod self_link;
mod self_service;
mod serve;
mod server_moves;
mod sessions;
mod sign_in;
mod staff;
mod step_up;
mod stopping;
mod webhooks;
