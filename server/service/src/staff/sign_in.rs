//! Signing in. Every way to fail takes the same work and gets the same answer; tries are counted in the database, by
//! name and by address, so that a restart or a second process forgets nothing. Who has a second factor gives it in a second
//! step: that there is one shows only to who knows the password, and its tries count where the password's do.

use async_recursion::async_recursion as boxed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Actor, AuditDraft, AuditOutcome, Instant, Role, Span, StaffId};
use sha2::{Digest, Sha256};
use store::{Attempts, CodePurpose, NewCode, StaffRecord};

use super::factor::{Second, take};
use crate::{Error, Result, Unstick};

/// Failures after which waits begin.
const FREE: i64 = 5;
/// Failures in the window after which the name waits to its end (OWASP ASVS 5.0 6.3.1: at most 100 a day).
const MOST: i64 = 100;
/// Failures of one address after which it waits.
const FREE_ADDRESS: i64 = 50;
/// Time over which failures count.
const WINDOW: Span = Span::from_days(1);
/// Longest wait between two tries below [`MOST`].
const LONGEST: Span = Span::from_secs(15 * 60);

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub staff: StaffId,
    /// The name to show.
    pub name: String,
    /// In what role.
    pub role: Role,
}

/// What comes after a password that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// They are in.
    In(SignedIn),
    /// They give their second factor, together with this.
    Second(String),
}

/// Under what tries are counted.
pub(super) struct Tries {
    by_name: String,
    by_address: String,
}

impl Tries {
    /// Under what the name's are; nothing for who has none yet.
    pub(super) fn name(&self) -> &str {
        &self.by_name
    }
}

/// How long the second step may take.
const SECOND_STEP: Span = Span::from_secs(5 * 60);

impl Unstick {
    /// Goes on unless `name` or the address must wait after failed tries.
    pub(super) async fn may_try(&self, name: Option<&str>, ip: &str) -> Result<Tries> {
        // The same key whether such a person exists or not; long and odd names are cut to what a name can be.
        let by_name = name.map(|name| format!("name:{}", domain::fingerprint(name))).unwrap_or_default();
        let by_address = format!("ip:{ip}");
        let now = self.now();
        let (tries, from_here) =
            tokio::try_join!(self.store().attempts(&by_name, now), self.store().attempts(&by_address, now))?;
        match wait(&tries, FREE, now).max(wait(&from_here, FREE_ADDRESS, now)) {
            Some(wait) => Err(Error::Throttled { wait }),
            None => Ok(Tries { by_name, by_address }),
        }
    }

    /// Counts a failed try, and writes `draft` down.
    pub(super) async fn note_failure(&self, tries: &Tries, draft: &AuditDraft) -> Result<()> {
        let now = self.now();
        transact!(self, tx => {
            if !tries.by_name.is_empty() {
                tx.note_attempt(&tries.by_name, now, WINDOW).await?;
            }
            tx.note_attempt(&tries.by_address, now, WINDOW).await?;
            Ok(tx.append_audit(draft).await?)
        })?;
        Ok(())
    }

    /// Checks a name and a password. `ip` is the address that the tries are counted for.
    ///
    /// # Errors
    /// `SignIn`, the same for an unknown name, a wrong password and a disabled account; `Throttled`; `Busy`.
    #[boxed]
    pub async fn sign_in(&self, name: &str, password: &str, ip: &str) -> Result<Entry> {
        let name = name.trim().to_lowercase();
        let tries = self.may_try(Some(&name), ip).await?;
        let staff = match StaffId::parse(name.clone()) {
            Ok(id) => self.store().staff(&id).await?,
            Err(_) => None,
        };
        let enabled = staff.filter(|staff| staff.row.disabled_at.is_none());
        let hash = enabled.as_ref().and_then(|staff| staff.password_hash.clone());
        let old_hash = hash.as_deref().is_some_and(|hash| self.hash_is_old(hash));
        let fits = self.verify_password(password, hash).await?;
        match enabled.filter(|_| fits) {
            Some(staff) if self.has_factor(&staff.row.id).await? => self.ask_second(&staff.row.id).await,
            Some(staff) => self.let_in(staff, old_hash.then_some(password), &tries, ip).await,
            None => Err(self.turn_away(&name, &tries, ip).await?),
        }
    }

