//! Pinning one key to a chosen server, on every load balancer of a fleet.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Instant, Place, RouteKey, RouterName, Scope, ServerName, ServerStatus, Trouble};

/// A key that is to be pinned elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RePinRequest {
    /// On which router, and in which pool. All load balancers of its fleet are meant.
    pub place: Place,
    /// Which key.
    pub key: RouteKey,
    /// To which server.
    pub server: ServerName,
    /// Why.
    pub reason: String,
    /// The ticket; empty when none.
    pub ticket: String,
}

/// What a load balancer answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinAnswer {
    /// Whose answer.
    pub router: RouterName,
    /// The server that the entry named when it was read back; `None` when there is no entry, or none was read.
    pub read: Option<ServerName>,
    /// What stood in the way.
    pub trouble: Option<Trouble>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RePinned {
    /// What was asked.
    pub request: RePinRequest,
    /// Whose key it is.
    pub account: AccountId,
    /// What each load balancer said.
    pub answers: Vec<PinAnswer>,
}

impl RePinned {
    /// Whether every load balancer was read back and pins to the chosen server. Nobody's answer proves nothing.
    pub fn is_done(&self) -> bool {
        !self.answers.is_empty() && self.answers.iter().all(|answer| self.is_set(answer))
    }

    /// Whether one that did not do it did not answer, so that later it may.
    pub fn is_unanswered(&self) -> bool {
        self.answers.iter().any(|answer| matches!(answer.trouble, Some(Trouble::Unreachable(_))))
    }

    fn is_set(&self, answer: &PinAnswer) -> bool {
        answer.trouble.is_none() && answer.read.as_ref() == Some(&self.request.server)
    }

    /// What became of it, in sentences.
    pub fn sentence(&self) -> String {
        let (key, server) = (&self.request.key, &self.request.server);
        let set: Vec<&str> =
            self.answers.iter().filter(|answer| self.is_set(answer)).map(|answer| answer.router.as_str()).collect();
        if self.is_done() {
            return format!(
                "{key} is pinned to {server}, read back on {}. A request that is open at this moment can still pin it back \
                 when it ends: look again when the longest one could have ended.",
                set.join(", ")
            );
        }
        let not = self.answers.iter().filter(|answer| !self.is_set(answer)).map(|answer| match answer {
            PinAnswer { router, trouble: Some(trouble), .. } => format!("{router}: {}", trouble.text()),
            PinAnswer { router, read: Some(read), .. } => {
                format!("{router} pins it to {read} all the same: a request holds it, or made it anew")
            }
            PinAnswer { router, .. } => format!("{router} has no entry for it now"),
        });
        let not: Vec<String> = not.collect();
        let so_far = if set.is_empty() { String::new() } else { format!(" It is on {}.", set.join(", ")) };
        format!("{key} is not pinned to {server} everywhere. {}.{so_far}", not.join("; "))
    }
}

/// A key, before it is pinned elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RePinPage {
    /// Where.
    pub place: Place,
    /// What the key stands for.
    pub scope: Scope,
    /// Which key.
    pub key: RouteKey,
    /// Whose it is.
    pub account: AccountId,
    /// Where each load balancer of the fleet has it now, or why that is not known.
    pub fleet: Vec<(RouterName, Result<Option<ServerName>, String>)>,
    /// The servers of the pool.
    pub servers: Vec<ServerStatus>,
    /// Whether the person may.
    pub may_pin: bool,
    /// When it was read.
    pub now: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolName;

    fn told(answers: Vec<PinAnswer>) -> RePinned {
        let request = RePinRequest {
            place: Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() },
            key: RouteKey::parse("acc_1").unwrap(),
            server: ServerName::parse("api-1").unwrap(),
            reason: "the customer’s upload is there".to_owned(),
            ticket: String::new(),
        };
        RePinned { request, account: AccountId::parse("acc_1").unwrap(), answers }
    }

    fn answer(router: &str, read: Option<&str>, trouble: Option<Trouble>) -> PinAnswer {
        let read = read.map(|name| ServerName::parse(name).unwrap());
        PinAnswer { router: RouterName::parse(router).unwrap(), read, trouble }
    }

    #[test]
    fn it_is_done_when_all_were_read_back_and_agree() {
        let yes = || answer("lb-1", Some("api-1"), None);
        assert!(told(vec![yes()]).is_done());
        assert!(!told(vec![]).is_done(), "nobody's answer proves nothing");
        let other = told(vec![yes(), answer("lb-2", Some("api-2"), None)]);
        assert!(!other.is_done() && other.sentence().contains("lb-2 pins it to api-2 all the same"));
        assert!(other.sentence().contains("It is on lb-1."));
        assert!(told(vec![answer("lb-1", None, None)]).sentence().contains("no entry"));
        let away = told(vec![answer("lb-1", None, Some(Trouble::Unreachable("nobody listens".to_owned())))]);
        assert!(away.is_unanswered() && !away.is_done());
    }
}
