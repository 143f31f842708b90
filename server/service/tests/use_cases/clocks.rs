//! Clocks that are set, a day ahead, a day back, and past 2038 (goal R14): no lease is lost, none is stuck, and nobody
//! waits for the old clock.

use domain::{CleanupId, Mode, RouteKey, Scope, Span, Status};

use crate::world::{Fault, Stop, World, account, request, session, shell};

both!(
    a_lease_of_a_clock_that_was_ahead_is_not_stuck,
    what_was_put_off_by_a_clock_that_was_ahead_is_done,
    a_clean_up_goes_through_every_jump,
    a_watch_of_a_clock_that_was_ahead_goes_on,
    a_clock_that_is_ahead_for_a_moment_ends_no_watch,
    what_has_expired_by_a_clock_that_is_ahead_is_taken_away_too,
);

const DAY: Span = Span::from_days(1);
const BACK: Span = Span::from_days(-1);

async fn force(world: &World, name: &str) -> CleanupId {
    world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap().id
}

async fn a_lease_of_a_clock_that_was_ahead_is_not_stuck(world: World) {
    let account = world.stuck("lease").await;
    world.clock.advance(DAY);
    let id = force(&world, "lease").await;
    let gate = world.gate(0, Stop::Before);
    {
        let look = |_: &domain::view::LedgerView| ();
        let mut work = std::pin::pin!(world.unstick.drive(&id, &look));
        tokio::select! {
            _ = &mut work => panic!("it did not stop"),
            () = gate.reached.notified() => {}
        }
        // The worker dies with the lease in hand.
    }
    world.clock.advance(BACK);
    assert!(world.facts(&id).await.leased);
    world.unstick.mend_times_once().await.unwrap();
    let due = world.due(10).await;
    assert_eq!(due, std::slice::from_ref(&id), "another one may take it now, and not tomorrow");
    assert_eq!(world.drive(&id, 2).await, Status::Done);
    world.assert_clean(&account, "after the clock was set back").await;
}

async fn what_was_put_off_by_a_clock_that_was_ahead_is_done(world: World) {
    let account = world.stuck("put-off").await;
    world.clock.advance(DAY);
    let id = force(&world, "put-off").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    assert_eq!(world.drive(&id, 1).await, Status::Owed);
    *world.script.always.lock().unwrap() = None;
    world.clock.advance(BACK);
    world.unstick.mend_times_once().await.unwrap();
    let due = world.due(10).await;
    assert_eq!(due, std::slice::from_ref(&id));
    assert_eq!(world.drive(&id, 1).await, Status::Done, "its steps do not wait for tomorrow either");
    world.assert_clean(&account, "after the clock was set back").await;
}

async fn a_clean_up_goes_through_every_jump(world: World) {
    // Thirteen years: past 2038-01-19T03:14:07Z, where 32 bits of seconds end.
    for (name, jump) in [("ahead", DAY), ("back", BACK), ("far", Span::from_days(13 * 365))] {
        for nth in 0..6 {
            let name = format!("{name}{nth}");
            let account = world.stuck(&name).await;
            let id = force(&world, &name).await;
            let gate = world.gate(nth, Stop::After);
            let look = |_: &domain::view::LedgerView| ();
            let jumps = async {
                gate.reached.notified().await;
                world.clock.advance(jump);
                gate.open.notify_one();
            };
            let (status, ()) = tokio::join!(world.unstick.drive(&id, &look), jumps);
            let context = format!("{name} at call {nth}");
            assert_eq!(status.unwrap(), Status::Done, "{context}");
            world.assert_clean(&account, &context).await;
        }
    }
}

async fn a_watch_of_a_clock_that_was_ahead_goes_on(world: World) {
    world.stuck("watch").await;
    world.clock.advance(DAY);
    let id = force(&world, "watch").await;
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.clock.advance(BACK);
    let (key, owner) = (RouteKey::parse("watch_live").unwrap(), session("watch_live"));
    world.pin("files", &key, Scope::Session, "api-2", &account("watch"), &owner).await;
    world.unstick.mend_times_once().await.unwrap();
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("watch"), "cleanup.came_back").await, 1, "it is looked today");
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    for _ in 0..30 {
        world.clock.advance(Span::from_secs(61));
        world.unstick.watch_once().await.unwrap();
    }
    let watch = world.store.watch(&id).await.unwrap().unwrap();
    assert!(watch.is_over(), "and it ends after its time: {watch:?}");
    world.assert_invariants("watched").await;
}

/// Entries of the embedded router expire by the clock, so that one which is ahead hides them, and shows them again when it
/// is set back.
async fn a_clock_that_is_ahead_for_a_moment_ends_no_watch(world: World) {
    world.stuck("moment").await;
    let id = force(&world, "moment").await;
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    let (key, owner) = (RouteKey::parse("moment_live").unwrap(), session("moment_live"));
    world.pin("files", &key, Scope::Session, "api-2", &account("moment"), &owner).await;
    world.clock.advance(DAY);
    for _ in 0..3 {
        world.unstick.watch_once().await.unwrap();
        world.clock.advance(Span::from_secs(31));
    }
    let watch = world.store.watch(&id).await.unwrap().unwrap();
    assert!(!watch.is_over(), "ten minutes were not watched: {watch:?}");
    world.clock.advance(BACK);
    world.unstick.mend_times_once().await.unwrap();
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("moment"), "cleanup.came_back").await, 1);
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    assert_eq!(world.pins(&account("moment")).await, 0);
    world.assert_invariants("after the clock was set back").await;
}

async fn what_has_expired_by_a_clock_that_is_ahead_is_taken_away_too(world: World) {
    let account = world.stuck("expired").await;
    let id = force(&world, "expired").await;
    world.clock.advance(DAY);
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.clock.advance(BACK);
    world.assert_clean(&account, "after the clock was set back").await;
}
