//! The census: everything left over anywhere, found without anyone asking.
//!
//! A finding of the census is believed slowly and forgotten carefully:
//! - what is younger than a grace time does not count at all (a sign-out under way looks like a left-over);
//! - one look makes it *suspected*, and only a second one, in another census, makes it *open*;
//! - it is *gone* when a census that read the place did not see it. What could not be read keeps its state: nothing is
//!   ever gone by guess.

mod judge;
mod merge;
mod report;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::{
    judge::{Around, AtKey, CensusAccount, CensusRoute, CensusSession, Judged, KnownRoute, Maker, RouteAt, ServerAt},
    merge::{Keyed, Merge, Next, Unsorted},
    report::{
        Census, CensusNote, CensusOutcome, CensusPhase, CensusRead, CensusTally, FindingAge, FindingFilter,
        FindingsPage, TrendPoint, UnreadPlace,
    },
};
use crate::{AccountId, FindingId, FindingKind, Instant, Place, Rich, ServerName, SessionId, Severity, Span};

/// What a census finds: what a diagnosis finds of one account, and what is wrong with Unstick's own database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CensusKind {
    /// An ended session whose record remains.
    OrphanedSession,
    /// A route whose session, or the session that made it, is over or does not exist.
    StaleRoute,
    /// A server that serves badly, with the routes that keep customers on it.
    DegradedRoute,
    /// Routers disagree about a key.
    SplitRoute,
    /// Far more open sessions than accounts have.
    Accumulation,
    /// An account's kept counters are not what counting gives.
    CounterDrift,
    /// The audit log was changed.
    Chain,
    /// Rows about a router or pool that is not configured any more.
    DanglingRow,
}

impl CensusKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::OrphanedSession,
        Self::StaleRoute,
        Self::DegradedRoute,
        Self::SplitRoute,
        Self::Accumulation,
        Self::CounterDrift,
        Self::Chain,
        Self::DanglingRow,
    ];

    /// The word in the database, the URL and the shell.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrphanedSession => FindingKind::OrphanedSession.as_str(),
            Self::StaleRoute => FindingKind::StaleRoute.as_str(),
            Self::DegradedRoute => FindingKind::DegradedRoute.as_str(),
            Self::SplitRoute => FindingKind::SplitRoute.as_str(),
            Self::Accumulation => FindingKind::Accumulation.as_str(),
            Self::CounterDrift => "counter_drift",
            Self::Chain => "chain",
            Self::DanglingRow => "dangling_row",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The words for a person, of many.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OrphanedSession => "orphaned sessions",
            Self::StaleRoute => "stale routes",
            Self::DegradedRoute => "degraded servers in use",
            Self::SplitRoute => "split routes",
            Self::Accumulation => "accumulations",
            Self::CounterDrift => "counters that drifted",
            Self::Chain => "breaks of the audit log",
            Self::DanglingRow => "dangling rows",
        }
    }

    /// Whether a repair plan can remove it.
    pub const fn is_repairable(self) -> bool {
        matches!(self, Self::OrphanedSession | Self::StaleRoute)
    }
}

/// How far a finding is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Seen once: it does not count yet.
    Suspected,
    /// Seen again: it counts.
    Open,
    /// A census that read the place did not see it any more.
    Gone,
}

impl FindingState {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Open => "open",
            Self::Gone => "gone",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Suspected, Self::Open, Self::Gone].into_iter().find(|state| state.as_str() == word)
    }
}

/// Something wrong, as one look saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What.
    pub kind: CensusKind,
    /// On which router and pool; `None` when it is not about one.
    pub place: Option<Place>,
    /// What exactly, within kind and place: a key, a session, an account, a server.
    pub subject: String,
    /// The server that it is about.
    pub server: Option<ServerName>,
    /// Whose it is, where known.
    pub account: Option<AccountId>,
    /// The session that it is about, where known.
    pub session: Option<SessionId>,
    /// How much it matters.
    pub severity: Severity,
    /// Since when it is so, where known.
    pub since: Option<Instant>,
    /// How many things it counts.
    pub count: i64,
    /// The evidence, as the end of a sentence.
    pub detail: String,
}

