//! One's own second factor: set up with a first code, used with every sign-in and every proof, taken away again. Ten
//! recovery codes stand in for a lost telephone, each once.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditOutcome, Freshness, Instant, StaffId, new_one_time_code, read_one_time_code, view::NewFactor,
};
use sha2::{Digest, Sha256};
use store::Tx;

use super::totp::{self, SEED};
use crate::{Error, Result, Unstick};

/// Recovery codes of one person.
const RECOVERY_CODES: usize = 10;

/// What was given as a second factor. Only [`take`] says whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// The person has none.
    NotNeeded,
    /// It is nothing that could count.
    Wrong,
    /// The code of this step of the clock.
    Step(i64),
    /// A recovery code, by its hash.
    Recovery([u8; 32]),
}

impl Second {
    /// The word in the audit log.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotNeeded | Self::Wrong => "password",
            Self::Step(_) => "password and code",
            Self::Recovery(_) => "password and recovery code",
        }
    }
}

/// Uses `second` up; `false` when it does not count, or did before.
pub(super) async fn take(tx: &mut Tx, staff: &StaffId, second: Second, now: Instant) -> Result<bool> {
    Ok(match second {
        Second::NotNeeded => true,
        Second::Wrong => false,
        Second::Step(step) => tx.take_factor_step(staff, step).await?,
        Second::Recovery(hash) => tx.use_recovery_code(staff, &hash, now).await?,
    })
}

/// What a one-time code is known by in the database; `None` for what cannot be one.
pub(super) fn code_hash(typed: &str) -> Option<[u8; 32]> {
    read_one_time_code(typed).map(|code| Sha256::digest(code.as_bytes()).into())
}

impl Unstick {
    /// What `typed` is as the second factor of `staff`.
    pub(super) async fn second_of(&self, staff: &StaffId, typed: &str) -> Result<Second> {
        let Some(factor) = self.store().factor(staff).await?.filter(|factor| factor.enrolled_at.is_some()) else {
            return Ok(Second::NotNeeded);
        };
        if let Some(hash) = code_hash(typed) {
            return Ok(Second::Recovery(hash));
        }
        let step = totp::step_of(&self.seed_of(staff, &factor.seed)?, typed, self.now())?;
        Ok(step.map_or(Second::Wrong, Second::Step))
    }

    /// Whether `staff` has a second factor that counts.
    pub(super) async fn has_factor(&self, staff: &StaffId) -> Result<bool> {
        Ok(self.store().factor(staff).await?.is_some_and(|factor| factor.enrolled_at.is_some()))
    }

    fn seed_of(&self, staff: &StaffId, sealed: &str) -> Result<[u8; SEED]> {
        let opened = self.settings().seal_keys.open(sealed, &purpose(staff))?;
        opened.try_into().map_err(|_| Error::internal("a seed has another length"))
    }

