//! Counters are kept, so they must be what counting would give: after anything, in any order, at the same time.

use domain::{EndReason, view::SessionFilter};
use store::{End, StoreError, Tx};

use crate::world::{Db, Dice, aid, at, create, sid, touch, upsert};

both! {
    counters_equal_a_recount_after_anything,
    counters_equal_a_recount_after_anything_at_once,
    a_rolled_back_change_counts_nothing,
    one_id_for_two_accounts_at_once_belongs_to_one,
    one_new_account_reported_twice_at_once_is_counted_once,
}

/// Compares every kept number with a count.
async fn recount(db: &Db) {
    let wrong = "SELECT count(*) FROM accounts AS a WHERE \
        a.live_sessions <> (SELECT count(*) FROM sessions s WHERE s.account_id = a.id AND s.ended_at IS NULL) \
        OR a.leftover_sessions <> (SELECT count(*) FROM sessions s WHERE s.account_id = a.id \
            AND s.ended_at IS NOT NULL AND s.cleaned_at IS NULL) \
        OR a.total_sessions <> (SELECT count(*) FROM sessions s WHERE s.account_id = a.id)";
    assert_eq!(db.number(wrong).await, 0, "accounts whose counters are wrong");
    let wrong = "SELECT count(*) FROM accounts AS a WHERE a.last_seen_at < \
        (SELECT max(s.last_seen_at) FROM sessions s WHERE s.account_id = a.id)";
    assert_eq!(db.number(wrong).await, 0, "accounts that were seen later than they say");
}

const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

/// Accounts that nobody made before somebody reports them.
const NEW_ACCOUNTS: [&str; 8] = ["e", "f", "g", "h", "i", "j", "k", "l"];

/// Two accounts and sessions of theirs, of which every second one is over, at once.
async fn report(tx: &mut Tx, ids: &[String], accounts: [&str; 2], second: i64) -> Result<(), StoreError> {
    let told = accounts.map(upsert);
    let upserts = tx.plan_upserts(&told, at(second)).await?;
    let over = |id| End { id, reason: EndReason::SignedOut, released: second % 3 == 0, at: None };
    let made = |(no, id): (usize, &String)| {
        let end = (no % 2 == 0).then(|| over(sid(id)));
        create(id, accounts[no % 2], second).into_session(end.as_ref(), at(second))
    };
    let sessions = ids.iter().enumerate().map(made).collect::<Result<Vec<_>, _>>()?;
    let sessions: Vec<_> = sessions.iter().collect();
    tx.upsert_with_sessions(upserts, &sessions, false, at(second)).await.map(|_| ())
}

/// One random change. Whether it was refused because another one was in the way.
async fn change(db: &Db, dice: &Dice, second: i64) -> bool {
    let ids: Vec<String> = (0..=dice.below(6)).map(|_| format!("s{}", dice.below(40))).collect();
    let owner = *dice.pick(&ACCOUNTS);
    let sids: Vec<_> = ids.iter().map(|id| sid(id)).collect();
    let kind = dice.below(8);
    let mut tx = db.store.begin().await.unwrap();
    let done = match kind {
        0 | 1 => {
            let items: Vec<_> = ids.iter().map(|id| create(id, owner, second)).collect();
            tx.create_sessions(&items, at(second)).await.map(|_| ())
        }
        2 => {
            let items: Vec<_> = ids.iter().map(|id| touch(id, second)).collect();
            tx.touch_sessions(&items, at(second)).await.map(|_| ())
        }
        3 => {
            let end =
                |id: &String| End { id: sid(id), reason: EndReason::Expired, released: dice.below(3) == 0, at: None };
            let items: Vec<_> = ids.iter().map(end).collect();
            tx.end_sessions(&items, at(second)).await.map(|_| ())
        }
        4 => tx.revoke_sessions(&aid(owner), &sids, at(second)).await.map(|_| ()),
        5 => tx.clean_sessions(&aid(owner), &sids, at(second)).await.map(|_| ()),
        6 => report(&mut tx, &ids, [owner, *dice.pick(&NEW_ACCOUNTS)], second).await,
        _ => tx.purge_history(at(second - 20), 5).await.map(|_| ()),
    };
    match done {
        Ok(()) => {
            tx.commit().await.unwrap();
            false
        }
        Err(error) => {
            assert!(error.is_busy(), "{error:?}");
            tx.rollback().await.ok();
            true
        }
    }
}

async fn counters_equal_a_recount_after_anything(db: &Db) {
    db.accounts(&ACCOUNTS).await;
    for seed in 0..4 {
        let dice = Dice::new(seed);
        for second in 0..60 {
            assert!(!change(db, &dice, second).await, "alone, nothing is in the way");
        }
        recount(db).await;
    }
}

async fn counters_equal_a_recount_after_anything_at_once(db: &Db) {
    db.accounts(&ACCOUNTS).await;
    let worker = |seed| async move {
        let dice = Dice::new(seed);
        let mut refused = 0;
        for second in 0..40 {
            refused += usize::from(change(db, &dice, second).await);
        }
        refused
    };
    let refused = tokio::join!(worker(11), worker(12), worker(13), worker(14));
    recount(db).await;
    let refused = refused.0 + refused.1 + refused.2 + refused.3;
    assert!(refused <= 16, "{refused} of 160 changes were in each other's way: they lock in different orders");
}

async fn a_rolled_back_change_counts_nothing(db: &Db) {
    db.accounts(&["a"]).await;
    let mut tx = db.store.begin().await.unwrap();
    tx.create_sessions(&[create("s1", "a", 1)], at(1)).await.unwrap();
    tx.rollback().await.unwrap();
    recount(db).await;
    assert_eq!(db.store.sessions_page(&aid("a"), SessionFilter::All, None, 5).await.unwrap().items, []);
}

async fn one_id_for_two_accounts_at_once_belongs_to_one(db: &Db) {
    db.accounts(&["a", "b"]).await;
    let (mut one, mut two) = match db.store.engine() {
        // SQLite has one writer: there is no «at once».
        store::Engine::Sqlite => return,
        store::Engine::Postgres => (db.store.begin().await.unwrap(), db.store.begin().await.unwrap()),
    };
    one.create_sessions(&[create("s1", "a", 1)], at(1)).await.unwrap();
    let other = tokio::spawn(async move {
        let created = two.create_sessions(&[create("s1", "b", 1)], at(1)).await;
        (created, two)
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    one.commit().await.unwrap();
    let (created, _two) = other.await.unwrap();
    assert!(matches!(created, Err(StoreError::Raced)), "{created:?}");
    recount(db).await;
}

async fn one_new_account_reported_twice_at_once_is_counted_once(db: &Db) {
    let (mut one, mut two) = match db.store.engine() {
        // SQLite has one writer: there is no «at once».
        store::Engine::Sqlite => return,
        store::Engine::Postgres => (db.store.begin().await.unwrap(), db.store.begin().await.unwrap()),
    };
    let (first, second) = (vec!["s1".to_owned()], vec!["s2".to_owned()]);
    report(&mut one, &first, ["e", "f"], 1).await.unwrap();
    let other = tokio::spawn(async move {
        let reported = report(&mut two, &second, ["f", "e"], 1).await;
        (reported, two)
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    one.commit().await.unwrap();
    let (reported, two) = other.await.unwrap();
    assert!(matches!(reported, Err(StoreError::Raced)), "{reported:?}");
    two.rollback().await.unwrap();
    recount(db).await;
}