impl Seen {
    /// The same for the same thing, for ever: a hash over kind, place and subject.
    pub fn id(&self) -> FindingId {
        let (router, pool) = self.place.as_ref().map_or(("", ""), |place| (place.router.as_str(), place.pool.as_str()));
        let mut hasher = Sha256::new();
        for field in ["finding v1", self.kind.as_str(), router, pool, &self.subject] {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        let mut text = URL_SAFE_NO_PAD.encode(hasher.finalize());
        text.truncate(22);
        FindingId::parse(format!("f_{text}")).unwrap_or_else(|_| unreachable!("base64url is a token"))
    }

    /// Whether it is old enough to count at `now`. Of what nobody knows the age, the second look decides.
    pub fn is_ripe(&self, now: Instant, grace: Span) -> bool {
        self.since.is_none_or(|since| now.since(since) >= grace)
    }

    /// The evidence in words.
    pub fn sentence(&self) -> Rich {
        let on = |words: Rich| match &self.place {
            Some(place) => words.text(" on ").code(format!("{} / {}", place.router, place.pool)),
            None => words,
        };
        let words = match self.kind {
            CensusKind::OrphanedSession => Rich::new().text("Session ").code(&self.subject),
            CensusKind::StaleRoute => match &self.server {
                Some(server) => {
                    on(Rich::new().text("The route of ").code(&self.subject)).text(" to ").code(server.as_str())
                }
                None => on(Rich::new().text("The entry of ").code(&self.subject)),
            },
            CensusKind::DegradedRoute => on(Rich::new().text("Server ").code(&self.subject)),
            CensusKind::SplitRoute => Rich::new().text("Key ").code(&self.subject),
            CensusKind::Accumulation | CensusKind::CounterDrift => Rich::new().text("Account ").code(&self.subject),
            CensusKind::Chain => Rich::new().text("The audit log"),
            CensusKind::DanglingRow => on(Rich::new().text("Rows")),
        };
        words.text(format!(" {}.", self.detail))
    }
}

/// A finding, as it is kept from census to census.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusFinding {
    /// Its id: [`Seen::id`].
    pub id: FindingId,
    /// As it was last seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// How far it is believed.
    pub state: FindingState,
    /// The first look that saw it.
    pub first_seen: Instant,
    /// The last look that saw it.
    pub last_seen: Instant,
    /// How many looks saw it.
    pub looks: i64,
    /// The census that saw it last.
    pub census: i64,
    /// When it was found gone.
    pub gone_at: Option<Instant>,
}

impl CensusFinding {
    /// What becomes of a finding (`before`, if it is known) that census `census` sees at `now`.
    pub fn after_look(before: Option<&Self>, seen: Seen, census: i64, now: Instant, grace: Span) -> Self {
        let first = |seen: Seen| Self {
            id: seen.id(),
            seen,
            state: FindingState::Suspected,
            first_seen: now,
            last_seen: now,
            looks: 1,
            census,
            gone_at: None,
        };
        let Some(before) = before.filter(|before| before.state != FindingState::Gone) else {
            return first(seen);
        };
        let again = before.census != census;
        let looks = if again { before.looks.saturating_add(1) } else { before.looks };
        let old = now.since(seen.since.unwrap_or(before.first_seen)) >= grace;
        let opens = before.state == FindingState::Open || (looks >= 2 && old);
        Self {
            id: before.id.clone(),
            seen,
            state: if opens { FindingState::Open } else { FindingState::Suspected },
            first_seen: before.first_seen,
            last_seen: now,
            looks,
            census,
            gone_at: None,
        }
    }
}

#[cfg(test)]
#[path = "census_tests.rs"]
mod tests;
