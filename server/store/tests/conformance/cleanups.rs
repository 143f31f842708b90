//! Clean-ups: one at a time of an account, steps that come back as they were, lists that end.

use std::collections::BTreeSet;

use domain::{
    Cleanup, CleanupId, Instant, Mode, PlanHash, RouterName, Scope, Stage, Status, Step, StepKind, Target, Trouble,
    view::{StepCounts, count_steps},
};
use store::{Inserted, Lease, Moved, StoreError};

use crate::world::{Db, aid, at, key, person, place, server, sid};

both! {
    it_comes_back_as_it_was,
    an_account_has_one_at_a_time,
    an_account_has_one_even_when_many_ask_at_once,
    progress_is_kept_and_counted,
    a_step_that_is_not_there_is_an_error,
    what_a_router_owes_is_counted_and_woken,
    what_is_owed_is_listed_oldest_first_and_ends,
    a_person_may_retry_what_waits_and_nothing_else,
    pages_show_every_one_once_newest_first,
    a_title_is_the_best_there_is,
    four_thousand_steps_are_one_write,
}

pub fn cid(text: &str) -> CleanupId {
    CleanupId::parse(text).unwrap()
}

pub fn cleanup(id: &str, account: &str, second: i64) -> Cleanup {
    Cleanup {
        id: cid(id),
        account: aid(account),
        mode: Mode::Force,
        reason: "stuck since Monday".to_owned(),
        ticket: "T-1".to_owned(),
        actor: "staff:dana".to_owned(),
        plan_hash: PlanHash("hash".to_owned()),
        status: Status::Running,
        requested_at: at(second),
        finished_at: None,
        next_at: at(second),
    }
}

pub fn steps() -> Vec<Step> {
    let session = sid("s1");
    let route = |router: &str, name: &str, vanish| Target::Route {
        place: place(router, "app"),
        scope: if vanish { Scope::Session } else { Scope::Account },
        key: key(name),
        session: vanish.then(|| session.clone()),
        must_vanish: vanish,
    };
    let mut steps = vec![
        Step::new(1, StepKind::Revoke, Target::Session { session: session.clone() }, None, at(0)),
        Step::new(2, StepKind::Unroute, route("lb-1", "s1", true), Some(server("api-2")), at(0)),
        Step::new(3, StepKind::Unroute, route("lb-2", "a", false), None, at(0)),
        Step::new(4, StepKind::Delete, Target::Session { session: session.clone() }, None, at(0)),
    ];
    steps[0].stage = Stage::Verified;
    steps[0].verified_at = Some(at(0));
    steps
}

/// Stores a clean-up with [`steps`].
pub async fn insert(db: &Db, id: &str, account: &str, second: i64) {
    let stored = tx!(db, tx => tx.insert_cleanup(&cleanup(id, account, second), &steps()));
    assert_eq!(stored, Inserted::Yes);
}

/// Claims, moves to `status`, and gives the lease back.
pub async fn set(db: &Db, id: &str, status: Status, second: i64, steps: &[Step]) {
    let lease = tx!(db, tx => tx.claim_cleanup(&cid(id), "w", at(second), at(second + 30))).unwrap();
    let mut moved = db.store.cleanup(&cid(id)).await.unwrap().unwrap();
    moved.status = status;
    moved.next_at = at(second);
    moved.finished_at = (status == Status::Done).then(|| at(second));
    save(db, &lease, None, &moved, steps).await.unwrap();
}

/// Writes `changed` as the worker with `lease` does.
pub async fn save(
    db: &Db,
    lease: &Lease,
    until: Option<Instant>,
    cleanup: &Cleanup,
    changed: &[Step],
) -> Result<(), StoreError> {
    let mut steps = db.store.steps(&lease.cleanup).await?;
    steps.retain(|step| changed.iter().all(|other| other.no != step.no));
    steps.extend_from_slice(changed);
    let mut tx = db.store.begin().await?;
    let fenced = tx.save_progress(&[Moved { lease, until, cleanup, steps: &steps, changed }]).await?;
    tx.commit().await?;
    if fenced.is_empty() { Ok(()) } else { Err(StoreError::Fenced) }
}

