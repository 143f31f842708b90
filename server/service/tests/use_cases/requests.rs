//! Asking for a clean-up: what is refused, what is joined, and what each mode leaves alone.

use domain::{Actor, Mode, PlanHash, Role, StaffId, StaffSessionId, Status, VerdictKind, view::SessionFilter};
use service::Error;

use crate::world::{Fault, World, account, back_end, bare_session, request, session, shell, times};

both!(
    the_account_page_says_what_is_wrong_and_after_the_clean_up_that_nothing_is,
    a_list_says_of_an_account_what_its_own_page_says,
    an_account_stays_stuck_on_the_page_while_its_router_is_away,
    older_left_overs_are_seen_behind_thousands_of_live_sessions,
    stale_leaves_the_live_session_and_unstick_leaves_everybody,
    a_plan_whose_world_changed_is_refused_with_the_new_plan,
    there_is_one_live_clean_up_an_account,
    two_who_ask_for_one_plan_at_once_get_one_clean_up,
    who_may_not_is_refused_and_written_down,
    bad_requests_say_what_to_do,
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

async fn the_account_page_says_what_is_wrong_and_after_the_clean_up_that_nothing_is(world: World) {
    let id = world.stuck("mira").await;
    let page = world.unstick.account_page(&staff(Role::Support), &id, SessionFilter::Open, None).await.unwrap();
    assert_eq!(page.verdict.kind, VerdictKind::Stuck, "{}", page.verdict.sentence);
    assert_eq!(page.sessions.items.len(), 3);
    let asked = world.unstick.request_cleanup(&shell(), request("mira", Mode::Force)).await.unwrap();
    assert_eq!(world.drive(&asked.id, 1).await, Status::Done);
    let page = world.unstick.account_page(&staff(Role::Support), &id, SessionFilter::Open, None).await.unwrap();
    assert_eq!(page.verdict.kind, VerdictKind::Clean, "{}", page.verdict.sentence);
    assert_eq!(page.sessions.items.len(), 0);
    let history = world.unstick.account_page(&shell(), &id, SessionFilter::Cleaned, None).await.unwrap();
    assert_eq!(history.sessions.items.len(), 3, "history stays");
}

async fn a_list_says_of_an_account_what_its_own_page_says(world: World) {
    world.stuck("mira").await;
    // Neither has anything left over or a bad route: one has more sessions than accounts have.
    for (name, sessions) in [("many", 60), ("few", 2)] {
        let id = world.stuck(name).await;
        let asked = world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap();
        assert_eq!(world.drive(&asked.id, 1).await, Status::Done);
        let create = |n| bare_session(&id, session(&format!("{name}_{n}")));
        world.unstick.create_sessions(&back_end(), (0..sessions).map(create).collect()).await.unwrap();
    }
    world.unstick.observe_once().await.unwrap();
    let list = world.unstick.accounts(&shell(), &domain::AccountFilter::default(), None).await.unwrap();
    let shown = world.unstick.account_list(&shell(), &domain::AccountFilter::default(), None).await.unwrap();
    let same: Vec<domain::view::BriefRow> = list.items.iter().cloned().map(Into::into).collect();
    assert_eq!((shown.items, shown.next), (same, list.next.clone()), "the console's list says what the API's does");
    let verdicts = [("few", VerdictKind::Clean), ("many", VerdictKind::LeftOver), ("mira", VerdictKind::Stuck)];
    for (name, verdict) in verdicts {
        let page = world.unstick.account_page(&shell(), &account(name), SessionFilter::Open, None).await.unwrap();
        let row = list.items.iter().find(|row| row.account.id == account(name)).unwrap();
        assert_eq!((page.verdict.kind, row.verdict), (verdict, verdict), "{name}: {}", page.verdict.sentence);
    }
}

async fn an_account_stays_stuck_on_the_page_while_its_router_is_away(world: World) {
    let id = world.stuck("away").await;
    world.unstick.observe_once().await.unwrap();
    *world.script.always.lock().unwrap() = Some(Fault::LostRequest);
    let page = world.unstick.account_page(&shell(), &id, SessionFilter::Open, None).await.unwrap();
    assert_eq!((page.verdict.kind, page.unread.len()), (VerdictKind::Stuck, 1), "{}", page.verdict.sentence);
    assert!(page.verdict.sentence.to_string().contains("edge could not be read now"), "{}", page.verdict.sentence);
    assert_eq!(page.routes.len(), 4, "what was last read");
}

async fn older_left_overs_are_seen_behind_thousands_of_live_sessions(world: World) {
    let id = world.stuck("many").await;
    let pieces = times("UNSTICK_TORTURE_SESSIONS", 2_400) / 800;
    for piece in 0..pieces {
        let create = |n| bare_session(&id, session(&format!("many_{piece}_{n}")));
        world.unstick.create_sessions(&back_end(), (0..800).map(create).collect()).await.unwrap();
    }
    let page = world.unstick.account_page(&shell(), &id, SessionFilter::Open, None).await.unwrap();
    assert!(page.truncated);
    let orphans = page.findings.iter().find(|finding| finding.kind == domain::FindingKind::OrphanedSession).unwrap();
    assert_eq!(orphans.count, 2, "{}", orphans.sentence);
    assert_eq!(
        page.timeline.hidden + i64::try_from(page.timeline.rows.len()).unwrap(),
        i64::try_from(pieces * 800).unwrap() + 3 + 1,
        "and the account's row"
    );
    let began = std::time::Instant::now();
    let asked = world.unstick.request_cleanup(&shell(), request("many", Mode::Force)).await.unwrap();
    assert_eq!(world.drive(&asked.id, 3).await, Status::Done);
    if pieces > 3 {
        println!(
            "one account with {} sessions: done after {:.1} s, longest write {:.0} ms",
            pieces * 800,
            began.elapsed().as_secs_f64(),
            world.store.longest_write().as_secs_f64() * 1e3
        );
    }
    let now = world.store.account(&id).await.unwrap().unwrap();
    assert_eq!((now.live_sessions, now.leftover_sessions), (0, 0));
}

async fn stale_leaves_the_live_session_and_unstick_leaves_everybody(world: World) {
    for (name, mode, live, left, pins) in [("st", Mode::Stale, 1, 0, 1), ("un", Mode::Unstick, 1, 2, 0)] {
        let id = world.stuck(name).await;
        let asked = world.unstick.request_cleanup(&shell(), request(name, mode)).await.unwrap();
        assert_eq!(world.drive(&asked.id, 1).await, Status::Done);
        let now = world.store.account(&id).await.unwrap().unwrap();
        assert_eq!((now.live_sessions, now.leftover_sessions), (live, left), "{mode:?}");
        assert_eq!(world.pins(&id).await, pins, "{mode:?}");
    }
}

async fn a_plan_whose_world_changed_is_refused_with_the_new_plan(world: World) {
    let id = world.stuck("plan").await;
    let shown = world.unstick.plan_page(&shell(), &id, Mode::Force).await.unwrap();
    assert_eq!((shown.plan.ends.len(), shown.plan.deletes.len(), shown.plan.routes.len()), (1, 3, 4));
    let mut stale = request("plan", Mode::Force);
    stale.hash = Some(PlanHash("another".into()));
    let refused = world.unstick.request_cleanup(&shell(), stale).await;
    let Err(Error::WorldChanged(new)) = refused else { panic!("{refused:?}") };
    assert_eq!(new.hash(), shown.hash);
    assert_eq!(world.events(&id, "cleanup.requested").await, 0);
    let mut fresh = request("plan", Mode::Force);
    fresh.hash = Some(shown.hash);
    assert!(world.unstick.request_cleanup(&shell(), fresh).await.is_ok());
}

async fn there_is_one_live_clean_up_an_account(world: World) {
    let id = world.stuck("one").await;
    let dana = world.staff("dana", Role::Support);
    let asks = (0..8).map(|_| world.unstick.request_cleanup(&dana, request("one", Mode::Force)));
    let answers = futures::future::join_all(asks).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|asked| !asked.joined)).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    assert_eq!(world.events(&id, "cleanup.requested").await, 1);
    let other = world.unstick.request_cleanup(&shell(), request("one", Mode::Stale)).await;
    assert!(matches!(other, Err(Error::UnderWay(_))), "{other:?}");
}

