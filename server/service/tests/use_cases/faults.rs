//! Every call to the router fails once, in every way, and always: the end is the same.

use std::sync::atomic::Ordering;

use domain::{Mode, PoolName, RouteKey, Scope, Stage, Status};

use crate::world::{Fault, World, request, shell, sqlite_in};

both!(
    every_call_may_fail_once_in_every_way,
    a_router_that_is_away_is_owed_and_served_when_it_is_back,
    what_is_refused_ten_times_needs_a_person_who_can_retry,
    a_request_in_flight_writes_back_and_is_cleared_again,
    two_workers_at_once_finish_a_clean_up_once,
    two_calls_in_a_row_may_fail_in_every_pair_of_ways,
    a_router_that_loses_every_answer_is_owed_until_one_arrives,
    a_fence_that_never_lifts_comes_before_a_person,
    a_poisoned_job_needs_a_person_and_holds_nobody_up,
);

async fn force(world: &World, name: &str) -> domain::CleanupId {
    world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap().id
}

async fn every_call_may_fail_once_in_every_way(world: World) {
    let account = world.stuck("base").await;
    let id = force(&world, "base").await;
    let before = world.script.calls.load(Ordering::SeqCst);
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&account, "no fault").await;
    let calls = world.script.calls.load(Ordering::SeqCst) - before;
    assert!(calls >= 6, "two pools, each cleared twice and verified: {calls} calls");
    for fault in [Fault::LostRequest, Fault::LostReply, Fault::Refused] {
        for nth in 0..calls {
            let name = format!("a{fault:?}{nth}");
            let account = world.stuck(&name).await;
            let id = force(&world, &name).await;
            let now = world.script.calls.load(Ordering::SeqCst);
            *world.script.faults.lock().unwrap() = vec![(now + nth, fault)];
            let context = format!("{fault:?} at call {nth}");
            assert_eq!(world.drive(&id, 20).await, Status::Done, "{context}");
            world.assert_clean(&account, &context).await;
        }
    }
}

async fn a_router_that_is_away_is_owed_and_served_when_it_is_back(world: World) {
    let account = world.stuck("away").await;
    let id = force(&world, "away").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    for _ in 0..30 {
        assert_eq!(world.drive(&id, 1).await, Status::Owed, "absence must not use up the attempts");
        world.clock.advance(domain::Span::from_secs(20));
    }
    let live = world.store.account(&account).await.unwrap().unwrap();
    assert_eq!(
        (live.live_sessions, live.leftover_sessions),
        (0, 3),
        "revoked at once, not cleaned before the routes are"
    );
    assert_eq!(world.pins(&account).await, 4);
    world.unstick.observe_once().await.unwrap();
    *world.script.always.lock().unwrap() = None;
    world.unstick.observe_once().await.unwrap();
    let due = world.due(10).await;
    assert_eq!(due, std::slice::from_ref(&id), "its return wakes what is owed to it");
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&account, "after the outage").await;
}

#[tokio::test]
async fn what_came_back_while_nobody_looked_is_served_at_the_first_look() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_in(&folder);
    let world = World::patient(&url).await;
    let account = world.stuck("away").await;
    let id = force(&world, "away").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    for _ in 0..5 {
        assert_eq!(world.drive(&id, 1).await, Status::Owed);
    }
    *world.script.always.lock().unwrap() = None;
    assert_eq!(world.due(10).await, [], "its time has not come");
    // A process that begins now knows nothing of what was before; it looks at its routers.
    World::patient(&url).await.unstick.observe_once().await.unwrap();
    assert_eq!(world.due(10).await, std::slice::from_ref(&id));
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&account, "after the first look").await;
}

async fn what_is_refused_ten_times_needs_a_person_who_can_retry(world: World) {
    let account = world.stuck("refused").await;
    let id = force(&world, "refused").await;
    *world.script.always.lock().unwrap() = Some(Fault::Refused);
    assert_eq!(world.drive(&id, 50).await, Status::NeedsAttention);
    assert_eq!(world.events(&account, "cleanup.needs_attention").await, 1);
    *world.script.always.lock().unwrap() = None;
    assert_eq!(world.drive(&id, 1).await, Status::NeedsAttention, "nothing moves without a person");
    world.unstick.retry_cleanup(&shell(), &id).await.unwrap();
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&account, "after the retry").await;
}

