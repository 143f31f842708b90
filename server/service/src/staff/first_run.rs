//! The first admin: made in the console with a one-time code that `serve` prints when nobody is there yet. There is no
//! default password anywhere. Several processes print a code each; the first that is used makes all of them useless.

use async_recursion::async_recursion as boxed;
use domain::{Actor, AuditOutcome, Role, Span, StaffId, new_one_time_code};
use store::{CodePurpose, NewCode};

use super::{factor::code_hash, sign_in::SignedIn};
use crate::{Error, Result, Unstick};

/// How long a code of the first set-up, or for somebody new, is good.
pub(super) const GOOD: Span = Span::from_days(1);

impl Unstick {
    /// A new code for the first set-up; `None` when there is any staff.
    ///
    /// # Errors
    /// When the database could not.
    #[boxed]
    pub async fn first_run_code(&self) -> Result<Option<String>> {
        if self.store().has_staff().await? {
            return Ok(None);
        }
        let code = new_one_time_code(self.entropy());
        let hash = code_hash(&code).ok_or_else(|| Error::internal("a code of ours is none"))?;
        let now = self.now();
        let new = NewCode {
            hash,
            purpose: CodePurpose::FirstRun,
            staff: None,
            created_by: Actor::System.label(),
            created_at: now,
            expires_at: now + GOOD,
        };
        let draft = self.draft(&Actor::System, "setup.code_made", "first admin");
        transact!(self, tx => {
            tx.add_one_time_code(&new).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(Some(code))
    }

    /// Whether nobody is there yet, so that the first admin can be made.
    ///
    /// # Errors
    /// When the database could not.
    #[boxed]
    pub async fn needs_first_admin(&self) -> Result<bool> {
        Ok(!self.store().has_staff().await?)
    }

    /// Makes the first admin, with the code that `serve` printed, and signs them in.
    ///
    /// # Errors
    /// `Gone` when there is staff; `Invalid` for the code, the names or the password; `Throttled`; `Busy`.
    #[boxed]
    pub async fn set_up(&self, code: &str, id: &str, name: &str, password: &str, ip: &str) -> Result<SignedIn> {
        let over = || Error::Gone("first set-up");
        if self.store().has_staff().await? {
            return Err(over());
        }
        let tries = self.may_try(None, ip).await?;
        let now = self.now();
        let hash = code_hash(code);
        let good = match &hash {
            Some(hash) => self.store().one_time_code(hash, CodePurpose::FirstRun, now).await?.is_some(),
            None => false,
        };
        let Some(hash) = hash.filter(|_| good) else {
            let mut draft = self.draft(&Actor::Anonymous, "setup.failed", "first admin");
            draft.outcome = AuditOutcome::Denied;
            draft.detail = serde_json::json!({ "ip": ip });
            self.note_failure(&tries, &draft).await?;
            return Err(wrong_code());
        };
        let id = StaffId::parse(id.trim()).map_err(|error| Error::invalid("name", error.to_string()))?;
        let shown = if name.trim().is_empty() { id.to_string() } else { name.trim().to_owned() };
        Self::check_names(&id, &shown)?;
        Self::check_password(password, &[id.as_str(), &shown], false)?;
        let password = self.hash_password(password).await?;
        let mut draft = self.draft(&Actor::System, "setup.done", id.as_str());
        draft.actor = format!("staff:{id}");
        draft.detail = serde_json::json!({ "ip": ip, "role": Role::Admin });
        transact!(self, tx => {
            // First: who appends holds the end of the log until the transaction ends, so that two set-ups are one after
            // the other, and the second one sees what the first one made.
            tx.append_audit(&draft).await?;
            if tx.has_staff().await? {
                return Err(over());
            }
            if !tx.use_one_time_code(&hash, CodePurpose::FirstRun, now).await? {
                return Err(wrong_code());
            }
            tx.add_staff(&id, &shown, Role::Admin, Some(&password), now).await?;
            tx.note_sign_in(&id, now).await?;
            Ok(())
        })?;
        Ok(SignedIn { staff: id, name: shown, role: Role::Admin })
    }
}

fn wrong_code() -> Error {
    let message = "that is not the code: it is printed where the server was started, and good for 24 hours. A restart \
                   prints a new one";
    Error::invalid("code", message)
}
