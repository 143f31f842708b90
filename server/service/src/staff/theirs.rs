//! What admins see and do of other people's sign-ins: who has which, ending them, asking for a fresh proof, and a one-time
//! code for whoever forgot the password or lost the telephone.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, Freshness, Permission, Role, StaffId, StaffSessionId, new_one_time_code,
    view::{StaffMember, StaffMemberPage, StaffPage},
};
use store::{CodePurpose, NewCode, StaffRecord};

use super::{factor::code_hash, first_run::GOOD, own::session_row};
use crate::{Error, Result, Unstick};

impl Unstick {
    /// Everybody who signs in here.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn staff_page(&self, actor: &Actor) -> Result<StaffPage> {
        self.authorize(actor, Permission::ManageStaff, "staff").await?;
        let now = self.now();
        let (records, enrolled, open) = tokio::try_join!(
            self.store().staff_records(),
            self.store().staff_with_factor(),
            self.store().open_staff_sessions(now),
        )?;
        let member = |record: StaffRecord| {
            let sessions = open.iter().find(|(id, _)| *id == record.row.id).map_or(0, |(_, n)| *n);
            member(actor, &record, enrolled.contains(&record.row.id), sessions)
        };
        Ok(StaffPage { members: records.into_iter().map(member).collect(), now })
    }

    /// One staff member, with their console sessions.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn staff_member(&self, actor: &Actor, id: &StaffId) -> Result<StaffMemberPage> {
        self.authorize(actor, Permission::ManageStaff, id.as_str()).await?;
        let now = self.now();
        let record = self.store().staff(id).await?.ok_or(Error::NotFound("staff member"))?;
        let current = match actor {
            Actor::Staff { session, .. } => Some(session),
            _ => None,
        };
        let sessions = self.store().staff_sessions_of(id, now).await?;
        let sessions: Vec<_> = sessions.into_iter().map(|session| session_row(session, current)).collect();
        let open = i64::try_from(sessions.len()).unwrap_or(i64::MAX);
        let member = member(actor, &record, self.has_factor(id).await?, open);
        Ok(StaffMemberPage { member, sessions, now })
    }

    /// Adds a staff member without a password. Answers the one-time code, good for 24 hours and kept nowhere, with which they
    /// choose one.
    ///
    /// # Errors
    /// `Invalid` for the names; `Conflict` when there is one; `Unproved`; `Denied`.
    #[boxed]
    pub async fn invite_staff(&self, actor: &Actor, id: &StaffId, name: &str, role: Role) -> Result<String> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        Self::check_names(id, name)?;
        let (code, new) = self.new_welcome(actor, id)?;
        let mut draft = self.draft(actor, "staff.added", id.as_str());
        draft.detail = serde_json::json!({ "role": role, "with": "one-time code" });
        transact!(self, tx => {
            if !tx.add_staff(id, name, role, None, new.created_at).await? {
                return Err(Error::Conflict(format!("there is a staff member {id} already")));
            }
            tx.add_one_time_code(&new).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(code)
    }

    /// Takes a staff member's password and second factor away, ends their console sessions, and leaves them a notice. Answers
    /// the one-time code with which they choose a new password.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for oneself; `Unproved`; `Denied`.
    #[boxed]
    pub async fn reset_staff(&self, actor: &Actor, id: &StaffId) -> Result<String> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        not_oneself(actor, id, "reset your own sign-in: change it on your own page, or ask another admin")?;
        let (code, new) = self.new_welcome(actor, id)?;
        let mut draft = self.draft(actor, "staff.reset", id.as_str());
        let now = new.created_at;
        let notice = format!("{} reset your password and your second factor.", actor.label());
        transact!(self, tx => {
            if !tx.clear_staff_password(id, now).await? {
                return Err(Error::NotFound("staff member"));
            }
            let had_factor = tx.remove_factor(id).await?;
            let ended = tx.revoke_staff_sessions(id, None, now).await?;
            tx.void_one_time_codes(id, CodePurpose::Welcome, now).await?;
            tx.void_one_time_codes(id, CodePurpose::SecondStep, now).await?;
            tx.add_one_time_code(&new).await?;
            tx.notify_staff(id, &notice, now).await?;
            draft.detail = serde_json::json!({ "had_factor": had_factor, "sessions_ended": ended });
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(code)
    }

    /// Lets a disabled staff member sign in again.
    ///
    /// # Errors
    /// `Conflict` when they are not disabled; `Unproved`; `Denied`.
    #[boxed]
    pub async fn enable_staff(&self, actor: &Actor, id: &StaffId) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        let draft = self.draft(actor, "staff.enabled", id.as_str());
        transact!(self, tx => {
            if !tx.enable_staff(id).await? {
                return Err(Error::Conflict(format!("{id} is not disabled")));
            }
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(())
    }

    /// Ends one console session of a staff member, or all of them; answers how many.
    ///
    /// # Errors
    /// `NotFound` when they have no such session; `Unproved`; `Denied`.
    #[boxed]
    pub async fn end_staff_sessions(
        &self,
        actor: &Actor,
        id: &StaffId,
        session: Option<&StaffSessionId>,
    ) -> Result<i64> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        let now = self.now();
        let mut draft = self.draft(actor, "staff.sessions_ended", id.as_str());
        transact!(self, tx => {
            let ended = match session {
                Some(session) => i64::from(tx.revoke_staff_session(id, session, now).await?),
                None => tx.revoke_staff_sessions(id, None, now).await?,
            };
            if ended == 0 && session.is_some() {
                return Err(Error::NotFound("session of theirs"));
            }
            draft.detail = serde_json::json!({ "ended": ended, "session": session });
            tx.append_audit(&draft).await?;
            Ok(ended)
        })
    }

    /// Makes every proof of a staff member too old: whatever needs one asks for password and code again.
    ///
    /// # Errors
    /// `NotFound`; `Unproved`; `Denied`.
    #[boxed]
    pub async fn expire_proofs(&self, actor: &Actor, id: &StaffId) -> Result<i64> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        self.store().staff(id).await?.ok_or(Error::NotFound("staff member"))?;
        let mut draft = self.draft(actor, "staff.proofs_expired", id.as_str());
        transact!(self, tx => {
            let sessions = tx.expire_proofs(id).await?;
            draft.detail = serde_json::json!({ "sessions": sessions });
            tx.append_audit(&draft).await?;
            Ok(sessions)
        })
    }

    /// A one-time code for `id`, and how it is kept.
    fn new_welcome<'a>(&self, actor: &Actor, id: &'a StaffId) -> Result<(String, NewCode<'a>)> {
        let code = new_one_time_code(self.entropy());
        let hash = code_hash(&code).ok_or_else(|| Error::internal("a code of ours is none"))?;
        let now = self.now();
        let new = NewCode {
            hash,
            purpose: CodePurpose::Welcome,
            staff: Some(id),
            created_by: actor.label(),
            created_at: now,
            expires_at: now + GOOD,
        };
        Ok((code, new))
    }
}

/// Refuses what nobody does to themselves.
pub(super) fn not_oneself(actor: &Actor, id: &StaffId, what: &str) -> Result<()> {
    match actor {
        Actor::Staff { id: me, .. } if me == id => Err(Error::Conflict(format!("you cannot {what}"))),
        _ => Ok(()),
    }
}

fn member(actor: &Actor, record: &StaffRecord, has_factor: bool, open_sessions: i64) -> StaffMember {
    StaffMember {
        row: record.row.clone(),
        has_factor,
        has_password: record.password_hash.is_some(),
        open_sessions,
        is_me: matches!(actor, Actor::Staff { id, .. } if *id == record.row.id),
    }
}
