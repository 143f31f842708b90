//! A clean-up's ledger: where it is in one sentence, its steps, what happened when, and what to tell the customer.

use std::collections::{BTreeMap, BTreeSet};

use async_recursion::async_recursion as boxed;
use domain::{
    Account, Actor, Cleanup, CleanupId, Instant, Mode, Permission, Return, Rich, SessionId, Stage, Status, Step,
    StepKind, Target,
    view::{LedgerStep, LedgerView, Milestone, StepCounts, count_steps, step_words},
};

use crate::{Error, Result, Unstick};

/// Steps that are shown one by one.
const SHOWN: usize = 200;
/// Returns that are shown.
const RETURNS: u32 = 20;

impl Unstick {
    /// The ledger of a clean-up.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn ledger(&self, actor: &Actor, id: &CleanupId) -> Result<LedgerView> {
        self.authorize(actor, Permission::ReadCleanups, id.as_str()).await?;
        self.ledger_view(id, actor.may(Permission::CleanUp)).await
    }

    /// Every step of a clean-up: its evidence for a machine.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn ledger_steps(&self, actor: &Actor, id: &CleanupId) -> Result<Vec<Step>> {
        self.authorize(actor, Permission::ReadCleanups, id.as_str()).await?;
        self.cleanup_by_id(id).await?;
        Ok(self.store().steps(id).await?)
    }

    pub(super) async fn ledger_view(&self, id: &CleanupId, may_retry: bool) -> Result<LedgerView> {
        let (cleanup, steps, watch, returns, kept) = tokio::try_join!(
            self.store().cleanup(id),
            self.store().steps(id),
            self.store().watch(id),
            self.store().returns(id, RETURNS),
            self.store().kept_session(id),
        )?;
        let cleanup = cleanup.ok_or(Error::NotFound("clean-up"))?;
        let account = self.store().account(&cleanup.account).await?;
        let counts = count_steps(&steps, self.policy().max_attempts);
        let title = account.as_ref().map_or_else(|| cleanup.account.to_string(), |account| account.title().to_owned());
        let waiting = matches!(cleanup.status, Status::Owed | Status::NeedsAttention);
        Ok(LedgerView {
            headline: headline(&cleanup, &steps, counts, !returns.is_empty(), self.now()),
            milestones: milestones(&cleanup, &steps, &returns),
            watch: watch.filter(|_| cleanup.status == Status::Done),
            returns,
            reply: (cleanup.status == Status::Done)
                .then(|| reply(&cleanup, account.as_ref(), Deeds { kept: kept.is_some(), ..Deeds::of(&steps) })),
            may_retry: may_retry && waiting,
            hidden: i64::try_from(steps.len().saturating_sub(SHOWN)).unwrap_or(i64::MAX),
            steps: shown(steps),
            now: self.now(),
            cleanup,
            title,
            counts,
        })
    }
}

/// What matters first: trouble, then what was there, then the rest, each in the order in which it is done.
fn shown(mut steps: Vec<Step>) -> Vec<LedgerStep> {
    steps.sort_by_key(|step| (step.trouble.is_none(), step.kind == StepKind::Unroute && step.had.is_none(), step.no));
    steps.truncate(SHOWN);
    steps.into_iter().map(|step| LedgerStep { words: step_words(&step), step }).collect()
}

