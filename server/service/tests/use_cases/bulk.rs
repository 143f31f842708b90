//! Bulk clean-ups: what is frozen is what is done, two people for many accounts, and every account has one end, whoever dies.

use std::time::Duration;

use domain::{
    AccountFilter, AccountId, Actor, Bulk, BulkMove, BulkOrder, BulkOutcome, BulkSelection, BulkStatus, Intent, Mode,
    Role, RouteKey, Scope, Span, StaffId, Status, view::BulkPage,
};
use service::{BulkSource, Error};

use crate::world::{Fault, World, account, request, session, shell};

both!(
    a_list_is_frozen_and_what_names_nobody_is_told,
    a_filter_that_says_nothing_is_refused,
    every_route_is_counted_whatever_the_observer_keeps,
    a_key_that_was_seen_on_a_router_counts_although_its_session_is_cleaned,
    a_router_that_could_not_be_read_is_named_and_not_counted,
    a_small_one_begins_at_once_and_every_account_has_an_end,
    a_large_one_waits_for_a_second_admin,
    of_many_who_approve_at_once_one_does,
    nobody_approves_what_is_another_list_or_too_late,
    it_pauses_goes_on_and_ends,
    it_stops_by_itself_and_goes_on_when_a_person_says_so,
    another_clean_up_under_way_is_joined_or_told,
    a_single_one_is_not_behind_it,
    all_that_it_does_gives_way_to_pages_and_a_single_one_does_not,
    two_workers_give_each_account_one_turn,
    a_look_of_many_steps_is_written_in_parts_under_one_lease,
    an_end_is_counted_once_whoever_tells_it_twice,
);

fn admin(world: &World, name: &str) -> Actor {
    world.staff(name, Role::Admin)
}

pub fn order(mode: Mode) -> BulkOrder {
    BulkOrder {
        mode,
        reason: "left by the outage".to_owned(),
        ticket: "T-9".to_owned(),
        wave: BulkOrder::WAVE,
        rate: 1_000,
        failure_limit: BulkOrder::FAILURE_LIMIT,
    }
}

fn list(text: &str) -> BulkSource {
    BulkSource::List(Box::new(std::io::Cursor::new(text.to_owned().into_bytes())))
}

/// Stuck accounts called `name0` and so on, and the list of them.
async fn stuck(world: &World, name: &str, n: usize) -> String {
    let mut text = String::new();
    for at in 0..n {
        text.push_str(world.stuck(&format!("{name}{at}")).await.as_str());
        text.push('\n');
    }
    text
}

async fn drafted(world: &World, name: &str, n: usize) -> Bulk {
    let text = stuck(world, name, n).await;
    world.unstick.draft_bulk(&admin(world, "ada"), list(&text), order(Mode::Force)).await.unwrap()
}

/// Works on everything until the bulk clean-up is in one of `ends`.
async fn until(world: &World, bulk: &Bulk, ends: &[BulkStatus]) -> Bulk {
    for _ in 0..2_000 {
        world.unstick.bulk_once().await.unwrap();
        world.unstick.clean_up_once().await.unwrap();
        let now = world.store.bulk(&bulk.id).await.unwrap().unwrap();
        if ends.contains(&now.status) {
            return now;
        }
        world.clock.advance(Span::from_millis(50));
    }
    panic!("it never ended: {:?}", world.store.bulk(&bulk.id).await.unwrap());
}

async fn all_events(world: &World, action: &str) -> usize {
    let filter = domain::view::AuditFilter { action: Some(action.to_owned()), ..domain::view::AuditFilter::default() };
    world.store.audit_page(&filter, None, 1_000).await.unwrap().len()
}

