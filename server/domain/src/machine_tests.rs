use super::*;
use crate::{RouteKey, Scope};

fn place(router: &str) -> Place {
    Place { router: RouterName::parse(router).unwrap(), pool: crate::PoolName::parse("app").unwrap() }
}

fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

fn route(no: i64, router: &str, owner: Option<&str>, must_vanish: bool) -> Step {
    let target = Target::Route {
        place: place(router),
        scope: if must_vanish { Scope::Session } else { Scope::Account },
        key: RouteKey::parse(format!("k{no}")).unwrap(),
        session: owner.map(session),
        must_vanish,
    };
    Step::new(no, StepKind::Unroute, target, None, Instant::from_secs(0))
}

fn record(no: i64, name: &str) -> Step {
    Step::new(no, StepKind::Delete, Target::Session { session: session(name) }, None, Instant::from_secs(0))
}

fn draining(router: &str, seconds: i64) -> Policy {
    let drain = [(RouterName::parse(router).unwrap(), Span::from_secs(seconds))].into();
    Policy { drain, ..Policy::default() }
}

fn found(bad: bool) -> Reading {
    Reading::Found { server: Some(ServerName::parse("api-2").unwrap()), bad }
}

#[test]
fn a_clean_up_clears_waits_clears_deletes_and_verifies_in_this_order() {
    let policy = draining("lb-1", 30);
    let (t0, t30) = (Instant::from_secs(0), Instant::from_secs(30));
    let mut steps = vec![route(1, "lb-1", Some("s1"), true), record(2, "s1")];

    let clear = Progress::Work(vec![Work::Clear { place: place("lb-1"), steps: vec![1] }]);
    assert_eq!(next_work(&steps, t0, &policy), clear);
    steps[0] = steps[0].clone().after_clear(Reading::Gone, t0, &policy, 0);

    assert_eq!(next_work(&steps, t0, &policy), Progress::Wait(t30));
    assert_eq!(next_work(&steps, t30, &policy), clear);
    steps[0] = steps[0].clone().after_clear(Reading::Gone, t30, &policy, 0);

    assert_eq!(next_work(&steps, t30, &policy), Progress::Work(vec![Work::Delete { steps: vec![2] }]));
    steps[1] = steps[1].clone().after_delete(t30);

    let verify = Progress::Work(vec![Work::Verify { place: place("lb-1"), steps: vec![1] }]);
    assert_eq!(next_work(&steps, t30, &policy), verify);
    assert_eq!(status_of(&steps, &policy), Status::Running);
    steps[0] = steps[0].clone().after_verify(Reading::Gone, t30, &policy, 0);

    assert_eq!(next_work(&steps, t30, &policy), Progress::Finished);
    assert_eq!(status_of(&steps, &policy), Status::Done);
}

#[test]
fn a_router_that_does_not_answer_leaves_its_steps_owed_and_the_rest_goes_on() {
    let policy = Policy::default();
    let now = Instant::from_secs(0);
    let mut steps = vec![
        route(1, "lb-1", Some("s1"), true),
        route(2, "lb-2", Some("s1"), true),
        route(3, "lb-1", Some("s2"), true),
        record(4, "s1"),
        record(5, "s2"),
    ];
    for _ in 0..50 {
        steps[1] = steps[1].clone().after_clear(Reading::Unreachable("no answer".into()), now, &policy, 0);
    }
    assert!(steps[1].attempts < policy.max_attempts, "absence used up the attempts");
    for i in [0, 2] {
        let once = steps[i].clone().after_clear(Reading::Gone, now, &policy, 0);
        steps[i] = once.after_clear(Reading::Gone, now, &policy, 0);
    }
    let Progress::Work(work) = next_work(&steps, now, &policy) else { panic!("nothing to do") };
    assert!(work.contains(&Work::Delete { steps: vec![5] }), "the record of s1 must wait for lb-2: {work:?}");
    steps[4] = steps[4].clone().after_delete(now);
    steps[0] = steps[0].clone().after_verify(Reading::Gone, now, &policy, 0);
    steps[2] = steps[2].clone().after_verify(Reading::Gone, now, &policy, 0);
    assert_eq!(status_of(&steps, &policy), Status::Owed);
    assert!(matches!(next_work(&steps, now, &policy), Progress::Wait(at) if at > now));
}

