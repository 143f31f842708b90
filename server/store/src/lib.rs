//! The only SQL of Unstick. One text for SQLite and Postgres (`sql.rs`), typed values at the edge, and every method bounded:
//! what reads many rows takes a limit or a list of ids, what writes many takes a batch and is a few statements.
//!
//! Rules that hold in every file:
//! - What changes, its counters and its history change in one transaction; that it also writes the audit event is the
//!   caller's part.
//! - Whoever changes sessions locks their accounts first, in the order of ids: so two batches never wait for each other.
//! - Ids are compared by bytes; instants are microseconds that the caller gives; no clock of the database is asked.

mod accounts;
mod audit;
mod bulk;
mod bulks;
mod census;
mod cleanups;
mod conn;
mod customers;
mod embedded;
mod error;
mod idempotency;
mod import;
mod insert;
mod open;
mod routes;
mod server_states;
mod servers;
mod sessions;
mod sql;
mod staff;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod values;
mod webhooks;

pub use self::{
    accounts::{AccountUpsert, Found, FoundRow, KeyOwner, Upserts},
    audit::{Checkpoint, Verification},
    bulks::{BulkEnd, BulkLease, ListedSession, SeenKey, StoredMove},
    census::{CensusLease, FindingCount, FindingKey, FindingMark, Recount},
    cleanups::{Due, Inserted, Lease, Most, Moved, Taken},
    customers::CustomerLink,
    embedded::{EmbeddedServer, Pin},
    error::{Result, StoreError},
    idempotency::{Claimed, KeptAnswer, KeyClaim},
    open::{behind, is_behind},
    routes::{BadRoutes, RouteChange, StoredRoute},
    servers::ServerRecord,
    sessions::{Changed, Created, End, SessionCreate, SessionsOf, Told, Touch},
    staff::{Attempts, CodePurpose, FactorRecord, NewCode, NewStaffSession, StaffRecord, StaffSession, TokenRecord},
    store::{AuditKeys, Engine, Options, Store},
    tx::Tx,
    webhooks::{DeliveryLease, NewSecret, Settled},
};
