//! A breaker before a router: when it did not answer a few times in a row, nobody waits for it any more. What is asked of it
//! is refused at once, with what it last failed with, until it was seen to answer again.
//!
//! Half-open: [`Router::about`] is let through once a second, for that is what the observer asks all the time; so no page and
//! no clean-up pays for the trying. Where nobody observes (a shell that sees a clean-up through), any call is let through
//! after a longer pause. One call at a time tries, and the first answer, also a refusal, closes the breaker.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{PoolInfo, PoolName, RouteKey, RouterKind, RouterName, ServerName, ServerState, Span, StateReading};
use tokio::time::Instant;

use crate::{About, Entry, Listing, Router, RouterError, ServerReading};

/// Calls in a row without an answer after which nobody waits any more.
const FAILURES: u32 = 3;
/// How long after a try the observer may try again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after a try anybody may.
const LONG_PAUSE: Duration = Duration::from_secs(10);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// The observer, whose question is there to find out.
    About,
    /// Anybody else.
    Other,
}

/// What is known of a router's answers.
#[derive(Debug, Default)]
struct State {
    /// Calls in a row without an answer.
    failures: u32,
    /// What the last of them failed with.
    last: String,
    /// When the last of them ended.
    tried: Option<Instant>,
    /// Whether somebody tries at this moment.
    trying: bool,
}

impl State {
    const fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }

    /// Lets a call through, and whether it is a try; or what to answer instead.
    fn admit(&mut self, caller: Caller, now: Instant) -> Result<bool, RouterError> {
        if !self.is_open() {
            return Ok(false);
        }
        let pause = if caller == Caller::About { PAUSE } else { LONG_PAUSE };
        let due = self.tried.is_none_or(|tried| now.duration_since(tried) >= pause);
        if self.trying || !due {
            return Err(RouterError::Unreachable(self.last.clone()));
        }
        self.trying = true;
        Ok(true)
    }

    fn ended<T>(&mut self, outcome: &Result<T, RouterError>, now: Instant) {
        match outcome {
            Err(RouterError::Unreachable(why)) => {
                self.failures = self.failures.saturating_add(1);
                self.last.clone_from(why);
                self.tried = Some(now);
            }
            Ok(_) | Err(RouterError::Refused(_) | RouterError::NotNow(_)) => {
                *self = Self { trying: self.trying, ..Self::default() }
            }
        }
    }
}

/// A router behind its breaker.
pub struct Breaker {
    inner: Arc<dyn Router>,
    state: Mutex<State>,
}

/// A try; ends also when whoever tried went away.
struct Try<'a>(&'a Breaker, bool);

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if self.1 {
            let mut state = self.0.state();
            state.trying = false;
            state.tried = Some(Instant::now());
        }
    }
}

