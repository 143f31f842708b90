//! The phases of a clean-up as a picture: for each router clear → wait → clear again → records → verified.

use std::collections::BTreeSet;

use domain::{Instant, Stage, Status, Step, StepKind, Target, view::LedgerView};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::super::time::after;

/// How a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Todo,
    Doing,
    Done,
    Owed,
    Failed,
}

impl State {
    const fn class(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Owed => "owed",
            Self::Failed => "failed",
        }
    }
    const fn words(self) -> &'static str {
        match self {
            Self::Todo => "not yet",
            Self::Doing => "now",
            Self::Done => "done",
            Self::Owed => "owed: the router does not answer",
            Self::Failed => "failed",
        }
    }
}

/// The phase that all routers share.
const RECORDS: &str = "Clean records";

struct Phase {
    name: &'static str,
    state: State,
    at: Option<Instant>,
}

/// The picture.
pub(super) fn phases(view: &LedgerView) -> Markup {
    let routers: BTreeSet<&str> = view.steps.iter().filter_map(|step| router_of(&step.step)).collect();
    let mut rows: Vec<(String, Vec<Phase>)> =
        routers.into_iter().map(|router| (router.to_owned(), of_router(view, router))).collect();
    if rows.is_empty() {
        let (done, at) = records(view);
        let state = if done { State::Done } else { State::Doing };
        rows.push(("records".to_owned(), vec![Phase { name: RECORDS, state, at: at.filter(|_| done) }]));
    }
    let row = |(router, phases): (String, Vec<Phase>)| {
        let phase = |phase: Phase| drawn(&phase, view.cleanup.requested_at);
        view! {
            <div class="phases">
                <code>{router.clone()}</code>
                <ol aria-label=format!("Phases on {router}")>{phases.into_iter().map(phase).collect_view()}</ol>
            </div>
        }
    };
    view! { <section class="card phased" aria-label="Phases">{rows.into_iter().map(row).collect_view()}</section> }
        .written()
}

fn drawn(phase: &Phase, requested: Instant) -> impl IntoView + use<> {
    let time = match phase.at {
        Some(at) => after(at.since(requested)),
        None if phase.name == RECORDS && phase.state == State::Todo => "after every router".to_owned(),
        None => phase.state.words().split(':').next().unwrap_or_default().to_owned(),
    };
    view! {
        <li class=phase.state.class() title=phase.state.words()>
            <i class="step"></i>
            <b>{phase.name}</b>
            <small>{time}</small>
        </li>
    }
}

fn router_of(step: &Step) -> Option<&str> {
    match &step.target {
        Target::Route { place, .. } => Some(place.router.as_str()),
        Target::Session { .. } => None,
    }
}

/// The phases of a router's steps. A phase is done when every step has passed it; the first one that is not is under way.
fn of_router(view: &LedgerView, router: &str) -> Vec<Phase> {
    let steps: Vec<&Step> =
        view.steps.iter().map(|it| &it.step).filter(|step| router_of(step) == Some(router)).collect();
    let passed = |stage, said: &str| {
        // Not every step is here when there are many; then the milestone, made of all of them, has the last word.
        let said = || view.milestones.iter().any(|it| it.what.starts_with(said) && names(&it.what, router));
        steps.iter().all(|step| step.stage >= stage) && (view.hidden == 0 || said())
    };
    let last = |at: fn(&Step) -> Option<Instant>| steps.iter().filter_map(|step| at(step)).max();
    let trouble = trouble(view, &steps);
    let (once, twice) = (passed(Stage::Cleared, "Cleared on"), passed(Stage::ClearedAgain, "Cleared again"));
    let (cleaned, cleaned_at) = records(view);
    let mut unrouting = view.steps.iter().map(|it| &it.step).filter(|step| step.kind == StepKind::Unroute);
    let ready = unrouting.all(|step| step.stage >= Stage::ClearedAgain);
    let marks = [
        ("Clear", once, last(|step| step.cleared_at)),
        ("Wait for open requests", twice || (once && trouble.is_some()), None),
        ("Clear again", twice, last(|step| step.cleared_again_at)),
        (RECORDS, cleaned, cleaned_at),
        ("Verify", passed(Stage::Verified, "Verified"), last(|step| step.verified_at)),
    ];
    let mut first = true;
    let phase = |(name, passed, at): (&'static str, bool, Option<Instant>)| {
        let state = match (passed, first) {
            (true, _) => State::Done,
            // Records wait for every router: as long as another one is not as far, nothing happens here.
            (false, true) if name == RECORDS && !ready => State::Todo,
            (false, true) => trouble.unwrap_or(State::Doing),
            (false, false) => State::Todo,
        };
        first &= passed;
        Phase { name, state, at: at.filter(|_| passed) }
    };
    // Un-sticking cleans no records.
    let cleans = view.hidden > 0 || view.steps.iter().any(|it| it.step.kind == StepKind::Delete);
    marks.into_iter().filter(|(name, ..)| cleans || *name != RECORDS).map(phase).collect()
}

