//! Signing in. Every way to fail takes the same work and gets the same answer; tries are counted in the database, by
//! name and by address, so that a restart or a second process forgets nothing.

use domain::{Actor, AuditOutcome, Instant, Role, Span, StaffId};
use store::{Attempts, StaffRecord};

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

impl Unstick {
    /// Checks a name and a password. `ip` is the address that the tries are counted for.
    ///
    /// # Errors
    /// `SignIn`, the same for an unknown name, a wrong password and a disabled account; `Throttled`; `Busy`.
    pub async fn sign_in(&self, name: &str, password: &str, ip: &str) -> Result<SignedIn> {
        let name = name.trim().to_lowercase();
        // The same key whether such a person exists or not; long and odd names are cut to what a name can be.
        let by_name = format!("name:{}", domain::fingerprint(&name));
        let by_address = format!("ip:{ip}");
        let now = self.now();
        let (tries, from_here) =
            tokio::try_join!(self.store().attempts(&by_name, now), self.store().attempts(&by_address, now))?;
        if let Some(wait) = wait(&tries, FREE, now).max(wait(&from_here, FREE_ADDRESS, now)) {
            return Err(Error::Throttled { wait });
        }
        let staff = match StaffId::parse(name.clone()) {
            Ok(id) => self.store().staff(&id).await?,
            Err(_) => None,
        };
        let enabled = staff.filter(|staff| staff.row.disabled_at.is_none());
        let hash = enabled.as_ref().and_then(|staff| staff.password_hash.clone());
        let old_hash = hash.as_deref().is_some_and(|hash| self.hash_is_old(hash));
        let fits = self.verify_password(password, hash).await?;
        match enabled.filter(|_| fits) {
            Some(staff) => self.let_in(staff, old_hash.then_some(password), &by_name, ip).await,
            None => self.turn_away(&name, &by_name, &by_address, ip).await,
        }
    }

    async fn let_in(&self, staff: StaffRecord, rehash: Option<&str>, by_name: &str, ip: &str) -> Result<SignedIn> {
        let now = self.now();
        let id = staff.row.id;
        let rehashed = match rehash {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let mut draft = self.draft(&Actor::System, "staff.signed_in", id.as_str());
        draft.actor = format!("staff:{id}");
        draft.detail = serde_json::json!({ "ip": ip });
        transact!(self, tx => {
            tx.clear_attempts(by_name).await?;
            tx.note_sign_in(&id, now).await?;
            if let Some(hash) = &rehashed {
                tx.set_staff_password(&id, hash, now).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(SignedIn { staff: id, name: staff.row.name, role: staff.row.role })
    }

    async fn turn_away(&self, name: &str, by_name: &str, by_address: &str, ip: &str) -> Result<SignedIn> {
        let now = self.now();
        // What was typed as a name may be a password in the wrong box: only a name that exists is written down.
        let known = match StaffId::parse(name) {
            Ok(id) => self.store().staff(&id).await?.map(|staff| staff.row.id),
            Err(_) => None,
        };
        let target = known.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let mut draft = self.draft(&Actor::Anonymous, "staff.sign_in_failed", &target);
        draft.outcome = AuditOutcome::Denied;
        draft.detail = serde_json::json!({ "ip": ip });
        transact!(self, tx => {
            tx.note_attempt(by_name, now, WINDOW).await?;
            tx.note_attempt(by_address, now, WINDOW).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Err(Error::SignIn)
    }
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
