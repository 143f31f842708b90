// TO WHOEVER ELSE WORKS IN THIS WORKTREE (16:07): a second helper is here, with the brief «routing page, server states». At
// 16:01 I wrote this file over yours, before I saw that you exist: I am sorry, please write yours again over it (I need
// nothing of it). I leave server states, pins, routers/, config/ and service/ to you from now on, touch none of those files,
// and commit only the routing page (domain/routing.rs, cleanups/owed.rs, migrations 0011, routing/page.rs, app pages/routing.rs,
// components/spread.rs, tests/it/routing_page.rs). Remove this note.
//! The state that an operator sets for a server: what it does to customers, what was asked, what each load balancer said.
//!
//! What is said of HAProxy was measured on 2.6.12 (`routers/tests/live/states.rs`): `drain` moves nobody who is pinned;
//! `maint` does, at their next request, and rewrites the row; with `option persist` it does not, and they are still served.

use serde::{Deserialize, Serialize};

use crate::{Health, Instant, Place, RouterKind, RouterName, ServerName};

/// What an operator may set for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// In rotation.
    Ready,
    /// Takes no new customers.
    Drain,
    /// Out of rotation.
    Maint,
}

impl ServerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Ready, Self::Drain, Self::Maint];

    /// The word in the database, in URLs and on the command line: HAProxy's own.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// How a server is of which nothing else is known.
    pub const fn health(self) -> Health {
        match self {
            Self::Ready => Health::Healthy,
            Self::Drain => Health::Draining,
            Self::Maint => Health::Maintenance,
        }
    }

    /// What it does to customers on a router of `kind`, in sentences.
    pub const fn effects(self, kind: RouterKind) -> &'static [&'static str] {
        match (self, kind) {
            (Self::Ready, _) => &[
                "The server takes new customers again, as far as its health checks let it.",
                "Customers who were moved to other servers meanwhile stay there. Those whose entry still names this server are \
                 sent to it again.",
            ],
            (Self::Drain, RouterKind::Haproxy) => &[
                "New customers go to other servers.",
                "Customers who are pinned to this server stay on it, for as long as their entry lives: each request renews it. \
                 Drain moves nobody who is stuck.",
                "To move them, set it to maint, or clean up their accounts.",
            ],
            (Self::Maint, RouterKind::Haproxy) => &[
                "Nobody new is sent to this server.",
                "Customers who are pinned to it are sent to another server with their next request, and stay there. What only \
                 this server remembered (an upload in progress, an unsaved draft) may be lost.",
                "Not so where HAProxy’s configuration has `option persist`: there they stay pinned and are still sent to this \
                 server. Then only a clean-up moves them.",
                "Connections that are open (downloads, WebSockets) are not cut.",
            ],
            (Self::Drain | Self::Maint, RouterKind::Embedded) => &[
                "Nobody new is sent to this server, whatever its back end reports, until it is set to ready.",
                "Customers who are pinned to it are still told to go there until their entry ends or is cleared: the embedded \
                 router moves nobody by itself. A clean-up does.",
            ],
            (Self::Drain | Self::Maint, RouterKind::Redis) => &[
                "An affinity map has no servers whose state could be set: set it where its proxy takes its servers from.",
            ],
        }
    }
}

/// What was read of a server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateReading {
    /// What its operator set.
    pub state: ServerState,
    /// How it is with all that its checks and its weight say.
    pub health: Health,
}

/// What a load balancer answered to a state that was to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum StateOutcome {
    /// It was set and read back.
    Set {
        /// What was read.
        read: StateReading,
    },
    /// It was read back, and is another one.
    Differs {
        /// What was read.
        read: StateReading,
    },
    /// It did not answer: it may have been set or not.
    Unreachable {
        /// Why, for a person.
        why: String,
    },
    /// It will not, and somebody has to change something first.
    Refused {
        /// Why, for a person.
        why: String,
    },
}

/// A load balancer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateAnswer {
    /// Whose.
    pub router: RouterName,
    /// What.
    #[serde(flatten)]
    pub outcome: StateOutcome,
}

impl StateAnswer {
    /// The answer in words, without its load balancer.
    pub fn words(&self) -> String {
        match &self.outcome {
            StateOutcome::Set { read } if read.health == read.state.health() => {
                format!("read back: {}", read.state.as_str())
            }
            StateOutcome::Set { read } => {
                format!("read back: {}; all in all the server is {}", read.state.as_str(), read.health.as_str())
            }
            StateOutcome::Differs { read } => {
                format!("it took no effect: read back {}, {}", read.state.as_str(), read.health.as_str())
            }
            StateOutcome::Unreachable { why } | StateOutcome::Refused { why } => why.clone(),
        }
    }
}

/// A state that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRequest {
    /// On which router, and in which pool. All load balancers of its fleet are meant.
    pub place: Place,
    /// Of which server.
    pub server: ServerName,
    /// Which state.
    pub state: ServerState,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSet {
    /// What was asked.
    pub request: StateRequest,
    /// When.
    pub asked_at: Instant,
    /// What each load balancer of the fleet said.
    pub answers: Vec<StateAnswer>,
}

/// How a request ended, all load balancers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateEnd {
    /// Set and read back on all.
    Done,
    /// At least one did not answer; the others were set.
    Unanswered,
    /// At least one refused, or has another state all the same.
    Refused,
}

impl StateSet {
    /// How it ended.
    pub fn end(&self) -> StateEnd {
        let any = |wanted: fn(&StateOutcome) -> bool| self.answers.iter().any(|answer| wanted(&answer.outcome));
        if any(|outcome| matches!(outcome, StateOutcome::Refused { .. } | StateOutcome::Differs { .. })) {
            StateEnd::Refused
        } else if self.answers.is_empty() || any(|outcome| matches!(outcome, StateOutcome::Unreachable { .. })) {
            // Nobody's answer proves nothing.
            StateEnd::Unanswered
        } else {
            StateEnd::Done
        }
    }

