//! Accounts: customers, with the counters that are kept rather than counted.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Instant, RouteKey};

/// A customer of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The identity system's id.
    pub id: AccountId,
    /// The key that pins all traffic of the account.
    pub key: RouteKey,
    /// E-mail address; empty when unknown.
    pub email: String,
    /// Display name; empty when unknown.
    pub name: String,
    /// Plan or tier; empty when unknown.
    pub plan: String,
    /// IANA time zone; empty when unknown.
    pub time_zone: String,
    /// When the customer joined.
    pub created_at: Instant,
    /// When any of its sessions was last seen.
    pub last_seen_at: Option<Instant>,
    /// Bumped by every forced clean-up: sessions of an older generation are void.
    pub generation: i64,
    /// Sessions that are signed in now.
    pub live_sessions: i64,
    /// Sessions that ended and whose record was not cleaned.
    pub leftover_sessions: i64,
    /// All sessions ever, within the retention time.
    pub total_sessions: i64,
    /// Whether this is sample data.
    pub sample: bool,
}

impl Account {
    /// What to call the account: its name, else its e-mail, else its id.
    pub fn title(&self) -> &str {
        title(&self.id, &self.email, &self.name)
    }

    /// What a list shows of it.
    pub fn brief(self) -> AccountBrief {
        let Self { id, email, name, last_seen_at, live_sessions, leftover_sessions, .. } = self;
        AccountBrief { id, email, name, last_seen_at, live_sessions, leftover_sessions }
    }
}

/// What a list shows of an account: half of its columns, for a page that is read all day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBrief {
    /// The identity system's id.
    pub id: AccountId,
    /// E-mail address; empty when unknown.
    pub email: String,
    /// Display name; empty when unknown.
    pub name: String,
    /// When any of its sessions was last seen.
    pub last_seen_at: Option<Instant>,
    /// Sessions that are signed in now.
    pub live_sessions: i64,
    /// Sessions that ended and whose record was not cleaned.
    pub leftover_sessions: i64,
}

impl AccountBrief {
    /// What to call the account: its name, else its e-mail, else its id.
    pub fn title(&self) -> &str {
        title(&self.id, &self.email, &self.name)
    }
}

fn title<'a>(id: &'a AccountId, email: &'a str, name: &'a str) -> &'a str {
    [name, email].into_iter().find(|text| !text.is_empty()).unwrap_or(id.as_str())
}
