//! Passwords: what is good enough, and hashing on few threads so that sign-ins cannot eat the machine.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::SaltString,
};
use tokio::sync::Semaphore;

use crate::{ArgonParams, Error, Result, Unstick};

/// Shortest password, in characters (ASVS 5.0 6.2.1 without a second factor, NIST SP 800-63B-4).
const SHORTEST: usize = 15;
/// Shortest password of somebody with a second factor (ASVS 5.0 6.2.1, NIST SP 800-63B-4).
const SHORTEST_OF_TWO: usize = 8;
/// Longest password, in bytes.
const LONGEST: usize = 256;
/// Sign-ins that may wait for a hashing thread; more are told to try again.
const WAITING: usize = 64;

impl Unstick {
    /// Refuses a password that is too short, too long, or easy to guess.
    pub(super) fn check_password(password: &str, about: &[&str], has_factor: bool) -> Result<()> {
        let shortest = if has_factor { SHORTEST_OF_TWO } else { SHORTEST };
        if password.chars().count() < shortest {
            return Err(Error::invalid(
                "password",
                format!("use at least {shortest} characters: a few random words are good"),
            ));
        }
        if password.len() > LONGEST {
            return Err(Error::invalid("password", format!("use at most {LONGEST} bytes")));
        }
        let mut context = vec!["unstick", "admin-tool", "support", "session"];
        context.extend(about);
        if zxcvbn::zxcvbn(password, &context).score() < zxcvbn::Score::Three {
            return Err(Error::invalid(
                "password",
                "that is easy to guess (a common password, a name or a pattern): use a few random words",
            ));
        }
        Ok(())
    }

    /// Whether `password` is too short to stand alone, without a second factor.
    pub(super) fn is_short(password: &str) -> bool {
        password.chars().count() < SHORTEST
    }

    /// Hashes `password` for storage, as a PHC string.
    pub(super) async fn hash_password(&self, password: &str) -> Result<String> {
        let mut salt = [0_u8; 16];
        self.entropy().fill(&mut salt);
        let (password, params) = (password.to_owned(), self.settings().argon);
        self.hashing(move || {
            let salt = SaltString::encode_b64(&salt).map_err(hash_error)?;
            Ok(argon(params)?.hash_password(password.as_bytes(), &salt).map_err(hash_error)?.to_string())
        })
        .await
    }

    /// Whether `password` fits `hash`. Without a hash the same work is done on a dummy, and the answer is no.
    pub(super) async fn verify_password(&self, password: &str, hash: Option<String>) -> Result<bool> {
        // A longer one than can be stored is not worth hashing, but takes the same time as a wrong one.
        let password = if password.len() > LONGEST { String::new() } else { password.to_owned() };
        let params = self.settings().argon;
        self.hashing(move || {
            let known = hash.is_some();
            let dummy = || -> Result<String> {
                let salt = SaltString::encode_b64(&[7_u8; 16]).map_err(hash_error)?;
                // Not the hash of any password: only its cost is wanted.
                Ok(format!(
                    "$argon2id$v=19$m={},t={},p={}${salt}${}",
                    params.memory_kib,
                    params.passes,
                    params.lanes,
                    "A".repeat(43)
                ))
            };
            let text = hash.map_or_else(dummy, Ok)?;
            let parsed = PasswordHash::new(&text).map_err(hash_error)?;
            let fits = argon(params)?.verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(fits && known && !password.is_empty())
        })
        .await
    }

    /// Whether `hash` was made with other costs than are set now.
    pub(super) fn hash_is_old(&self, hash: &str) -> bool {
        let params = self.settings().argon;
        !hash.starts_with(&format!("$argon2id$v=19$m={},t={},p={}$", params.memory_kib, params.passes, params.lanes))
    }

    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        static QUEUE: Semaphore = Semaphore::const_new(WAITING);
        let _place = QUEUE.try_acquire().map_err(|_| Error::Busy)?;
        let permit = self.0.hashing.clone().acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        done.await.map_err(Error::internal)?
    }
}

fn argon(params: ArgonParams) -> Result<Argon2<'static>> {
    let params = Params::new(params.memory_kib, params.passes, params.lanes, None)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_error(error: argon2::password_hash::Error) -> Error {
    Error::internal(error.to_string())
}
