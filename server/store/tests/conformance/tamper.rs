//! Somebody with the database's password changes the audit log. It shows, and at the right place.

use domain::Span;
use store::{AuditKeys, Checkpoint, Engine, Options, Store, Verification, testing};

use crate::world::{Db, Dice, at, draft};

both! {
    triggers_refuse_what_no_program_of_ours_does,
    an_edit_of_any_field_shows_where_it_is,
    every_tampering_shows_at_its_first_number,
    a_page_of_events_shows_what_was_tampered_with,
    a_cut_tail_shows_without_a_checkpoint_when_the_head_was_forgotten,
    an_event_beyond_the_head_shows,
    a_log_that_was_written_anew_shows_against_a_checkpoint,
    a_checkpoint_that_we_did_not_sign_proves_nothing,
    an_older_key_still_proves_and_a_foreign_one_does_not,
    progress_reaches_the_last_event,
    a_short_look_proves_the_end_of_the_log,
}

/// Events that a log has in these tests.
const EVENTS: i64 = 40;

async fn log(db: &Db) {
    let drafts: Vec<_> = (0..EVENTS).map(|n| draft(n, "staff:dana", "cleanup.requested")).collect();
    tx!(db, tx => tx.append_audits(&drafts));
}

/// What an attacker does first.
async fn drop_triggers(db: &Db) {
    let statements: &[&str] = match db.store.engine() {
        Engine::Sqlite => &[
            "DROP TRIGGER audit_events_no_update",
            "DROP TRIGGER audit_events_no_delete",
            "DROP TRIGGER audit_head_no_delete",
            "DROP TRIGGER audit_head_no_rewind",
        ],
        Engine::Postgres => {
            &["ALTER TABLE audit_events DISABLE TRIGGER ALL", "ALTER TABLE audit_head DISABLE TRIGGER ALL"]
        }
    };
    for statement in statements {
        db.raw(statement).await.unwrap();
    }
}

async fn verify(db: &Db, checkpoints: &[Checkpoint]) -> Verification {
    db.store.verify_audit(checkpoints, &|_| ()).await.unwrap()
}

/// Where the proof breaks, if it does.
async fn broken_at(db: &Db, checkpoints: &[Checkpoint]) -> Option<i64> {
    match verify(db, checkpoints).await {
        Verification::Intact { .. } => None,
        Verification::Broken { seq, .. } => Some(seq),
    }
}

async fn triggers_refuse_what_no_program_of_ours_does(db: &Db) {
    log(db).await;
    let mut statements = vec![
        "UPDATE audit_events SET reason = 'other' WHERE seq = 3",
        "DELETE FROM audit_events WHERE seq = 3",
        "DELETE FROM audit_events",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 2",
        "UPDATE audit_head SET hash = 'x'",
        "INSERT INTO audit_head (one, seq, hash) VALUES (2, 0, '')",
    ];
    if db.store.engine() == Engine::Postgres {
        statements.extend(["TRUNCATE audit_events", "TRUNCATE audit_head"]);
    }
    for statement in statements {
        assert!(db.raw(statement).await.is_err(), "{statement} was allowed");
    }
    assert_eq!(broken_at(db, &[]).await, None);
}

async fn an_edit_of_any_field_shows_where_it_is(db: &Db) {
    log(db).await;
    drop_triggers(db).await;
    let columns = [
        "at = at + 1",
        "actor = 'x'",
        "action = 'x'",
        "target = 'x'",
        "account_id = 'x'",
        "reason = ''",
        "ticket = 'T'",
        "outcome = 'denied'",
        "outcome = 'gone'",
        "detail = '{}'",
        "detail = '{\"n\": 5}'",
        "detail = 'no json'",
    ];
    for change in columns {
        db.raw("CREATE TABLE kept AS SELECT * FROM audit_events WHERE seq = 6").await.unwrap();
        db.raw(&format!("UPDATE audit_events SET {change} WHERE seq = 6")).await.unwrap();
        assert_eq!(broken_at(db, &[]).await, Some(6), "{change}");
        db.raw("DELETE FROM audit_events WHERE seq = 6").await.unwrap();
        db.raw("INSERT INTO audit_events SELECT * FROM kept").await.unwrap();
        db.raw("DROP TABLE kept").await.unwrap();
        assert_eq!(broken_at(db, &[]).await, None);
    }
}

