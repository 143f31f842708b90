//! Leases: one worker at a time, and one that lost its lease changes nothing.

use domain::{Stage, Status};
use store::{Lease, Most, StoreError, Taken};

use crate::{
    cleanups::{cid, cleanup, due, insert, save, set, steps},
    world::{Db, at},
};

both! {
    one_works_at_a_time,
    a_zombie_changes_nothing,
    a_late_worker_whom_nobody_replaced_goes_on,
    a_lease_that_was_given_back_is_over,
    what_is_finished_is_never_claimed_nor_written,
    a_persons_retry_takes_the_lease_away,
    what_a_clock_put_off_is_brought_back,
    of_many_that_claim_at_once_one_gets_it,
    who_waits_longest_is_next_and_no_more_than_asked_for,
    what_is_due_is_claimed_at_once,
    many_that_claim_what_is_due_get_each_once,
    what_was_claimed_too_many_is_given_back,
}

async fn claim(db: &Db, holder: &str, now: i64, until: i64) -> Option<Lease> {
    tx!(db, tx => tx.claim_cleanup(&cid("c1"), holder, at(now), at(until)))
}

/// What a worker with `lease` writes: the second step cleared.
async fn work(db: &Db, lease: &Lease, until: Option<i64>, status: Status) -> Result<(), StoreError> {
    let mut moved = cleanup("c1", "a", 0);
    moved.status = status;
    moved.finished_at = (status == Status::Done).then(|| at(70));
    let mut step = steps().remove(1);
    step.stage = Stage::Cleared;
    save(db, lease, until.map(at), &moved, &[step]).await
}

async fn one_works_at_a_time(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let first = claim(db, "one", 10, 40).await.unwrap();
    assert_eq!(claim(db, "two", 39, 69).await, None);
    assert_eq!(claim(db, "one", 39, 69).await, None, "two workers of one process are two workers");
    assert_eq!(due(db, 39, 10).await, []);
    assert_eq!(due(db, 40, 10).await, [cid("c1")]);
    let second = claim(db, "two", 40, 70).await.unwrap();
    assert_eq!((first.token, second.token), (1, 2));
    assert_eq!(tx!(db, tx => tx.claim_cleanup(&cid("nobody"), "w", at(0), at(1))), None);
}

async fn a_zombie_changes_nothing(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let zombie = claim(db, "one", 10, 40).await.unwrap();
    let other = claim(db, "two", 50, 80).await.unwrap();
    let before = db.store.steps(&cid("c1")).await.unwrap();
    assert!(matches!(work(db, &zombie, Some(99), Status::Done).await, Err(StoreError::Fenced)));
    assert!(matches!(work(db, &zombie, None, Status::Running).await, Err(StoreError::Fenced)));
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap(), before);
    assert_eq!(db.store.cleanup(&cid("c1")).await.unwrap().unwrap().status, Status::Running);
    work(db, &other, Some(90), Status::Running).await.unwrap();
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap()[1].stage, Stage::Cleared);
}

async fn a_late_worker_whom_nobody_replaced_goes_on(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let late = claim(db, "one", 10, 40).await.unwrap();
    work(db, &late, Some(200), Status::Running).await.unwrap();
    assert_eq!(claim(db, "two", 199, 300).await, None, "its lease was renewed");
}

async fn a_lease_that_was_given_back_is_over(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let lease = claim(db, "one", 10, 40).await.unwrap();
    work(db, &lease, None, Status::Running).await.unwrap();
    assert!(matches!(work(db, &lease, Some(60), Status::Running).await, Err(StoreError::Fenced)));
    assert!(claim(db, "two", 11, 41).await.is_some(), "what was given back can be claimed at once");
}

async fn what_is_finished_is_never_claimed_nor_written(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let lease = claim(db, "one", 10, 40).await.unwrap();
    work(db, &lease, Some(80), Status::Done).await.unwrap();
    assert!(matches!(work(db, &lease, Some(90), Status::Running).await, Err(StoreError::Fenced)));
    assert_eq!(claim(db, "two", 500, 600).await, None);
    assert_eq!(due(db, 500, 10).await, []);
}

async fn a_persons_retry_takes_the_lease_away(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    set(db, "c1", Status::NeedsAttention, 5, &[]).await;
    assert_eq!(due(db, 99, 10).await, [], "it needs a person, not a worker");
    let lease = claim(db, "one", 10, 40).await.unwrap();
    assert!(tx!(db, tx => tx.retry_cleanup(&cid("c1"), &[], at(11))));
    assert!(matches!(work(db, &lease, Some(60), Status::Done).await, Err(StoreError::Fenced)));
    assert!(claim(db, "two", 12, 42).await.unwrap().token > lease.token);
}

async fn of_many_that_claim_at_once_one_gets_it(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    for round in 0..5 {
        let claims: Vec<_> = (0..6)
            .map(|n| {
                let store = db.store.clone();
                let (now, until) = (at(round * 100 + 50), at(round * 100 + 80));
                tokio::spawn(async move {
                    let mut tx = store.begin().await.unwrap();
                    let lease = tx.claim_cleanup(&cid("c1"), &format!("w{n}"), now, until).await.unwrap();
                    tx.commit().await.unwrap();
                    lease
                })
            })
            .collect();
        let mut got = Vec::new();
        for claim in claims {
            got.extend(claim.await.unwrap());
        }
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].token, round + 1);
    }
}