async fn a_list_is_frozen_and_what_names_nobody_is_told(world: World) {
    let text = format!("account_id\n{}nobody\na0\n", stuck(&world, "a", 3).await);
    let bulk = world.unstick.draft_bulk(&admin(&world, "ada"), list(&text), order(Mode::Force)).await.unwrap();
    assert_eq!((bulk.status, bulk.counts.total()), (BulkStatus::Draft, 3));
    assert_eq!((bulk.live_sessions, bulk.leftover_sessions), (3, 6));
    let BulkSelection::List(report) = &bulk.selection else { panic!("{:?}", bulk.selection) };
    assert_eq!((report.lines, report.unknown, report.duplicates), (5, 1, 1));
    let told: Vec<(i64, &str)> = report.problems.iter().map(|it| (it.line, it.text.as_str())).collect();
    assert!(told.contains(&(5, "nobody")) && told.contains(&(6, "a0")), "{told:?}");
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    assert_eq!(page.accounts.items.len(), 3);
    assert_eq!(all_events(&world, "bulk.drafted").await, 1);
    // Nobody of it is touched before it is asked for.
    assert!(!world.unstick.bulk_once().await.unwrap());
    assert_eq!(all_events(&world, "cleanup.requested").await, 0);
    for bad in ["", "nobody\n", "a,b\nc,d\n"] {
        let refused = world.unstick.draft_bulk(&admin(&world, "ada"), list(bad), order(Mode::Force)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "list", .. })), "{bad:?}: {refused:?}");
    }
    let listed = world.unstick.bulks(&admin(&world, "ada"), None).await.unwrap();
    assert_eq!(listed.page.items.len(), 1, "what was refused left nothing");
}

async fn a_filter_that_says_nothing_is_refused(world: World) {
    stuck(&world, "a", 3).await;
    let nothing = BulkSource::Filter(AccountFilter::default());
    let refused = world.unstick.draft_bulk(&admin(&world, "ada"), nothing, order(Mode::Stale)).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "filter", .. })), "{refused:?}");
    let filter = AccountFilter { leftover: Some(2), text: Some("a1@example".to_owned()), ..AccountFilter::default() };
    let bulk =
        world.unstick.draft_bulk(&admin(&world, "ada"), BulkSource::Filter(filter), order(Mode::Stale)).await.unwrap();
    let page = world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap();
    let ids: Vec<&str> = page.accounts.items.iter().map(|it| it.account.as_str()).collect();
    assert_eq!(ids, ["a1"]);
    let none = AccountFilter { leftover: Some(99), ..AccountFilter::default() };
    let refused = world.unstick.draft_bulk(&admin(&world, "ada"), BulkSource::Filter(none), order(Mode::Stale)).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "filter", .. })), "{refused:?}");
    let viewer = world.staff("vera", Role::Support);
    let refused = world.unstick.draft_bulk(&viewer, list("a0"), order(Mode::Stale)).await;
    assert!(matches!(refused, Err(Error::Denied(..))), "{refused:?}");
}

async fn counted(world: &World, text: &str) -> BulkPage {
    let bulk = world.unstick.draft_bulk(&shell(), list(text), order(Mode::Force)).await.unwrap();
    world.unstick.bulk_page(&shell(), &bulk.id, None, 0).await.unwrap()
}

fn key(text: &str) -> RouteKey {
    RouteKey::parse(text).unwrap()
}

fn routes(page: &BulkPage) -> Vec<(&str, &str, i64)> {
    page.routes.iter().map(|(place, server, n)| (place.pool.as_str(), server.as_str(), *n)).collect()
}

