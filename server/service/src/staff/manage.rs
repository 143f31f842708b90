//! Staff, by admins and by the shell. A change of role or password ends the person's console sessions; the last admin
//! cannot be lost.

use async_recursion::async_recursion as boxed;
use domain::{Actor, AuditDraft, Freshness, Permission, Role, StaffId, view::StaffRow};
use store::Tx;

use super::theirs::not_oneself;
use crate::{Error, Result, Unstick};

impl Unstick {
    /// Adds a staff member.
    ///
    /// # Errors
    /// `Invalid` for the password or the name; `Conflict` when there is one; `Unproved`; `Denied`.
    #[boxed]
    pub async fn add_staff(&self, actor: &Actor, id: &StaffId, name: &str, role: Role, password: &str) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        Self::check_names(id, name)?;
        Self::check_password(password, &[id.as_str(), name], false)?;
        let hash = self.hash_password(password).await?;
        let now = self.now();
        let mut draft = self.draft(actor, "staff.added", id.as_str());
        draft.detail = serde_json::json!({ "role": role });
        let added = transact!(self, tx => {
            let added = tx.add_staff(id, name, role, Some(&hash), now).await?;
            if added {
                tx.append_audit(&draft).await?;
            }
            Ok(added)
        })?;
        if added { Ok(()) } else { Err(Error::Conflict(format!("there is a staff member {id} already"))) }
    }

    /// Gives a staff member another role.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the last admin and for oneself; `Unproved`; `Denied`.
    #[boxed]
    pub async fn set_role(&self, actor: &Actor, id: &StaffId, role: Role) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        not_oneself(actor, id, "change your own role: another admin does that")?;
        let mut draft = self.draft(actor, "staff.role_set", id.as_str());
        draft.detail = serde_json::json!({ "role": role });
        let now = self.now();
        transact!(self, tx => {
            let found = tx.set_staff_role(id, role).await?;
            self.changed_staff(&mut tx, id, found, &draft, now).await
        })
    }

    /// Gives a staff member another password.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for the password; `Unproved`; `Denied`.
    #[boxed]
    pub async fn set_password(&self, actor: &Actor, id: &StaffId, password: &str) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        Self::check_password(password, &[id.as_str()], false)?;
        let hash = self.hash_password(password).await?;
        let draft = self.draft(actor, "staff.password_set", id.as_str());
        let now = self.now();
        transact!(self, tx => {
            let found = tx.set_staff_password(id, &hash, now).await?;
            self.changed_staff(&mut tx, id, found, &draft, now).await
        })
    }

    /// Takes a staff member's access away; what they did stays in the log.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the last admin and for oneself; `Unproved`; `Denied`.
    #[boxed]
    pub async fn disable_staff(&self, actor: &Actor, id: &StaffId) -> Result<()> {
        self.authorize_fresh(actor, Permission::ManageStaff, Freshness::FiveMinutes, id.as_str()).await?;
        not_oneself(actor, id, "disable yourself: another admin does that")?;
        let draft = self.draft(actor, "staff.disabled", id.as_str());
        let now = self.now();
        transact!(self, tx => {
            let found = tx.disable_staff(id, now).await?;
            self.changed_staff(&mut tx, id, found, &draft, now).await
        })
    }

    /// Every staff member.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn staff(&self, actor: &Actor) -> Result<Vec<StaffRow>> {
        self.authorize(actor, Permission::ManageStaff, "staff").await?;
        Ok(self.store().staff_list().await?)
    }

    /// Refuses names that cannot be.
    pub(super) fn check_names(id: &StaffId, name: &str) -> Result<()> {
        if id.as_str().to_lowercase() != id.as_str() {
            return Err(Error::invalid("name", "sign-in names are lower case"));
        }
        if name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(Error::invalid("name", "a name is at most 80 characters in one line"));
        }
        Ok(())
    }

    /// What every change of a staff member does: an admin remains, open console sessions end, the log knows.
    async fn changed_staff(
        &self,
        tx: &mut Tx,
        id: &StaffId,
        found: bool,
        draft: &AuditDraft,
        now: domain::Instant,
    ) -> Result<()> {
        if !found {
            return Err(Error::NotFound("staff member"));
        }
        let loses = matches!(draft.action.as_str(), "staff.role_set" | "staff.disabled");
        if loses && tx.count_admins().await? == 0 {
            let message = "that would leave no admin: make somebody else admin first";
            return Err(Error::Conflict(message.to_owned()));
        }
        tx.revoke_staff_sessions(id, None, now).await?;
        tx.append_audit(draft).await?;
        Ok(())
    }
}
