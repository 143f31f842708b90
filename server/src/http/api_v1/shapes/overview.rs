//! What needs a person now.

use utoipa::ToSchema;

use super::{AccountRow, At, CleanupRow, Place, ServerStatus, Unfinished};

/// A server at a place, and what is pinned to it there.
#[derive(ToSchema)]
pub struct OnServer {
    /// Where.
    place: Place,
    /// The server.
    server: String,
    /// Routes to it.
    pinned: i64,
}

/// What needs a person now.
#[derive(ToSchema)]
pub struct Overview {
    /// Some of the accounts that are pinned, as accounts, to a server that serves badly.
    stuck: Vec<AccountRow>,
    /// How many there are, by server.
    stuck_on: Vec<OnServer>,
    /// Accounts with the most left over, most first.
    accumulating: Vec<AccountRow>,
    /// The newest clean-ups.
    cleanups: Vec<CleanupRow>,
    /// Servers that serve badly.
    bad_servers: Vec<ServerStatus>,
    /// How many accounts there are, as the database estimates.
    accounts: i64,
    /// Whether any of it is sample data.
    sample: bool,
    /// Clean-ups that are not finished.
    unfinished: Unfinished,
    /// When it was answered.
    now: At,
}