/// What wants a worker at `second`.
pub async fn due(db: &Db, second: i64, limit: u32) -> Vec<CleanupId> {
    db.store.due_cleanups(at(second), limit).await.unwrap().into_iter().map(|due| due.id).collect()
}

async fn it_comes_back_as_it_was(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    assert_eq!(db.store.cleanup(&cid("c1")).await.unwrap(), Some(cleanup("c1", "a", 0)));
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap(), steps());
    assert_eq!(db.store.cleanup(&cid("c2")).await.unwrap(), None);
    assert_eq!(db.store.steps(&cid("c2")).await.unwrap(), []);
}

async fn an_account_has_one_at_a_time(db: &Db) {
    db.accounts(&["a", "b"]).await;
    insert(db, "c1", "a", 0).await;
    let second = tx!(db, tx => tx.insert_cleanup(&cleanup("c2", "a", 1), &steps()));
    assert_eq!(second, Inserted::UnderWay(cid("c1")));
    assert_eq!(db.store.live_cleanup(&aid("a")).await.unwrap(), Some(cid("c1")));
    insert(db, "c3", "b", 1).await;
    set(db, "c1", Status::NeedsAttention, 2, &[]).await;
    let third = tx!(db, tx => tx.insert_cleanup(&cleanup("c2", "a", 3), &steps()));
    assert_eq!(third, Inserted::UnderWay(cid("c1")), "one that a person must look at is not over");
    set(db, "c1", Status::Done, 4, &[]).await;
    assert_eq!(db.store.live_cleanup(&aid("a")).await.unwrap(), None);
    insert(db, "c2", "a", 5).await;
}

async fn an_account_has_one_even_when_many_ask_at_once(db: &Db) {
    db.accounts(&["a"]).await;
    let asked: Vec<_> = (0..8)
        .map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                let stored = tx.insert_cleanup(&cleanup(&format!("c{n}"), "a", n), &steps()).await.unwrap();
                tx.commit().await.unwrap();
                stored
            })
        })
        .collect();
    let mut made = 0;
    for asked in asked {
        made += i32::from(asked.await.unwrap() == Inserted::Yes);
    }
    assert_eq!(made, 1);
    assert_eq!(db.number("SELECT count(*) FROM cleanups").await, 1);
    assert_eq!(db.number("SELECT count(*) FROM cleanup_steps").await, 4);
}

/// [`steps`], each with every field set.
fn moved() -> Vec<Step> {
    let mut steps = steps();
    steps[1].stage = Stage::ClearedAgain;
    steps[1].cleared_at = Some(at(1));
    steps[1].cleared_again_at = Some(at(2));
    steps[1].attempts = 3;
    steps[1].next_at = at(9);
    steps[1].now_on = Some(server("api-1"));
    steps[1].trouble = Some(Trouble::StillThere("the entry is there again on api-2; «o'clock» \"x\"".to_owned()));
    steps[2].trouble = Some(Trouble::Unreachable("no answer".to_owned()));
    steps[3].attempts = domain::Policy::default().max_attempts;
    steps[3].trouble = Some(Trouble::Refused(String::new()));
    steps
}

async fn counts(db: &Db, id: &str) -> StepCounts {
    let page = db.store.cleanups_page(None, None, 100).await.unwrap();
    page.items.into_iter().find(|(cleanup, ..)| cleanup.id == cid(id)).unwrap().2
}