/// One random tampering with the log. Returns the first number at which it must show.
async fn tamper(db: &Db, dice: &Dice) -> i64 {
    let one = 1 + i64::try_from(dice.below(usize::try_from(EVENTS).unwrap())).unwrap();
    let two = 1 + i64::try_from(dice.below(usize::try_from(EVENTS).unwrap())).unwrap();
    match dice.below(6) {
        0 => {
            db.raw(&format!("UPDATE audit_events SET ticket = 'T-{two}' WHERE seq = {one}")).await.unwrap();
            one
        }
        1 => {
            db.raw(&format!("DELETE FROM audit_events WHERE seq = {one}")).await.unwrap();
            one
        }
        2 if one != two => {
            // Two events change places: numbers are taken out of the way first.
            for (from, to) in [(one, -1), (two, one), (-1, two)] {
                db.raw(&format!("UPDATE audit_events SET seq = {to} WHERE seq = {from}")).await.unwrap();
            }
            one.min(two)
        }
        3 => {
            // One is put in, and those behind it move up, in steps that never collide.
            for (from, by) in [(one, 1_000), (1_000, -999)] {
                db.raw(&format!("UPDATE audit_events SET seq = seq + {by} WHERE seq >= {from}")).await.unwrap();
            }
            let columns = "at, actor, action, target, account_id, reason, ticket, outcome, detail, prev_hash, hash";
            db.raw(&format!(
                "INSERT INTO audit_events (seq, {columns}) SELECT {one}, {columns} FROM audit_events WHERE seq = {}",
                one + 1
            ))
            .await
            .unwrap();
            // A copy of the event that stood there is that event; it shows at the next.
            one + 1
        }
        4 => {
            db.raw(&format!("UPDATE audit_events SET hash = prev_hash WHERE seq = {one}")).await.unwrap();
            one
        }
        // The tail is cut off, and the head says so: only a checkpoint knows better.
        _ => {
            db.raw(&format!(
                "UPDATE audit_head SET seq = {}, hash = (SELECT prev_hash FROM audit_events WHERE seq = {one})",
                one - 1
            ))
            .await
            .unwrap();
            db.raw(&format!("DELETE FROM audit_events WHERE seq >= {one}")).await.unwrap();
            one
        }
    }
}

async fn every_tampering_shows_at_its_first_number(db: &Db) {
    log(db).await;
    drop_triggers(db).await;
    let (seq, hash) = db.store.audit_head().await.unwrap();
    let checkpoint = db.store.sign_checkpoint(seq, &hash, at(1));
    db.raw("CREATE TABLE kept_events AS SELECT * FROM audit_events").await.unwrap();
    db.raw("CREATE TABLE kept_head AS SELECT * FROM audit_head").await.unwrap();
    let dice = Dice::new(77);
    for round in 0..60 {
        let first = tamper(db, &dice).await;
        assert_eq!(broken_at(db, std::slice::from_ref(&checkpoint)).await, Some(first), "round {round}");
        for statement in [
            "DELETE FROM audit_events",
            "INSERT INTO audit_events SELECT * FROM kept_events",
            "DELETE FROM audit_head",
            "INSERT INTO audit_head SELECT * FROM kept_head",
        ] {
            db.raw(statement).await.unwrap();
        }
        assert_eq!(broken_at(db, std::slice::from_ref(&checkpoint)).await, None);
    }
}

async fn a_cut_tail_shows_without_a_checkpoint_when_the_head_was_forgotten(db: &Db) {
    log(db).await;
    drop_triggers(db).await;
    db.raw("DELETE FROM audit_events WHERE seq > 30").await.unwrap();
    assert_eq!(broken_at(db, &[]).await, Some(31));
}

async fn an_event_beyond_the_head_shows(db: &Db) {
    log(db).await;
    let columns = "at, actor, action, target, account_id, reason, ticket, outcome, detail, prev_hash, hash";
    db.raw(&format!("INSERT INTO audit_events (seq, {columns}) SELECT 41, {columns} FROM audit_events WHERE seq = 40"))
        .await
        .unwrap();
    assert_eq!(broken_at(db, &[]).await, Some(41));
}

