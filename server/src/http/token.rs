//! The token in forms: proof that a form was made for this very session. HMAC-SHA-256 over random bytes and the hash of
//! the session's id; the random bytes make it another text in every page, so that the size of compressed pages tells
//! nothing about it (BREACH).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Entropy;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Secret;

/// The form field that carries it.
pub const FIELD: &str = "csrf";
/// The header that may carry it instead.
pub const HEADER: &str = "x-csrf-token";

const SALT: usize = 12;
const PROOF: usize = 20;

fn proof(key: &Secret, salt: &[u8], session: &[u8; 32]) -> [u8; PROOF] {
    let mut short = [0; PROOF];
    // HMAC takes a key of any length; the error of its signature cannot happen.
    if let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(&key.0) {
        mac.update(b"unstick form v1");
        mac.update(salt);
        mac.update(session);
        let whole = mac.finalize().into_bytes();
        short.copy_from_slice(&whole[..PROOF]);
    }
    short
}

/// A fresh token for the session with this hash.
pub fn mint(key: &Secret, entropy: &dyn Entropy, session: &[u8; 32]) -> String {
    let mut bytes = [0; SALT + PROOF];
    let (salt, rest) = bytes.split_at_mut(SALT);
    entropy.fill(salt);
    rest.copy_from_slice(&proof(key, salt, session));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether `token` was made for the session with this hash. Takes the same time for every wrong one.
pub fn fits(key: &Secret, token: &str, session: &[u8; 32]) -> bool {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    if bytes.len() != SALT + PROOF {
        return false;
    }
    let (salt, claimed) = bytes.split_at(SALT);
    proof(key, salt, session).ct_eq(claimed).into()
}

#[cfg(test)]
mod tests {
    use domain::SeededEntropy;

    use super::*;

    #[test]
    fn a_token_fits_its_session_and_no_other() {
        let entropy = SeededEntropy::new(7);
        let (key, other_key) = (Secret::new(&entropy), Secret::new(&entropy));
        let (mine, thine) = ([1; 32], [2; 32]);
        let (first, second) = (mint(&key, &entropy, &mine), mint(&key, &entropy, &mine));
        assert_ne!(first, second, "a page's token is never the one of another page");
        assert!(fits(&key, &first, &mine) && fits(&key, &second, &mine));
        assert!(!fits(&key, &first, &thine) && !fits(&other_key, &first, &mine));
        for bad in ["", "x", &first[1..], &format!("{first}A")] {
            assert!(!fits(&key, bad, &mine), "{bad:?}");
        }
    }
}