/// Nobody observed anything yet: what stands in the preview was asked of the router. More accounts than are put together at
/// once, and one with more sessions than a router is asked for in one call.
async fn every_route_is_counted_whatever_the_observer_keeps(world: World) {
    world.crowd(1_050).await;
    for some in (0..5_100).collect::<Vec<_>>().chunks(500) {
        world.sessions(some.iter().map(|at| ("acc7", format!("acc7_more{at}")))).await;
    }
    world.pin("files", &key("acc7_more999"), Scope::Session, "api-1", &account("acc7"), &session("acc7_more999")).await;
    let text: Vec<String> = (0..1_050).map(|at| format!("acc{at}")).collect();
    let page = counted(&world, &text.join("\n")).await;
    assert_eq!(routes(&page), [("app", "api-2", 1_050), ("files", "api-1", 1), ("files", "api-2", 3_150)]);
    assert_eq!((page.unread.len(), page.routes_at.is_some()), (0, true));
    // It stays as it was frozen.
    world.sessions(std::iter::once(("acc3", "acc3_new".to_owned()))).await;
    world.pin("files", &key("acc3_new"), Scope::Session, "api-1", &account("acc3"), &session("acc3_new")).await;
    let again = world.unstick.bulk_page(&shell(), &page.bulk.id, None, 0).await.unwrap();
    assert_eq!((again.routes, again.routes_at), (page.routes, page.routes_at));
    let one = counted(&world, "acc3\n").await;
    assert_eq!(routes(&one), [("app", "api-2", 1), ("files", "api-1", 1), ("files", "api-2", 3)], "of nobody else's");
}

async fn a_key_that_was_seen_on_a_router_counts_although_its_session_is_cleaned(world: World) {
    let id = world.stuck("a").await;
    let unstick = world.with(|settings| settings.watch = Span::ZERO);
    let cleanup = unstick.request_cleanup(&shell(), request("a", Mode::Force)).await.unwrap().id;
    assert_eq!(world.drive(&cleanup, 50).await, Status::Done);
    assert_eq!(routes(&counted(&world, "a\n").await), []);
    world.pin("files", &key("a_old1"), Scope::Session, "api-2", &id, &session("a_old1")).await;
    world.unstick.observe_once().await.unwrap();
    assert_eq!(routes(&counted(&world, "a\n").await), [("files", "api-2", 1)]);
}

async fn a_router_that_could_not_be_read_is_named_and_not_counted(world: World) {
    stuck(&world, "a", 3).await;
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    let page = counted(&world, "a0\na1\n").await;
    assert_eq!(routes(&page), []);
    let unread: Vec<(&str, bool)> = page.unread.iter().map(|it| (it.router.as_str(), it.answered)).collect();
    assert_eq!(unread, [("edge", false)]);
    *world.script.always.lock().unwrap() = Some(Fault::Refused);
    let page = counted(&world, "a0\na1\n").await;
    assert!(page.unread[0].answered && page.unread[0].why.contains("not now"), "{:?}", page.unread);
}

async fn a_small_one_begins_at_once_and_every_account_has_an_end(world: World) {
    let bulk = drafted(&world, "a", 12).await;
    let other = world.unstick.request_bulk(&admin(&world, "bob"), &bulk.id, &bulk.hash).await;
    assert!(matches!(other, Err(Error::Conflict(_))), "only who made it asks for it: {other:?}");
    let asked = world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    assert_eq!(asked.status, BulkStatus::Running);
    let again = world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!((done.counts.get(BulkOutcome::Done), done.counts.total()), (12, 12));
    assert_eq!((all_events(&world, "cleanup.done").await, all_events(&world, "bulk.done").await), (12, 1));
    for at in 0..12 {
        world.assert_clean(&account(&format!("a{at}")), "after the bulk").await;
    }
    // What is clean has nothing to clean up.
    let text = (0..12).map(|at| format!("a{at}")).collect::<Vec<_>>().join("\n");
    let bulk = world.unstick.draft_bulk(&shell(), list(&text), order(Mode::Force)).await.unwrap();
    world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!(done.counts.get(BulkOutcome::Nothing), 12);
}

