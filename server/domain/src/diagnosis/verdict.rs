//! The findings in one sentence.

use super::{Finding, FindingKind, Look, Severity, Verdict, VerdictKind};
use crate::{Health, Mode, Rich, Route, Scope, ServerName, SessionState};

/// The verdict that `findings` of `world` amount to.
pub(super) fn verdict(world: &Look<'_>, findings: &[Finding]) -> Verdict {
    let bad_account_route =
        world.routes.iter().find(|route| route.scope == Scope::Account && world.complaint(route).is_some());
    if let Some(route) = bad_account_route {
        return stuck(world, route);
    }
    if let Some(finding) = findings.iter().find(|finding| finding.severity == Severity::Critical) {
        let words = Rich::new().strong("Partly stuck.").text(" ").then(finding.sentence.clone());
        let words = as_last_read(world, words.text(" Un-sticking moves them; nobody is signed out."));
        return Verdict { kind: VerdictKind::PartlyStuck, sentence: words, advice: Some(Mode::Unstick) };
    }
    if let Some(finding) = findings.first() {
        return left_over(world, finding);
    }
    if world.unread.is_empty() { clean(world) } else { unsure(world) }
}

fn stuck(world: &Look<'_>, route: &Route) -> Verdict {
    let server = route.server.as_ref().map_or("a server that is gone", ServerName::as_str);
    let complaint = world.complaint(route).unwrap_or_default();
    let maker = route.session.as_ref().and_then(|id| world.session(id)).map(|session| session.state);
    let cause = match maker.and_then(SessionState::ended_at) {
        Some(at) => format!("left behind by a session that ended {}", world.ago(at)),
        None => match route.pinned_at {
            Some(at) => format!("pinned there {}", world.ago(at)),
            None => "pinned there before Unstick watched".to_owned(),
        },
    };
    let draining = world.health_of(route) == Health::Draining;
    let stays = if draining { " Draining does not move customers who are pinned." } else { "" };
    // What ended sessions left is not all of it when live ones are pinned to a bad server too.
    let theirs = |it: &&Route| it.scope == Scope::Session && !world.is_left_over(it) && world.complaint(it).is_some();
    let (advice, cure) = match world.routes.iter().filter(theirs).count() {
        0 if world.account.leftover_sessions == 0 => (Mode::Unstick, "Un-sticking frees the account"),
        0 => (Mode::Stale, "Cleaning up the left-overs frees the account"),
        1 => (Mode::Unstick, "Un-sticking frees the account and its live session there"),
        _ => (Mode::Unstick, "Un-sticking frees the account and its live sessions there"),
    };
    let sentence = Rich::new()
        .strong("Stuck on a bad server.")
        .text(" Every sign-in, on any device, lands on ")
        .code(server)
        .text(format!(", which {complaint}: the account’s route was {cause}.{stays} {cure}; nobody is signed out."));
    let sentence = as_last_read(world, sentence);
    Verdict { kind: VerdictKind::Stuck, sentence, advice: Some(advice) }
}

fn left_over(world: &Look<'_>, worst: &Finding) -> Verdict {
    let left = world.account.leftover_sessions;
    let advice = match worst.kind {
        FindingKind::SplitRoute => Mode::Unstick,
        FindingKind::Accumulation if left == 0 => Mode::Force,
        _ => Mode::Stale,
    };
    let known = world.unread.is_empty();
    let what = match worst.kind {
        FindingKind::Accumulation if left == 0 => "Too many sessions",
        FindingKind::SplitRoute if left == 0 => "Pinned two ways",
        _ => "Left-overs",
    };
    let what = if known { format!("{what}, but not stuck.") } else { format!("{what}.") };
    let words = Rich::new().strong(what).text(" ").then(worst.sentence.clone());
    let live = world.routes.iter().filter(|route| !world.is_left_over(route)).count();
    let words = match live {
        _ if !known => {
            let words = words.text(" Whether it is stuck is not known: ").names(&unread(world), 3);
            words.text(" could not be read.")
        }
        0 => words.text(" No live session is on a bad server."),
        _ => words.text(" What is live is on good servers."),
    };
    Verdict { kind: VerdictKind::LeftOver, sentence: words, advice: Some(advice) }
}

fn clean(world: &Look<'_>) -> Verdict {
    let mut words = Rich::new().strong("Sessions are not the cause.").text(" ");
    words = match (world.account.live_sessions, world.routes.len()) {
        (0, 0) => words.text("The account has no live session and no route, and nothing is left over."),
        (1, _) => words.text("Its one live session is on a good server, and nothing is left over."),
        (n, 0) => words.text(format!("Its {n} live sessions are pinned nowhere, and nothing is left over.")),
        (n, _) => words.text(format!("Its {n} live sessions are on good servers, and nothing is left over.")),
    };
    Verdict {
        kind: VerdictKind::Clean,
        sentence: words.text(" Look elsewhere: a clean-up would change nothing."),
        advice: None,
    }
}

fn unsure(world: &Look<'_>) -> Verdict {
    let words = Rich::new().strong("Not sure.").text(" Nothing wrong was found, but ").names(&unread(world), 3);
    let words = words.text(" could not be read. What it holds is not known.");
    Verdict { kind: VerdictKind::Unsure, sentence: words, advice: None }
}

fn unread<'a>(world: &'a Look<'_>) -> Vec<&'a str> {
    world.unread.iter().map(|unread| unread.router.as_str()).collect()
}

/// Says of what a verdict rests on that it was not read now.
fn as_last_read(world: &Look<'_>, words: Rich) -> Rich {
    let away: Vec<_> = world.routes.iter().filter(|route| world.is_unread(&route.place)).collect();
    let Some(last) = away.iter().map(|route| route.read_at).max() else { return words };
    let words = words.text(" ").names(&unread(world), 3);
    words.text(format!(" could not be read now: what it holds is told as it was {}.", world.ago(last)))
}