    /// Begins to set up one's second factor: from now on [`Self::new_factor`] shows it.
    ///
    /// # Errors
    /// `Unproved`; `Conflict` when one has one; `Denied`.
    #[boxed]
    pub async fn begin_factor(&self, actor: &Actor) -> Result<()> {
        let (id, _) = self.myself(actor).await?;
        actor.require_fresh(Freshness::FiveMinutes, self.now())?;
        let mut seed = [0_u8; SEED];
        self.entropy().fill(&mut seed);
        let sealed = self.settings().seal_keys.seal(self.entropy(), &seed, &purpose(&id))?;
        let (now, draft) = (self.now(), self.draft(actor, "staff.factor_begun", id.as_str()));
        transact!(self, tx => {
            if !tx.begin_factor(&id, &sealed, now).await? {
                return Err(Error::Conflict("you have a second factor: remove it first".to_owned()));
            }
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(())
    }

    /// The second factor that one is setting up; `None` when none is. `host` is where the console is.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn new_factor(&self, actor: &Actor, host: &str) -> Result<Option<NewFactor>> {
        let (id, _) = self.myself(actor).await?;
        match self.store().factor(&id).await? {
            Some(factor) if factor.enrolled_at.is_none() => {
                Ok(Some(totp::shown(&self.seed_of(&id, &factor.seed)?, id.as_str(), host)?))
            }
            _ => Ok(None),
        }
    }

    /// Lets the second factor count from now on, with its first code; ends one's other console sessions. Answers the
    /// recovery codes, which are kept nowhere.
    ///
    /// # Errors
    /// `Unproved`; `Invalid` for the code; `Throttled`; `Conflict` when none is being set up; `Denied`.
    #[boxed]
    pub async fn confirm_factor(&self, actor: &Actor, code: &str, ip: &str) -> Result<Vec<String>> {
        let (id, session) = self.myself(actor).await?;
        actor.require_fresh(Freshness::HalfHour, self.now())?;
        let none = || Error::Conflict("no second factor is being set up: begin again".to_owned());
        let tries = self.may_try(Some(id.as_str()), ip).await?;
        let factor = self.store().factor(&id).await?.filter(|factor| factor.enrolled_at.is_none()).ok_or_else(none)?;
        let now = self.now();
        let mut draft = self.draft(actor, "staff.factor_set_up", id.as_str());
        let Some(step) = totp::step_of(&self.seed_of(&id, &factor.seed)?, code, now)? else {
            draft.outcome = AuditOutcome::Failed;
            self.note_failure(&tries, &draft).await?;
            return Err(Error::invalid(
                "first_code",
                "that is not the code of now: is the clock of your telephone right?",
            ));
        };
        let (codes, hashes) = self.new_recovery_codes();
        transact!(self, tx => {
            if !tx.enrol_factor(&id, &factor.seed, step, now).await? {
                return Err(none());
            }
            tx.clear_attempts(tries.name()).await?;
            tx.set_recovery_codes(&id, &hashes).await?;
            tx.revoke_staff_sessions(&id, Some(&session), now).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(codes)
    }

    /// Gives one new recovery codes, which are kept nowhere; those from before are void, used or not.
    ///
    /// # Errors
    /// `Unproved`; `Conflict` when one has no second factor; `Denied`.
    #[boxed]
    pub async fn renew_recovery_codes(&self, actor: &Actor) -> Result<Vec<String>> {
        let (id, _) = self.myself(actor).await?;
        actor.require_fresh(Freshness::FiveMinutes, self.now())?;
        let (codes, hashes) = self.new_recovery_codes();
        let draft = self.draft(actor, "staff.recovery_codes_renewed", id.as_str());
        transact!(self, tx => {
            if !tx.lock_factor(&id).await? {
                return Err(Error::Conflict("you have no second factor: set one up first".to_owned()));
            }
            tx.set_recovery_codes(&id, &hashes).await?;
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(codes)
    }

    fn new_recovery_codes(&self) -> (Vec<String>, Vec<[u8; 32]>) {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_one_time_code(self.entropy())).collect();
        let hashes = codes.iter().filter_map(|code| code_hash(code)).collect();
        (codes, hashes)
    }

    /// Takes one's second factor and its recovery codes away, for who just proved who they are ([`Self::prove`]) with
    /// `password`.
    ///
    /// # Errors
    /// `Unproved`; `Invalid` for the password; `Conflict` when one has none, or a password that is too short to stand alone.
    #[boxed]
    pub async fn remove_factor(&self, actor: &Actor, password: &str) -> Result<()> {
        let (id, _) = self.myself(actor).await?;
        actor.require_fresh(Freshness::FiveMinutes, self.now())?;
        self.check_own_password(&id, password).await?;
        if Self::is_short(password) {
            let message = "your password is good only beside a second factor: choose a longer one first";
            return Err(Error::Conflict(message.to_owned()));
        }
        let draft = self.draft(actor, "staff.factor_removed", id.as_str());
        transact!(self, tx => {
            if !tx.remove_factor(&id).await? {
                return Err(Error::Conflict("you have no second factor".to_owned()));
            }
            Ok(tx.append_audit(&draft).await?)
        })?;
        Ok(())
    }
}

/// What a seed is sealed for.
fn purpose(staff: &StaffId) -> String {
    format!("factor:{staff}")
}