    /// How it ended, in a sentence.
    pub fn sentence(&self) -> String {
        let (server, state) = (&self.request.server, self.request.state.as_str());
        let names = |wanted: fn(&StateOutcome) -> bool| {
            let names =
                self.answers.iter().filter(|answer| wanted(&answer.outcome)).map(|answer| answer.router.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let set = names(|outcome| matches!(outcome, StateOutcome::Set { .. }));
        match self.end() {
            StateEnd::Done => format!("{server} is set to {state}, read back on {set}."),
            StateEnd::Unanswered => {
                let silent = names(|outcome| matches!(outcome, StateOutcome::Unreachable { .. }));
                let so_far = if set.is_empty() { "nowhere yet".to_owned() } else { format!("on {set}") };
                format!(
                    "{server} is set to {state} {so_far}; {silent} did not answer, so it is not known there. Nothing tries \
                     again by itself: set it once more when it is back."
                )
            }
            StateEnd::Refused => {
                let not =
                    names(|outcome| matches!(outcome, StateOutcome::Refused { .. } | StateOutcome::Differs { .. }));
                let so_far = if set.is_empty() { String::new() } else { format!(", but it is on {set}") };
                format!("{server} is not set to {state} on {not}{so_far}: see what each said.")
            }
        }
    }
}

/// What was last asked of a load balancer about a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedState {
    /// Where.
    pub place: Place,
    /// Which server.
    pub server: ServerName,
    /// Which state.
    pub state: ServerState,
    /// Who, as [`crate::Actor::label`].
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
    /// When.
    pub asked_at: Instant,
    /// What came of it; `None` while it is under way, or when whoever asked was gone before the answer.
    pub answer: Option<StateOutcome>,
}

/// A load balancer of a fleet, before a state is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateBefore {
    /// Which.
    pub router: RouterName,
    /// What it says of the server now, or why it says nothing.
    pub now: Result<StateReading, String>,
    /// Routes to the server there, as they were last counted.
    pub pinned: Option<i64>,
    /// What was asked of it last.
    pub asked: Option<AskedState>,
}

/// What setting a state would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatePage {
    /// Where, as it was asked.
    pub place: Place,
    /// Which server.
    pub server: ServerName,
    /// Which state.
    pub state: ServerState,
    /// What the router is.
    pub kind: RouterKind,
    /// The load balancers on which it would be set.
    pub fleet: Vec<StateBefore>,
    /// Whether no other server of the pool would be left that is well.
    pub last_one: bool,
    /// When it was read.
    pub now: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(router: &str, outcome: StateOutcome) -> StateAnswer {
        StateAnswer { router: RouterName::parse(router).unwrap(), outcome }
    }

    fn set(answers: Vec<StateAnswer>) -> StateSet {
        let place = Place { router: RouterName::parse("lb-1").unwrap(), pool: crate::PoolName::parse("app").unwrap() };
        let request = StateRequest {
            place,
            server: ServerName::parse("api-2").unwrap(),
            state: ServerState::Drain,
            reason: "slow".to_owned(),
            ticket: String::new(),
        };
        StateSet { request, asked_at: Instant::from_secs(0), answers }
    }

    fn done(state: ServerState) -> StateOutcome {
        StateOutcome::Set { read: StateReading { state, health: state.health() } }
    }

    #[test]
    fn only_what_all_read_back_is_done() {
        let silent = || answer("lb-2", StateOutcome::Unreachable { why: "nobody listens".to_owned() });
        let no = || answer("lb-3", StateOutcome::Refused { why: "no such server".to_owned() });
        let yes = || answer("lb-1", done(ServerState::Drain));
        assert_eq!(set(vec![yes()]).end(), StateEnd::Done);
        assert_eq!(set(vec![yes(), silent()]).end(), StateEnd::Unanswered);
        assert_eq!(set(vec![yes(), silent(), no()]).end(), StateEnd::Refused);
        assert_eq!(set(vec![]).end(), StateEnd::Unanswered, "nobody's answer proves nothing");
        let read = StateReading { state: ServerState::Ready, health: Health::Healthy };
        assert_eq!(set(vec![answer("lb-1", StateOutcome::Differs { read })]).end(), StateEnd::Refused);
        let told = set(vec![yes(), silent()]).sentence();
        assert!(told.contains("on lb-1; lb-2 did not answer") && told.contains("once more"), "{told}");
        assert!(set(vec![no()]).sentence().contains("not set to drain on lb-3"));
    }

    #[test]
    fn words_are_read_back() {
        for state in ServerState::ALL {
            assert_eq!(ServerState::parse(state.as_str()), Some(state));
            for kind in [RouterKind::Embedded, RouterKind::Haproxy, RouterKind::Redis] {
                assert!(!state.effects(kind).is_empty());
            }
        }
        assert_eq!(ServerState::parse("drain "), None);
        let text = serde_json::to_string(&answer("lb-1", done(ServerState::Maint))).unwrap();
        assert_eq!(text, r#"{"router":"lb-1","outcome":"set","read":{"state":"maint","health":"maintenance"}}"#);
    }

    #[test]
    fn a_server_that_is_ready_and_down_is_not_called_well() {
        let read = StateReading { state: ServerState::Ready, health: Health::Down };
        assert!(answer("lb-1", StateOutcome::Set { read }).words().contains("all in all the server is down"));
    }
}
