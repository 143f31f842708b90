//! What the service knows of its own sessions: which are signed in. Back ends ask here at every request, as they would
//! ask a session store; what Unstick ends is noticed here within a second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The service's sessions: who is signed in, by session.
#[derive(Default)]
pub struct Customers(Mutex<HashMap<String, String>>);

impl Customers {
    /// A session of `account` began.
    pub fn begin(&self, session: &str, account: &str) {
        self.live().insert(session.to_owned(), account.to_owned());
    }
    /// A session is over.
    pub fn end(&self, session: &str) {
        self.live().remove(session);
    }
    /// Whether `session` is signed in.
    pub fn knows(&self, session: &str) -> bool {
        self.live().contains_key(session)
    }
    /// Every session that is signed in.
    pub fn all(&self) -> Vec<String> {
        self.live().keys().cloned().collect()
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