async fn progress_is_kept_and_counted(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    assert_eq!(counts(db, "c1").await, StepCounts { total: 4, verified: 1, owed: 0, failed: 0, came_back: 0 });
    let moved = moved();
    set(db, "c1", Status::Owed, 5, &moved[1..]).await;
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap(), moved);
    assert_eq!(counts(db, "c1").await, StepCounts { total: 4, verified: 1, owed: 1, failed: 1, came_back: 0 });
    assert_eq!(counts(db, "c1").await, count_steps(&moved, domain::Policy::default().max_attempts));
    let mut last = moved.clone();
    last[2].trouble = None;
    for step in &mut last[2..] {
        step.stage = Stage::Verified;
        step.verified_at = Some(at(7));
    }
    set(db, "c1", Status::Running, 7, &last[2..]).await;
    assert_eq!(counts(db, "c1").await, count_steps(&last, domain::Policy::default().max_attempts));
    let stored = db.store.cleanup(&cid("c1")).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.next_at, stored.finished_at), (Status::Running, at(7), None));
}

async fn a_step_that_is_not_there_is_an_error(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let lease = tx!(db, tx => tx.claim_cleanup(&cid("c1"), "w", at(1), at(30))).unwrap();
    let mut step = steps().remove(1);
    step.no = 99;
    let saved = save(db, &lease, None, &cleanup("c1", "a", 0), &[step]).await;
    assert!(matches!(saved, Err(StoreError::Corrupt(_))), "{saved:?}");
}

async fn what_a_router_owes_is_counted_and_woken(db: &Db) {
    db.accounts(&["a", "b"]).await;
    insert(db, "c1", "a", 0).await;
    insert(db, "c2", "b", 0).await;
    let mut owed = moved();
    owed[2].next_at = at(500);
    set(db, "c1", Status::Owed, 500, &owed[2..3]).await;
    let lb2 = RouterName::parse("lb-2").unwrap();
    assert_eq!(db.store.owed_by_router().await.unwrap(), [(lb2.clone(), 1)]);
    assert_eq!(due(db, 10, 10).await, [cid("c2")]);
    assert_eq!(tx!(db, tx => tx.wake_owed(&RouterName::parse("lb-1").unwrap(), at(10))), 0);
    assert_eq!(tx!(db, tx => tx.wake_owed(&lb2, at(10))), 1);
    assert_eq!(due(db, 10, 10).await, [cid("c2"), cid("c1")]);
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap()[2].next_at, at(10));
    let mut done = owed[2].clone();
    done.stage = Stage::Verified;
    set(db, "c1", Status::Running, 10, &[done]).await;
    assert_eq!(db.store.owed_by_router().await.unwrap(), []);
}

async fn what_is_owed_is_listed_oldest_first_and_ends(db: &Db) {
    db.accounts(&["a", "b", "c", "d"]).await;
    let mut waiting = moved();
    waiting[1].trouble = Some(Trouble::Unreachable("lb-1 is silent".to_owned()));
    for (id, account, second) in [("c2", "b", 20), ("c1", "a", 10), ("c3", "c", 30), ("c4", "d", 5)] {
        insert(db, id, account, second).await;
        if id != "c4" {
            set(db, id, Status::Owed, 100, &waiting).await;
        }
    }
    let owed = db.store.owed_steps(100).await.unwrap();
    let seen: Vec<(&str, i64)> = owed.iter().map(|owed| (owed.cleanup.as_str(), owed.step.no)).collect();
    assert_eq!(seen, [("c1", 2), ("c1", 3), ("c2", 2), ("c2", 3), ("c3", 2), ("c3", 3)], "and nothing of c4");
    assert_eq!((&owed[0].account, owed[0].asked_at, &owed[0].step), (&aid("a"), at(10), &waiting[1]));
    assert_eq!(db.store.owed_steps(3).await.unwrap(), owed[..3]);
    let counted: i64 = db.store.owed_by_router().await.unwrap().iter().map(|(_, n)| n).sum();
    assert_eq!(counted, 6, "the list and the counts are of the same steps");
    let mut done = waiting[1..3].to_vec();
    for step in &mut done {
        (step.stage, step.trouble, step.verified_at) = (Stage::Verified, None, Some(at(200)));
    }
    set(db, "c1", Status::Running, 200, &done).await;
    assert_eq!(db.store.owed_steps(1).await.unwrap()[0].cleanup, cid("c2"));
}

