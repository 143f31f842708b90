//! One's own password: changed by oneself, or chosen with a one-time code that an admin handed over.

use async_recursion::async_recursion as boxed;
use domain::{Actor, AuditOutcome, Freshness, StaffId};
use store::CodePurpose;

use super::{factor::code_hash, sign_in::SignedIn};
use crate::{Error, Result, Unstick};

impl Unstick {
    /// Whether `new` may be one's next password: asked before a proof, which uses a code up.
    ///
    /// # Errors
    /// `Invalid`; `Denied`.
    #[boxed]
    pub async fn check_new_password(&self, actor: &Actor, current: &str, new: &str) -> Result<()> {
        let (id, _) = self.myself(actor).await?;
        let has_factor = self.has_factor(&id).await?;
        Self::check_password(new, &[id.as_str()], has_factor).map_err(|error| match error {
            Error::Invalid { message, .. } => Error::invalid("new_password", message),
            other => other,
        })?;
        if new == current {
            return Err(Error::invalid("new_password", "that is the password that you have"));
        }
        Ok(())
    }

    /// Gives oneself another password, for who just proved who they are ([`Self::prove`]) with the `current` one; ends one's
    /// other console sessions.
    ///
    /// # Errors
    /// `Unproved`; `Invalid` for either password; `Denied`.
    #[boxed]
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &str) -> Result<()> {
        let (id, session) = self.myself(actor).await?;
        actor.require_fresh(Freshness::FiveMinutes, self.now())?;
        self.check_new_password(actor, current, new).await?;
        self.check_own_password(&id, current).await?;
        let hash = self.hash_password(new).await?;
        let (now, draft) = (self.now(), self.draft(actor, "staff.password_changed", id.as_str()));
        transact!(self, tx => {
            tx.set_staff_password(&id, &hash, now).await?;
            tx.revoke_staff_sessions(&id, Some(&session), now).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(())
    }

    /// Refuses what is not the password of `id`. Whoever asks proved it before: nobody guesses here.
    pub(super) async fn check_own_password(&self, id: &StaffId, password: &str) -> Result<()> {
        let staff = self.store().staff(id).await?.ok_or(Error::NotFound("staff member"))?;
        if self.verify_password(password, staff.password_hash).await? {
            return Ok(());
        }
        Err(Error::invalid("password", "that is not your password"))
    }

    /// Chooses a password with the one-time code that an admin handed over, and signs in.
    ///
    /// # Errors
    /// `Invalid` for the code or the password; `Throttled`; `Busy`.
    #[boxed]
    pub async fn welcome(&self, code: &str, password: &str, ip: &str) -> Result<SignedIn> {
        let tries = self.may_try(None, ip).await?;
        let now = self.now();
        let hash = code_hash(code);
        let known = match &hash {
            Some(hash) => self.store().one_time_code(hash, CodePurpose::Welcome, now).await?.flatten(),
            None => None,
        };
        let staff = match &known {
            Some(id) => self.store().staff(id).await?.filter(|staff| staff.row.disabled_at.is_none()),
            None => None,
        };
        let (Some(hash), Some(staff)) = (hash, staff) else {
            let mut draft = self.draft(&Actor::Anonymous, "staff.welcome_failed", "unknown");
            draft.outcome = AuditOutcome::Denied;
            draft.detail = serde_json::json!({ "ip": ip });
            self.note_failure(&tries, &draft).await?;
            let message = "that code is not good: it counts once, within 24 hours. Ask an admin for a new one";
            return Err(Error::invalid("code", message));
        };
        let id = staff.row.id;
        Self::check_password(password, &[id.as_str(), &staff.row.name], self.has_factor(&id).await?)?;
        let password = self.hash_password(password).await?;
        let draft = self.chosen(&id, ip);
        transact!(self, tx => {
            if !tx.use_one_time_code(&hash, CodePurpose::Welcome, now).await? {
                return Err(Error::invalid("code", "that code was used at this moment"));
            }
            tx.set_staff_password(&id, &password, now).await?;
            tx.revoke_staff_sessions(&id, None, now).await?;
            tx.note_sign_in(&id, now).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(SignedIn { staff: id, name: staff.row.name, role: staff.row.role })
    }

    fn chosen(&self, id: &StaffId, ip: &str) -> domain::AuditDraft {
        let mut draft = self.draft(&Actor::System, "staff.password_chosen", id.as_str());
        draft.actor = format!("staff:{id}");
        draft.detail = serde_json::json!({ "ip": ip });
        draft
    }
}
