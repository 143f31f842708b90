//! Threads of their own for what works behind the pages: clean-ups, bulk clean-ups, webhooks, the observer, the census. On the
//! pages' threads a request would wait until the next piece of such work comes to a point where it lets go; so the kernel
//! shares the processors out instead, and gives the pages theirs first.
//!
//! Only where the database is in this process. Connections to a PostgreSQL are served by the threads that opened them: a page
//! that borrows one of the background's would wait for it again.

use std::{future::Future, io};

use tokio::{runtime::Runtime, task::JoinHandle};

/// How far the background's threads step back behind the pages' (nice(2): 19 is furthest).
const NICE: i32 = 5;

/// The background's threads. Dropping it ends them; what still runs there is broken off at its next `await`.
pub struct Background(Option<Runtime>);

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// Whatever the system says when it has no thread to give.
    pub fn start() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(workers()).thread_name("background").enable_all().on_thread_start(step_back);
        Ok(Self(Some(builder.build()?)))
    }

    /// Runs `work` there.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work),
            None => unreachable!("it is taken only when it is dropped"),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its threads, which must not happen on another runtime's.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Has this thread step back. On Linux that is of this thread alone (setpriority(2), "C library/kernel differences"); elsewhere it
/// would be of the whole process. Where it is refused all are equal.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a background thread could not step back");
    }
}

/// Worker threads of each runtime: as many as there are processors, and two at least, for with one a page that waits for
/// another task of its own could wait for ever (leptos#4647).
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}