async fn who_waits_longest_is_next_and_no_more_than_asked_for(db: &Db) {
    let ids: Vec<String> = (0..9).map(|n| format!("a{n}")).collect();
    db.accounts(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for n in 0..9 {
        insert(db, &format!("c{n}"), &format!("a{n}"), 90 - n * 10).await;
    }
    assert_eq!(due(db, 45, 3).await, [cid("c8"), cid("c7"), cid("c6")]);
    assert_eq!(due(db, 45, 100).await.len(), 4);
}

/// A clock that was a day ahead took a lease and put work off; then it was set back.
async fn what_a_clock_put_off_is_brought_back(db: &Db) {
    db.accounts(&["a"]).await;
    insert(db, "c1", "a", 0).await;
    let zombie = claim(db, "ahead", 86_400, 86_430).await.unwrap();
    assert!(db.store.times_ahead(at(63), at(60)).await.unwrap());
    assert_eq!(due(db, 1, 10).await, []);
    assert_eq!(tx!(db, tx => tx.mend_times(at(1), at(63), at(60), at(1), at(600))), 1);
    assert!(!db.store.times_ahead(at(63), at(60)).await.unwrap());
    assert_eq!(due(db, 1, 10).await, [cid("c1")]);
    work(db, &zombie, Some(86_460), Status::Running).await.unwrap();
    assert_eq!(tx!(db, tx => tx.mend_times(at(2), at(63), at(60), at(1), at(600))), 1, "and again, while it goes on");
    assert!(claim(db, "another", 2, 32).await.is_some());
    assert!(matches!(work(db, &zombie, Some(99), Status::Running).await, Err(StoreError::Fenced)));
    let fine = tx!(db, tx => tx.mend_times(at(3), at(66), at(63), at(3), at(600)));
    assert_eq!(fine, 0, "a lease of now is left alone");
}

/// Claims what is due at `now`, for 30 seconds.
async fn take(db: &Db, now: i64, single: u32, behind: u32) -> Vec<Taken> {
    db.store.claim_due("w", at(now), at(now + 30), Most { single, behind }).await.unwrap()
}

fn ids(claimed: &[Taken]) -> Vec<&str> {
    let mut ids: Vec<&str> = claimed.iter().map(|it| it.lease.cleanup.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// Four that are due, the second pair of a bulk clean-up; one that needs a person; one whose time has not come.
async fn several(db: &Db) {
    db.accounts(&["a", "b", "c", "d", "e", "f"]).await;
    for (id, account, second) in
        [("c1", "a", 1), ("c2", "b", 2), ("c3", "c", 3), ("c4", "d", 4), ("c5", "e", 5), ("c6", "f", 900)]
    {
        insert(db, id, account, second).await;
    }
    tx!(db, tx => tx.rank_behind(&[cid("c3"), cid("c4")]));
    set(db, "c5", Status::NeedsAttention, 5, &[]).await;
}

async fn what_is_due_is_claimed_at_once(db: &Db) {
    several(db).await;
    assert_eq!(take(db, 0, 9, 9).await, [], "nothing is due yet");
    assert_eq!(ids(&take(db, 100, 1, 1).await), ["c1", "c3"], "those that wait longest, of each kind");
    let rest = take(db, 100, 9, 9).await;
    assert_eq!(ids(&rest), ["c2", "c4"]);
    for it in &rest {
        assert_eq!((it.behind, it.steps), (it.lease.cleanup == cid("c4"), 4));
        assert_eq!((it.lease.token, it.lease.until), (1, at(130)));
    }
    assert_eq!(take(db, 129, 9, 9).await, []);
    assert_eq!(ids(&take(db, 130, 1, 0).await), ["c1"], "no room for those of bulk clean-ups");
    assert_eq!(ids(&take(db, 130, 0, 9).await), ["c3", "c4"], "their leases ran out");
}

async fn many_that_claim_what_is_due_get_each_once(db: &Db) {
    let names: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
    db.accounts(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names {
        insert(db, &format!("c_{name}"), name, 1).await;
    }
    let workers = (0..8).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let mut got = Vec::new();
            loop {
                let most = Most { single: 3, behind: 3 };
                let claimed = store.claim_due("w", at(100), at(130), most).await.unwrap();
                if claimed.is_empty() {
                    return got;
                }
                got.extend(claimed.into_iter().map(|it| it.lease.cleanup));
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    all.sort_unstable();
    // A worker that finds only what another one is claiming goes home early; what it leaves is taken by the others.
    let mut expected: Vec<_> = names.iter().map(|name| cid(&format!("c_{name}"))).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
}

async fn what_was_claimed_too_many_is_given_back(db: &Db) {
    several(db).await;
    let claimed = take(db, 100, 9, 9).await;
    let leases: Vec<Lease> = claimed.iter().map(|it| it.lease.clone()).collect();
    let kept = leases.iter().find(|lease| lease.cleanup == cid("c1")).unwrap();
    let others: Vec<Lease> = leases.iter().filter(|lease| *lease != kept).cloned().collect();
    db.store.unclaim(&others).await.unwrap();
    let again = take(db, 101, 9, 9).await;
    assert_eq!(ids(&again), ["c2", "c3", "c4"]);
    assert!(again.iter().all(|it| it.lease.token == 2));
    db.store.unclaim(&others).await.unwrap();
    assert_eq!(take(db, 102, 9, 9).await, [], "a lease of before gives nothing of another's back");
}