impl Breaker {
    /// A breaker before `inner`, closed.
    pub fn new(inner: Arc<dyn Router>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn through<T>(
        &self,
        caller: Caller,
        work: impl Future<Output = Result<T, RouterError>> + Send,
    ) -> Result<T, RouterError> {
        let tries = self.state().admit(caller, Instant::now())?;
        let _try = Try(self, tries);
        let outcome = work.await;
        self.state().ended(&outcome, Instant::now());
        outcome
    }
}

#[async_trait]
impl Router for Breaker {
    fn name(&self) -> &RouterName {
        self.inner.name()
    }
    fn kind(&self) -> RouterKind {
        self.inner.kind()
    }
    fn pools(&self) -> &[PoolInfo] {
        self.inner.pools()
    }
    fn drain(&self) -> Span {
        self.inner.drain()
    }
    fn can_fence(&self) -> bool {
        self.inner.can_fence()
    }
    fn caveats(&self) -> Vec<String> {
        self.inner.caveats()
    }
    async fn troubles(&self, pool: &PoolName) -> Vec<RouterError> {
        // Whoever asks for everything that is wrong wants to know it now.
        self.inner.troubles(pool).await
    }
    async fn about(&self) -> Result<About, RouterError> {
        self.through(Caller::About, self.inner.about()).await
    }
    async fn peers(&self) -> Result<Vec<String>, RouterError> {
        self.through(Caller::Other, self.inner.peers()).await
    }
    async fn servers(&self) -> Result<Vec<ServerReading>, RouterError> {
        self.through(Caller::Other, self.inner.servers()).await
    }
    async fn read(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.through(Caller::Other, self.inner.read(pool, keys)).await
    }
    async fn clear(&self, pool: &PoolName, keys: &[RouteKey]) -> Result<Vec<Entry>, RouterError> {
        self.through(Caller::Other, self.inner.clear(pool, keys)).await
    }
    async fn fence(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.through(Caller::Other, self.inner.fence(keys)).await
    }
    async fn lift(&self, keys: &[RouteKey]) -> Result<(), RouterError> {
        self.through(Caller::Other, self.inner.lift(keys)).await
    }
    async fn state_of(&self, pool: &PoolName, server: &ServerName) -> Result<StateReading, RouterError> {
        self.through(Caller::Other, self.inner.state_of(pool, server)).await
    }
    async fn set_state(
        &self,
        pool: &PoolName,
        server: &ServerName,
        state: ServerState,
    ) -> Result<StateReading, RouterError> {
        self.through(Caller::Other, self.inner.set_state(pool, server, state)).await
    }
    async fn pin(&self, pool: &PoolName, key: &RouteKey, server: &ServerName) -> Result<Option<Entry>, RouterError> {
        self.through(Caller::Other, self.inner.pin(pool, key, server)).await
    }
    async fn list(&self, pool: &PoolName, limit: u64) -> Result<Listing, RouterError> {
        self.through(Caller::Other, self.inner.list(pool, limit)).await
    }
    async fn of_server(&self, pool: &PoolName, server: &ServerName, limit: u64) -> Result<Listing, RouterError> {
        self.through(Caller::Other, self.inner.of_server(pool, server, limit)).await
    }
    async fn page(
        &self,
        pool: &PoolName,
        server: Option<&ServerName>,
        after: Option<&RouteKey>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, RouterError> {
        self.through(Caller::Other, self.inner.page(pool, server, after, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Result<(), RouterError> {
        Err(RouterError::Unreachable("lb-1 does not answer".to_owned()))
    }

    fn failed(times: u32, at: Instant) -> State {
        let mut state = State::default();
        for _ in 0..times {
            assert_eq!(state.admit(Caller::Other, at), Ok(false));
            state.ended(&away(), at);
        }
        state
    }

    #[test]
    fn a_few_silences_open_it_and_an_answer_in_between_does_not() {
        let at = Instant::now();
        let mut state = failed(FAILURES - 1, at);
        state.ended(&Ok(()), at);
        assert!(!state.is_open());
        state.ended(&away(), at);
        state.ended(&Err::<(), _>(RouterError::Refused("no".to_owned())), at);
        assert_eq!(state.failures, 0, "a refusal is an answer");
        let mut open = failed(FAILURES, at);
        let told = open.admit(Caller::Other, at).unwrap_err();
        assert_eq!(told, RouterError::Unreachable("lb-1 does not answer".to_owned()), "what it last failed with");
    }

    #[test]
    fn the_observer_tries_once_a_second_and_others_only_where_nobody_observes() {
        let at = Instant::now();
        let mut state = failed(FAILURES, at);
        assert!(state.admit(Caller::About, at + PAUSE / 2).is_err());
        assert!(state.admit(Caller::Other, at + PAUSE * 2).is_err(), "no page pays for the trying");
        assert_eq!(state.admit(Caller::About, at + PAUSE), Ok(true));
        assert!(state.admit(Caller::About, at + PAUSE * 3).is_err(), "one tries at a time");
        assert!(state.admit(Caller::Other, at + LONG_PAUSE * 2).is_err());
        state.trying = false;
        state.ended(&away(), at + PAUSE * 3);
        assert_eq!(state.admit(Caller::Other, at + PAUSE * 3 + LONG_PAUSE), Ok(true));
        state.trying = false;
        state.ended(&Ok(()), at + LONG_PAUSE * 2);
        assert_eq!(state.admit(Caller::Other, at + LONG_PAUSE * 2), Ok(false), "closed by an answer");
    }
}
