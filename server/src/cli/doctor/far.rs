//! `doctor --server`: what can be seen from far away, as far as the token's scopes go.

use domain::{
    Instant, Span, TokenScope,
    census::{Census, CensusOutcome},
    view::{RoutingPage, Unfinished},
};
use serde::Deserialize;
use service::{Check, CheckOutcome};

use super::super::{
    Failure,
    desk::{Remote, Target},
};
use super::check;
use crate::{compose::World, wire::Censuses};

/// A difference of clocks at which times in the output mislead.
const SKEW: Span = Span::from_secs(5);
/// How soon a token's end is told.
const SOON: Span = Span::from_days(7);

/// Everything that can be seen.
pub async fn checks(target: &Target) -> Vec<Check> {
    let remote = match Remote::connect(target).await {
        Ok(remote) => remote,
        Err(failure) => return vec![check("server", CheckOutcome::Bad, failure.text())],
    };
    let (about, now) = (remote.about(), World::default().clock.now());
    let text = format!("{} answers, version {}", remote.base(), about.version);
    let mut checks = vec![check("server", CheckOutcome::Ok, text), token(&remote, now), clock(about.now, now)];
    let may = |scope: TokenScope| about.scopes.contains(&scope);
    if may(TokenScope::RoutingRead) {
        checks.extend(told("routers", remote.get("routing", &[]).await.map(|page| routers(&page))));
    }
    if may(TokenScope::CleanupsRead) {
        checks.extend(told("clean-ups", remote.get("cleanups", &[]).await.map(|page: Page| vec![cleanups(page)])));
    }
    if may(TokenScope::CensusRead) {
        checks.extend(told("census", remote.get("census", &[]).await.map(|all: Censuses| vec![census(all.last)])));
    }
    let unseen: Vec<&str> = [TokenScope::RoutingRead, TokenScope::CleanupsRead, TokenScope::CensusRead]
        .into_iter()
        .filter(|scope| !may(*scope))
        .map(TokenScope::as_str)
        .collect();
    if !unseen.is_empty() {
        let text = format!("not looked at: the token has not the scopes {}", unseen.join(", "));
        checks.push(check("scopes", CheckOutcome::Warn, text));
    }
    checks
}

fn told(name: &str, found: Result<Vec<Check>, Failure>) -> Vec<Check> {
    found.unwrap_or_else(|failure| vec![check(name, CheckOutcome::Bad, failure.text())])
}

fn token(remote: &Remote, now: Instant) -> Check {
    let about = remote.about();
    let scopes: Vec<&str> = about.scopes.iter().map(|scope| scope.as_str()).collect();
    let (outcome, end) = match about.expires_at {
        None => (CheckOutcome::Ok, "never ends".to_owned()),
        Some(at) if at.since(now) < SOON => (CheckOutcome::Warn, format!("ends {at}: make a new one")),
        Some(at) => (CheckOutcome::Ok, format!("ends {at}")),
    };
    check("token", outcome, format!("{} ({}), {end}", about.name, scopes.join(", ")))
}

fn clock(theirs: Instant, ours: Instant) -> Check {
    let apart = if theirs > ours { theirs.since(ours) } else { ours.since(theirs) };
    if apart > SKEW {
        return check("clock", CheckOutcome::Warn, format!("this machine's and the server's are {apart} apart"));
    }
    check("clock", CheckOutcome::Ok, "the server's and this machine's agree")
}

fn routers(page: &RoutingPage) -> Vec<Check> {
    let of = |router: &domain::view::RouterCard| {
        let name = format!("router {}", router.name);
        let mut checks = vec![match (&router.trouble, router.owed) {
            (Some(why), owed) => check(&name, CheckOutcome::Bad, format!("{why}; {owed} steps are owed to it")),
            (None, 0) => check(&name, CheckOutcome::Ok, router.about.clone()),
            (None, owed) => check(&name, CheckOutcome::Warn, format!("{owed} steps are owed to it")),
        }];
        checks.extend(router.caveats.iter().map(|caveat| check(&name, CheckOutcome::Warn, caveat.clone())));
        checks
    };
    page.routers.iter().flat_map(of).collect()
}

/// Of a page of clean-ups what is counted.
#[derive(Deserialize)]
struct Page {
    unfinished: Unfinished,
}

fn cleanups(Page { unfinished }: Page) -> Check {
    let Unfinished { running, owed, needs_attention, late, .. } = unfinished;
    let text = format!("{running} running, {owed} owed, {needs_attention} need attention, {late} late");
    let outcome = if needs_attention + late > 0 { CheckOutcome::Warn } else { CheckOutcome::Ok };
    check("clean-ups", outcome, text)
}

fn census(last: Option<Census>) -> Check {
    match last {
        None => check("census", CheckOutcome::Ok, "none has come to its end yet"),
        Some(last) if last.outcome != CensusOutcome::Done => check("census", CheckOutcome::Warn, "the last one failed"),
        Some(last) if !last.note.unread.is_empty() => {
            check("census", CheckOutcome::Warn, "the last one could not read everything")
        }
        Some(last) => check("census", CheckOutcome::Ok, format!("{} findings open", last.note.open())),
    }
}
