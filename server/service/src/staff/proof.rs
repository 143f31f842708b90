//! Confirming who one is: password, and the second factor of whoever has one. It counts into the same tries as a sign-in,
//! and gives the console session a new secret. A proof may be given for one list alone: then it is used up together with
//! what it was given for.

use async_recursion::async_recursion as boxed;
use domain::{Actor, AuditOutcome, Denied, Intent, Permission, PlanHash};
use sha2::{Digest, Sha256};
use store::Tx;

use super::factor::{Second, take};
use crate::{Error, Result, Unstick};

/// What a person gives to prove who they are.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The password.
    pub password: &'a str,
    /// A code of the second factor, or a recovery code; empty for who has none.
    pub code: &'a str,
    /// The address that it comes from.
    pub ip: &'a str,
}

/// Somebody who proved who they are.
pub struct Proved {
    /// The same actor, with the fresh proof.
    pub actor: Actor,
    /// The new secret of the console session; the old one opens nothing any more.
    pub secret: [u8; 16],
}

impl Unstick {
    /// Proves who `actor` is, anew. With an `intent`, the proof counts once, for exactly that list.
    ///
    /// # Errors
    /// `Invalid` for the password or the code; `Throttled`; `Busy`; `Denied`.
    #[boxed]
    pub async fn prove<'a>(
        &self,
        actor: &Actor,
        proof: Proof<'a>,
        intent: Option<(Intent, &'a PlanHash)>,
    ) -> Result<Proved> {
        let (id, session) = self.myself(actor).await?;
        let tries = self.may_try(Some(id.as_str()), proof.ip).await?;
        let staff = self.store().staff(&id).await?.ok_or(Error::NotFound("staff member"))?;
        let fits = self.verify_password(proof.password, staff.password_hash).await?;
        let second = self.second_of(&id, proof.code).await?;
        let (mut secret, now) = ([0_u8; 16], self.now());
        self.entropy().fill(&mut secret);
        let hash: [u8; 32] = Sha256::digest(secret).into();
        let mut draft = self.draft(actor, "staff.proved", id.as_str());
        draft.detail = serde_json::json!({ "ip": proof.ip, "with": second.word() });
        if let Some((intent, list)) = intent {
            draft.detail["for"] = intent.as_str().into();
            draft.detail["hash"] = list.0.as_str().into();
        }
        let taken = fits
            && transact!(self, tx => {
                if !take(&mut tx, &id, second, now).await? {
                    return Ok(false);
                }
                if !tx.renew_staff_session(&id, &session, &hash, now).await? {
                    return Err(Error::Denied(Denied(Permission::OwnSessions), true));
                }
                if let Some((intent, list)) = intent {
                    tx.add_intent(&session, intent, &list.0, now).await?;
                }
                tx.clear_attempts(tries.name()).await?;
                tx.append_audit(&draft).await?;
                Ok(true)
            })?;
        if !taken {
            "staff.proof_failed".clone_into(&mut draft.action);
            draft.outcome = AuditOutcome::Denied;
            draft.detail = serde_json::json!({ "ip": proof.ip });
            self.note_failure(&tries, &draft).await?;
            return Err(refused(fits, second));
        }
        let mut actor = actor.clone();
        if let Actor::Staff { proved_at, .. } = &mut actor {
            *proved_at = now;
        }
        Ok(Proved { actor, secret })
    }

    /// Uses up the proof that `actor` gave for `intent` on exactly the list `hash`. Whoever is no person in the console gives
    /// none.
    ///
    /// # Errors
    /// `Unproved` without one.
    pub(crate) async fn use_intent(&self, tx: &mut Tx, actor: &Actor, intent: Intent, hash: &PlanHash) -> Result<()> {
        let Actor::Staff { session, .. } = actor else { return Ok(()) };
        if tx.use_intent(session, intent, &hash.0, self.now()).await? {
            return Ok(());
        }
        Err(Error::Unproved(domain::Unproved(domain::Freshness::FiveMinutes)))
    }
}

/// Why a proof does not count.
fn refused(password_fits: bool, second: Second) -> Error {
    match second {
        Second::NotNeeded => Error::invalid("password", "that is not your password"),
        Second::Step(_) if password_fits => {
            Error::invalid("code", "that code was used already: wait for the next one, at most half a minute")
        }
        _ => Error::invalid("password", "your password and that code do not fit"),
    }
}
