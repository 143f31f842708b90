//! Checkpoints: the signed end of the chain at some time, to be kept outside the database. Only against one does a tail
//! that was cut off show.

use domain::Instant;
use serde::{Deserialize, Serialize};

use super::chain::Signer;
use crate::{AuditKeys, Store};

/// The end of the chain at some time, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The number of the last event.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
    /// When it was signed.
    pub at: Instant,
    /// HMAC-SHA-256 under the audit key over the fields before.
    pub signature: String,
}

impl Checkpoint {
    fn signed(signer: &Signer, seq: i64, hash: &str, at: Instant) -> String {
        // The time as it is written out, in milliseconds: a checkpoint lives in a file of texts.
        signer.sign(&[format!("checkpoint v1\n{seq}\n{hash}\n{at}\n").as_bytes()])
    }

    /// Whether one of `keys` signed it.
    pub(super) fn is_genuine(&self, keys: &AuditKeys) -> bool {
        keys.all().any(|key| Self::signed(&Signer::new(key), self.seq, &self.hash, self.at) == self.signature)
    }
}

impl Store {
    /// Signs the end of the chain, as [`Self::audit_head`] gives it.
    pub fn sign_checkpoint(&self, seq: i64, hash: &str, at: Instant) -> Checkpoint {
        let signature = Checkpoint::signed(&Signer::new(self.keys.current()), seq, hash, at);
        Checkpoint { seq, hash: hash.to_owned(), at, signature }
    }
}