fn headline(cleanup: &Cleanup, steps: &[Step], counts: StepCounts, came_back: bool, now: Instant) -> Rich {
    match cleanup.status {
        Status::Done => {
            let at = cleanup.finished_at.unwrap_or(now);
            let took = at.since(cleanup.requested_at);
            Rich::new().strong("Clean, and read back.").text(format!(
                " All {} steps were verified {}, {took} after the request: nothing that was cleaned is anywhere.",
                counts.total,
                at.relative_to(now)
            ))
        }
        Status::Owed => {
            let mut routers: Vec<&str> = steps.iter().filter(|step| step.is_owed()).filter_map(router_of).collect();
            routers.sort_unstable();
            routers.dedup();
            let words = Rich::new().strong("Owed.").text(match counts.owed {
                1 => " 1 step waits for ".to_owned(),
                owed => format!(" {owed} steps wait for "),
            });
            let rest = if counts.owed == 1 { "It runs by itself" } else { "They run by themselves" };
            let whose = if routers.len() == 1 { "does not answer" } else { "do not answer" };
            let back = if routers.len() == 1 { "it is" } else { "they are" };
            words.names(&routers, 3).text(format!(", which {whose}. {rest} when {back} back; the rest is done."))
        }
        Status::NeedsAttention => Rich::new().strong("Needs a person.").text(format!(
            " {} steps were tried {} times and did not hold. Read why below, mend it, and retry.",
            counts.failed, 10
        )),
        Status::Running => {
            let cleared = steps.iter().filter(|step| step.stage >= Stage::Cleared).count();
            let state = if came_back { "It came back, and is cleaned again." } else { "Working." };
            let words =
                Rich::new().strong(state).text(format!(" {} of {} steps verified", counts.verified, counts.total));
            let waits = steps.iter().any(|step| step.stage == Stage::Cleared) && cleanup.next_at > now;
            if waits {
                let left = cleanup.next_at.since(now);
                words.text(format!("; {cleared} cleared, waiting {left} more for requests in flight to end."))
            } else {
                words.text(format!("; {cleared} cleared."))
            }
        }
    }
}

fn router_of(step: &Step) -> Option<&str> {
    match &step.target {
        Target::Route { place, .. } => Some(place.router.as_str()),
        Target::Session { .. } => None,
    }
}

/// What happened when, in order: the request, then for each router and the records the last instant of each kind.
fn milestones(cleanup: &Cleanup, steps: &[Step], returns: &[Return]) -> Vec<Milestone> {
    let mut last: BTreeMap<String, (Instant, usize, usize)> = BTreeMap::new();
    let mut note = |what: String, at: Option<Instant>| {
        let entry = last.entry(what).or_insert((cleanup.requested_at, 0, 0));
        entry.2 += 1;
        if let Some(at) = at {
            entry.0 = entry.0.max(at);
            entry.1 += 1;
        }
    };
    for step in steps {
        match (step.kind, router_of(step)) {
            (StepKind::Unroute, Some(router)) => {
                note(format!("Cleared on {router}, read back"), step.cleared_at);
                note(format!("Cleared again on {router}, read back"), step.cleared_again_at);
                note(format!("Verified on {router}"), step.verified_at);
            }
            (StepKind::Revoke, _) => note("Sessions ended".to_owned(), step.verified_at),
            (StepKind::Delete, _) => note("Records cleaned".to_owned(), step.verified_at),
            (StepKind::Unroute, None) => {}
        }
    }
    let whole = last.into_iter().filter(|(_, (_, reached, of))| reached == of);
    let mut found: Vec<Milestone> =
        whole.map(|(what, (at, ..))| Milestone { what, at, after: at.since(cleanup.requested_at) }).collect();
    let requested = Milestone { what: "Requested".to_owned(), at: cleanup.requested_at, after: domain::Span::ZERO };
    found.push(requested);
    found.extend(returns.iter().map(|it| {
        let on = it.server.as_ref().map_or_else(String::new, |server| format!(" → {server}"));
        let what = format!("Came back on {}: {}{on}", it.place.router, it.key);
        Milestone { what, at: it.at, after: it.at.since(cleanup.requested_at) }
    }));
    found.sort_by_key(|milestone| (milestone.at, order(&milestone.what)));
    found
}

fn order(what: &str) -> usize {
    let words = ["Requested", "Sessions", "Cleared on", "Cleared again", "Records", "Verified"];
    words.iter().position(|word| what.starts_with(word)).unwrap_or(words.len())
}

/// What the steps really did, as far as a customer is told of it.
#[derive(Debug, Clone, Copy)]
struct Deeds {
    /// Live sessions were ended.
    ended: bool,
    /// Sessions that were over had left something.
    left_over: bool,
    /// The account, or a session of it, was led to a server.
    led: bool,
    /// One live session was left signed in.
    kept: bool,
}