async fn a_large_one_waits_for_a_second_admin(world: World) {
    let bulk = drafted(&world, "a", 51).await;
    let (ada, bob) = (admin(&world, "ada"), admin(&world, "bob"));
    let unproved = world.unstick.request_bulk(&ada, &bulk.id, &bulk.hash).await;
    assert!(matches!(unproved, Err(Error::Unproved(_))), "a sign-in is no proof for this very list: {unproved:?}");
    world.intent(&ada, Intent::ApproveBulk, &bulk.hash).await;
    world.intent(&ada, Intent::RequestBulk, &domain::PlanHash("another".to_owned())).await;
    world.intent(&bob, Intent::RequestBulk, &bulk.hash).await;
    let unproved = world.unstick.request_bulk(&ada, &bulk.id, &bulk.hash).await;
    assert!(matches!(unproved, Err(Error::Unproved(_))), "nor is one for something else: {unproved:?}");
    assert_eq!(world.store.bulk(&bulk.id).await.unwrap().unwrap().status, BulkStatus::Draft, "and nothing was done");
    world.intent(&ada, Intent::RequestBulk, &bulk.hash).await;
    let asked = world.unstick.request_bulk(&ada, &bulk.id, &bulk.hash).await.unwrap();
    assert_eq!(asked.status, BulkStatus::AwaitingApproval);
    world.unstick.bulk_once().await.unwrap();
    assert_eq!(all_events(&world, "cleanup.requested").await, 0);
    for not in [admin(&world, "ada"), shell(), Actor::System] {
        let refused = world.unstick.approve_bulk(&not, &bulk.id, &bulk.hash).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{not:?}: {refused:?}");
    }
    let unproved = world.unstick.approve_bulk(&bob, &bulk.id, &bulk.hash).await;
    assert!(matches!(unproved, Err(Error::Unproved(_))), "{unproved:?}");
    world.intent(&bob, Intent::ApproveBulk, &bulk.hash).await;
    let approved = world.unstick.approve_bulk(&bob, &bulk.id, &bulk.hash).await.unwrap();
    assert_eq!((approved.status, approved.approved_by), (BulkStatus::Running, StaffId::parse("bob").ok()));
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 51);
    assert_eq!(all_events(&world, "cleanup.done").await, 51);
}

async fn of_many_who_approve_at_once_one_does(world: World) {
    let bulk = drafted(&world, "a", 51).await;
    world.intent(&admin(&world, "ada"), Intent::RequestBulk, &bulk.hash).await;
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    let names: Vec<Actor> = (0..20).map(|n| admin(&world, &format!("admin{n}"))).collect();
    for actor in &names {
        world.intent(actor, Intent::ApproveBulk, &bulk.hash).await;
    }
    let tries = names.iter().map(|actor| world.unstick.approve_bulk(actor, &bulk.id, &bulk.hash));
    let told = futures::future::join_all(tries).await;
    assert_eq!(told.iter().filter(|it| it.is_ok()).count(), 1);
    let filter =
        domain::view::AuditFilter { action: Some("bulk.approved".to_owned()), ..domain::view::AuditFilter::default() };
    let events = world.store.audit_page(&filter, None, 100).await.unwrap();
    assert_eq!(events.iter().filter(|it| it.draft.outcome == domain::AuditOutcome::Done).count(), 1);
}

async fn nobody_approves_what_is_another_list_or_too_late(world: World) {
    let bulk = drafted(&world, "a", 51).await;
    let early = world.unstick.approve_bulk(&admin(&world, "bob"), &bulk.id, &bulk.hash).await;
    assert!(matches!(early, Err(Error::Conflict(_))), "nobody asked for it yet: {early:?}");
    world.intent(&admin(&world, "ada"), Intent::RequestBulk, &bulk.hash).await;
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    let other = domain::PlanHash("another".to_owned());
    let refused = world.unstick.approve_bulk(&admin(&world, "bob"), &bulk.id, &other).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    world.clock.advance(Span::from_secs(30 * 60 + 1));
    let late = world.unstick.approve_bulk(&admin(&world, "bob"), &bulk.id, &bulk.hash).await;
    assert!(matches!(late, Err(Error::Gone(_))), "{late:?}");
    world.unstick.bulk_once().await.unwrap();
    assert_eq!(world.store.bulk(&bulk.id).await.unwrap().unwrap().status, BulkStatus::Expired);
    assert_eq!(all_events(&world, "bulk.expired").await, 1);
}

