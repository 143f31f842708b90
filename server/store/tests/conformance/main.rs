//! What a store must do, on every engine: each test runs on SQLite (a file in a temporary folder) and on a PostgreSQL that
//! the suite starts for itself. Without PostgreSQL the tests fail; nothing is skipped.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed, in its helpers too")]

#[macro_use]
mod world;

mod accounts;
mod audit;
mod bulk;
mod census;
mod cleanups;
mod counters;
mod customers;
mod embedded;
mod idempotency;
mod leases;
mod migrations;
mod open;
mod routes;
mod schema;
mod search;
mod server_states;
mod sessions;
mod staff;
mod tamper;
mod watches;
mod webhooks;
