//! One's own sign-in: who one is, one's console sessions, ending them.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Instant, Permission, Role, StaffId, StaffSessionId,
    view::{FactorState, Me, MePage, StaffRow, StaffSessionRow},
};

use crate::{Error, Result, Unstick};

/// Every permission, to tell a page what its reader may do.
const PERMISSIONS: &[Permission] = &[
    Permission::ReadAccounts,
    Permission::ReadRouting,
    Permission::ReadFindings,
    Permission::RunCensus,
    Permission::Repair,
    Permission::ReadCleanups,
    Permission::CleanUp,
    Permission::HelpCustomers,
    Permission::BulkCleanUp,
    Permission::RePin,
    Permission::SetServerState,
    Permission::ReadAudit,
    Permission::ReadAccountAudit,
    Permission::ManageStaff,
    Permission::ManageTokens,
    Permission::ReadWebhooks,
    Permission::ManageWebhooks,
    Permission::OwnSessions,
    Permission::ReportSessions,
    Permission::ReadSessions,
    Permission::AskRoute,
    Permission::FeedRouter,
];

impl Unstick {
    /// One's own page.
    ///
    /// # Errors
    /// `Denied` for whoever is no staff member.
    #[boxed]
    pub async fn me_page(&self, actor: &Actor) -> Result<MePage> {
        let (id, current) = self.myself(actor).await?;
        let staff = self.store().staff(&id).await?.ok_or(Error::NotFound("staff member"))?;
        let (sessions, factor, recovery_codes, notice) = tokio::try_join!(
            self.store().staff_sessions_of(&id, self.now()),
            self.store().factor(&id),
            self.store().recovery_codes_left(&id),
            self.store().staff_notice(&id),
        )?;
        let StaffRow { id, name, role, .. } = staff.row;
        let since = factor.and_then(|factor| factor.enrolled_at);
        let factor = FactorState { since, recovery_codes, required: self.settings().factor_rule.demands(role) };
        let proved_at = match actor {
            Actor::Staff { proved_at, .. } => *proved_at,
            _ => self.now(),
        };
        let standing = Standing { proved_at, has_factor: since.is_some(), must_enrol: actor.must_enrol() };
        Ok(MePage {
            me: me(id, name, role, standing),
            sessions: sessions.into_iter().map(|session| session_row(session, Some(&current))).collect(),
            factor,
            notice,
            now: self.now(),
        })
    }

    /// Seals what is shown to `actor` once, on the next page of this console session: until then it is kept there.
    ///
    /// # Errors
    /// `Denied`.
    pub fn seal_once(&self, actor: &Actor, secret: &str) -> Result<String> {
        self.settings().seal_keys.seal(self.entropy(), secret.as_bytes(), &once(actor)?)
    }

    /// What [`Self::seal_once`] sealed in the same console session.
    ///
    /// # Errors
    /// `Denied`; `Internal` when it does not open.
    pub fn open_once(&self, actor: &Actor, sealed: &str) -> Result<String> {
        let opened = self.settings().seal_keys.open(sealed, &once(actor)?)?;
        String::from_utf8(opened).map_err(Error::internal)
    }

    /// Ends one of one's own console sessions.
    ///
    /// # Errors
    /// `NotFound` when one has no such session; `Denied`.
    #[boxed]
    pub async fn revoke_own_session(&self, actor: &Actor, session: &StaffSessionId) -> Result<()> {
        let (id, _) = self.myself(actor).await?;
        let now = self.now();
        let draft = self.draft(actor, "staff.session_revoked", session.as_str());
        let revoked = transact!(self, tx => {
            let revoked = tx.revoke_staff_session(&id, session, now).await?;
            if revoked {
                tx.append_audit(&draft).await?;
            }
            Ok(revoked)
        })?;
        if revoked { Ok(()) } else { Err(Error::NotFound("session of yours")) }
    }

    /// Ends all of one's console sessions but this one; answers how many.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn revoke_other_sessions(&self, actor: &Actor) -> Result<i64> {
        let (id, current) = self.myself(actor).await?;
        let now = self.now();
        let mut draft = self.draft(actor, "staff.other_sessions_revoked", id.as_str());
        transact!(self, tx => {
            let ended = tx.revoke_staff_sessions(&id, Some(&current), now).await?;
            draft.detail = serde_json::json!({ "ended": ended });
            tx.append_audit(&draft).await?;
            Ok(ended)
        })
    }

    /// Ends this console session.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn signed_out(&self, actor: &Actor) -> Result<()> {
        let (id, current) = self.myself(actor).await?;
        let now = self.now();
        let draft = self.draft(actor, "staff.signed_out", id.as_str());
        transact!(self, tx => {
            tx.revoke_staff_session(&id, &current, now).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })
    }

    /// Whether somebody of `role` must set up a second factor before anything else.
    pub fn must_enrol(&self, role: Role, has_factor: bool) -> bool {
        !has_factor && self.settings().factor_rule.demands(role)
    }

    pub(super) async fn myself(&self, actor: &Actor) -> Result<(StaffId, StaffSessionId)> {
        self.authorize(actor, Permission::OwnSessions, "me").await?;
        match actor {
            Actor::Staff { id, session, .. } => Ok((id.clone(), session.clone())),
            _ => Err(Error::Denied(domain::Denied(Permission::OwnSessions), false)),
        }
    }
}

/// What is sealed in the console session of `actor` is sealed for.
fn once(actor: &Actor) -> Result<String> {
    match actor {
        Actor::Staff { session, .. } => Ok(format!("once:{session}")),
        _ => Err(Error::Denied(domain::Denied(Permission::OwnSessions), true)),
    }
}

/// How a person is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When they last proved who they are.
    pub proved_at: Instant,
    /// Whether they have a second factor.
    pub has_factor: bool,
    /// Whether they must set one up before anything else.
    pub must_enrol: bool,
}

/// A person for pages: who, and what they may do.
pub fn me(id: StaffId, name: String, role: Role, standing: Standing) -> Me {
    let Standing { proved_at, has_factor, must_enrol } = standing;
    let may =
        |permission: &Permission| role.may(*permission) && (!must_enrol || *permission == Permission::OwnSessions);
    Me { id, name, role, may: PERMISSIONS.iter().copied().filter(may).collect(), proved_at, has_factor, must_enrol }
}

/// A console session for pages; `current` is the one that asks.
pub(super) fn session_row(session: store::StaffSession, current: Option<&StaffSessionId>) -> StaffSessionRow {
    StaffSessionRow {
        current: current == Some(&session.id),
        id: session.id,
        user_agent: session.user_agent,
        ip: session.ip,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at.min(session.idle_until),
    }
}