async fn a_request_in_flight_writes_back_and_is_cleared_again(world: World) {
    let account = world.stuck("flight").await;
    let id = force(&world, "flight").await;
    let key = RouteKey::parse("flight_live").unwrap();
    *world.script.writes_back.lock().unwrap() = vec![(PoolName::parse("files").unwrap(), key, Scope::Session)];
    assert_eq!(world.drive(&id, 20).await, Status::Done);
    world.assert_clean(&account, "written back").await;
    let steps = world.store.steps(&id).await.unwrap();
    assert!(steps.iter().all(|step| step.stage == Stage::Verified && step.verified_at.is_some()));
}

async fn two_workers_at_once_finish_a_clean_up_once(world: World) {
    let account = world.stuck("twice").await;
    let id = force(&world, "twice").await;
    let look = |_: &domain::view::LedgerView| ();
    let (one, two) = tokio::join!(world.unstick.drive(&id, &look), world.unstick.drive(&id, &look));
    assert_eq!((one.unwrap(), two.unwrap()), (Status::Done, Status::Done));
    world.assert_clean(&account, "two workers").await;
}

async fn two_calls_in_a_row_may_fail_in_every_pair_of_ways(world: World) {
    let all = [Fault::LostRequest, Fault::LostReply, Fault::Refused];
    for (one, two) in all.iter().flat_map(|one| all.map(|two| (*one, two))) {
        for nth in 0..6 {
            let name = format!("b{one:?}{two:?}{nth}");
            let account = world.stuck(&name).await;
            let id = force(&world, &name).await;
            *world.script.faults.lock().unwrap() = vec![(world.calls() + nth, one), (world.calls() + nth + 1, two)];
            let context = format!("{one:?}, then {two:?} at call {nth}");
            assert_eq!(world.drive(&id, 20).await, Status::Done, "{context}");
            world.assert_clean(&account, &context).await;
        }
    }
}

async fn a_router_that_loses_every_answer_is_owed_until_one_arrives(world: World) {
    let account = world.stuck("mute").await;
    let id = force(&world, "mute").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostReply);
    for _ in 0..12 {
        assert_eq!(world.drive(&id, 1).await, Status::Owed, "what nobody read back is not done");
        world.clock.advance(domain::Span::from_secs(20));
    }
    world.assert_invariants("every answer is lost").await;
    *world.script.always.lock().unwrap() = None;
    assert_eq!(world.drive(&id, 2).await, Status::Done);
    world.assert_clean(&account, "an answer arrived").await;
}

async fn a_fence_that_never_lifts_comes_before_a_person(world: World) {
    let account = world.stuck("fence").await;
    world.script.fenced.store(true, Ordering::SeqCst);
    world.script.never_lifts.store(true, Ordering::SeqCst);
    let id = force(&world, "fence").await;
    assert_eq!(world.drive(&id, 50).await, Status::NeedsAttention, "and is not tried for ever");
    world.script.never_lifts.store(false, Ordering::SeqCst);
    world.unstick.retry_cleanup(&shell(), &id).await.unwrap();
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&account, "lifted").await;
}

/// Its clean-ups can never succeed; those of others go on beside it, through the workers of a server.
async fn a_poisoned_job_needs_a_person_and_holds_nobody_up(world: World) {
    let poisoned = world.stuck("poison").await;
    *world.script.poison.lock().unwrap() = Some("poison".into());
    let bad = force(&world, "poison").await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let others = async {
        let mut slowest = std::time::Duration::ZERO;
        for number in 0..10 {
            let name = format!("other{number}");
            let account = world.stuck(&name).await;
            let mut changes = world.unstick.watch();
            let began = std::time::Instant::now();
            let id = force(&world, &name).await;
            while world.facts(&id).await.cleanup.status != Status::Done {
                changes.recv().await.unwrap();
            }
            slowest = slowest.max(began.elapsed());
            world.assert_clean(&account, &name).await;
        }
        let mut changes = world.unstick.watch();
        while world.facts(&bad).await.cleanup.status != Status::NeedsAttention {
            changes.recv().await.unwrap();
        }
        stop.send_replace(true);
        slowest
    };
    let ((), slowest) = tokio::join!(world.unstick.run_workers(stopped), others);
    assert!(slowest < std::time::Duration::from_secs(2), "{slowest:?}: somebody waited for the poisoned one");
    let facts = world.facts(&bad).await;
    let most = facts.steps.iter().map(|step| step.attempts).max();
    assert_eq!(most, Some(10), "ten tries, and no more");
    assert_eq!(world.events(&poisoned, "cleanup.needs_attention").await, 1);
    world.assert_invariants("poisoned").await;
}
