use super::*;
use crate::{AccountId, Instant, Mode, PlanHash, PoolName, RouterName, Scope, ServerName, Trouble};

fn place() -> Place {
    Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() }
}

fn key() -> RouteKey {
    RouteKey::parse("s1").unwrap()
}

/// A clean-up that is done as it should be: a route, then the record of its session.
fn done() -> Facts {
    let (at, policy) = (Instant::from_secs(1), Policy::default());
    let session = SessionId::parse("s1").unwrap();
    let target = Target::Route {
        place: place(),
        scope: Scope::Session,
        key: key(),
        session: Some(session.clone()),
        must_vanish: true,
    };
    let gone = |step: Step| step.after_clear(crate::Reading::Gone, at, &policy, 0);
    let route = gone(gone(Step::new(1, StepKind::Unroute, target, None, at)));
    let route = route.after_verify(crate::Reading::Gone, at, &policy, 0);
    let record = Step::new(2, StepKind::Delete, Target::Session { session }, None, at).after_delete(at);
    let steps = vec![route, record];
    Facts {
        cleanup: Cleanup {
            id: CleanupId::parse("c1").unwrap(),
            account: AccountId::parse("a1").unwrap(),
            mode: Mode::Force,
            reason: "stuck".into(),
            ticket: String::new(),
            actor: "test".into(),
            plan_hash: PlanHash("h".into()),
            status: Status::Done,
            requested_at: at,
            finished_at: Some(at),
            next_at: at,
        },
        counts: count_steps(&steps, policy.max_attempts),
        steps,
        leased: false,
        token: 1,
        generation: 1,
        completed: 1,
        reopened: 0,
        uncleaned: Vec::new(),
    }
}

fn rules(facts: &Facts) -> Vec<Rule> {
    let mut rules: Vec<Rule> = broken(facts, &Policy::default()).into_iter().map(|it| it.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn nothing_is_wrong_with_a_clean_up_that_is_as_it_should_be() {
    assert_eq!(broken(&done(), &Policy::default()), []);
    assert_eq!(backwards(&done(), &done()), []);
    assert_eq!(remains(&done(), []), []);
}

#[test]
fn every_rule_can_be_broken() {
    let with = |change: fn(&mut Facts)| {
        let mut facts = done();
        change(&mut facts);
        rules(&facts)
    };
    assert_eq!(with(|it| it.cleanup.finished_at = None), [Rule::DoneWhenVerified]);
    assert_eq!(with(|it| it.steps[0].verified_at = None), [Rule::Evidence]);
    assert_eq!(with(|it| it.steps[0].now_on = ServerName::parse("api-1").ok()), [Rule::Evidence]);
    assert_eq!(with(|it| it.completed = 2), [Rule::SaidOnce]);
    assert_eq!(with(|it| it.completed = 0), [Rule::SaidOnce]);
    assert_eq!(with(|it| it.leased = true), [Rule::NoLeaseAtTheEnd]);
    assert_eq!(with(|it| it.counts.verified = 1), [Rule::Counted]);
    assert_eq!(with(|it| it.uncleaned.push(SessionId::parse("s1").unwrap())), [Rule::Cleaned]);
    assert_eq!(with(|it| it.steps[0].attempts = 11), [Rule::GivenUp]);
    let undone = |it: &mut Facts| {
        (it.cleanup.status, it.cleanup.finished_at, it.completed) = (Status::Owed, None, 0);
        it.steps[0] = Step::new(1, StepKind::Unroute, it.steps[0].target.clone(), None, Instant::from_secs(1));
        it.counts = count_steps(&it.steps, 10);
    };
    let mut early = done();
    undone(&mut early);
    assert_eq!(rules(&early), [Rule::RoutesFirst, Rule::OwedByRouters]);
    early.steps[0].trouble = Some(Trouble::Unreachable("away".into()));
    early.counts = count_steps(&early.steps, 10);
    assert_eq!(rules(&early), [Rule::RoutesFirst]);
}

#[test]
fn what_had_to_vanish_may_be_nowhere() {
    let elsewhere = Place { router: RouterName::parse("lb-2").unwrap(), pool: PoolName::parse("app").unwrap() };
    let other = RouteKey::parse("s2").unwrap();
    let left = remains(&done(), [(&elsewhere, &key()), (&place(), &other)]);
    assert_eq!(left.iter().map(|it| it.rule).collect::<Vec<_>>(), [Rule::Vanished]);
    assert_eq!(left[0].to_string(), "c1: what had to vanish is there (s1 on lb-2/app)");
}

#[test]
fn only_what_came_back_undoes_anything() {
    let (before, mut after) = (done(), done());
    after.steps[0].stage = Stage::Pending;
    assert_eq!(backwards(&before, &after).len(), 1);
    after.reopened = 1;
    assert_eq!(backwards(&before, &after), []);
    after.token = 0;
    assert_eq!(backwards(&before, &after).len(), 1);
}