#[test]
fn what_comes_back_is_cleared_again_and_after_ten_tries_a_person_must_look() {
    let policy = Policy::default();
    let mut now = Instant::from_secs(0);
    let mut step = route(1, "lb-1", Some("s1"), true);
    step = step.after_clear(Reading::Gone, now, &policy, 0).after_clear(Reading::Gone, now, &policy, 0);
    step = step.after_verify(found(false), now, &policy, 0);
    assert_eq!(step.stage, Stage::Pending);
    for _ in 0..9 {
        now = now + Span::from_secs(60);
        step = step.after_clear(found(false), now, &policy, 0);
    }
    assert_eq!(status_of(std::slice::from_ref(&step), &policy), Status::NeedsAttention);
    assert_eq!(next_work(std::slice::from_ref(&step), now, &policy), Progress::Attention);
    let again = step.retried(now);
    assert_eq!(status_of(std::slice::from_ref(&again), &policy), Status::Running);
}

#[test]
fn a_fresh_entry_on_a_good_server_frees_an_account_but_not_an_ended_session() {
    let (policy, now) = (Policy::default(), Instant::from_secs(0));
    let cleared = |step: Step| step.after_clear(Reading::Gone, now, &policy, 0);
    let account = cleared(route(1, "lb-1", None, false)).after_clear(found(false), now, &policy, 0);
    assert_eq!(account.stage, Stage::ClearedAgain);
    let account = account.after_verify(found(false), now, &policy, 0);
    assert_eq!((account.stage, account.now_on.is_some()), (Stage::Verified, true));

    let bad = cleared(route(1, "lb-1", None, false)).after_clear(found(true), now, &policy, 0);
    assert_eq!((bad.stage, bad.attempts), (Stage::Cleared, 1));
    let ended = cleared(route(1, "lb-1", Some("s1"), true)).after_clear(found(false), now, &policy, 0);
    assert_eq!((ended.stage, ended.attempts), (Stage::Cleared, 1));
}

#[test]
fn an_entry_that_survives_the_first_clearing_is_never_taken_for_a_fresh_one() {
    let (policy, now) = (Policy::default(), Instant::from_secs(0));
    let in_use = route(1, "lb-1", None, false).after_clear(found(false), now, &policy, 0);
    assert_eq!((in_use.stage, in_use.attempts), (Stage::Pending, 1));
}

#[test]
fn waits_double_up_to_the_limit() {
    let policy = Policy::default();
    assert_eq!(policy.wait_after(0, 0), Span::from_millis(250));
    assert_eq!(policy.wait_after(3, 0), Span::from_secs(2));
    assert_eq!(policy.wait_after(60, 0), Span::from_secs(15));
    assert_eq!(policy.wait_away(0, 0), Span::from_millis(250));
    assert_eq!(policy.wait_away(1, 0), Span::from_secs(8), "longer than between two looks at a router");
    assert_eq!(policy.wait_away(2, 0), Span::from_secs(256));
    assert_eq!(policy.wait_away(60, 0), Span::from_secs(300), "who answers again is served at once in any case");
    assert!(policy.wait_after(60, u64::MAX) <= Span::from_millis(18_750));
    let spread: Vec<Span> = (0..1_000).map(|at| policy.wait_away(60, at * 299_999_999 / 999)).collect();
    let (first, last) = (spread.iter().min().unwrap(), spread.iter().max().unwrap());
    let (near, far) = (Span::from_secs(301), Span::from_secs(599));
    assert!(policy.longest_wait() >= *last && policy.longest_wait() >= policy.wait_after(60, 3_749_999));
    assert!(*first < near && *last > far && *last <= Span::from_secs(600), "{first} to {last}");
}

