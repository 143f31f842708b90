//! The census: what is left over is suspected, then counts, then is repaired and gone; nothing is guessed, and nobody is
//! touched who was not named.

use std::sync::atomic::Ordering;

use domain::{
    Actor, Mode, RepairOutcome, RepairRequest, Role, Span, StaffId, StaffSessionId, Status,
    census::{Census, CensusKind, CensusOutcome, FindingFilter},
};
use service::{Error, SampleSpec};

use crate::world::{Fault, World, account, request, shell};

both!(
    a_left_over_is_suspected_then_open_then_repaired_and_gone,
    what_is_younger_than_the_grace_time_does_not_count,
    a_router_that_is_away_is_not_guessed,
    a_router_that_goes_away_half_way_is_not_guessed,
    two_at_once_are_one,
    a_repair_touches_only_what_is_named,
    a_plan_that_was_changed_does_nothing_and_what_changed_since_is_left_alone,
    who_may_not_is_refused,
    every_left_over_of_many_is_found,
);

fn staff(role: Role) -> Actor {
    Actor::Staff {
        id: StaffId::parse("dana").unwrap(),
        role,
        session: StaffSessionId::parse("ss_1").unwrap(),
        proved_at: domain::Instant::from_secs(0),
        must_enrol: false,
    }
}

async fn census(world: &World) -> Census {
    world.unstick.run_census(&shell(), &|_, _| ()).await.unwrap()
}

/// Two censuses of a world in which everything is old enough.
async fn settled(world: &World) -> Census {
    world.clock.advance(Span::from_secs(600));
    census(world).await;
    census(world).await
}

fn open(census: &Census, kind: CensusKind) -> i64 {
    census.note.tallies.iter().find(|tally| tally.kind == kind).map_or(0, |tally| tally.open)
}

async fn kinds(world: &World) -> Vec<(CensusKind, String)> {
    let page = world.unstick.findings(&shell(), &FindingFilter::default(), None).await.unwrap();
    let mut found: Vec<_> = page.page.items.into_iter().map(|f| (f.seen.kind, f.seen.subject)).collect();
    found.sort();
    found
}

fn repair(plan: domain::RepairPlan) -> RepairRequest {
    RepairRequest { plan, reason: "left by the outage".into(), ticket: "T-9".into() }
}

async fn a_left_over_is_suspected_then_open_then_repaired_and_gone(world: World) {
    let id = world.stuck("mira").await;
    world.clock.advance(Span::from_secs(600));
    let first = census(&world).await;
    assert_eq!((first.outcome, first.note.open()), (CensusOutcome::Done, 0), "one look opens nothing");
    assert!(first.note.suspected() >= 5, "{:?}", first.note);
    assert_eq!((first.note.read.sessions, first.note.read.accounts, first.note.read.routes), (3, 1, 4));
    assert_eq!(kinds(&world).await, []);
    let second = census(&world).await;
    assert_eq!(second.note.suspected(), 0);
    let expected = [
        (CensusKind::OrphanedSession, "mira_old1".to_owned()),
        (CensusKind::OrphanedSession, "mira_old2".to_owned()),
        (CensusKind::StaleRoute, "mira".to_owned()),
        (CensusKind::StaleRoute, "mira_old1".to_owned()),
        (CensusKind::StaleRoute, "mira_old2".to_owned()),
        (CensusKind::DegradedRoute, "api-2".to_owned()),
    ];
    assert_eq!(kinds(&world).await, expected);

    let plan = world.unstick.repair_plan(&shell(), &FindingFilter::default(), 10).await.unwrap();
    assert_eq!((plan.items.len(), plan.records(), plan.routes(), plan.more), (1, 2, 3, false));
    let made = world.unstick.request_repair(&shell(), repair(plan)).await.unwrap();
    assert_eq!(made.made[0].outcome, RepairOutcome::Requested);
    assert_eq!(world.drive(made.made[0].cleanup.as_ref().unwrap(), 3).await, Status::Done);
    assert_eq!(world.unstick.repair(&shell(), &made.id).await.unwrap(), made);
    let now = world.store.account(&id).await.unwrap().unwrap();
    assert_eq!((now.live_sessions, now.leftover_sessions, world.pins(&id).await), (1, 0, 1), "the live session stays");

    let third = census(&world).await;
    assert_eq!(third.note.tallies.iter().map(|tally| tally.gone).sum::<i64>(), 5, "{:?}", third.note);
    assert_eq!(kinds(&world).await, [(CensusKind::DegradedRoute, "api-2".to_owned())]);
    assert!(matches!(
        world
            .unstick
            .request_repair(
                &shell(),
                repair(world.unstick.repair_plan(&shell(), &FindingFilter::default(), 10).await.unwrap())
            )
            .await,
        Err(Error::NothingToDo)
    ));
    for (action, times) in [("census.started", 3), ("census.finished", 3), ("repair.requested", 1)] {
        let filter = domain::view::AuditFilter { action: Some(action.to_owned()), ..Default::default() };
        assert_eq!(world.store.audit_page(&filter, None, 100).await.unwrap().len(), times, "{action}");
    }
    assert_eq!(world.events(&id, "cleanup.done").await, 1, "a repair is a clean-up like any other");
}

