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
    /// When the person last proved who they are.
    pub proved_at: Instant,
    /// Whether a second factor is set up.
    pub has_factor: bool,
    /// Whether one must be set up before anything else.
    pub must_enrol: bool,
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
    /// One's second factor.
    pub factor: FactorState,
    /// What an admin did to one's sign-in, and when.
    pub notice: Option<(String, Instant)>,
    /// When it was answered.
    pub now: Instant,
}

/// A person's second factor: codes of an app (TOTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorState {
    /// Since when it counts; `None` when there is none.
    pub since: Option<Instant>,
    /// Recovery codes that are left.
    pub recovery_codes: i64,
    /// Whether the person must have one.
    pub required: bool,
}

/// A second factor that is being set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFactor {
    /// The secret as an app takes it when it is typed, in groups.
    pub secret: String,
    /// The same as an address, `otpauth://…`.
    pub address: String,
    /// The address as a picture: the path of its dark squares in a square of [`NewFactor::size`].
    pub picture: String,
    /// The picture's width and height.
    pub size: i64,
}

/// A staff member as admins see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMember {
    /// Who.
    pub row: StaffRow,
    /// Whether a second factor is set up.
    pub has_factor: bool,
    /// Whether they have a password.
    pub has_password: bool,
    /// How many console sessions are open.
    pub open_sessions: i64,
    /// Whether it is who looks.
    pub is_me: bool,
}

/// One staff member, with their console sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMemberPage {
    /// Who.
    pub member: StaffMember,
    /// Their console sessions, the newest first.
    pub sessions: Vec<StaffSessionRow>,
    /// When it was answered.
    pub now: Instant,
}

/// Everybody who signs in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffPage {
    /// By name.
    pub members: Vec<StaffMember>,
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
