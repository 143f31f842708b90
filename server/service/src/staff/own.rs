//! One's own sign-in: who one is, one's console sessions, ending them.

use domain::{
    Actor, Permission, Role, StaffId, StaffSessionId,
    view::{Me, MePage, StaffRow, StaffSessionRow},
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
    pub async fn me_page(&self, actor: &Actor) -> Result<MePage> {
        let (id, current) = self.myself(actor).await?;
        let staff = self.store().staff(&id).await?.ok_or(Error::NotFound("staff member"))?;
        let sessions = self.store().staff_sessions_of(&id, self.now()).await?;
        let row = |session: store::StaffSession| StaffSessionRow {
            current: session.id == current,
            id: session.id,
            user_agent: session.user_agent,
            ip: session.ip,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at.min(session.idle_until),
        };
        let StaffRow { id, name, role, .. } = staff.row;
        Ok(MePage { me: me(id, name, role), sessions: sessions.into_iter().map(row).collect(), now: self.now() })
    }

    /// Ends one of one's own console sessions.
    ///
    /// # Errors
    /// `NotFound` when one has no such session; `Denied`.
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

    async fn myself(&self, actor: &Actor) -> Result<(StaffId, StaffSessionId)> {
        self.authorize(actor, Permission::OwnSessions, "me").await?;
        match actor {
            Actor::Staff { id, session, .. } => Ok((id.clone(), session.clone())),
            _ => Err(Error::Denied(domain::Denied(Permission::OwnSessions), false)),
        }
    }
}

/// A person for pages: who, and what the role may do.
pub fn me(id: StaffId, name: String, role: Role) -> Me {
    Me { id, name, role, may: PERMISSIONS.iter().copied().filter(|permission| role.may(*permission)).collect() }
}