async fn what_is_younger_than_the_grace_time_does_not_count(world: World) {
    world.stuck("mira").await;
    for _ in 0..3 {
        let census = census(&world).await;
        assert_eq!((census.note.open(), census.note.suspected()), (0, 0), "a sign-out under way");
    }
}

async fn a_router_that_is_away_is_not_guessed(world: World) {
    world.stuck("mira").await;
    settled(&world).await;
    let before = kinds(&world).await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    let blind = census(&world).await;
    assert_eq!(blind.note.unread.len(), 2, "both places are not known");
    assert!(blind.note.unread.iter().all(|unread| unread.why.contains("lost") && unread.but.is_empty()));
    assert_eq!(kinds(&world).await, before, "nothing is gone by guess");
    assert_eq!((blind.note.read.sessions, blind.note.read.routes), (3, 0), "what can be read was read");
    *world.script.always.lock().unwrap() = None;
    assert_eq!(census(&world).await.note.unread, []);
    assert_eq!(kinds(&world).await, before);
}

async fn a_router_that_goes_away_half_way_is_not_guessed(world: World) {
    world.stuck("mira").await;
    settled(&world).await;
    let before = kinds(&world).await;
    // The table is opened, and then never read.
    let calls = world.script.calls.load(Ordering::SeqCst);
    *world.script.faults.lock().unwrap() = vec![(calls + 1, Fault::LostReply)];
    let census = census(&world).await;
    assert_eq!(census.note.unread.len(), 1, "{:?}", census.note.unread);
    assert_eq!(kinds(&world).await, before);
}

async fn two_at_once_are_one(world: World) {
    world.unstick.ask_census(&staff(Role::Support)).await.unwrap();
    let second = world.unstick.run_census(&shell(), &|_, _| ()).await;
    assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    let done = world.unstick.carry_out_asked_census().await.unwrap().unwrap();
    assert_eq!((done.no, done.actor.as_str()), (1, "staff:dana"));
    assert_eq!(world.unstick.carry_out_asked_census().await.unwrap(), None);
    // One whose process is gone is given up in time.
    world.unstick.ask_census(&shell()).await.unwrap();
    world.clock.advance(Span::from_secs(121));
    assert_eq!(census(&world).await.no, 3);
    let late = world.unstick.carry_out_asked_census().await;
    assert!(matches!(late, Err(Error::Conflict(_))), "the one that was given up writes nothing: {late:?}");
}

async fn a_repair_touches_only_what_is_named(world: World) {
    for name in ["anna", "berta"] {
        world.stuck(name).await;
    }
    settled(&world).await;
    let plan = world.unstick.repair_plan(&shell(), &FindingFilter::default(), 1).await.unwrap();
    assert_eq!((plan.items[0].account.as_str(), plan.items.len(), plan.more), ("anna", 1, true));
    let made = world.unstick.request_repair(&shell(), repair(plan)).await.unwrap();
    world.drive(made.made[0].cleanup.as_ref().unwrap(), 3).await;
    let of = async |name: &str| {
        let id = account(name);
        (world.store.account(&id).await.unwrap().unwrap().leftover_sessions, world.pins(&id).await)
    };
    assert_eq!((of("anna").await, of("berta").await), ((0, 1), (2, 4)));
    census(&world).await;
    assert!(kinds(&world).await.iter().all(|(_, subject)| !subject.starts_with("anna")));
    let filter = FindingFilter { kind: Some(CensusKind::Chain), ..Default::default() };
    let refused = world.unstick.repair_plan(&shell(), &filter, 1).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "kind", .. })), "{refused:?}");
}