async fn it_pauses_goes_on_and_ends(world: World) {
    let text = stuck(&world, "a", 20).await;
    let slow = BulkOrder { wave: 2, ..order(Mode::Stale) };
    let bulk = world.unstick.draft_bulk(&admin(&world, "ada"), list(&text), slow).await.unwrap();
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    world.clock.advance(Span::from_secs(1));
    world.unstick.bulk_once().await.unwrap();
    let begun = all_events(&world, "cleanup.requested").await;
    assert_eq!(begun, 2, "a wave of two");
    let steer = async |what| world.unstick.control_bulk(&admin(&world, "bob"), &bulk.id, what).await;
    assert_eq!(steer(BulkMove::Pause).await.unwrap().status, BulkStatus::Paused);
    assert!(matches!(steer(BulkMove::Pause).await, Err(Error::Conflict(_))));
    for _ in 0..5 {
        world.clock.advance(Span::from_secs(1));
        world.unstick.bulk_once().await.unwrap();
        for id in world.due(100).await {
            world.drive(&id, 3).await;
        }
    }
    let paused = world.store.bulk(&bulk.id).await.unwrap().unwrap();
    assert_eq!((paused.counts.get(BulkOutcome::Done), paused.counts.get(BulkOutcome::Waiting)), (2, 18));
    assert_eq!(steer(BulkMove::Resume).await.unwrap().status, BulkStatus::Running);
    world.clock.advance(Span::from_secs(1));
    world.unstick.bulk_once().await.unwrap();
    assert_eq!(steer(BulkMove::Cancel).await.unwrap().status, BulkStatus::Cancelled);
    assert!(matches!(steer(BulkMove::Resume).await, Err(Error::Conflict(_))));
    for _ in 0..5 {
        world.unstick.clean_up_once().await.unwrap();
        world.unstick.bulk_once().await.unwrap();
    }
    let over = world.store.bulk(&bulk.id).await.unwrap().unwrap();
    assert_eq!(
        (over.counts.get(BulkOutcome::Done), over.counts.get(BulkOutcome::Waiting)),
        (4, 16),
        "what was begun ended"
    );
    assert_eq!(all_events(&world, "cleanup.requested").await, 4);
}

async fn it_stops_by_itself_and_goes_on_when_a_person_says_so(world: World) {
    let text = stuck(&world, "a", 20).await;
    let careful = BulkOrder { wave: 3, failure_limit: 1, ..order(Mode::Force) };
    let bulk = world.unstick.draft_bulk(&admin(&world, "ada"), list(&text), careful).await.unwrap();
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    let stopped = until(&world, &bulk, &[BulkStatus::Stopped]).await;
    assert!(stopped.stopped_why.contains("owed"), "{}", stopped.stopped_why);
    assert!(stopped.counts.get(BulkOutcome::Waiting) >= 14, "{:?}", stopped.counts);
    assert_eq!(all_events(&world, "bulk.stopped").await, 1);
    *world.script.always.lock().unwrap() = None;
    world.clock.advance(Span::from_secs(60));
    world.unstick.control_bulk(&admin(&world, "ada"), &bulk.id, BulkMove::Resume).await.unwrap();
    let mut done = world.store.bulk(&bulk.id).await.unwrap().unwrap();
    // Until those that were owed are done it may stop once more.
    for _ in 0..10 {
        done = until(&world, &bulk, &[BulkStatus::Stopped, BulkStatus::Done]).await;
        if done.status == BulkStatus::Done {
            break;
        }
        world.clock.advance(Span::from_secs(60));
        world.unstick.control_bulk(&admin(&world, "ada"), &bulk.id, BulkMove::Resume).await.unwrap();
    }
    assert_eq!((done.status, done.counts.get(BulkOutcome::Done)), (BulkStatus::Done, 20));
}