async fn two_who_ask_for_one_plan_at_once_get_one_clean_up(world: World) {
    for number in 0..20 {
        let name = format!("both{number}");
        let id = world.stuck(&name).await;
        let hash = world.unstick.plan_page(&shell(), &id, Mode::Force).await.unwrap().hash;
        let ask = async || {
            let mut asked = request(&name, Mode::Force);
            asked.hash = Some(hash.clone());
            world.unstick.request_cleanup(&shell(), asked).await
        };
        // The second one begins at every place of the first one's way.
        let late = async {
            for _ in 0..number {
                tokio::task::yield_now().await;
            }
            ask().await
        };
        let (one, two) = tokio::join!(ask(), late);
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.id, two.id);
        assert!(one.joined != two.joined, "one made it, the other joined");
    }
}

async fn who_may_not_is_refused_and_written_down(world: World) {
    world.stuck("may").await;
    for role in [Role::Viewer, Role::Auditor] {
        let refused = world.unstick.request_cleanup(&staff(role), request("may", Mode::Stale)).await;
        assert!(matches!(refused, Err(Error::Denied(_, false))), "{role}: {refused:?}");
    }
    let refused = world.unstick.request_cleanup(&Actor::Anonymous, request("may", Mode::Stale)).await;
    assert!(matches!(refused, Err(Error::Denied(_, true))));
    let filter = domain::view::AuditFilter { action: Some("access.denied".into()), ..Default::default() };
    assert_eq!(world.store.audit_page(&filter, None, 10).await.unwrap().len(), 2);
    assert!(world.store.live_cleanup(&account("may")).await.unwrap().is_none());
}

async fn bad_requests_say_what_to_do(world: World) {
    world.stuck("bad").await;
    let mut short = request("bad", Mode::Stale);
    short.reason = " hm ".into();
    let refused = world.unstick.request_cleanup(&shell(), short).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "reason", .. })), "{refused:?}");
    let unknown = world.unstick.request_cleanup(&shell(), request("nobody", Mode::Stale)).await;
    assert!(matches!(unknown, Err(Error::NotFound("account"))), "{unknown:?}");
    let asked = world.unstick.request_cleanup(&shell(), request("bad", Mode::Force)).await.unwrap();
    world.drive(&asked.id, 1).await;
    let nothing = world.unstick.request_cleanup(&shell(), request("bad", Mode::Force)).await;
    assert!(matches!(nothing, Err(Error::NothingToDo)), "{nothing:?}");
}