impl Deeds {
    fn of(steps: &[Step]) -> Self {
        let live: BTreeSet<&SessionId> = sessions_of(steps, StepKind::Revoke).collect();
        Self {
            ended: !live.is_empty(),
            left_over: sessions_of(steps, StepKind::Delete).any(|session| !live.contains(session)),
            led: steps.iter().any(|step| step.kind == StepKind::Unroute && step.had.is_some()),
            kept: false,
        }
    }

    const fn cause(self) -> &'static str {
        match (self.left_over, self.led) {
            (true, true) => {
                "Connections that had ended were still tied to your account and kept sending it to one of our servers."
            }
            (true, false) => "Connections that had ended were still kept with your account.",
            (false, true) => "Your account was tied to one of our servers.",
            (false, false) => "We looked at everything that could hold your account up.",
        }
    }

    const fn cure(self, mode: Mode) -> &'static str {
        match (mode, self.ended, self.left_over || self.led) {
            (Mode::Force, true, _) if self.kept => {
                "We have ended all other connections of your account, so please sign in again on each of your other devices."
            }
            (Mode::Force, true, _) => {
                "We have ended all connections of your account, so please sign in again on each of your devices."
            }
            (Mode::Force, false, true) if !self.kept => {
                "We have removed all of that; you were signed in nowhere at that time."
            }
            (_, _, true) if !self.left_over => "We have freed it; you are still signed in everywhere you were.",
            (_, _, true) => "We have removed them; you are still signed in everywhere you were.",
            (_, _, false) => "There was nothing to remove; you are still signed in everywhere you were.",
        }
    }
}

fn sessions_of(steps: &[Step], kind: StepKind) -> impl Iterator<Item = &SessionId> {
    steps.iter().filter(move |step| step.kind == kind).filter_map(|step| match &step.target {
        Target::Session { session } => Some(session),
        Target::Route { .. } => None,
    })
}

/// What to tell the customer, plain and without our words for things.
fn reply(cleanup: &Cleanup, account: Option<&Account>, deeds: Deeds) -> String {
    let name = account.map(|account| account.name.as_str()).filter(|name| !name.is_empty());
    let greeting = name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"));
    let what = format!("{} {}", deeds.cause(), deeds.cure(cleanup.mode));
    let at = cleanup.finished_at.unwrap_or(cleanup.requested_at).to_text();
    format!(
        "{greeting}\n\n{what}\n\nWe checked afterwards that nothing of it is left ({at}). You do not have to reinstall \
         anything. If it is slow again, tell us: it would have another cause.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customer_is_told_what_was_really_done() {
        let told = |ended, left_over, led, mode| {
            let deeds = Deeds { ended, left_over, led, kept: false };
            format!("{} {}", deeds.cause(), deeds.cure(mode))
        };
        for mode in [Mode::Unstick, Mode::Stale] {
            let text = told(false, false, true, mode);
            assert!(
                !text.contains("had ended") && text.contains("freed it") && text.contains("still signed in"),
                "{text}"
            );
        }
        let text = told(false, true, true, Mode::Stale);
        assert!(text.contains("had ended were still tied") && text.contains("still signed in"), "{text}");
        let text = told(true, false, false, Mode::Force);
        assert!(!text.contains("had ended") && text.contains("sign in again"), "{text}");
        let text = told(false, true, false, Mode::Force);
        assert!(!text.contains("sign in again") && text.contains("signed in nowhere"), "{text}");
        let text = told(false, false, false, Mode::Stale);
        assert!(text.contains("nothing to remove"), "{text}");
        let kept = Deeds { ended: true, left_over: false, led: true, kept: true };
        let text = kept.cure(Mode::Force);
        assert!(text.contains("other connections") && text.contains("your other devices"), "{text}");
        let text = Deeds { ended: false, ..kept }.cure(Mode::Force);
        assert!(text.contains("still signed in"), "{text}");
    }
}