/// Whether `router` is one of the words of `what`.
fn names(what: &str, router: &str) -> bool {
    what.split([' ', ',']).any(|word| word == router)
}

fn trouble(view: &LedgerView, steps: &[&Step]) -> Option<State> {
    let open = || steps.iter().filter(|step| step.stage != Stage::Verified);
    if open().any(|step| step.is_owed()) {
        return Some(State::Owed);
    }
    let failed = view.cleanup.status == Status::NeedsAttention && open().any(|step| step.trouble.is_some());
    failed.then_some(State::Failed)
}

/// Whether the sessions' records are cleaned, and when the last one was.
fn records(view: &LedgerView) -> (bool, Option<Instant>) {
    let steps = || view.steps.iter().map(|it| &it.step).filter(|step| step.kind == StepKind::Delete);
    let here = steps().all(|step| step.stage == Stage::Verified);
    let said = || view.milestones.iter().any(|it| it.what.starts_with("Records"));
    (
        here && (view.hidden == 0 || said() || view.cleanup.status == Status::Done),
        steps().filter_map(|step| step.verified_at).max(),
    )
}

#[cfg(test)]
mod tests {
    use domain::{
        Cleanup, CleanupId, Mode, Place, PlanHash, PoolName, RouteKey, RouterName, Scope, Trouble,
        view::{LedgerStep, StepCounts, step_words},
    };

    use super::*;

    fn step(router: &str, stage: Stage, trouble: Option<Trouble>) -> Step {
        let place = Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse("app").unwrap() };
        let key = RouteKey::parse("k").unwrap();
        let target = Target::Route { place, scope: Scope::Session, key, session: None, must_vanish: true };
        let at = Instant::from_secs(1);
        Step { stage, trouble, ..Step::new(1, StepKind::Unroute, target, None, at) }
    }

    fn delete() -> Step {
        let session = domain::SessionId::parse("s").unwrap();
        Step::new(2, StepKind::Delete, Target::Session { session }, None, Instant::from_secs(1))
    }

    fn view(steps: Vec<Step>, status: Status) -> LedgerView {
        let at = Instant::from_secs(0);
        let cleanup = Cleanup {
            id: CleanupId::parse("c_1").unwrap(),
            account: domain::AccountId::parse("a").unwrap(),
            mode: Mode::Stale,
            reason: String::new(),
            ticket: String::new(),
            actor: String::new(),
            plan_hash: PlanHash(String::new()),
            status,
            requested_at: at,
            finished_at: None,
            next_at: at,
        };
        LedgerView {
            cleanup,
            title: String::new(),
            headline: domain::Rich::new(),
            counts: StepCounts::default(),
            steps: steps.into_iter().map(|step| LedgerStep { words: step_words(&step), step }).collect(),
            hidden: 0,
            milestones: Vec::new(),
            watch: None,
            returns: Vec::new(),
            reply: None,
            may_retry: false,
            now: at,
        }
    }

    fn states(view: &LedgerView, router: &str) -> Vec<State> {
        of_router(view, router).into_iter().map(|phase| phase.state).collect()
    }

    #[test]
    fn one_phase_is_now_and_those_after_it_are_not_yet() {
        use State::{Doing, Done, Todo};
        let at = |stage| states(&view(vec![step("lb", stage, None), delete()], Status::Running), "lb");
        assert_eq!(at(Stage::Pending), [Doing, Todo, Todo, Todo, Todo]);
        assert_eq!(at(Stage::Cleared), [Done, Doing, Todo, Todo, Todo]);
        assert_eq!(at(Stage::ClearedAgain), [Done, Done, Done, Doing, Todo]);
        let unsticking = view(vec![step("lb", Stage::Verified, None)], Status::Done);
        assert_eq!(states(&unsticking, "lb"), [Done; 4]);
    }

    #[test]
    fn an_owed_router_says_so_and_the_other_goes_on() {
        let away = Some(Trouble::Unreachable("no answer".to_owned()));
        let steps = vec![step("a", Stage::ClearedAgain, None), step("b", Stage::Pending, away)];
        let view = view(steps, Status::Owed);
        assert_eq!(states(&view, "b")[0], State::Owed);
        assert_eq!(states(&view, "a")[2], State::Done);
    }

    #[test]
    fn a_router_that_is_ahead_waits_for_the_other_before_records_are_cleaned() {
        let steps = vec![step("a", Stage::ClearedAgain, None), step("b", Stage::Cleared, None), delete()];
        let view = view(steps, Status::Running);
        assert_eq!(states(&view, "a")[3..], [State::Todo, State::Todo]);
        assert_eq!(states(&view, "b")[1], State::Doing);
    }
}
