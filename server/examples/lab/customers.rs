//! What the service knows of its own sessions: which are signed in. Back ends ask here at every request, as they would
//! ask a session store. An answer that is older than [`FRESH`] is not believed: Unstick is asked first (`confirm.rs`), so
//! that a session which a clean-up ended is refused at its next request and not at the one after.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

/// How long a session is believed in without asking. Most customers of the lab come less often, and each of their requests
/// asks; a page that sends several at once asks once.
const FRESH: Duration = Duration::from_secs(1);
/// Questions that wait; more of them wait at the door.
const WAITING: usize = 2_000;

/// Whether a session is still signed in, and whom to tell.
pub struct Question {
    pub session: String,
    pub answer: oneshot::Sender<bool>,
}

/// The service's sessions, and when each was last confirmed.
pub struct Customers {
    live: Mutex<HashMap<String, Instant>>,
    questions: mpsc::Sender<Question>,
}

impl Customers {
    /// No sessions; the questions are for whoever knows.
    pub fn new() -> (Arc<Self>, mpsc::Receiver<Question>) {
        let (questions, asked) = mpsc::channel(WAITING);
        let live = Mutex::default();
        (Arc::new(Self { live, questions }), asked)
    }

    /// A session began.
    pub fn begin(&self, session: &str) {
        self.live().insert(session.to_owned(), Instant::now());
    }

    /// A session is over.
    pub fn end(&self, session: &str) {
        self.live().remove(session);
    }

    /// A session that lives was confirmed.
    pub fn confirm(&self, session: &str) {
        if let Some(confirmed) = self.live().get_mut(session) {
            *confirmed = Instant::now();
        }
    }

    /// A request came with `session`: whether it is signed in. When nobody can tell, what was known holds.
    pub async fn meet(&self, session: &str) -> bool {
        let confirmed = self.live().get(session).copied();
        match confirmed {
            None => false,
            Some(confirmed) if confirmed.elapsed() < FRESH => true,
            Some(_) => {
                let (answer, heard) = oneshot::channel();
                let session = session.to_owned();
                self.questions.send(Question { session, answer }).await.ok();
                heard.await.unwrap_or(true)
            }
        }
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