    /// The second step of a sign-in: `ticket` is what the first one answered.
    ///
    /// # Errors
    /// `Gone` when the ticket is not good any more; `SignIn` when the code does not count; `Throttled`.
    #[boxed]
    pub async fn sign_in_second(&self, ticket: &str, code: &str, ip: &str) -> Result<SignedIn> {
        let over = || Error::Gone("time for this sign-in");
        let (hash, now) = (ticket_hash(ticket), self.now());
        let id = self.store().one_time_code(&hash, CodePurpose::SecondStep, now).await?.flatten().ok_or_else(over)?;
        let tries = self.may_try(Some(id.as_str()), ip).await?;
        let staff = self.store().staff(&id).await?.filter(|staff| staff.row.disabled_at.is_none()).ok_or_else(over)?;
        let second = self.second_of(&id, code).await?;
        if second == Second::NotNeeded {
            // It was taken away meanwhile: the password alone is another sign-in.
            return Err(over());
        }
        let mut draft = self.signed_in_event(&id, ip);
        draft.detail["with"] = second.word().into();
        let taken = transact!(self, tx => {
            if !take(&mut tx, &id, second, now).await? {
                return Ok(false);
            }
            if !tx.use_one_time_code(&hash, CodePurpose::SecondStep, now).await? {
                return Err(over());
            }
            tx.clear_attempts(tries.name()).await?;
            tx.note_sign_in(&id, now).await?;
            tx.append_audit(&draft).await?;
            Ok(true)
        })?;
        if !taken {
            return Err(self.turn_away(id.as_str(), &tries, ip).await?);
        }
        Ok(SignedIn { staff: id, name: staff.row.name, role: staff.row.role })
    }

    /// The password fits: asks for the second factor. Nothing is let in or forgotten yet.
    async fn ask_second(&self, id: &StaffId) -> Result<Entry> {
        let mut bytes = [0_u8; 32];
        self.entropy().fill(&mut bytes);
        let ticket = URL_SAFE_NO_PAD.encode(bytes);
        let now = self.now();
        let new = NewCode {
            hash: ticket_hash(&ticket),
            purpose: CodePurpose::SecondStep,
            staff: Some(id),
            created_by: format!("staff:{id}"),
            created_at: now,
            expires_at: now + SECOND_STEP,
        };
        transact!(self, tx => { Ok(tx.add_one_time_code(&new).await?) })?;
        Ok(Entry::Second(ticket))
    }

    fn signed_in_event(&self, id: &StaffId, ip: &str) -> AuditDraft {
        let mut draft = self.draft(&Actor::System, "staff.signed_in", id.as_str());
        draft.actor = format!("staff:{id}");
        draft.detail = serde_json::json!({ "ip": ip });
        draft
    }

    async fn let_in(&self, staff: StaffRecord, rehash: Option<&str>, tries: &Tries, ip: &str) -> Result<Entry> {
        let now = self.now();
        let id = staff.row.id;
        let rehashed = match rehash {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let draft = self.signed_in_event(&id, ip);
        transact!(self, tx => {
            tx.clear_attempts(tries.name()).await?;
            tx.note_sign_in(&id, now).await?;
            if let Some(hash) = &rehashed {
                tx.set_staff_password(&id, hash, now).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(Entry::In(SignedIn { staff: id, name: staff.row.name, role: staff.row.role }))
    }

    /// Counts a failed try and writes it down; answers what is told.
    async fn turn_away(&self, name: &str, tries: &Tries, ip: &str) -> Result<Error> {
        // What was typed as a name may be a password in the wrong box: only a name that exists is written down.
        let known = match StaffId::parse(name) {
            Ok(id) => self.store().staff(&id).await?.map(|staff| staff.row.id),
            Err(_) => None,
        };
        let target = known.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let mut draft = self.draft(&Actor::Anonymous, "staff.sign_in_failed", &target);
        draft.outcome = AuditOutcome::Denied;
        draft.detail = serde_json::json!({ "ip": ip });
        self.note_failure(tries, &draft).await?;
        Ok(Error::SignIn)
    }
}

/// What the ticket of a second step is known by in the database.
fn ticket_hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

/// How long `tries` must wait at `now`: 1, 2, 4, … seconds after the last one, up to a quarter of an hour.
fn wait(tries: &Attempts, free: i64, now: Instant) -> Option<Span> {
    let last = tries.last_at?;
    if tries.failures < free {
        return None;
    }
    let until = if tries.failures >= MOST && free == FREE {
        tries.window_start.unwrap_or(last) + WINDOW
    } else {
        let doublings = u32::try_from((tries.failures - free).clamp(0, 20)).unwrap_or(20);
        last + Span::from_secs(1_i64 << doublings).min(LONGEST)
    };
    (until > now).then(|| until.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(failures: i64) -> Attempts {
        Attempts { failures, last_at: Some(Instant::from_secs(100)), window_start: Some(Instant::from_secs(0)) }
    }

    #[test]
    fn waits_grow_after_five_failures_and_end_at_a_quarter_of_an_hour() {
        let now = Instant::from_secs(100);
        assert_eq!(wait(&tries(4), FREE, now), None);
        assert_eq!(wait(&tries(5), FREE, now), Some(Span::from_secs(1)));
        assert_eq!(wait(&tries(8), FREE, now), Some(Span::from_secs(8)));
        assert_eq!(wait(&tries(60), FREE, now), Some(LONGEST));
        assert_eq!(wait(&tries(8), FREE, now + Span::from_secs(8)), None);
    }

    #[test]
    fn a_hundred_failures_a_day_are_the_most() {
        let soon = Instant::from_secs(100) + LONGEST;
        assert_eq!(wait(&tries(100), FREE, soon), Some((Instant::from_secs(0) + WINDOW).since(soon)));
    }
}
