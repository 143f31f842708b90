//! People who sign in here, and their console sessions.

use serde::{Deserialize, Serialize};

use crate::{Instant, Permission, Role, StaffId, StaffSessionId};

/// One of a staff member's console sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffSessionRow {
    /// Its public handle.
    pub id: StaffSessionId,
    /// The browser, shortened.
    pub user_agent: String,
    /// The address.
    pub ip: String,
    /// When it began.
    pub created_at: Instant,
    /// When it was last used.
    pub last_seen_at: Instant,
    /// When it ends unless it is used before; when its last hour came, in any case.
    pub expires_at: Instant,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Who is signed in, for the frame of every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Who.
    pub id: StaffId,
    /// The name to show.
    pub name: String,
    /// In what role.
    pub role: Role,
    /// What the role may do.
    pub may: Vec<Permission>,
}

impl Me {
    /// Whether the person has `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.may.contains(&permission)
    }
}

/// The page of one's own sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MePage {
    /// Who.
    pub me: Me,
    /// One's console sessions, the newest first.
    pub sessions: Vec<StaffSessionRow>,
    /// When it was answered.
    pub now: Instant,
}

/// A staff member in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRow {
    /// The sign-in name.
    pub id: StaffId,
    /// The name to show.
    pub name: String,
    /// The role.
    pub role: Role,
    /// When it was added.
    pub created_at: Instant,
    /// When it was disabled.
    pub disabled_at: Option<Instant>,
    /// When it last signed in.
    pub last_sign_in_at: Option<Instant>,
}
