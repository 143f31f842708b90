//! The watch over clean-ups that are done: one look each, however many ask; and what came back.

use domain::{Return, RouterName, Scope, Span, Stage, Status, Watch, Way};

use crate::{
    cleanups::{cid, insert, set, steps},
    world::{Db, aid, at, key, place, server},
};

both! {
    a_look_is_taken_once_however_many_ask,
    a_restarted_router_has_every_watch_look_at_once,
    what_is_over_is_looked_at_again_before_others,
    what_came_back_is_kept_and_its_clean_up_goes_back_to_work,
    it_does_not_go_back_to_work_beside_another_one,
}

async fn watched(db: &Db, id: &str, account: &str) -> Watch {
    db.accounts(&[account]).await;
    insert(db, id, account, 0).await;
    set(db, id, Status::Done, 10, &[]).await;
    let watch = Watch::begin(at(10), Span::from_secs(600));
    tx!(db, tx => tx.begin_watch(&cid(id), &watch));
    watch
}

fn back(second: i64, step: i64, way: Way) -> Return {
    Return {
        at: at(second),
        step,
        place: place("lb-1", "app"),
        scope: Scope::Session,
        key: key("s1"),
        server: Some(server("api-2")),
        way,
    }
}

async fn a_look_is_taken_once_however_many_ask(db: &Db) {
    let mut watch = watched(db, "c1", "a").await;
    assert_eq!(db.store.watch(&cid("c1")).await.unwrap().as_ref(), Some(&watch));
    assert_eq!(db.store.due_watches(at(10), 10).await.unwrap(), [], "not yet");
    let due = db.store.due_watches(at(20), 10).await.unwrap();
    assert_eq!(due, [(cid("c1"), at(11))]);
    assert!(tx!(db, tx => tx.claim_watch(&cid("c1"), at(11), at(50))));
    assert!(!tx!(db, tx => tx.claim_watch(&cid("c1"), at(11), at(51))), "somebody else is looking");
    assert_eq!(db.store.due_watches(at(49), 10).await.unwrap(), []);
    assert_eq!(db.store.due_watches(at(50), 10).await.unwrap().len(), 1, "who looked is gone: another one may");
    watch.put_off(at(11), at(200));
    watch = watch.after_look(at(20), vec![RouterName::parse("lb-2").unwrap()], false, Span::ZERO);
    assert!(!tx!(db, tx => tx.save_watch(&cid("c1"), at(49), &watch)), "the claim was another's");
    assert!(tx!(db, tx => tx.save_watch(&cid("c1"), at(50), &watch)));
    assert_eq!(db.store.watch(&cid("c1")).await.unwrap(), Some(watch));
}

async fn a_restarted_router_has_every_watch_look_at_once(db: &Db) {
    watched(db, "c1", "a").await;
    watched(db, "c2", "b").await;
    assert_eq!(tx!(db, tx => tx.wake_watches(at(5))), 2);
    assert_eq!(db.store.due_watches(at(5), 10).await.unwrap().len(), 2);
    assert_eq!(tx!(db, tx => tx.wake_watches(at(6))), 0, "what is due is due");
}

async fn what_is_over_is_looked_at_again_before_others(db: &Db) {
    let mut over = watched(db, "c1", "a").await;
    watched(db, "c2", "b").await;
    over.next_at = None;
    assert!(tx!(db, tx => tx.claim_watch(&cid("c1"), at(11), at(50))));
    assert!(tx!(db, tx => tx.save_watch(&cid("c1"), at(50), &over)));
    assert!(tx!(db, tx => tx.claim_watch(&cid("c2"), at(11), at(890))));
    assert_eq!(db.store.due_watches(at(900), 10).await.unwrap(), [(cid("c2"), at(890))]);
    assert_eq!(tx!(db, tx => tx.look_again(&[cid("c1"), cid("none")], at(900))), 1);
    let due: Vec<_> = db.store.due_watches(at(900), 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(due, [cid("c1"), cid("c2")]);
    assert_eq!(tx!(db, tx => tx.look_again(&[cid("c1")], at(900))), 0, "it is due");
    // They are found by when they were asked for, newest first, page by page.
    let all = db.store.done_since(at(0), None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let first = db.store.done_since(at(0), None, 1).await.unwrap();
    assert_eq!(first, all[..1]);
    assert_eq!(db.store.done_since(at(0), first.last(), 10).await.unwrap(), all[1..]);
    assert_eq!(db.store.done_since(at(1), None, 10).await.unwrap(), [], "those before are left out");
}

async fn what_came_back_is_kept_and_its_clean_up_goes_back_to_work(db: &Db) {
    watched(db, "c1", "a").await;
    let found = [back(20, 2, Way::Peer), back(30, 2, Way::Restart)];
    for it in &found {
        tx!(db, tx => tx.add_returns(&cid("c1"), std::slice::from_ref(it)));
    }
    tx!(db, tx => tx.add_returns(&cid("c1"), &found));
    assert_eq!(db.store.returns(&cid("c1"), 10).await.unwrap(), [found[1].clone(), found[0].clone()]);
    let listed = db.store.cleanups_of(&aid("a"), 5).await.unwrap();
    assert_eq!(listed[0].2.came_back, 2);
    let mut step = steps().remove(1);
    step.stage = Stage::Verified;
    let again = step.reopened(&found[1], at(30));
    assert!(tx!(db, tx => tx.reopen_cleanup(&cid("c1"), std::slice::from_ref(&again), at(30))));
    let now = db.store.cleanup(&cid("c1")).await.unwrap().unwrap();
    assert_eq!((now.status, now.finished_at, now.next_at), (Status::Running, None, at(30)));
    assert_eq!(db.store.steps(&cid("c1")).await.unwrap()[1], again);
    assert_eq!(db.store.live_cleanup(&aid("a")).await.unwrap(), Some(cid("c1")));
    assert!(!tx!(db, tx => tx.reopen_cleanup(&cid("c1"), &[], at(31))), "it is at work already");
}

async fn it_does_not_go_back_to_work_beside_another_one(db: &Db) {
    watched(db, "c1", "a").await;
    insert(db, "c2", "a", 15).await;
    assert!(!tx!(db, tx => tx.reopen_cleanup(&cid("c1"), &[], at(20))));
    assert_eq!(db.store.live_cleanup(&aid("a")).await.unwrap(), Some(cid("c2")));
}
