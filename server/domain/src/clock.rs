//! Time and randomness as arguments. The real ones live in the composition root; these traits and the two for tests
//! are all that the rest of the code knows.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Instant, Span};

/// Where the present comes from.
pub trait Clock: Send + Sync {
    /// The present, in UTC.
    fn now(&self) -> Instant;
}

/// Where unguessable bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A new id: `prefix`, `_`, and 96 random bits in base64url.
pub fn new_id(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 12];
    entropy.fill(&mut bytes);
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A clock that stands until it is moved: for tests and for made-up histories.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Instant) -> Self {
        Self(AtomicI64::new(now.micros()))
    }
    /// Moves the clock by `span`, which may be negative.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Repeatable bytes from a seed (splitmix64): for tests and sample data, never for secrets.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// A source that always gives the same bytes for the same `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound` (0 when `bound` is 0); its bias is below 2⁻³² for bounds under 2³².
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