async fn a_plan_that_was_changed_does_nothing_and_what_changed_since_is_left_alone(world: World) {
    for name in ["anna", "berta"] {
        world.stuck(name).await;
    }
    settled(&world).await;
    let plan = world.unstick.repair_plan(&shell(), &FindingFilter::default(), 10).await.unwrap();
    let mut forged = plan.clone();
    forged.items[0].records.pop();
    forged.items.truncate(1);
    let refused = world.unstick.request_repair(&shell(), repair(forged.clone())).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "plan", .. })), "{refused:?}");
    forged.hash = forged.hash_now();
    let refused = world.unstick.request_repair(&shell(), repair(forged)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "a plan that names less than would be done: {refused:?}");

    let asked = world.unstick.request_cleanup(&shell(), request("berta", Mode::Stale)).await.unwrap();
    world.drive(&asked.id, 3).await;
    // Of what is left of it, exactly what was planned; of berta only her own clean-up.
    let made = world.unstick.request_repair(&shell(), repair(plan.clone())).await.unwrap();
    let of = |name: &str| made.made.iter().find(|made| made.account == account(name)).unwrap();
    assert_eq!((of("berta").outcome, of("berta").cleanup.as_ref()), (RepairOutcome::Changed, None));
    assert_eq!(of("anna").outcome, RepairOutcome::Requested);
    assert_eq!(world.drive(of("anna").cleanup.as_ref().unwrap(), 3).await, Status::Done);
    assert_eq!(world.events(&account("berta"), "cleanup.requested").await, 1, "her own");
    assert_eq!(world.unstick.repair(&shell(), &made.id).await.unwrap(), made);

    let refused = world.unstick.request_repair(&shell(), repair(plan)).await;
    assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains("anna, berta")), "{refused:?}");
    let filter = domain::view::AuditFilter { action: Some("repair.requested".to_owned()), ..Default::default() };
    let told = world.store.audit_page(&filter, None, 100).await.unwrap();
    assert_eq!(told.len(), 1, "what is refused is no repair");
    assert_eq!(told[0].draft.detail["changed"], 1);
}

async fn who_may_not_is_refused(world: World) {
    let all = FindingFilter::default();
    let denied = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Denied(_, false))), "{result:?}");
    denied(world.unstick.findings(&staff(Role::Auditor), &all, None).await.map(|_| ()));
    denied(world.unstick.ask_census(&staff(Role::Viewer)).await);
    denied(world.unstick.repair_plan(&staff(Role::Support), &all, 1).await.map(|_| ()));
    let plan = world.unstick.repair_plan(&staff(Role::Admin), &all, 1).await.unwrap();
    denied(world.unstick.request_repair(&staff(Role::Support), repair(plan)).await.map(|_| ()));
    assert!(world.unstick.findings(&staff(Role::Viewer), &all, None).await.is_ok());
}

async fn every_left_over_of_many_is_found(world: World) {
    let spec = SampleSpec { accounts: 400, sessions_per_account: 8, seed: 3 };
    let made = world.unstick.load_sample(&shell(), spec, &|_, _| ()).await.unwrap();
    let census = settled(&world).await;
    let (mut left_over, mut after) = (0, None);
    loop {
        let page = world.store.accounts_page(after.as_ref(), 100).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        left_over += page.iter().map(|account| account.leftover_sessions).sum::<i64>();
    }
    assert!(left_over > 100, "the sample has left-overs");
    assert_eq!(open(&census, CensusKind::OrphanedSession), left_over);
    assert_eq!(i64::try_from(made.sessions).unwrap(), census.note.read.sessions, "every session, across pages");
    assert_eq!(i64::try_from(made.routes).unwrap(), census.note.read.routes, "every route, across pages");
    assert_eq!((open(&census, CensusKind::CounterDrift), open(&census, CensusKind::Chain)), (0, 0));
    // A repair of a part makes exactly that part smaller.
    let filter = FindingFilter { kind: Some(CensusKind::OrphanedSession), ..Default::default() };
    let plan = world.unstick.repair_plan(&shell(), &filter, 5).await.unwrap();
    let (records, routes) = (plan.records(), plan.routes());
    let made = world.unstick.request_repair(&shell(), repair(plan)).await.unwrap();
    for one in &made.made {
        assert_eq!(world.drive(one.cleanup.as_ref().unwrap(), 3).await, Status::Done);
    }
    let after = crate::census::census(&world).await;
    let fell = open(&census, CensusKind::OrphanedSession) - open(&after, CensusKind::OrphanedSession);
    assert_eq!(usize::try_from(fell).unwrap(), records);
    assert!(routes > 0);
}
