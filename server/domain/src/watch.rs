//! After a clean-up is done somebody keeps looking: for how long, how often, what counts as a return, and which way it
//! probably came.

use serde::{Deserialize, Serialize};

use crate::{
    Instant, Place, Reading, RouteKey, RouterKind, RouterName, Scope, ServerName, Span, Step, StepKind, Target,
};

/// Longest time between two looks.
pub(crate) const LONGEST: Span = Span::from_secs(60);

/// A watch over a clean-up that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Since when: the clean-up was verified.
    pub since: Instant,
    /// Until when it is looked, at least: a router that does not answer then is waited for.
    pub until: Instant,
    /// When it is looked next; `None` when the watch is over.
    pub next_at: Option<Instant>,
    /// When every place was last read.
    pub looked_at: Option<Instant>,
    /// Looks so far.
    pub looks: i64,
    /// Whether the fences were lifted: the last look comes after that.
    pub lifted: bool,
    /// Routers that did not answer at the last look.
    pub unread: Vec<RouterName>,
}

impl Watch {
    /// A watch from `now` on, for `length`.
    pub fn begin(now: Instant, length: Span) -> Self {
        let mut watch = Self {
            since: now,
            until: now + length,
            next_at: None,
            looked_at: None,
            looks: 0,
            lifted: false,
            unread: Vec::new(),
        };
        watch.next_at = Some(watch.next_look(now));
        watch
    }

    /// When to look next: after 1 s, 2 s, 4 s …, at least every minute, and at the end.
    fn next_look(&self, now: Instant) -> Instant {
        let seconds = 1_i64 << u32::try_from(self.looks.clamp(0, 6)).unwrap_or(6);
        let next = now + Span::from_secs(seconds).min(LONGEST);
        if now < self.until { next.min(self.until) } else { next }
    }

    /// Puts the end off by what a look at `now` is later than when it was `due`, less the longest time between two looks:
    /// while nobody looked (the process was down, or the clock was set ahead) nothing was watched. A watch that only
    /// waits for its last look has been watched already.
    pub fn put_off(&mut self, due: Instant, now: Instant) {
        let late = now.since(due);
        if late > LONGEST && !self.lifted {
            self.until = self.until + Span::from_micros(late.micros() - LONGEST.micros());
        }
    }

    /// Whether the time is up, so that the fences may be lifted once every place was read.
    pub fn is_due_to_end(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// The watch after a look at `now` that found nothing. `unread` did not answer; `lifted` says that no fence is left,
    /// and `drain` is the longest request of all routers: whatever passed a fence that was just lifted has ended by then.
    #[must_use]
    pub fn after_look(mut self, now: Instant, unread: Vec<RouterName>, lifted: bool, drain: Span) -> Self {
        self.looks += 1;
        let last = self.lifted;
        let all = unread.is_empty();
        self.unread = unread;
        if all {
            self.looked_at = Some(now);
        }
        self.next_at = match (all, last, lifted) {
            (true, true, _) => None,
            (true, false, true) => {
                self.lifted = true;
                Some(now + drain.max(Span::from_secs(1)))
            }
            _ => Some(self.next_look(now)),
        };
        self
    }

    /// Brings a watch back whose times lie further ahead than any wait (`far`): the clock was set back since they were
    /// written. It goes on for at most `length` from `now`, and looks when the longest request (`drain`) could have ended.
    pub fn mend(&mut self, now: Instant, far: Instant, drain: Span, length: Span) {
        if self.next_at.is_some_and(|at| at > far) {
            self.next_at = Some(now + drain);
        }
        if self.next_at.is_some() {
            self.until = self.until.min(now + length);
        }
    }

    /// Whether it is over, and nothing came back while it lasted.
    pub const fn is_over(&self) -> bool {
        self.next_at.is_none()
    }
}

/// How something that was cleaned probably came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The router restarted since, and learnt old entries from a peer or a saved state.
    Restart,
    /// A map in Redis: it was loaded from a snapshot of before, or a replica took over that lagged behind.
    Snapshot,
    /// Another router still had it, and taught it.
    Peer,
    /// A request that was in flight wrote it back when it ended.
    InFlight,
    /// A map in Redis: the application, or the proxy before it, wrote the entry again.
    Rewritten,
    /// Somebody who still has the old key uses it.
    Traffic,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 6] =
        [Self::Restart, Self::Snapshot, Self::Peer, Self::InFlight, Self::Rewritten, Self::Traffic];

    /// The word in the database and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Snapshot => "snapshot",
            Self::Peer => "peer",
            Self::InFlight => "in_flight",
            Self::Rewritten => "rewritten",
            Self::Traffic => "traffic",
        }
    }
    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
    /// The words for a person, after "probably".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Restart => "it restarted and learnt old entries again, from a peer or a saved state",
            Self::Snapshot => {
                "it was loaded from an old snapshot, or a replica took over that had not heard of the clean-up"
            }
            Self::Peer => "another load balancer still had it and taught it",
            Self::InFlight => "a request in flight wrote it back when it ended",
            Self::Rewritten => "the application wrote it again: it still holds the session that ended",
            Self::Traffic => "a client that still has the old key uses it: the back end serves a session that ended",
        }
    }
}

