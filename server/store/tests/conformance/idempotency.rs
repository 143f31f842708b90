//! A call with an Idempotency-Key happens once, whoever dies.

use domain::{Instant, TokenId};
use store::{Claimed, KeptAnswer, KeyClaim};

use crate::world::{Db, at};

both! {
    a_call_is_answered_once_and_again_the_same,
    a_key_whose_holder_died_is_free_again_for_the_same_call,
    what_changed_something_and_died_is_not_done_again_unless_that_is_as_good,
    keys_are_of_their_token_and_go_after_their_day,
    one_of_many_at_once_gets_the_key,
}

fn claim(key: &str, fingerprint: &str, holder: &str, now: Instant) -> KeyClaim {
    KeyClaim {
        token: TokenId::parse("t_1").unwrap(),
        key: key.to_owned(),
        fingerprint: fingerprint.to_owned(),
        holder: holder.to_owned(),
        lease_until: now + domain::Span::from_secs(60),
        expires_at: now + domain::Span::from_days(1),
        repeatable: false,
    }
}

fn answer() -> KeptAnswer {
    KeptAnswer {
        status: 201,
        content_type: Some("application/json".to_owned()),
        location: None,
        body: "{\"name\":\"«ü» \\u0000\"}".to_owned(),
    }
}

async fn a_call_is_answered_once_and_again_the_same(db: &Db) {
    let (first, again) = (claim("k", "a", "h1", at(1)), claim("k", "a", "h2", at(2)));
    assert_eq!(tx!(db, tx => tx.claim_key(&first, at(1))), Claimed::Mine);
    assert_eq!(tx!(db, tx => tx.claim_key(&again, at(2))), Claimed::UnderWay(at(61)));
    assert!(!tx!(db, tx => tx.keep_answer(&again, &answer())), "not the holder");
    assert!(tx!(db, tx => tx.keep_answer(&first, &answer())));
    assert!(!tx!(db, tx => tx.keep_answer(&first, &answer())), "kept already");
    assert_eq!(tx!(db, tx => tx.claim_key(&again, at(3))), Claimed::Before(answer()));
    let other = claim("k", "b", "h3", at(3));
    assert_eq!(tx!(db, tx => tx.claim_key(&other, at(3))), Claimed::OtherCall);
    // Long after the lease, but within its day, an answer stays.
    assert_eq!(tx!(db, tx => tx.claim_key(&again, at(3_600))), Claimed::Before(answer()));
}

async fn a_key_whose_holder_died_is_free_again_for_the_same_call(db: &Db) {
    let dead = claim("k", "a", "h1", at(1));
    assert_eq!(tx!(db, tx => tx.claim_key(&dead, at(1))), Claimed::Mine);
    let other = claim("k", "b", "h2", at(100));
    assert_eq!(tx!(db, tx => tx.claim_key(&other, at(100))), Claimed::OtherCall);
    let heir = claim("k", "a", "h3", at(100));
    assert_eq!(tx!(db, tx => tx.claim_key(&heir, at(100))), Claimed::Mine);
    assert!(!tx!(db, tx => tx.keep_answer(&dead, &answer())), "the dead one came back too late");
    tx!(db, tx => tx.give_key_back(&dead));
    assert!(tx!(db, tx => tx.keep_answer(&heir, &answer())));
    // What was answered is not given back.
    tx!(db, tx => tx.give_key_back(&heir));
    assert_eq!(tx!(db, tx => tx.claim_key(&heir, at(101))), Claimed::Before(answer()));
}

