//! Who acts, and what they may do. Every use case takes an [`Actor`] and asks here first; there is no other check.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Instant, SessionId, StaffId, StaffSessionId, TokenId};

/// What a staff member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads accounts and routing.
    Viewer,
    /// Cleans up single accounts.
    Support,
    /// Everything but the auditor's independence: bulk, staff, settings.
    Admin,
    /// Reads the audit log, and no customer's details.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Support, Self::Admin, Self::Auditor];

    /// The word in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether the role has `permission`: the one table of who may do what in the console.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::OwnSessions | P::ReadAccountAudit => true,
            P::ReadAccounts | P::ReadRouting | P::ReadCleanups | P::ReadFindings => !matches!(self, Self::Auditor),
            P::CleanUp | P::RePin | P::RunCensus | P::HelpCustomers => matches!(self, Self::Support | Self::Admin),
            P::ReadAudit => matches!(self, Self::Admin | Self::Auditor),
            P::ManageStaff
            | P::ManageTokens
            | P::Repair
            | P::SetServerState
            | P::BulkCleanUp
            | P::ReadWebhooks
            | P::ManageWebhooks => matches!(self, Self::Admin),
            P::ReportSessions | P::ReadSessions | P::AskRoute | P::FeedRouter | P::ReadOwnToken | P::SelfService => {
                false
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that an actor may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Search and see accounts, their sessions, routes and findings.
    ReadAccounts,
    /// See routers, pools and servers.
    ReadRouting,
    /// See clean-ups and their ledgers.
    ReadCleanups,
    /// Request a clean-up of one account, retry its steps.
    CleanUp,
    /// Make, approve and steer bulk clean-ups.
    BulkCleanUp,
    /// Pin one key to a chosen server.
    RePin,
    /// Set what a router does with a server.
    SetServerState,
    /// See what the census found.
    ReadFindings,
    /// Run a census.
    RunCensus,
    /// Repair what the census found.
    Repair,
    /// Search and export the whole audit log.
    ReadAudit,
    /// See that an event concerns an account (without its details for auditors).
    ReadAccountAudit,
    /// Add, change and disable staff.
    ManageStaff,
    /// Make and revoke API tokens.
    ManageTokens,
    /// See webhooks and what was sent to them.
    ReadWebhooks,
    /// Make, change and delete webhooks, try them, and send again what was sent to them.
    ManageWebhooks,
    /// See and revoke one's own console sessions.
    OwnSessions,
    /// Report accounts and sessions (API scope `sessions:write`).
    ReportSessions,
    /// Read accounts and sessions (API scope `sessions:read`).
    ReadSessions,
    /// Ask the embedded router for a server (API scope `routes:ask`).
    AskRoute,
    /// Tell the embedded router about its servers (API scope `routes:write`).
    FeedRouter,
    /// See what the token that asks is good for (every token).
    ReadOwnToken,
    /// Hand customers what they help themselves with: a link, or a session's credential (API scope `self:issue`).
    HelpCustomers,
    /// See and reset one's own sessions with the service: a customer's alone.
    SelfService,
}

impl Permission {
    /// What it allows, as the end of «you may not …».
    pub const fn verb(self) -> &'static str {
        match self {
            Self::ReadAccounts => "see accounts",
            Self::ReadRouting => "see routing",
            Self::ReadCleanups => "see clean-ups",
            Self::CleanUp => "clean up accounts",
            Self::BulkCleanUp => "clean up many accounts at once",
            Self::RePin => "pin a customer to a server",
            Self::SetServerState => "set the state of a server",
            Self::ReadFindings => "see findings",
            Self::RunCensus => "run a census",
            Self::Repair => "repair what the census found",
            Self::ReadAudit => "read the audit log",
            Self::ReadAccountAudit => "see what was done to an account",
            Self::ManageStaff => "manage staff",
            Self::ManageTokens => "manage tokens",
            Self::ReadWebhooks => "see webhooks",
            Self::ManageWebhooks => "manage webhooks",
            Self::OwnSessions => "manage your sessions",
            Self::ReportSessions => "report sessions",
            Self::ReadSessions => "read sessions",
            Self::AskRoute => "ask for routes",
            Self::FeedRouter => "feed the embedded router",
            Self::ReadOwnToken => "see a token that you do not use",
            Self::HelpCustomers => "let customers help themselves",
            Self::SelfService => "see and reset a customer’s sessions in their name",
        }
    }
}

