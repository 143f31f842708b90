//! Small secrets at rest: the seeds of second factors, and what is shown once on the page after a form. Sealed with
//! XChaCha20-Poly1305 under a key that is not in the database, and bound to what they are for, so that a row that is copied
//! to another person opens nothing. New seals are made under the first key; older ones open what was sealed before.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use domain::Entropy;

use crate::{Error, Result};

const NONCE: usize = 24;

/// The keys, the one in use first. They never print themselves.
#[derive(Clone, Default)]
pub struct SealKeys(Vec<[u8; 32]>);

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealKeys({})", self.0.len())
    }
}

impl SealKeys {
    /// Keys, the one in use first.
    pub const fn new(keys: Vec<[u8; 32]>) -> Self {
        Self(keys)
    }

    /// Seals `secret` for `purpose`.
    pub(crate) fn seal(&self, entropy: &dyn Entropy, secret: &[u8], purpose: &str) -> Result<String> {
        let key = self.0.first().ok_or_else(|| Error::internal("there is no key to seal secrets with"))?;
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: secret, aad: purpose.as_bytes() };
        let sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed for `purpose`.
    pub(crate) fn open(&self, sealed: &str, purpose: &str) -> Result<Vec<u8>> {
        let trouble = || Error::internal("a sealed secret does not open: is factors.key the one it was sealed with?");
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| trouble())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or_else(trouble)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| trouble())?;
        let open = |key: &[u8; 32]| {
            let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
            XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), payload).ok()
        };
        self.0.iter().find_map(open).ok_or_else(trouble)
    }
}

#[cfg(test)]
mod tests {
    use domain::SeededEntropy;

    use super::*;

    #[test]
    fn what_is_sealed_opens_under_either_key_and_for_nobody_else() {
        let entropy = SeededEntropy::new(1);
        let (old, new) = (SealKeys::new(vec![[1; 32]]), SealKeys::new(vec![[2; 32], [1; 32]]));
        let sealed = old.seal(&entropy, b"seed", "factor:dana").unwrap();
        assert!(!sealed.contains("seed"));
        assert_eq!(new.open(&sealed, "factor:dana").unwrap(), b"seed");
        assert!(new.open(&sealed, "factor:erin").is_err(), "it is bound to whose it is");
        assert!(SealKeys::new(vec![[2; 32]]).open(&sealed, "factor:dana").is_err());
        let newer = new.seal(&entropy, b"seed", "factor:dana").unwrap();
        assert!(old.open(&newer, "factor:dana").is_err(), "the first key seals");
        for bad in ["", "AAAA", "?", &sealed[1..]] {
            assert!(new.open(bad, "factor:dana").is_err(), "{bad}");
        }
        assert!(SealKeys::default().seal(&entropy, b"seed", "x").is_err());
        assert_eq!(format!("{new:?}"), "SealKeys(2)");
    }
}
