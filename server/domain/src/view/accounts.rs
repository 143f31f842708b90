//! Accounts as a list, as hits of a search and on the first page.

use serde::{Deserialize, Serialize};

use super::{CleanupRow, Count, Unfinished};
use crate::{Account, AccountBrief, Instant, Place, ServerName, ServerStatus, VerdictKind};

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The account.
    pub account: Account,
    /// The verdict's kind, from what is stored (no router is asked for a list).
    pub verdict: VerdictKind,
    /// The server that the verdict is about, if any.
    pub server: Option<ServerName>,
}

/// An account in a list of the console.
#[derive(Debug, Clone, PartialEq)]
pub struct BriefRow {
    /// What is shown of it.
    pub account: AccountBrief,
    /// The verdict's kind, from what is stored (no router is asked for a list).
    pub verdict: VerdictKind,
    /// The server that the verdict is about, if any.
    pub server: Option<ServerName>,
}

impl From<AccountRow> for BriefRow {
    fn from(AccountRow { account, verdict, server }: AccountRow) -> Self {
        Self { account: account.brief(), verdict, server }
    }
}

/// Which field of an account a search met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The account's id.
    AccountId,
    /// A session's id or fingerprint.
    SessionId,
    /// A session's address.
    Ip,
    /// The e-mail address.
    Email,
    /// The name.
    Name,
}

impl Field {
    /// The words for a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AccountId => "account id",
            Self::SessionId => "session",
            Self::Ip => "IP address",
            Self::Email => "e-mail",
            Self::Name => "name",
        }
    }
}

/// A hit of a search, with why it is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The account.
    pub row: AccountRow,
    /// What met the query.
    pub field: Field,
    /// Whether it met it exactly (not just in part).
    pub exact: bool,
    /// The text that met it: the session id, the address, the e-mail.
    pub text: String,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    /// What was asked, trimmed.
    pub query: String,
    /// The hits, exact ones first.
    pub hits: Vec<Hit>,
    /// How many there are.
    pub count: Count,
    /// Where the next page begins.
    pub next: Option<String>,
    /// When it was answered.
    pub now: Instant,
}

/// The first page: what needs a person now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HomePage {
    /// Some of the accounts that are pinned, as accounts, to a server that serves badly.
    pub stuck: Vec<AccountRow>,
    /// How many there are, by server.
    pub stuck_on: Vec<OnServer>,
    /// Accounts with the most left over, most first.
    pub accumulating: Vec<AccountRow>,
    /// The newest clean-ups.
    pub cleanups: Vec<CleanupRow>,
    /// Servers that serve badly.
    pub bad_servers: Vec<ServerStatus>,
    /// How many accounts there are, as the database estimates.
    pub accounts: i64,
    /// Whether any of it is sample data.
    pub sample: bool,
    /// Clean-ups that are not finished.
    pub unfinished: Unfinished,
    /// When it was answered.
    pub now: Instant,
}

/// A server at a place, and what is pinned to it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnServer {
    /// Where.
    pub place: Place,
    /// The server.
    pub server: ServerName,
    /// Routes to it.
    pub pinned: i64,
}
