//! How often one token may ask, and how often one address may be wrong. The limits are generous: they keep a mad client
//! from taking everybody else's turn, and do not shape honest traffic.

use std::num::NonZeroU32;

use domain::TokenId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Problem;

/// Wrong tokens a second from one address; five times as many at once.
const WRONG: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// The limits of a process.
pub struct Limits {
    tokens: DefaultKeyedRateLimiter<TokenId>,
    wrong: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    /// `rate` requests a second for each token, twice as many at once.
    pub fn new(rate: u32) -> Self {
        let rate = NonZeroU32::new(rate.max(1)).unwrap_or(NonZeroU32::MIN);
        let twice = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let burst = WRONG.saturating_mul(NonZeroU32::MIN.saturating_add(4));
        Self {
            tokens: RateLimiter::keyed(Quota::per_second(rate).allow_burst(twice)),
            wrong: RateLimiter::keyed(Quota::per_second(WRONG).allow_burst(burst)),
        }
    }

    /// Counts a request of a good token.
    ///
    /// # Errors
    /// A problem when it asks too often.
    pub fn count(&self, token: &TokenId) -> Result<(), Problem> {
        self.tokens.check_key(token).map_err(|_| too_often())
    }

    /// What somebody at `address` with a wrong token is told.
    pub fn wrong(&self, address: &str) -> Problem {
        match self.wrong.check_key(&address.to_owned()) {
            Ok(()) => Problem::token(),
            Err(_) => too_often(),
        }
    }

    /// Forgets who has not asked for a while.
    pub fn tidy(&self) {
        self.tokens.retain_recent();
        self.wrong.retain_recent();
    }
}

fn too_often() -> Problem {
    let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
    Problem::new(status, "throttled", "that is too often: use batches, or ask for a higher api_rate").after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_own_turn() {
        let limits = Limits::new(2);
        let (a, b) = (TokenId::parse("a").unwrap(), TokenId::parse("b").unwrap());
        let taken = (0..10).filter(|_| limits.count(&a).is_ok()).count();
        assert_eq!(taken, 4);
        assert!(limits.count(&b).is_ok());
    }

    #[test]
    fn who_is_wrong_too_often_waits() {
        let limits = Limits::new(2);
        let told: Vec<u16> = (0..60).map(|_| limits.wrong("203.0.113.9").status()).collect();
        assert_eq!((told[0], told[59]), (401, 429));
        assert_eq!(limits.wrong("203.0.113.8").status(), 401);
    }
}