/// One thing that a router may do when it is asked, drawn by number.
fn drawn(number: u8) -> Reading {
    match number % 6 {
        0 | 1 => Reading::Gone,
        2 => found(true),
        3 => found(false),
        4 => Reading::Unreachable("no answer".into()),
        _ => Reading::Refused("no such table".into()),
    }
}

proptest::proptest! {
    /// Whatever the routers answer, in whatever order: a record goes only after its routes were cleared twice, nothing is
    /// verified but by a reading, and once the routers do as they are told the clean-up ends.
    #[test]
    fn no_order_of_answers_breaks_the_invariants(answers in proptest::collection::vec(0_u8..6, 0..200)) {
        let policy = draining("lb-1", 3);
        let mut steps = vec![
            route(1, "lb-1", Some("s1"), true),
            route(2, "lb-2", Some("s1"), true),
            route(3, "lb-1", None, false),
            record(4, "s1"),
            record(5, "s2"),
        ];
        let (mut now, mut answers) = (Instant::from_secs(0), answers.into_iter());
        for _ in 0..10_000 {
            let work = match next_work(&steps, now, &policy) {
                Progress::Work(work) => work,
                Progress::Wait(at) => {
                    assert!(at > now, "it would wait for the past");
                    now = at;
                    continue;
                }
                Progress::Attention => {
                    assert_eq!(status_of(&steps, &policy), Status::NeedsAttention);
                    steps = steps.into_iter().map(|step| step.retried(now)).collect();
                    continue;
                }
                Progress::Finished => break,
            };
            assert_ne!(status_of(&steps, &policy), Status::Done);
            for work in work {
                let (numbers, verify, delete) = match work {
                    Work::Clear { steps, .. } => (steps, false, false),
                    Work::Verify { steps, .. } => (steps, true, false),
                    Work::Delete { steps } => (steps, false, true),
                };
                for no in numbers {
                    let at = steps.iter().position(|step| step.no == no).unwrap();
                    if delete {
                        let owner = steps[at].target.session().cloned();
                        let ours = steps.iter().filter(|it| it.kind == StepKind::Unroute);
                        let of_account = |it: &Step| matches!(it.target, Target::Route { scope: Scope::Account, .. });
                        let routes: Vec<_> =
                            ours.filter(|it| it.target.session() == owner.as_ref() || of_account(it)).collect();
                        assert!(routes.iter().all(|it| it.stage >= Stage::ClearedAgain), "a record went before its routes");
                        steps[at] = steps[at].clone().after_delete(now);
                        continue;
                    }
                    let reading = drawn(answers.next().unwrap_or(0));
                    let (before, gone) = (steps[at].stage, reading == Reading::Gone);
                    let must_vanish = matches!(steps[at].target, Target::Route { must_vanish: true, .. });
                    let step = steps[at].clone();
                    steps[at] = if verify {
                        step.after_verify(reading, now, &policy, 7)
                    } else {
                        step.after_clear(reading, now, &policy, 7)
                    };
                    assert!(steps[at].stage <= before || gone || !must_vanish, "a step went on without a reading");
                    assert!(steps[at].stage != Stage::Verified || verify, "verified without being read once more");
                }
            }
        }
        assert_eq!(next_work(&steps, now, &policy), Progress::Finished);
        assert_eq!(status_of(&steps, &policy), Status::Done);
    }
}

#[test]
fn no_record_goes_while_the_accounts_route_is_there() {
    let policy = Policy::default();
    let now = Instant::from_secs(0);
    let mut steps = vec![route(1, "lb-1", None, false), record(2, "s1")];
    for _ in 0..10 {
        steps[0] = steps[0].clone().after_clear(Reading::Refused("no such table".into()), now, &policy, 0);
    }
    assert_eq!(next_work(&steps, Instant::from_secs(3_600), &policy), Progress::Attention);
    assert_eq!(status_of(&steps, &policy), Status::NeedsAttention);
}
