//! What the service knows of its own sessions: which are signed in. Back ends ask here at every request, as they would
//! ask a session store; what Unstick ends is noticed here within a second.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// The service's sessions.
#[derive(Default)]
pub struct Customers(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    live: HashMap<String, String>,
    seen: HashSet<String>,
}

impl Customers {
    /// A session of `account` began.
    pub fn begin(&self, session: &str, account: &str) {
        self.inner().live.insert(session.to_owned(), account.to_owned());
    }
    /// A session is over.
    pub fn end(&self, session: &str) {
        self.inner().live.remove(session);
    }
    /// A request came with `session`: whether it is signed in.
    pub fn meet(&self, session: &str) -> bool {
        let mut inner = self.inner();
        let live = inner.live.contains_key(session);
        if live {
            inner.seen.insert(session.to_owned());
        }
        live
    }
    /// The sessions that were met since the last time this was asked.
    pub fn take_seen(&self) -> Vec<String> {
        self.inner().seen.drain().collect()
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
