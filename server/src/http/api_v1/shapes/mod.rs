//! What answers look like, for the description alone. The console's views are answered as they are ([`domain::view`]), so
//! that a shell far away shows what one beside the database shows; the domain knows nothing of OpenAPI, so their shapes
//! are said here once more. `make test` holds the real answers against them (schemathesis, `server/tests/it/schema.rs`).

#![expect(dead_code, reason = "shapes are described, never built")]

mod accounts;
mod audit;
mod bulk;
mod census;
mod cleanups;
mod overview;
mod routing;
mod webhooks;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::{accounts::*, audit::*, bulk::*, census::*, cleanups::*, overview::*, routing::*, webhooks::*};

/// A point in time, RFC 3339 in UTC.
#[derive(Serialize, ToSchema)]
#[schema(format = DateTime, example = "2026-11-23T09:14:07.000000Z")]
pub struct At(String);

/// A sentence in pieces, to be joined as they are.
#[derive(ToSchema)]
pub struct Words(Vec<Piece>);

/// A piece of a sentence.
#[derive(ToSchema)]
pub struct Piece {
    /// How it is shown.
    r#as: PieceKind,
    /// Its text.
    text: String,
}

/// How a piece of a sentence is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Plain.
    Text,
    /// Strong.
    Strong,
    /// An id.
    Code,
}

/// A pool of a router.
#[derive(ToSchema)]
pub struct Place {
    /// The router.
    #[schema(example = "lb-1")]
    router: String,
    /// The pool.
    #[schema(example = "app")]
    pool: String,
}

/// What a key stands for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All traffic of an account.
    Account,
    /// One session.
    Session,
}

/// How a server is doing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Well.
    Healthy,
    /// Not known.
    Unknown,
    /// It fails too much, or is too slow.
    Degraded,
    /// It keeps who is pinned.
    Draining,
    /// It is out of rotation.
    Maintenance,
    /// It does not work.
    Down,
    /// It is there no more.
    Gone,
}

/// Why a router could not be read.
#[derive(ToSchema)]
pub struct Unread {
    /// The router.
    router: String,
    /// Why.
    why: String,
    /// Whether it answered, with an error.
    answered: bool,
}

/// What stands in the way on a router.
#[derive(ToSchema)]
pub struct Trouble {
    /// The kind.
    trouble: TroubleKind,
    /// The words.
    text: String,
}

/// The kind of a trouble.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The router does not answer.
    Unreachable,
    /// It was cleared, and is there again.
    StillThere,
    /// The router refused.
    Refused,
}