async fn a_person_may_retry_what_waits_and_nothing_else(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    assert!(!tx!(db, tx => tx.retry_cleanup(&cid("c1"), &[], at(1))), "one that runs is not retried");
    let moved = moved();
    set(db, "c1", Status::NeedsAttention, 5, &moved[1..]).await;
    let mut again = moved[3].clone();
    again.attempts = 0;
    again.trouble = None;
    again.next_at = at(8);
    assert!(tx!(db, tx => tx.retry_cleanup(&cid("c1"), std::slice::from_ref(&again), at(8))));
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap()[3], again);
    let stored = db.store.cleanup(&cid("c1")).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.next_at), (Status::Running, at(8)));
    assert_eq!(counts(db, "c1").await.failed, 0);
    set(db, "c1", Status::Done, 9, &[]).await;
    assert!(!tx!(db, tx => tx.retry_cleanup(&cid("c1"), &[], at(10))));
}

async fn pages_show_every_one_once_newest_first(db: &Db) {
    let people: Vec<_> = (0..33).map(|n| person(&format!("a{n:02}"), "", &format!("Person {n}"))).collect();
    tx!(db, tx => tx.upsert_accounts(&people, at(0)));
    for n in 0..33 {
        insert(db, &format!("c{n:02}"), &format!("a{n:02}"), n / 11).await;
        if n % 3 == 0 {
            set(db, &format!("c{n:02}"), Status::Done, 50, &[]).await;
        }
    }
    for (status, count) in [(None, 33), (Some(Status::Done), 11), (Some(Status::Running), 22), (Some(Status::Owed), 0)]
    {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = db.store.cleanups_page(status, after.as_deref(), 5).await.unwrap();
            assert!(page.items.len() <= 5);
            assert!(
                page.items
                    .iter()
                    .all(|(cleanup, title, _)| status.is_none_or(|s| cleanup.status == s)
                        && title.starts_with("Person "))
            );
            seen.extend(page.items.into_iter().map(|(cleanup, ..)| (cleanup.requested_at, String::from(cleanup.id))));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), count, "{status:?}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count);
        assert!(seen.windows(2).all(|w| w[0] > w[1]));
    }
    assert!(matches!(db.store.cleanups_page(None, Some("x"), 5).await, Err(StoreError::Cursor)));
    let of = db.store.cleanups_of(&aid("a05"), 10).await.unwrap();
    assert_eq!((of.len(), of[0].1.as_str(), of[0].2.total), (1, "Person 5", 4));
    let stuck = db.store.stuck_cleanups(at(1), 3).await.unwrap();
    assert_eq!(stuck.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c01", "c02", "c04"]);
}

async fn a_title_is_the_best_there_is(db: &Db) {
    tx!(db, tx => tx.upsert_accounts(&[person("a", "", ""), person("b", "b@x.org", ""), person("c", "c@x.org", "C")], at(0)));
    for (n, account) in ["a", "b", "c"].iter().enumerate() {
        insert(db, &format!("c{n}"), account, i64::try_from(n).unwrap()).await;
    }
    let titles: Vec<String> =
        db.store.cleanups_page(None, None, 9).await.unwrap().items.into_iter().map(|c| c.1).collect();
    assert_eq!(titles, ["C", "b@x.org", "a"]);
}

async fn four_thousand_steps_are_one_write(db: &Db) {
    db.accounts(&["a"]).await;
    let target = |n: i64| Target::Session { session: sid(&format!("s{n}")) };
    let steps: Vec<Step> = (1..=4_000).map(|n| Step::new(n, StepKind::Delete, target(n), None, at(0))).collect();
    tx!(db, tx => tx.insert_cleanup(&cleanup("c1", "a", 0), &steps));
    let done: Vec<Step> =
        steps.into_iter().map(|step| Step { stage: Stage::Verified, verified_at: Some(at(3)), ..step }).collect();
    set(db, "c1", Status::Done, 3, &done).await;
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap(), done);
    assert_eq!(counts(db, "c1").await, StepCounts { total: 4_000, verified: 4_000, owed: 0, failed: 0, came_back: 0 });
}
