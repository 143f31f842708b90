//! After «done»: what comes back is found, said, and cleaned again; what does not is said to be gone for good.

use domain::{Mode, RouteKey, Scope, ServerName, Span, Status, Way};

use crate::world::{Fault, World, account, request, session, shell};

both!(
    what_comes_back_is_found_said_and_cleaned_again,
    nothing_came_back_and_the_watch_says_so_once,
    a_router_that_is_away_at_the_end_is_waited_for,
    an_account_that_goes_on_working_elsewhere_has_not_come_back,
    a_restart_is_looked_at_at_once,
    two_who_watch_find_it_once,
    what_comes_back_beside_another_clean_up_is_not_forgotten,
);

async fn cleaned(world: &World, name: &str) -> domain::CleanupId {
    world.stuck(name).await;
    let id = world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap().id;
    assert_eq!(world.drive(&id, 5).await, Status::Done);
    id
}

/// Puts the route of `name`'s live session back, as a client with the old cookie would.
async fn put_back(world: &World, name: &str) {
    let (key, owner) = (RouteKey::parse(format!("{name}_live")).unwrap(), session(&format!("{name}_live")));
    world.pin("files", &key, Scope::Session, "api-2", &account(name), &owner).await;
}

async fn what_comes_back_is_found_said_and_cleaned_again(world: World) {
    let id = cleaned(&world, "back").await;
    put_back(&world, "back").await;
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("back"), "cleanup.came_back").await, 0, "a look has its time");
    world.clock.advance(Span::from_secs(2));
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("back"), "cleanup.came_back").await, 1);
    let ledger = world.unstick.ledger(&shell(), &id).await.unwrap();
    assert_eq!(ledger.cleanup.status, Status::Running);
    assert!(ledger.headline.to_string().starts_with("It came back"), "{}", ledger.headline);
    assert_eq!(ledger.returns.len(), 1);
    let found = &ledger.returns[0];
    assert_eq!((found.key.as_str(), found.server.as_ref()), ("back_live", ServerName::parse("api-2").ok().as_ref()));
    assert_eq!(found.way, Way::Traffic);
    assert_eq!(world.drive(&id, 5).await, Status::Done);
    assert_eq!(world.pins(&account("back")).await, 0);
    assert_eq!(world.events(&account("back"), "cleanup.done").await, 2, "done, and done again");
    let ledger = world.unstick.ledger(&shell(), &id).await.unwrap();
    assert!(ledger.watch.is_some_and(|watch| !watch.is_over()), "and it is watched anew");
    assert!(ledger.milestones.iter().any(|it| it.what.starts_with("Came back on edge: back_live")));
    let pack = world.unstick.evidence(&shell(), &id).await.unwrap();
    let actions: Vec<&str> = pack.events.iter().map(|event| event.draft.action.as_str()).collect();
    assert_eq!(actions, ["cleanup.requested", "cleanup.done", "cleanup.came_back", "cleanup.done"]);
    let text = pack.to_markdown();
    assert!(text.contains("back\\_live → api-2 on edge; probably a client that still has the old key"), "{text}");
}

async fn nothing_came_back_and_the_watch_says_so_once(world: World) {
    let id = cleaned(&world, "calm").await;
    for _ in 0..30 {
        world.clock.advance(Span::from_secs(61));
        world.unstick.watch_once().await.unwrap();
    }
    let watch = world.unstick.ledger(&shell(), &id).await.unwrap().watch.unwrap();
    assert!(watch.is_over() && watch.lifted && watch.looks >= 10, "{watch:?}");
    assert!(watch.looked_at.unwrap() >= watch.until);
    assert_eq!(world.events(&account("calm"), "cleanup.still_gone").await, 1);
    assert_eq!(world.events(&account("calm"), "cleanup.came_back").await, 0);
    world.assert_clean(&account("calm"), "watched").await;
}

async fn a_router_that_is_away_at_the_end_is_waited_for(world: World) {
    let id = cleaned(&world, "away").await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    for _ in 0..30 {
        world.clock.advance(Span::from_secs(61));
        world.unstick.watch_once().await.unwrap();
    }
    let watch = world.unstick.ledger(&shell(), &id).await.unwrap().watch.unwrap();
    assert!(!watch.is_over() && watch.looked_at.is_none(), "nobody looked: {watch:?}");
    assert_eq!(watch.unread.len(), 1, "and it says where");
    put_back(&world, "away").await;
    *world.script.always.lock().unwrap() = None;
    world.clock.advance(Span::from_secs(61));
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("away"), "cleanup.came_back").await, 1, "half an hour late, and found");
}

async fn an_account_that_goes_on_working_elsewhere_has_not_come_back(world: World) {
    for (name, server, returns) in [("fine", "api-1", 0), ("same", "api-2", 1)] {
        let id = cleaned(&world, name).await;
        let key = RouteKey::of_account(&account(name));
        world.pin("app", &key, Scope::Account, server, &account(name), &session(&format!("{name}_live"))).await;
        world.clock.advance(Span::from_secs(2));
        world.unstick.watch_once().await.unwrap();
        let ledger = world.unstick.ledger(&shell(), &id).await.unwrap();
        assert_eq!(ledger.returns.len(), returns, "{name}: only where it was freed from");
        assert!(ledger.returns.iter().all(|found| found.scope == Scope::Account));
    }
}

async fn a_restart_is_looked_at_at_once(world: World) {
    cleaned(&world, "boot").await;
    world.clock.advance(Span::from_secs(200));
    world.unstick.watch_once().await.unwrap();
    put_back(&world, "boot").await;
    world.clock.advance(Span::from_secs(1));
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("boot"), "cleanup.came_back").await, 0, "its look is not due");
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    world.unstick.observe_once().await.unwrap();
    *world.script.always.lock().unwrap() = None;
    world.unstick.observe_once().await.unwrap();
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.events(&account("boot"), "cleanup.came_back").await, 1);
}

async fn two_who_watch_find_it_once(world: World) {
    let id = cleaned(&world, "twice").await;
    put_back(&world, "twice").await;
    world.clock.advance(Span::from_secs(2));
    let (one, two) = tokio::join!(world.unstick.watch_once(), world.unstick.watch_once());
    one.unwrap();
    two.unwrap();
    assert_eq!(world.events(&account("twice"), "cleanup.came_back").await, 1);
    assert_eq!(world.store.returns(&id, 10).await.unwrap().len(), 1);
    assert_eq!(world.store.steps(&id).await.unwrap().iter().filter(|step| step.trouble.is_some()).count(), 1);
}

async fn what_comes_back_beside_another_clean_up_is_not_forgotten(world: World) {
    let first = cleaned(&world, "beside").await;
    // Another one is under way, whose plan does not name what comes back.
    let key = RouteKey::of_account(&account("beside"));
    world.pin("app", &key, Scope::Account, "api-2", &account("beside"), &session("beside_live")).await;
    let second = world.unstick.request_cleanup(&shell(), request("beside", Mode::Unstick)).await.unwrap().id;
    put_back(&world, "beside").await;
    world.clock.advance(Span::from_secs(2));
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.store.returns(&first, 10).await.unwrap(), [], "it cannot be opened again yet");
    assert_eq!(world.drive(&second, 5).await, Status::Done);
    world.clock.advance(Span::from_secs(10));
    world.unstick.watch_once().await.unwrap();
    assert_eq!(world.store.returns(&first, 10).await.unwrap().len(), 1, "and it was not forgotten");
    assert_eq!(world.drive(&first, 5).await, Status::Done);
    assert_eq!(world.pins(&account("beside")).await, 0);
}
