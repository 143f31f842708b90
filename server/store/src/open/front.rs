//! Work that nobody waits for gives way to pages. On SQLite both read in the threads of this process, and where there are
//! more threads than processors a page's is taken from it for some milliseconds at a time. So what is [`behind`] asks before
//! each of its reads and transactions whether anybody reads in front, and waits for a moment. It never waits while it
//! holds the writer, and never for long: however many pages are read, what is behind goes on.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A page is some statements, one soon after the other: nobody slips in between.
const BETWEEN: Duration = Duration::from_micros(500);
/// How long one who is behind waits before it looks again: the shortest time that the clock of tokio knows.
const LOOK: Duration = Duration::from_millis(1);
/// How often it looks before it goes on in any case.
const LOOKS: u32 = 3;

tokio::task_local! {
    static BEHIND: ();
}

/// Has what `work` reads and writes give way to what others read. Not what it spawns.
pub async fn behind<T>(work: impl Future<Output = T>) -> T {
    BEHIND.scope((), work).await
}

/// Whether whoever asks is [`behind`].
pub fn is_behind() -> bool {
    BEHIND.try_with(|()| ()).is_ok()
}

/// Who reads in front.
pub(super) struct Front {
    began: Instant,
    reading: AtomicU32,
    /// When the last one ended, in nanoseconds since `began`.
    ended: AtomicU64,
}

impl Front {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), reading: AtomicU32::new(0), ended: AtomicU64::new(0) }
    }

    /// Whoever asks reads until what is returned is dropped, unless it is behind.
    pub(super) fn read(&self) -> Option<Reading<'_>> {
        if is_behind() {
            return None;
        }
        self.reading.fetch_add(1, Ordering::Relaxed);
        Some(Reading(self))
    }

    /// Waits a moment if whoever asks is behind and somebody reads.
    pub(super) async fn give_way(&self) {
        for _ in 0..LOOKS {
            if !is_behind() || !self.is_busy() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_busy(&self) -> bool {
        let since = self.nanos().saturating_sub(self.ended.load(Ordering::Relaxed));
        self.reading.load(Ordering::Relaxed) > 0 || Duration::from_nanos(since) < BETWEEN
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(super) struct Reading<'a>(&'a Front);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.ended.store(self.0.nanos(), Ordering::Relaxed);
        self.0.reading.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// Nobody has read for long.
    fn quiet() -> Front {
        let began = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        Front { began, ..Front::new() }
    }

    /// Whether whoever asks would wait.
    fn waits(front: &Front) -> bool {
        pin!(front.give_way()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending
    }

    #[tokio::test]
    async fn who_is_behind_waits_while_somebody_reads_and_just_after() {
        let front = quiet();
        let reading = front.read();
        assert!(reading.is_some() && !waits(&front), "nobody in front waits for others");
        behind(async {
            assert!(waits(&front));
            assert!(front.read().is_none(), "nobody waits for those behind");
            drop(reading);
            assert!(waits(&front), "the page reads on in a moment");
            assert!(!waits(&quiet()));
        })
        .await;
    }

    #[tokio::test]
    async fn it_goes_on_however_long_somebody_reads() {
        let front = quiet();
        let _reading = front.read();
        behind(front.give_way()).await;
    }
}