/// What an API token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenScope {
    /// `sessions:write`
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// `sessions:read`
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// `routes:ask`
    #[serde(rename = "routes:ask")]
    RoutesAsk,
    /// `routes:write`
    #[serde(rename = "routes:write")]
    RoutesWrite,
    /// `accounts:read`
    #[serde(rename = "accounts:read")]
    AccountsRead,
    /// `cleanups:read`
    #[serde(rename = "cleanups:read")]
    CleanupsRead,
    /// `cleanups:write`
    #[serde(rename = "cleanups:write")]
    CleanupsWrite,
    /// `bulk:write`
    #[serde(rename = "bulk:write")]
    BulkWrite,
    /// `census:read`
    #[serde(rename = "census:read")]
    CensusRead,
    /// `census:write`
    #[serde(rename = "census:write")]
    CensusWrite,
    /// `routing:read`
    #[serde(rename = "routing:read")]
    RoutingRead,
    /// `routing:write`
    #[serde(rename = "routing:write")]
    RoutingWrite,
    /// `audit:read`
    #[serde(rename = "audit:read")]
    AuditRead,
    /// `webhooks:read`
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    /// `webhooks:write`
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// `self:issue`
    #[serde(rename = "self:issue")]
    SelfIssue,
}

impl TokenScope {
    /// Every scope.
    pub const ALL: [Self; 16] = [
        Self::SessionsWrite,
        Self::SessionsRead,
        Self::RoutesAsk,
        Self::RoutesWrite,
        Self::AccountsRead,
        Self::CleanupsRead,
        Self::CleanupsWrite,
        Self::BulkWrite,
        Self::CensusRead,
        Self::CensusWrite,
        Self::RoutingRead,
        Self::RoutingWrite,
        Self::AuditRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::SelfIssue,
    ];

    /// The word in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionsWrite => "sessions:write",
            Self::SessionsRead => "sessions:read",
            Self::RoutesAsk => "routes:ask",
            Self::RoutesWrite => "routes:write",
            Self::AccountsRead => "accounts:read",
            Self::CleanupsRead => "cleanups:read",
            Self::CleanupsWrite => "cleanups:write",
            Self::BulkWrite => "bulk:write",
            Self::CensusRead => "census:read",
            Self::CensusWrite => "census:write",
            Self::RoutingRead => "routing:read",
            Self::RoutingWrite => "routing:write",
            Self::AuditRead => "audit:read",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::SelfIssue => "self:issue",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// What a token with it may do.
    pub const fn grants(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::SessionsWrite => &[P::ReportSessions],
            Self::SessionsRead => &[P::ReadSessions],
            Self::RoutesAsk => &[P::AskRoute],
            Self::RoutesWrite => &[P::FeedRouter],
            Self::AccountsRead => &[P::ReadAccounts],
            Self::CleanupsRead => &[P::ReadCleanups],
            Self::CleanupsWrite => &[P::CleanUp],
            Self::BulkWrite => &[P::BulkCleanUp],
            Self::CensusRead => &[P::ReadFindings],
            Self::CensusWrite => &[P::RunCensus, P::Repair],
            Self::RoutingRead => &[P::ReadRouting],
            Self::RoutingWrite => &[P::RePin, P::SetServerState],
            Self::AuditRead => &[P::ReadAudit, P::ReadAccountAudit],
            Self::WebhooksRead => &[P::ReadWebhooks],
            Self::WebhooksWrite => &[P::ManageWebhooks],
            Self::SelfIssue => &[P::HelpCustomers],
        }
    }

    /// The scope that a token needs for `permission`; `None` when no token may do that, or every one.
    pub fn granting(permission: Permission) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.grants().contains(&permission))
    }
}

/// Who acts. Made only at the edges: from a console session, a token, the shell's user, or the worker itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person who signed in to the console.
    Staff {
        /// Who.
        id: StaffId,
        /// In what role at this moment.
        role: Role,
        /// Through which console session.
        session: StaffSessionId,
        /// When the person last proved who they are: signed in, or confirmed it since.
        proved_at: Instant,
        /// Whether they must set up a second factor before they may do anything else.
        must_enrol: bool,
    },
    /// A person with a shell on the machine and access to the database: `cli:<os user>@<host>`.
    Shell {
        /// The operating system's user.
        user: String,
        /// The machine.
        host: String,
    },
    /// A back end.
    Token {
        /// Which token.
        id: TokenId,
        /// What it is good for.
        scopes: Vec<TokenScope>,
    },
    /// A customer of the service, who may see and reset the sessions of that very account and nothing else. Use cases
    /// take the account from here, so that none can be named.
    Customer {
        /// Whose.
        account: AccountId,
        /// The session that asks; none when the customer came by a link that names none.
        session: Option<SessionId>,
    },
    /// Unstick itself.
    System,
    /// Nobody: a request without a sign-in.
    Anonymous,
}

/// The actor may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("you may not {}", self.0.verb())]
pub struct Denied(pub Permission);

