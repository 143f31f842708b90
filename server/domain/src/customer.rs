//! What customers are told of their own sessions, in their words: «device», «sign in again», «one of our servers». No name of
//! a server, router or pool gets in here: it would not help a customer, and it might help somebody else.

use crate::{Finding, FindingKind, Plan, SessionId, Status, Verdict, VerdictKind, World};

/// Which session stays signed in when customers reset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stays {
    /// The one that asks.
    #[default]
    This,
    /// This one, chosen by somebody who came by a link that names none.
    One(SessionId),
    /// None.
    Nobody,
}

/// What is said of a part that cannot be reached now.
pub const WAITS_FOR_PART: &str =
    "Part of it will be done as soon as one of our load balancers is reachable again, by itself.";

/// `1 device`, `3 devices`.
fn devices(n: usize) -> String {
    if n == 1 { "1 device".to_owned() } else { format!("{n} devices") }
}

/// The verdict in the customer's words.
fn verdict_words(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Clean => {
            "Your sessions are not the cause: we looked everywhere, and nothing is wrong with them. A reset would not help. \
             If it is slow all the same, write to support."
        }
        VerdictKind::Unsure => {
            "We found nothing wrong with your sessions, but could not look everywhere just now. Try again in a few minutes."
        }
        VerdictKind::LeftOver => {
            "Something is left over from sessions of yours that ended. It should not slow you down; a reset removes it."
        }
        VerdictKind::PartlyStuck => {
            "Some of your devices are tied to one of our servers that does not serve well. A reset frees them."
        }
        VerdictKind::Stuck => {
            "Your account is stuck: whatever device you sign in on, you are led to one of our servers that does not serve \
             well. You need not reinstall anything. A reset frees your account."
        }
    }
}

/// The diagnosis of `world` in the customer's words: what is wrong, then what was found, a sentence each. `this` is the
/// session that asks.
pub fn diagnosis_words(
    world: &World,
    verdict: &Verdict,
    findings: &[Finding],
    this: Option<&SessionId>,
) -> (String, Vec<String>) {
    let mut lines = Vec::new();
    let of = |kind: FindingKind| findings.iter().filter(move |finding| finding.kind == kind);
    let count = |kind| of(kind).map(|finding| finding.count.max(1)).sum::<i64>();
    if let Some(this) = this
        && of(FindingKind::DegradedRoute).any(|finding| finding.sessions.contains(this))
    {
        lines.push("The device that you are on is one of those that are badly served.".to_owned());
    }
    match count(FindingKind::OrphanedSession).max(world.account.leftover_sessions) {
        0 => {}
        1 => lines.push("One session that ended left something behind.".to_owned()),
        n => lines.push(format!("{n} sessions that ended left something behind.")),
    }
    if count(FindingKind::StaleRoute) > 0 {
        lines.push("Something of a session that is over still decides which of our servers you get.".to_owned());
    }
    if count(FindingKind::SplitRoute) > 0 {
        lines.push("Our load balancers do not agree on which server is yours.".to_owned());
    }
    if count(FindingKind::Accumulation) > 0 {
        lines.push(format!("You are signed in {} times, which is unusually many.", world.account.live_sessions));
    }
    if !world.unread.is_empty() {
        lines.push("One of our load balancers could not be asked just now: what it holds is not known.".to_owned());
    }
    (verdict_words(verdict.kind).to_owned(), lines)
}

/// What `plan` would do, in the customer's words. `this` is the session that asks.
pub fn preview_words(plan: &Plan, this: Option<&SessionId>) -> Vec<String> {
    let mut lines = Vec::new();
    if plan.is_empty() {
        lines.push("There is nothing to reset: you are signed in nowhere, and nothing is left over.".to_owned());
        return lines;
    }
    match (&plan.keep, plan.ends.len()) {
        (Some(_), 0) => lines.push("Nobody is signed out: no other device is signed in.".to_owned()),
        (None, 0) => lines.push("Nobody is signed out: no device is signed in.".to_owned()),
        (None, n) if this.is_some() => {
            lines.push(format!("You will have to sign in again on {}, this one included.", devices(n)));
        }
        (_, n) => lines.push(format!("You will have to sign in again on {}.", devices(n))),
    }
    match &plan.keep {
        Some(keep) if this == Some(keep) => lines.push("You stay signed in here.".to_owned()),
        Some(_) => lines.push("The device that you chose stays signed in.".to_owned()),
        None => {}
    }
    match plan.deletes.iter().filter(|id| !plan.ends.contains(id)).count() {
        0 => {}
        1 => lines.push("What one session that ended left behind is removed.".to_owned()),
        n => lines.push(format!("What {n} sessions that ended left behind is removed.")),
    }
    if plan.routes.iter().any(|route| route.server.is_some()) {
        lines.push(
            "Your next request may be served by another of our servers. Something that only the old one remembered (an \
             upload in progress, an unsaved draft) may be lost."
                .to_owned(),
        );
    }
    if !plan.unread.is_empty() {
        lines.push(WAITS_FOR_PART.to_owned());
    }
    lines
}

/// Where a reset is that ended `ended` sessions, in the customer's words. `kept`: one stayed signed in.
pub fn state_words(status: Status, ended: usize, kept: bool) -> String {
    match status {
        Status::Running => {
            "We are at it. It takes about as long as your slowest request could. You need not wait here: it goes \
                            on by itself."
                .to_owned()
        }
        Status::Owed => format!("Most of it is done. {WAITS_FOR_PART}"),
        Status::NeedsAttention => {
            "It did not work out by itself, and our staff see that. You need not do anything; if you write \
                                   to support, quote the number of this reset."
                .to_owned()
        }
        Status::Done => match (ended, kept) {
            (0, _) => "Done. Nobody was signed out, and nothing of what was reset is left.".to_owned(),
            (n, true) => format!("Done. You may need to sign in again on {}; one stayed signed in.", devices(n)),
            (n, false) => format!("Done. You may need to sign in again on {}.", devices(n)),
        },
    }
}

#[cfg(test)]
#[path = "customer_tests.rs"]
mod tests;
