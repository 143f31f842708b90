//! How often one token may ask, and how often one address may be wrong. The limits are generous: they keep a mad client
//! from taking everybody else's turn, and do not shape honest traffic.

use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::TokenId;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter, clock::DefaultClock, middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use super::Problem;

/// Wrong tokens a second from one address; five times as many at once.
const WRONG: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Seconds in which an idle token has all of its rate again: twice what a second gives.
const WINDOW: u32 = 2;

/// Counts by token, and says what is left.
type Tokens = RateLimiter<TokenId, DefaultKeyedStateStore<TokenId>, DefaultClock, StateInformationMiddleware>;

/// The limits of a process.
pub struct Limits {
    rate: NonZeroU32,
    tokens: Tokens,
    wrong: DefaultKeyedRateLimiter<String>,
}

/// What a request's token has left: a place in every request for whoever counts. Told as the fields of the IETF's draft
/// (draft-ietf-httpapi-ratelimit-headers-10): `RateLimit-Policy` and `RateLimit`.
#[derive(Debug, Clone, Default)]
pub struct Spent(Arc<OnceLock<(u32, u32)>>);

impl Spent {
    /// Notes that `left` requests of `most` are left.
    fn note(&self, left: u32, most: u32) {
        self.0.get_or_init(|| (left, most));
    }

    /// Says so in an answer's headers.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Some((left, most)) = self.0.get().copied() else { return };
        // The time until all of it is there again, rounded up.
        let reset = (u64::from(most - left.min(most)) * u64::from(WINDOW)).div_ceil(u64::from(most.max(1)));
        for (name, text) in [
            ("ratelimit-policy", format!("\"token\";q={most};w={WINDOW}")),
            ("ratelimit", format!("\"token\";r={left};t={reset}")),
        ] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

impl Limits {
    /// `rate` requests a second for each token, twice as many at once.
    pub fn new(rate: u32) -> Self {
        let rate = NonZeroU32::new(rate.max(1)).unwrap_or(NonZeroU32::MIN);
        let twice = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let burst = WRONG.saturating_mul(NonZeroU32::MIN.saturating_add(4));
        Self {
            rate: twice,
            tokens: RateLimiter::keyed(Quota::per_second(rate).allow_burst(twice)).with_middleware(),
            wrong: RateLimiter::keyed(Quota::per_second(WRONG).allow_burst(burst)),
        }
    }

    /// Counts a request of a good token, and notes in `spent` what it has left.
    ///
    /// # Errors
    /// A problem when it asks too often.
    pub fn count(&self, token: &TokenId, spent: Option<&Spent>) -> Result<(), Problem> {
        let counted = self.tokens.check_key(token);
        let left = counted.as_ref().map_or(0, governor::middleware::StateSnapshot::remaining_burst_capacity);
        if let Some(spent) = spent {
            spent.note(left, self.rate.get());
        }
        counted.map(|_| ()).map_err(|_| too_often())
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
        let taken = (0..10).filter(|_| limits.count(&a, None).is_ok()).count();
        assert_eq!(taken, 4);
        assert!(limits.count(&b, None).is_ok());
    }

    #[test]
    fn a_token_is_told_what_it_has_left() {
        let limits = Limits::new(2);
        let token = TokenId::parse("a").unwrap();
        let told = |times: usize| {
            let spent = Spent::default();
            let outcomes: Vec<bool> = (0..times).map(|_| limits.count(&token, None).is_ok()).collect();
            let last = limits.count(&token, Some(&spent)).is_ok();
            let mut headers = HeaderMap::new();
            spent.tell(&mut headers);
            (outcomes.len(), last, headers["ratelimit-policy"].clone(), headers["ratelimit"].clone())
        };
        assert_eq!(told(0), (0, true, "\"token\";q=4;w=2".parse().unwrap(), "\"token\";r=3;t=1".parse().unwrap()));
        assert_eq!(told(5).3, "\"token\";r=0;t=2");
    }

    #[test]
    fn who_is_wrong_too_often_waits() {
        let limits = Limits::new(2);
        let told: Vec<u16> = (0..60).map(|_| limits.wrong("203.0.113.9").status()).collect();
        assert_eq!((told[0], told[59]), (401, 429));
        assert_eq!(limits.wrong("203.0.113.8").status(), 401);
    }
}