impl Actor {
    /// Whether the actor has `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Staff { must_enrol: true, .. } => matches!(permission, Permission::OwnSessions),
            Self::Staff { role, .. } => role.may(permission),
            Self::Shell { .. } | Self::System => true,
            Self::Token { scopes, .. } => {
                permission == Permission::ReadOwnToken
                    || scopes.iter().any(|scope| scope.grants().contains(&permission))
            }
            Self::Customer { .. } => matches!(permission, Permission::SelfService),
            Self::Anonymous => false,
        }
    }

    /// Goes on only with `permission`.
    ///
    /// # Errors
    /// [`Denied`] without it.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        if self.may(permission) { Ok(()) } else { Err(Denied(permission)) }
    }

    /// Whether the actor must set up a second factor before anything else.
    pub const fn must_enrol(&self) -> bool {
        matches!(self, Self::Staff { must_enrol: true, .. })
    }

    /// Whether the actor may see customers' names, addresses and clients.
    pub fn sees_customers(&self) -> bool {
        self.may(Permission::ReadAccounts) || self.may(Permission::ReadSessions)
    }

    /// The actor in the audit log: `staff:dana`, `cli:root@lb7`, `token:t_x`, `customer:acc_1`, `system`.
    pub fn label(&self) -> String {
        match self {
            Self::Staff { id, .. } => format!("staff:{id}"),
            Self::Shell { user, host } => format!("cli:{user}@{host}"),
            Self::Token { id, .. } => format!("token:{id}"),
            Self::Customer { account, .. } => format!("customer:{account}"),
            Self::System => "system".to_owned(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_sees_no_customer_and_a_viewer_changes_nothing() {
        assert!(!Role::Auditor.may(Permission::ReadAccounts));
        assert!(Role::Auditor.may(Permission::ReadAudit));
        assert!(!Role::Viewer.may(Permission::CleanUp));
        assert!(Role::Support.may(Permission::CleanUp));
        assert!(!Role::Support.may(Permission::ReadAudit));
        assert!(Role::Viewer.may(Permission::ReadFindings) && !Role::Viewer.may(Permission::RunCensus));
        assert!(Role::Support.may(Permission::RunCensus) && !Role::Support.may(Permission::Repair));
        assert!(Role::Support.may(Permission::RePin) && !Role::Viewer.may(Permission::RePin));
        assert!(Role::Admin.may(Permission::SetServerState) && !Role::Support.may(Permission::SetServerState));
        assert!(Role::Admin.may(Permission::Repair) && !Role::Auditor.may(Permission::ReadFindings));
    }

    #[test]
    fn a_token_does_only_what_its_scopes_say() {
        let id = TokenId::parse("t_1").unwrap();
        let token = Actor::Token { id, scopes: vec![TokenScope::SessionsWrite] };
        assert_eq!(token.require(Permission::ReportSessions), Ok(()));
        assert_eq!(token.require(Permission::CleanUp), Err(Denied(Permission::CleanUp)));
        assert_eq!(token.require(Permission::ReadSessions), Err(Denied(Permission::ReadSessions)));
    }

    #[test]
    fn no_scope_manages_people_or_tokens_and_reading_never_changes_anything() {
        for scope in TokenScope::ALL {
            assert_eq!(TokenScope::parse(scope.as_str()), Some(scope));
            for never in [Permission::ManageStaff, Permission::ManageTokens, Permission::OwnSessions] {
                assert!(!scope.grants().contains(&never), "{scope:?}");
            }
            if scope.as_str().ends_with(":read") {
                let role_of_reading = |permission: &Permission| {
                    matches!(permission, Permission::ReadSessions | Permission::ReadWebhooks)
                        || Role::Viewer.may(*permission)
                        || Role::Auditor.may(*permission)
                };
                assert!(scope.grants().iter().all(role_of_reading), "{scope:?}");
            }
        }
        assert_eq!(TokenScope::granting(Permission::SetServerState), Some(TokenScope::RoutingWrite));
        assert_eq!(TokenScope::granting(Permission::ManageStaff), None);
    }

    #[test]
    fn a_customer_helps_themselves_and_nobody_else_acts_as_one() {
        let account = AccountId::parse("acc_1").unwrap();
        let customer = Actor::Customer { account, session: None };
        assert_eq!(customer.label(), "customer:acc_1");
        assert!(customer.may(Permission::SelfService) && !customer.sees_customers());
        for other in [Permission::ReadAccounts, Permission::CleanUp, Permission::HelpCustomers, Permission::OwnSessions]
        {
            assert!(!customer.may(other), "{other:?}");
        }
        assert!(Role::ALL.iter().all(|role| !role.may(Permission::SelfService)));
        assert!(Role::Support.may(Permission::HelpCustomers) && !Role::Viewer.may(Permission::HelpCustomers));
    }

    #[test]
    fn who_must_set_up_a_second_factor_does_nothing_before() {
        let mut actor = Actor::Staff {
            id: StaffId::parse("ada").unwrap(),
            role: Role::Admin,
            session: StaffSessionId::parse("w_1").unwrap(),
            proved_at: Instant::from_secs(0),
            must_enrol: true,
        };
        assert!(actor.may(Permission::OwnSessions) && !actor.may(Permission::ReadAccounts));
        if let Actor::Staff { must_enrol, .. } = &mut actor {
            *must_enrol = false;
        }
        assert!(actor.may(Permission::ManageStaff));
    }

    #[test]
    fn nobody_may_nothing() {
        assert!(!Actor::Anonymous.may(Permission::OwnSessions));
    }
}
