//! The state that an operator sets for a server: what it does to customers, what was asked, what each load balancer said.
//!
//! What is said of HAProxy was measured on 2.6.12 (`routers/tests/live/states.rs`): `drain` moves nobody who is pinned;
//! `maint` does, at their next request, and rewrites the row; with `option persist` it does not, and they are still served.

use serde::{Deserialize, Serialize};

use crate::{Health, Instant, Place, RouterKind, RouterName, ServerName, Trouble};

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

    /// How a server is that its back end reports to be `reported`.
    pub const fn over(self, reported: Health) -> Health {
        match (self, reported) {
            (Self::Ready, _) | (Self::Drain, Health::Maintenance | Health::Down) => reported,
            (Self::Drain | Self::Maint, _) => self.health(),
        }
    }

    /// Whether a server that was set to this is not so any more, as its `health` tells: a load balancer that restarts forgets
    /// it, and takes customers there again. `None` where health does not tell.
    pub const fn is_lost_at(self, health: Health) -> Option<bool> {
        match (self, health) {
            (Self::Ready, _)
            | (Self::Drain, Health::Draining | Health::Maintenance)
            | (Self::Maint, Health::Maintenance) => Some(false),
            (_, Health::Healthy | Health::Degraded) | (Self::Maint, Health::Draining) => Some(true),
            (Self::Drain | Self::Maint, _) => None,
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
                "Not so where HAProxy’s configuration has «option persist»: there they stay pinned and are still sent to this \
                 server. Then only a clean-up moves them.",
                "Connections that are open (downloads, WebSockets) are not cut.",
            ],
            (Self::Drain, RouterKind::Embedded) => &[
                "Nobody new is sent to this server, whatever its back end reports, until it is set to ready.",
                "Customers who are pinned to it are still told to go there until their entry ends or is cleared. To move them, \
                 set it to maint, or clean up their accounts.",
            ],
            (Self::Maint, RouterKind::Embedded) => &[
                "Nobody is sent to this server, whatever its back end reports, until it is set to ready.",
                "Customers who are pinned to it are given another server when they are routed next, and stay there.",
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
pub struct StateAnswer {
    /// Whose answer.
    pub router: RouterName,
    /// What was asked for.
    pub asked: ServerState,
    /// What was read back; `None` when nothing could be.
    pub read: Option<StateReading>,
    /// What stood in the way.
    pub trouble: Option<Trouble>,
    /// When it answered, or was given up.
    pub at: Instant,
}

impl StateAnswer {
    /// How it ended there.
    pub fn end(&self) -> StateEnd {
        match (&self.read, &self.trouble) {
            (_, Some(Trouble::Unreachable(_))) | (None, None) => StateEnd::Unanswered,
            (Some(read), None) if read.state == self.asked => StateEnd::Done,
            _ => StateEnd::Refused,
        }
    }

    /// The answer in words, without its load balancer.
    pub fn words(&self) -> String {
        match (&self.read, &self.trouble) {
            (_, Some(trouble)) => trouble.text().to_owned(),
            (None, None) => "nothing was read back".to_owned(),
            (Some(read), None) if read.state != self.asked => {
                format!("it took no effect: read back {}, {}", read.state.as_str(), read.health.as_str())
            }
            (Some(read), None) if read.health == read.state.health() => format!("read back: {}", read.state.as_str()),
            (Some(read), None) => {
                format!("read back: {}; all in all the server is {}", read.state.as_str(), read.health.as_str())
            }
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

/// What was last asked of a load balancer about a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetState {
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
    pub answer: Option<StateAnswer>,
}

impl SetState {
    /// Whether the state was set and is lost, as the server's `health` of now tells; [`ServerState::is_lost_at`].
    pub fn is_lost_at(&self, health: Health) -> bool {
        let was_set = self.answer.as_ref().is_some_and(|answer| answer.end() == StateEnd::Done);
        was_set && self.state.is_lost_at(health) == Some(true)
    }

    /// What is to be said of a state that is lost.
    pub fn lost_words(&self) -> String {
        format!(
            "{} of {} / {} was set to {} by {} and is not any more: a load balancer that restarts forgets it. Customers are sent to \
             it again. Set it once more, or set it to ready",
            self.server,
            self.place.router,
            self.place.pool,
            self.state.as_str(),
            self.actor
        )
    }
}

/// What became of a request, on all load balancers of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSet {
    /// What was asked.
    pub request: StateRequest,
    /// What each load balancer said.
    pub answers: Vec<StateAnswer>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateEnd {
    /// Set and read back.
    Done,
    /// Not known: no answer.
    Unanswered,
    /// Refused, or it has another state all the same.
    Refused,
}

impl StateSet {
    /// How it ended, all load balancers together.
    pub fn end(&self) -> StateEnd {
        let any = |end| self.answers.iter().any(|answer| answer.end() == end);
        // Nobody's answer proves nothing.
        if any(StateEnd::Refused) {
            StateEnd::Refused
        } else if self.answers.is_empty() || any(StateEnd::Unanswered) {
            StateEnd::Unanswered
        } else {
            StateEnd::Done
        }
    }

    /// How it ended, in a sentence.
    pub fn sentence(&self) -> String {
        let (server, state) = (&self.request.server, self.request.state.as_str());
        let names = |end| {
            let of = self.answers.iter().filter(|answer| answer.end() == end).map(|answer| answer.router.as_str());
            of.collect::<Vec<_>>().join(", ")
        };
        let set = names(StateEnd::Done);
        match self.end() {
            StateEnd::Done => format!("{server} is set to {state}, read back on {set}."),
            StateEnd::Unanswered => {
                let silent = names(StateEnd::Unanswered);
                let so_far = if set.is_empty() { "nowhere yet".to_owned() } else { format!("on {set}") };
                format!(
                    "{server} is set to {state} {so_far}; {silent} did not answer, so it is not known there. Nothing tries again \
                     by itself: set it once more when it is back."
                )
            }
            StateEnd::Refused => {
                let not = names(StateEnd::Refused);
                let so_far = if set.is_empty() { String::new() } else { format!(", but it is on {set}") };
                let said: Vec<String> = self
                    .answers
                    .iter()
                    .filter(|answer| answer.end() == StateEnd::Refused)
                    .map(StateAnswer::words)
                    .collect();
                format!("{server} is not set to {state} on {not}{so_far}: {}.", said.join("; "))
            }
        }
    }
}

/// A load balancer of a fleet, before a state is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateAt {
    /// Which.
    pub router: RouterName,
    /// What it says of the server now, or why it says nothing.
    pub now: Result<StateReading, String>,
    /// Routes to the server there, as they were last counted; `None` when they are not.
    pub pinned: Option<i64>,
    /// What was asked of it last.
    pub asked: Option<SetState>,
}

/// What setting a state of a server would do, before one is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatePlan {
    /// Where, as it was asked.
    pub place: Place,
    /// Which server.
    pub server: ServerName,
    /// What the router is.
    pub kind: RouterKind,
    /// The load balancers on which it would be set.
    pub fleet: Vec<StateAt>,
    /// Whether no other server of the pool would be left that is well.
    pub last_one: bool,
    /// Whether the person may set it.
    pub may_set: bool,
    /// When it was read.
    pub now: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(router: &str, state: Option<ServerState>, trouble: Option<Trouble>) -> StateAnswer {
        let read = state.map(|state| StateReading { state, health: state.health() });
        let router = RouterName::parse(router).unwrap();
        StateAnswer { router, asked: ServerState::Drain, read, trouble, at: Instant::from_secs(0) }
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
        StateSet { request, answers }
    }

    #[test]
    fn only_what_all_read_back_is_done() {
        let yes = || answer("lb-1", Some(ServerState::Drain), None);
        let silent = || answer("lb-2", None, Some(Trouble::Unreachable("nobody listens".to_owned())));
        let no = || answer("lb-3", None, Some(Trouble::Refused("no such server".to_owned())));
        assert_eq!(set(vec![yes()]).end(), StateEnd::Done);
        assert_eq!(set(vec![yes(), silent()]).end(), StateEnd::Unanswered);
        assert_eq!(set(vec![yes(), silent(), no()]).end(), StateEnd::Refused);
        assert_eq!(set(vec![]).end(), StateEnd::Unanswered, "nobody's answer proves nothing");
        assert_eq!(set(vec![answer("lb-1", Some(ServerState::Ready), None)]).end(), StateEnd::Refused);
        assert_eq!(set(vec![answer("lb-1", None, None)]).end(), StateEnd::Unanswered);
        let told = set(vec![yes(), silent()]).sentence();
        assert!(told.contains("on lb-1; lb-2 did not answer") && told.contains("once more"), "{told}");
        assert!(set(vec![no()]).sentence().contains("not set to drain on lb-3: no such server"));
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
        let told = answer("lb-1", Some(ServerState::Drain), Some(Trouble::Unreachable("away".to_owned())));
        assert_eq!(serde_json::from_str::<StateAnswer>(&serde_json::to_string(&told).unwrap()).unwrap(), told);
    }

    #[test]
    fn a_server_that_is_ready_and_down_is_not_called_well() {
        let read = Some(StateReading { state: ServerState::Ready, health: Health::Down });
        let told = StateAnswer { asked: ServerState::Ready, read, ..answer("lb-1", None, None) };
        assert!(told.words().contains("all in all the server is down"));
    }

    #[test]
    fn what_a_restart_forgot_is_lost_and_what_nobody_set_is_not() {
        for (state, health, lost) in [
            (ServerState::Ready, Health::Healthy, Some(false)),
            (ServerState::Drain, Health::Healthy, Some(true)),
            (ServerState::Drain, Health::Degraded, Some(true)),
            (ServerState::Drain, Health::Draining, Some(false)),
            (ServerState::Drain, Health::Down, None),
            (ServerState::Maint, Health::Draining, Some(true)),
            (ServerState::Maint, Health::Maintenance, Some(false)),
        ] {
            assert_eq!(state.is_lost_at(health), lost, "{state:?} {health:?}");
        }
        let mut asked = SetState {
            place: set(vec![]).request.place,
            server: ServerName::parse("api-2").unwrap(),
            state: ServerState::Drain,
            actor: "staff:dana".to_owned(),
            reason: "slow".to_owned(),
            ticket: String::new(),
            asked_at: Instant::from_secs(0),
            answer: None,
        };
        assert!(!asked.is_lost_at(Health::Healthy), "it was never seen set");
        asked.answer = Some(answer("lb-1", Some(ServerState::Drain), None));
        assert!(asked.is_lost_at(Health::Healthy) && !asked.is_lost_at(Health::Draining));
    }
}
