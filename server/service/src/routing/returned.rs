//! A router that comes back: what it is owed is woken, and it is looked whether it learnt again what was cleaned there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use domain::{Instant, Place, RouteKey, RouterName, Span};
use futures::future::join_all;
use routers::About;

use super::observe::Seen;
use crate::{Result, Unstick};

/// How long after a restart was seen it is looked whether what was cleaned is back: at once, and when peers have taught it (an
/// HAProxy that starts tries for some seconds to find one).
const RECHECKS: [Span; 3] = [Span::ZERO, Span::from_secs(15), Span::from_secs(45)];
/// A router that runs for no longer, when it is seen for the first time, counts as restarted: perhaps both of us were.
const YOUNG: Span = Span::from_secs(15 * 60);
/// A start that seems so much later than it did before is no other one: uptimes are told in seconds, and answers take time.
const TOLERANCE: Span = Span::from_secs(3);

/// What is known of one router.
#[derive(Default)]
struct Known {
    /// What it said when it last answered, and when.
    last: Option<(About, Instant)>,
    /// Whether it answered at the last look.
    answers: bool,
}

/// What a look at a router told that matters to what it is owed.
enum News {
    /// It answers for the first time; `young`: it did not run for long.
    Met { young: bool },
    /// It answers again, takes changes again, or another process answers.
    Returned,
}

/// What the observer remembers between two passes.
#[derive(Default)]
pub(crate) struct ObserverState {
    /// What each router last said of itself, and when.
    abouts: Mutex<HashMap<RouterName, Known>>,
    /// Routers that restarted, and when it is looked whether they learnt again what was cleaned.
    rechecks: Mutex<Vec<(RouterName, Instant)>>,
    /// When another process was last seen to answer for a router.
    changed: Mutex<HashMap<RouterName, Instant>>,
    pub(super) tables: Mutex<HashMap<Place, HashMap<RouteKey, Seen>>>,
}

impl ObserverState {
    /// When another process than before was last seen to answer for `router`.
    pub(crate) fn changed_at(&self, router: &RouterName) -> Option<Instant> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).get(router).copied()
    }

    /// Whether that was after `since`.
    pub(crate) fn is_another_since(&self, router: &RouterName, since: Option<Instant>) -> bool {
        since.zip(self.changed_at(router)).is_some_and(|(since, at)| at > since)
    }

    /// Takes down what `name` said of itself, or that it did not answer.
    fn saw(&self, name: &RouterName, about: Option<(About, Instant)>) -> Option<News> {
        let mut abouts = self.abouts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !abouts.contains_key(name);
        let known = abouts.entry(name.clone()).or_default();
        let Some(now) = about else {
            known.answers = false;
            return None;
        };
        let news = match &known.last {
            None if is_first => Some(News::Met { young: now.0.uptime.is_some_and(|uptime| uptime < YOUNG) }),
            None => Some(News::Returned),
            Some(before) if is_restart(before, &now) => {
                self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), now.1);
                Some(News::Returned)
            }
            Some(before) => {
                let takes_again = now.0.takes_changes && !before.0.takes_changes;
                (!known.answers || takes_again).then_some(News::Returned)
            }
        };
        *known = Known { last: Some(now), answers: true };
        news
    }

    /// Forgets what was last seen at `place`: the next pass begins with what is stored.
    pub(crate) fn forget(&self, place: &Place) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }
}

impl Unstick {
    /// Wakes the steps that wait for a router which answers again, or which was restarted meanwhile; and the watches, for it
    /// may have learnt old entries again. What is watched no more is read again for a while.
    pub(super) async fn wake_returned(&self) -> Result<()> {
        let readings =
            join_all(self.fleet().iter().map(async |router| (router.name().clone(), router.about().await, self.now())))
                .await;
        let (mut returned, mut young, mut met) = (Vec::new(), Vec::new(), Vec::new());
        for (name, about, at) in readings {
            match self.0.observer.saw(&name, about.ok().map(|about| (about, at))) {
                Some(News::Met { young: is_young }) => {
                    if is_young {
                        young.push(name.clone());
                    }
                    met.push(name);
                }
                Some(News::Returned) => returned.push(name),
                None => {}
            }
        }
        let now = self.now();
        for name in &returned {
            let (steps, watches) =
                transact!(self, tx => { Ok((tx.wake_owed(name, now).await?, tx.wake_watches(now).await?)) })?;
            tracing::info!(router.name = %name, steps, watches, "a router is back");
            self.0.kick.notify_one();
        }
        // It may have come back while nobody looked.
        for name in &met {
            if transact!(self, tx => { Ok(tx.wake_owed(name, now).await?) })? > 0 {
                self.0.kick.notify_one();
            }
        }
        self.recheck_due(returned.into_iter().chain(young).collect(), now).await
    }

    /// Has `restarted` looked at after each of [`RECHECKS`], and looks at those that are due.
    async fn recheck_due(&self, restarted: Vec<RouterName>, now: Instant) -> Result<()> {
        let due: BTreeSet<RouterName> = {
            let mut rechecks = self.0.observer.rechecks.lock().unwrap_or_else(PoisonError::into_inner);
            for name in restarted {
                rechecks.retain(|(other, _)| *other != name);
                rechecks.extend(RECHECKS.map(|wait| (name.clone(), now + wait)));
            }
            rechecks.extract_if(.., |(_, at)| *at <= now).map(|(name, _)| name).collect()
        };
        for name in due {
            let back = self.recheck(&name).await?;
            if back > 0 {
                tracing::warn!(router.name = %name, cleanups = back, "a router that restarted has again what was cleaned");
            }
        }
        Ok(())
    }
}

/// Whether another process answers now: it began later than the one before did, or it calls itself otherwise (a promoted
/// replica may have run for longer than the one before). An uptime that went backwards is not asked for: one that restarts soon
/// after it started runs longer by the next look than it had by the last one.
fn is_restart((before, seen): &(About, Instant), (now, at): &(About, Instant)) -> bool {
    let later = |(old, new): (Span, Span)| new < old || (*at - new).since(*seen - old) > TOLERANCE;
    before.uptime.zip(now.uptime).is_some_and(later) || before.node != now.node
}

#[cfg(test)]
mod tests {
    use domain::Span;

    use super::*;

    /// What a router said of itself `seconds` after the test began.
    fn about(seconds: i64, uptime: Option<i64>, node: &str) -> (About, Instant) {
        let about = About {
            product: "Redis 7.0.15".to_owned(),
            uptime: uptime.map(Span::from_secs),
            node: node.to_owned(),
            takes_changes: true,
        };
        (about, Instant::from_secs(1_000 + seconds))
    }

    #[test]
    fn a_restart_is_noticed_by_its_beginning_or_name() {
        let first = about(0, Some(5), "a");
        assert!(!is_restart(&first, &about(0, Some(5), "a")));
        assert!(!is_restart(&first, &about(5, Some(9), "a")), "uptimes are rounded");
        assert!(!is_restart(&about(0, None, "a"), &about(5, None, "a")));
        assert!(is_restart(&first, &about(5, Some(4), "a")), "it went backwards");
        assert!(is_restart(&about(0, Some(1), "a"), &about(10, Some(3), "a")), "it did not, and is another one");
        assert!(is_restart(&first, &about(5, Some(900), "b")), "a replica was promoted");
    }
}