async fn a_log_that_was_written_anew_shows_against_a_checkpoint(db: &Db) {
    // The attacker has our key (a thief of the whole machine), but not the checkpoints that were carried away.
    log(db).await;
    let (seq, hash) = db.store.audit_head().await.unwrap();
    let checkpoint = db.store.sign_checkpoint(seq, &hash, at(1));
    let other = match db.store.engine() {
        Engine::Sqlite => Db::sqlite().await,
        Engine::Postgres => Db::postgres().await,
    };
    let drafts: Vec<_> = (0..EVENTS).map(|n| draft(n + 1, "nobody", "nothing.happened")).collect();
    tx!(other, tx => tx.append_audits(&drafts));
    assert_eq!(broken_at(&other, &[]).await, None);
    assert_eq!(broken_at(&other, std::slice::from_ref(&checkpoint)).await, Some(EVENTS));
}

async fn a_checkpoint_that_we_did_not_sign_proves_nothing(db: &Db) {
    log(db).await;
    let (seq, hash) = db.store.audit_head().await.unwrap();
    let genuine = db.store.sign_checkpoint(seq, &hash, at(1));
    assert_eq!(broken_at(db, std::slice::from_ref(&genuine)).await, None);
    let text = serde_json::to_string(&genuine).unwrap();
    let read: Checkpoint = serde_json::from_str(&text).unwrap();
    assert_eq!(broken_at(db, std::slice::from_ref(&read)).await, None, "a checkpoint survives its file");
    for forged in [
        Checkpoint { seq: 3, ..genuine.clone() },
        Checkpoint { at: genuine.at + Span::from_secs(1), ..genuine.clone() },
        Checkpoint { signature: genuine.hash.clone(), ..genuine.clone() },
    ] {
        assert_eq!(broken_at(db, std::slice::from_ref(&forged)).await, Some(forged.seq));
    }
}

async fn an_older_key_still_proves_and_a_foreign_one_does_not(db: &Db) {
    log(db).await;
    let (seq, hash) = db.store.audit_head().await.unwrap();
    let checkpoint = db.store.sign_checkpoint(seq, &hash, at(1));
    let open = |keys| Store::open(&db.url, Options { audit: keys, ..testing::options() });
    let renewed = open(AuditKeys::new([8; 32], vec![[1; 32], [7; 32]])).await.unwrap();
    let mut tx = renewed.begin().await.unwrap();
    tx.append_audit(&draft(99, "staff:dana", "key.renewed")).await.unwrap();
    tx.commit().await.unwrap();
    let proof = renewed.verify_audit(std::slice::from_ref(&checkpoint), &|_| ()).await.unwrap();
    assert!(matches!(proof, Verification::Intact { events: 41, .. }), "{proof:?}");
    let foreign = open(AuditKeys::new([9; 32], Vec::new())).await.unwrap();
    assert!(matches!(foreign.verify_audit(&[], &|_| ()).await.unwrap(), Verification::Broken { seq: 1, .. }));
    assert_eq!(broken_at(db, &[]).await, Some(41), "without the new key, the new event does not verify");
    assert!(!format!("{:?}", AuditKeys::new([8; 32], vec![[7; 32]])).contains('8'));
}

async fn progress_reaches_the_last_event(db: &Db) {
    log(db).await;
    let last = std::sync::atomic::AtomicI64::new(0);
    db.store.verify_audit(&[], &|seq| last.store(seq, std::sync::atomic::Ordering::Relaxed)).await.unwrap();
    assert_eq!(last.into_inner(), EVENTS);
}

async fn a_page_of_events_shows_what_was_tampered_with(db: &Db) {
    log(db).await;
    assert_eq!(db.store.unproven(&[40, 39, 12, 1]).await.unwrap(), Vec::<i64>::new());
    drop_triggers(db).await;
    db.raw("UPDATE audit_events SET reason = 'other' WHERE seq = 12").await.unwrap();
    db.raw("DELETE FROM audit_events WHERE seq = 38").await.unwrap();
    assert_eq!(db.store.unproven(&[40, 39, 38, 13, 12, 11, 1]).await.unwrap(), [39, 38, 12]);
}

async fn a_short_look_proves_the_end_of_the_log(db: &Db) {
    log(db).await;
    let look = async |after| db.store.verify_audit_after(after, &[], &|_| ()).await.unwrap();
    assert!(matches!(look(30).await, Verification::Intact { events: EVENTS, .. }));
    drop_triggers(db).await;
    db.raw("UPDATE audit_events SET reason = 'another one' WHERE seq = 35").await.unwrap();
    assert!(matches!(look(30).await, Verification::Broken { seq: 35, .. }));
    assert!(matches!(look(36).await, Verification::Intact { .. }), "what lies before is believed");
    assert!(matches!(look(EVENTS + 5).await, Verification::Broken { .. }));
}