/// Something that was cleaned and verified, and is there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When it was seen.
    pub at: Instant,
    /// The step that had removed it.
    pub step: i64,
    /// Where.
    pub place: Place,
    /// What its key stands for.
    pub scope: Scope,
    /// The key.
    pub key: RouteKey,
    /// The server it pins to.
    pub server: Option<ServerName>,
    /// How it probably came.
    pub way: Way,
}

/// What is known of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// What the router is.
    pub kind: RouterKind,
    /// How long the router runs, where it says.
    pub uptime: Option<Span>,
    /// Whether another process was seen to answer for it since the step was verified.
    pub is_another: bool,
    /// How long ago the step was verified.
    pub since: Span,
    /// The longest request there.
    pub drain: Span,
    /// Whether another router has an entry for the same key at this moment.
    pub elsewhere: bool,
}

/// How it probably came back. A guess, and said to be one.
pub fn likely_way(it: Circumstances) -> Way {
    let is_restarted = it.is_another || it.uptime.is_some_and(|uptime| uptime < it.since);
    match it.kind {
        RouterKind::Redis if is_restarted => Way::Snapshot,
        _ if is_restarted => Way::Restart,
        RouterKind::Haproxy if it.elsewhere => Way::Peer,
        RouterKind::Haproxy | RouterKind::Redis if it.since <= it.drain => Way::InFlight,
        RouterKind::Redis => Way::Rewritten,
        RouterKind::Haproxy | RouterKind::Embedded => Way::Traffic,
    }
}

impl Step {
    /// Whether `reading`, after the step was verified, says that what it removed is there again. An account's route
    /// counts only where it leads to the bad server that it had: on any other server the account just goes on working.
    pub fn has_come_back(&self, reading: &Reading) -> bool {
        let (StepKind::Unroute, Target::Route { must_vanish, .. }) = (self.kind, &self.target) else { return false };
        match reading {
            Reading::Found { server, bad } => *must_vanish || (*bad && server.is_some() && *server == self.had),
            Reading::Gone | Reading::Unreachable(_) | Reading::Refused(_) => false,
        }
    }

    /// The step after it came back: to be done again from the beginning.
    #[must_use]
    pub fn reopened(mut self, found: &Return, now: Instant) -> Self {
        let on = found.server.as_ref().map_or_else(String::new, |server| format!(" on {server}"));
        let ago =
            self.verified_at.map_or_else(|| "when it was".to_owned(), |at| format!("{} after it was", now.since(at)));
        self.stage = crate::Stage::Pending;
        self.trouble = Some(crate::Trouble::StillThere(format!(
            "it came back{on} {ago} verified; probably {}",
            found.way.words()
        )));
        self.attempts = 0;
        self.next_at = now;
        (self.cleared_at, self.cleared_again_at, self.verified_at, self.now_on) = (None, None, None, None);
        self
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