async fn what_changed_something_and_died_is_not_done_again_unless_that_is_as_good(db: &Db) {
    let dead = claim("k", "a", "h1", at(1));
    assert_eq!(tx!(db, tx => tx.claim_key(&dead, at(1))), Claimed::Mine);
    assert!(tx!(db, tx => tx.call_changes(&dead)));
    let next = claim("k", "a", "h2", at(60));
    assert_eq!(tx!(db, tx => tx.claim_key(&next, at(60))), Claimed::UnderWay(at(61)));
    assert_eq!(tx!(db, tx => tx.claim_key(&next, at(61))), Claimed::AnswerLost);
    assert!(!tx!(db, tx => tx.call_changes(&next)), "it is not theirs");
    let harmless = KeyClaim { repeatable: true, ..claim("k", "a", "h3", at(62)) };
    assert_eq!(tx!(db, tx => tx.claim_key(&harmless, at(62))), Claimed::Mine);
    assert!(!tx!(db, tx => tx.call_changes(&dead)), "it was taken over");
    // Who fails before anything changed lets the next one in at once, who fails afterwards tells it so.
    tx!(db, tx => tx.end_call(&dead));
    assert_eq!(tx!(db, tx => tx.claim_key(&next, at(63))), Claimed::UnderWay(at(122)));
    tx!(db, tx => tx.end_call(&harmless));
    assert_eq!(tx!(db, tx => tx.claim_key(&next, at(63))), Claimed::Mine);
    assert!(tx!(db, tx => tx.call_changes(&next)));
    tx!(db, tx => tx.end_call(&next));
    assert_eq!(tx!(db, tx => tx.claim_key(&claim("k", "a", "h4", at(64)), at(64))), Claimed::AnswerLost);
    // After its day it is a new key.
    let late = claim("k", "a", "h5", at(86_461));
    assert_eq!(tx!(db, tx => tx.claim_key(&late, at(86_461))), Claimed::Mine);
    assert!(tx!(db, tx => tx.call_changes(&late)));
    assert!(tx!(db, tx => tx.keep_answer(&late, &answer())));
    assert!(!tx!(db, tx => tx.call_changes(&late)), "it has ended");
}

async fn keys_are_of_their_token_and_go_after_their_day(db: &Db) {
    let mine = claim("k", "a", "h1", at(1));
    let theirs = KeyClaim { token: TokenId::parse("t_2").unwrap(), ..mine.clone() };
    for one in [&mine, &theirs] {
        assert_eq!(tx!(db, tx => tx.claim_key(one, at(1))), Claimed::Mine);
    }
    assert!(tx!(db, tx => tx.keep_answer(&mine, &answer())));
    assert_eq!(tx!(db, tx => tx.purge_keys(at(86_400), 10)), 0, "a second is left");
    // Not purged yet, but over: a new call, whatever it asks for.
    let next = claim("k", "b", "h2", at(86_401));
    assert_eq!(tx!(db, tx => tx.claim_key(&next, at(86_401))), Claimed::Mine);
    assert_eq!(tx!(db, tx => tx.purge_keys(at(86_401), 10)), 1);
    assert_eq!(tx!(db, tx => tx.purge_keys(at(86_401 * 3), 10)), 1);
}

async fn one_of_many_at_once_gets_the_key(db: &Db) {
    let claims = ["h1", "h2", "h3", "h4"].map(|holder| claim("k", "a", holder, at(1)));
    let claimed =
        tokio::join!(insist(db, &claims[0]), insist(db, &claims[1]), insist(db, &claims[2]), insist(db, &claims[3]),);
    let claimed = [claimed.0, claimed.1, claimed.2, claimed.3];
    let mine = claimed.iter().filter(|claimed| **claimed == Claimed::Mine).count();
    assert_eq!(mine, 1, "{claimed:?}");
    assert!(claimed.iter().all(|claimed| matches!(claimed, Claimed::Mine | Claimed::UnderWay(_))));
}

/// Claims until the database has an answer: it may say that another transaction was in the way.
async fn insist(db: &Db, claim: &KeyClaim) -> Claimed {
    loop {
        let mut tx = db.store.begin().await.unwrap();
        let Ok(claimed) = tx.claim_key(claim, at(1)).await else { continue };
        if tx.commit().await.is_ok() {
            return claimed;
        }
    }
}