async fn another_clean_up_under_way_is_joined_or_told(world: World) {
    let bulk = drafted(&world, "a", 3).await;
    let same = world.unstick.request_cleanup(&shell(), request("a0", Mode::Force)).await.unwrap().id;
    world.unstick.request_cleanup(&shell(), request("a1", Mode::Stale)).await.unwrap();
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    world.clock.advance(Span::from_secs(1));
    world.unstick.bulk_once().await.unwrap();
    let accounts = world.store.bulk_accounts(&bulk.id, None, 0, 10).await.unwrap();
    let told: Vec<BulkOutcome> = accounts.iter().map(|it| it.outcome).collect();
    assert_eq!(told, [BulkOutcome::Running, BulkOutcome::UnderWay, BulkOutcome::Running]);
    assert_eq!(accounts[0].cleanup.as_ref(), Some(&same));
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!((done.counts.get(BulkOutcome::Done), done.counts.get(BulkOutcome::UnderWay)), (2, 1));
    let again = world.unstick.control_bulk(&admin(&world, "ada"), &bulk.id, BulkMove::Retry).await.unwrap();
    assert_eq!((again.status, again.counts.get(BulkOutcome::Waiting)), (BulkStatus::Running, 1));
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 3);
    let nothing = world.unstick.control_bulk(&admin(&world, "ada"), &bulk.id, BulkMove::Retry).await;
    assert!(matches!(nothing, Err(Error::Conflict(_))), "{nothing:?}");
}

async fn a_single_one_is_not_behind_it(world: World) {
    let bulk = drafted(&world, "a", 30).await;
    world.stuck("single").await;
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    world.clock.advance(Span::from_secs(1));
    world.unstick.bulk_once().await.unwrap();
    world.clock.advance(Span::from_secs(1));
    let single = world.unstick.request_cleanup(&shell(), request("single", Mode::Force)).await.unwrap().id;
    let due = world.due(100).await;
    assert_eq!((due.len(), &due[0]), (31, &single));
}

async fn two_workers_give_each_account_one_turn(world: World) {
    let bulk = drafted(&world, "a", 40).await;
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    world.clock.advance(Span::from_secs(1));
    let look = || async { world.unstick.bulk_once().await.unwrap() };
    tokio::time::timeout(Duration::from_mins(1), futures::future::join_all((0..8).map(|_| look()))).await.unwrap();
    let done = until(&world, &bulk, &[BulkStatus::Done]).await;
    assert_eq!(done.counts.get(BulkOutcome::Done), 40);
    assert_eq!(all_events(&world, "cleanup.requested").await, 40);
    for at in 0..40 {
        let id: AccountId = account(&format!("a{at}"));
        assert_eq!(world.store.cleanups_of(&id, 5).await.unwrap().len(), 1);
        assert_eq!(world.store.cleanups_of(&id, 5).await.unwrap()[0].0.status, Status::Done);
    }
}

