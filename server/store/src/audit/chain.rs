//! The hashes of the chain.

use domain::AuditLink;
use hmac::{Hmac, Mac};
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

/// A key, ready for use: setting HMAC up costs as much as hashing an event.
#[derive(Clone)]
pub(super) struct Signer(HmacSha256);

impl Signer {
    pub fn new(key: &[u8; 32]) -> Self {
        // HMAC takes keys of any length.
        let ready = HmacSha256::new_from_slice(key);
        Self(ready.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length")))
    }

    /// The hash of an event after `prev`.
    pub fn link(&self, prev: &str, link: AuditLink<'_>) -> String {
        self.sign(&[prev.as_bytes(), &link.canonical()])
    }

    /// The signature over `parts`, one after the other.
    pub fn sign(&self, parts: &[&[u8]]) -> String {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        hex::encode(mac.finalize().into_bytes())
    }
}