/// Whoever looks while a part of a look's turns is written finds the bulk clean-up taken, until the last part is.
async fn a_look_of_many_steps_is_written_in_parts_under_one_lease(world: World) {
    const ACCOUNTS: usize = 150;
    world.crowd(ACCOUNTS).await;
    let unstick = world.with(|settings| settings.bulk_approval_above = 1_000);
    let ids: Vec<String> = (0..ACCOUNTS).map(|at| format!("acc{at}")).collect();
    let order = BulkOrder { wave: 1_000, ..order(Mode::Force) };
    let bulk = unstick.draft_bulk(&shell(), list(&ids.join("\n")), order).await.unwrap();
    unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    world.clock.advance(Span::from_secs(1));

    let over = std::sync::atomic::AtomicBool::new(false);
    let look = async {
        unstick.bulk_once().await.unwrap();
        over.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    // How many turns were there to see, and whether the bulk clean-up was to be had then.
    let others = async {
        let mut seen = Vec::new();
        while !over.load(std::sync::atomic::Ordering::SeqCst) {
            let now = world.clock_now();
            let mut tx = world.store.begin().await.unwrap();
            let free = tx.claim_bulk(&bulk.id, now, now + Span::from_secs(15)).await.unwrap().is_some();
            seen.push((all_events(&world, "cleanup.requested").await, free));
            tx.rollback().await.unwrap();
            tokio::task::yield_now().await;
        }
        seen
    };
    let ((), seen) = tokio::join!(look, others);
    let turns = all_events(&world, "cleanup.requested").await;
    let begun = world.store.bulk(&bulk.id).await.unwrap().unwrap().counts.get(BulkOutcome::Running);
    assert_eq!(usize::try_from(begun), Ok(turns));
    let mut steps = 0;
    for id in &ids {
        for (cleanup, ..) in world.store.cleanups_of(&account(id), 2).await.unwrap() {
            steps += world.store.steps(&cleanup.id).await.unwrap().len();
        }
    }
    assert!(steps > 500 && steps <= 1_000, "{turns} turns of {steps} steps: one look, but not one transaction");
    let half_way = |(events, free): &&(usize, bool)| (1..turns).contains(events) && *free;
    assert_eq!(seen.iter().find(half_way), None, "it was given back before the last part: {seen:?}");

    for _ in 0..100 {
        unstick.bulk_once().await.unwrap();
        unstick.clean_up_once().await.unwrap();
        world.clock.advance(Span::from_millis(50));
    }
    let done = world.store.bulk(&bulk.id).await.unwrap().unwrap();
    assert_eq!((done.status, done.counts.get(BulkOutcome::Done)), (BulkStatus::Done, 150), "{:?}", done.counts);
    for action in ["cleanup.requested", "cleanup.done"] {
        assert_eq!(all_events(&world, action).await, ACCOUNTS, "{action}, once each");
    }
}

/// A worker that read what ended before it had the lease tells again what another one wrote down.
async fn an_end_is_counted_once_whoever_tells_it_twice(world: World) {
    let bulk = drafted(&world, "a", 2).await;
    world.unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
    let end = store::BulkEnd {
        no: 1,
        from: BulkOutcome::Waiting,
        to: BulkOutcome::Nothing,
        cleanup: None,
        note: String::new(),
    };
    let tell = async || {
        let now = domain::Clock::now(world.clock.as_ref());
        let mut tx = world.store.begin().await.unwrap();
        let lease = tx.claim_bulk(&bulk.id, now, now + Span::from_secs(15)).await.unwrap().unwrap();
        let told = tx.bulk_progress(&lease, std::slice::from_ref(&end), None).await;
        if told.is_ok() {
            tx.commit().await.unwrap();
        }
        told
    };
    tell().await.unwrap();
    assert!(matches!(tell().await, Err(store::StoreError::Raced)));
    let counts = world.store.bulk(&bulk.id).await.unwrap().unwrap().counts;
    assert_eq!((counts.get(BulkOutcome::Nothing), counts.get(BulkOutcome::Waiting)), (1, 1));
}

async fn all_that_it_does_gives_way_to_pages_and_a_single_one_does_not(world: World) {
    let (bulk, single) = (drafted(&world, "a", 3).await, world.stuck("single").await);
    // Nobody looks at what is done: that is not behind.
    let unstick = world.with(|settings| settings.watch = Span::ZERO);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let asked = async {
        let mut changes = unstick.watch();
        world.script.asked.lock().unwrap().clear();
        unstick.request_cleanup(&shell(), request("single", Mode::Force)).await.unwrap();
        unstick.request_bulk(&admin(&world, "ada"), &bulk.id, &bulk.hash).await.unwrap();
        while all_events(&world, "cleanup.done").await < 4 {
            changes.recv().await.unwrap();
        }
        stop.send_replace(true);
        std::mem::take(&mut *world.script.asked.lock().unwrap())
    };
    let ((), asked) = tokio::join!(unstick.run_workers(stopped), asked);
    let of = |account: &AccountId| -> Vec<bool> {
        let key = domain::RouteKey::of_account(account);
        let mut ways: Vec<bool> = asked.iter().filter(|(of, _)| *of == key).map(|(_, behind)| *behind).collect();
        ways.dedup();
        ways
    };
    for at in 0..3 {
        assert_eq!(of(&account(&format!("a{at}"))), [true], "planned and worked on behind pages");
    }
    assert_eq!(of(&single), [false], "somebody waits for it");
}
