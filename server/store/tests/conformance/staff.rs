//! Staff, their console sessions, tokens, and failed tries.

use domain::{Intent, Role, StaffId, StaffSessionId, TokenId, TokenScope};
use store::{Attempts, CodePurpose, NewCode, NewStaffSession, TokenRecord};

use crate::world::{Db, at, secs};

both! {
    staff_are_added_once_and_changed,
    a_session_is_loaded_while_it_is_good,
    a_revoked_session_never_comes_back,
    nobody_revokes_somebody_elses_session_by_its_handle,
    all_or_all_others_can_be_revoked,
    ones_sessions_are_listed_newest_first_without_those_that_are_over,
    old_sessions_are_purged_a_piece_at_a_time,
    nothing_in_the_database_signs_anybody_in,
    a_token_is_found_by_its_hash,
    tries_are_counted_in_their_window,
    keys_that_somebody_makes_up_do_not_fill_the_database,
    tries_at_once_are_all_counted,
    a_step_of_the_clock_counts_once,
    two_hundred_who_bring_one_code_are_one,
    a_recovery_code_counts_once_and_for_nobody_else,
    a_factor_counts_from_its_first_code_on,
    a_one_time_code_counts_once_in_its_time,
    a_proof_for_one_list_counts_once,
    a_renewed_session_has_one_secret,
    who_is_reset_starts_anew,
}

fn staff(text: &str) -> StaffId {
    StaffId::parse(text).unwrap()
}
fn handle(text: &str) -> StaffSessionId {
    StaffSessionId::parse(text).unwrap()
}

/// Dana, with a session of secret hash `[n; 32]` and handle `h{n}` each.
async fn dana(db: &Db, sessions: &[u8]) {
    tx!(db, tx => tx.add_staff(&staff("dana"), "Dana", Role::Support, Some("$argon2id$x"), at(0)));
    for n in sessions {
        let session = NewStaffSession {
            hash: [*n; 32],
            id: handle(&format!("h{n}")),
            staff: staff("dana"),
            data: format!("data {n}"),
            user_agent: "Firefox".to_owned(),
            ip: "192.0.2.1".to_owned(),
            created_at: at(i64::from(*n)),
            idle_until: at(100),
            expires_at: at(1_000),
        };
        tx!(db, tx => tx.create_staff_session(&session));
    }
}

async fn staff_are_added_once_and_changed(db: &Db) {
    dana(db, &[]).await;
    assert!(!tx!(db, tx => tx.add_staff(&staff("dana"), "Other", Role::Admin, None, at(1))));
    assert!(tx!(db, tx => tx.add_staff(&staff("erin"), "Erin", Role::Admin, None, at(1))));
    assert_eq!(tx!(db, tx => tx.count_admins()), 1);
    let erin = db.store.staff(&staff("erin")).await.unwrap().unwrap();
    assert_eq!((erin.password_hash, erin.password_changed_at, erin.row.role), (None, None, Role::Admin));
    assert!(tx!(db, tx => tx.set_staff_role(&staff("dana"), Role::Admin)));
    assert!(tx!(db, tx => tx.set_staff_password(&staff("dana"), "$argon2id$y", at(5))));
    tx!(db, tx => tx.note_sign_in(&staff("dana"), at(6)));
    let stored = db.store.staff(&staff("dana")).await.unwrap().unwrap();
    assert_eq!(
        (stored.row.name.as_str(), stored.row.role, stored.row.last_sign_in_at),
        ("Dana", Role::Admin, Some(at(6)))
    );
    assert_eq!((stored.password_hash.as_deref(), stored.password_changed_at), (Some("$argon2id$y"), Some(at(5))));
    assert!(!format!("{stored:?}").contains("argon2id"));
    assert_eq!(tx!(db, tx => tx.count_admins()), 2);
    assert!(tx!(db, tx => tx.disable_staff(&staff("dana"), at(7))));
    assert!(!tx!(db, tx => tx.disable_staff(&staff("dana"), at(8))));
    assert_eq!(tx!(db, tx => tx.count_admins()), 1);
    assert_eq!(db.store.staff(&staff("dana")).await.unwrap().unwrap().row.disabled_at, Some(at(7)));
    for no in [
        tx!(db, tx => tx.set_staff_role(&staff("nobody"), Role::Admin)),
        tx!(db, tx => tx.disable_staff(&staff("nobody"), at(1))),
    ] {
        assert!(!no);
    }
    let names: Vec<String> = db.store.staff_list().await.unwrap().into_iter().map(|row| row.id.into()).collect();
    assert_eq!(names, ["dana", "erin"]);
    assert!(db.store.staff(&staff("nobody")).await.unwrap().is_none());
}

async fn a_session_is_loaded_while_it_is_good(db: &Db) {
    dana(db, &[1]).await;
    let good = db.store.staff_session(&[1; 32], at(99)).await.unwrap().unwrap();
    assert_eq!(
        (good.id, good.staff, good.data.as_str(), good.last_seen_at),
        (handle("h1"), staff("dana"), "data 1", at(1))
    );
    assert_eq!(good.role, Role::Support);
    assert!(tx!(db, tx => tx.set_staff_role(&staff("dana"), Role::Viewer)));
    let now = db.store.staff_session(&[1; 32], at(99)).await.unwrap().unwrap();
    assert_eq!(now.role, Role::Viewer, "the role of this moment");
    assert!(db.store.staff_session(&[1; 32], at(100)).await.unwrap().is_none(), "idle for too long");
    assert!(db.store.staff_session(&[2; 32], at(1)).await.unwrap().is_none());
    assert!(tx!(db, tx => tx.touch_staff_session(&[1; 32], at(50), at(2_000))));
    assert!(db.store.staff_session(&[1; 32], at(999)).await.unwrap().is_some());
    assert!(db.store.staff_session(&[1; 32], at(1_000)).await.unwrap().is_none(), "over in any case");
    assert!(!tx!(db, tx => tx.touch_staff_session(&[1; 32], at(1_000), at(9_000))), "use does not bring it back");
    assert!(tx!(db, tx => tx.save_staff_session(&[1; 32], "more", at(60))));
    let saved = db.store.staff_session(&[1; 32], at(55)).await.unwrap().unwrap();
    assert_eq!((saved.data.as_str(), saved.idle_until, saved.last_seen_at), ("more", at(60), at(50)));
}

async fn a_revoked_session_never_comes_back(db: &Db) {
    dana(db, &[1, 2]).await;
    assert!(tx!(db, tx => tx.revoke_staff_session_by_hash(&[1; 32], at(5))));
    assert!(tx!(db, tx => tx.revoke_staff_session(&staff("dana"), &handle("h2"), at(5))));
    for hash in [[1; 32], [2; 32]] {
        // A request that began before the sign-out ends after it.
        assert!(!tx!(db, tx => tx.save_staff_session(&hash, "late", at(500))));
        assert!(!tx!(db, tx => tx.touch_staff_session(&hash, at(6), at(500))));
        assert!(db.store.staff_session(&hash, at(6)).await.unwrap().is_none());
        assert!(!tx!(db, tx => tx.revoke_staff_session_by_hash(&hash, at(7))));
    }
    assert!(!tx!(db, tx => tx.save_staff_session(&[9; 32], "new", at(500))), "saving makes no session");
    assert_eq!(db.number("SELECT count(*) FROM staff_sessions WHERE data = 'late'").await, 0);
    assert_eq!(db.number("SELECT count(*) FROM staff_sessions").await, 2);
}

async fn nobody_revokes_somebody_elses_session_by_its_handle(db: &Db) {
    dana(db, &[1]).await;
    assert!(!tx!(db, tx => tx.revoke_staff_session(&staff("erin"), &handle("h1"), at(5))));
    assert!(db.store.staff_session(&[1; 32], at(6)).await.unwrap().is_some());
}

async fn all_or_all_others_can_be_revoked(db: &Db) {
    dana(db, &[1, 2, 3]).await;
    assert_eq!(tx!(db, tx => tx.revoke_staff_sessions(&staff("dana"), Some(&handle("h2")), at(5))), 2);
    let left = db.store.staff_sessions_of(&staff("dana"), at(6)).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["h2"]);
    assert_eq!(tx!(db, tx => tx.revoke_staff_sessions(&staff("dana"), None, at(7))), 1);
    assert!(db.store.staff_sessions_of(&staff("dana"), at(8)).await.unwrap().is_empty());
}

async fn ones_sessions_are_listed_newest_first_without_those_that_are_over(db: &Db) {
    dana(db, &[1, 2, 3]).await;
    tx!(db, tx => tx.touch_staff_session(&[1; 32], at(50), at(300)));
    let all: Vec<String> =
        db.store.staff_sessions_of(&staff("dana"), at(60)).await.unwrap().into_iter().map(|s| s.id.into()).collect();
    assert_eq!(all, ["h3", "h2", "h1"]);
    assert_eq!(db.store.staff_sessions_of(&staff("dana"), at(200)).await.unwrap().len(), 1);
}

async fn old_sessions_are_purged_a_piece_at_a_time(db: &Db) {
    dana(db, &[1, 2, 3]).await;
    assert_eq!(tx!(db, tx => tx.purge_staff_sessions(at(1_000), 2)), 0);
    assert_eq!(tx!(db, tx => tx.purge_staff_sessions(at(1_001), 2)), 2);
    assert_eq!(tx!(db, tx => tx.purge_staff_sessions(at(1_001), 2)), 1);
}

async fn nothing_in_the_database_signs_anybody_in(db: &Db) {
    dana(db, &[1]).await;
    // The key of a row is the hash in hex, not the secret, and nothing else of the secret is there.
    let stored = db.number(&format!("SELECT count(*) FROM staff_sessions WHERE hash = '{}'", "01".repeat(32))).await;
    assert_eq!(stored, 1);
}

async fn a_token_is_found_by_its_hash(db: &Db) {
    let token = TokenRecord {
        id: TokenId::parse("t1").unwrap(),
        name: "sign-in app".to_owned(),
        hash: [200; 32],
        scopes: vec![TokenScope::SessionsWrite, TokenScope::RoutesAsk],
        created_at: at(1),
        created_by: "staff:dana".to_owned(),
        expires_at: Some(at(500)),
        revoked_at: None,
        last_used_at: None,
    };
    assert!(tx!(db, tx => tx.add_token(&token)));
    assert!(!tx!(db, tx => tx.add_token(&TokenRecord { hash: [1; 32], ..token.clone() })));
    assert!(!tx!(db, tx => tx.add_token(&TokenRecord { id: TokenId::parse("t2").unwrap(), ..token.clone() })));
    assert_eq!(db.store.token_by_hash(&[200; 32]).await.unwrap().as_ref(), Some(&token));
    assert_eq!(db.store.token_by_hash(&[1; 32]).await.unwrap(), None);
    tx!(db, tx => tx.note_token_use(&token.id, at(9)));
    assert!(tx!(db, tx => tx.revoke_token(&token.id, at(10))));
    assert!(!tx!(db, tx => tx.revoke_token(&token.id, at(11))));
    let stored = TokenRecord { last_used_at: Some(at(9)), revoked_at: Some(at(10)), ..token };
    assert_eq!(db.store.tokens().await.unwrap(), [stored]);
}

async fn tries_are_counted_in_their_window(db: &Db) {
    let none = Attempts::default();
    assert_eq!(db.store.attempts("name:dana", at(0)).await.unwrap(), none);
    tx!(db, tx => tx.note_attempt("name:dana", at(0), secs(60)));
    let second = tx!(db, tx => tx.note_attempt("name:dana", at(30), secs(60)));
    assert_eq!(second, Attempts { failures: 2, last_at: Some(at(30)), window_start: Some(at(0)) });
    assert_eq!(db.store.attempts("name:dana", at(59)).await.unwrap(), second);
    assert_eq!(db.store.attempts("name:erin", at(59)).await.unwrap(), none);
    assert_eq!(db.store.attempts("name:dana", at(60)).await.unwrap(), none, "the window is over");
    let anew = tx!(db, tx => tx.note_attempt("name:dana", at(60), secs(60)));
    assert_eq!((anew.failures, anew.window_start), (1, Some(at(60))));
    tx!(db, tx => tx.clear_attempts("name:dana"));
    assert_eq!(db.store.attempts("name:dana", at(61)).await.unwrap(), none);
}

async fn keys_that_somebody_makes_up_do_not_fill_the_database(db: &Db) {
    for n in 0..40 {
        tx!(db, tx => tx.note_attempt(&format!("name:{n}{}", "x".repeat(5_000)), at(n * 10), secs(60)));
    }
    assert!(db.number("SELECT count(*) FROM attempts").await <= 10);
}

async fn tries_at_once_are_all_counted(db: &Db) {
    let tries: Vec<_> = (0..10)
        .map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                tx.note_attempt("name:dana", at(n), secs(600)).await.unwrap();
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for one in tries {
        one.await.unwrap();
    }
    assert_eq!(db.store.attempts("name:dana", at(10)).await.unwrap().failures, 10);
}

/// Dana, with a second factor whose first code was that of step 10.
async fn enrolled(db: &Db) {
    dana(db, &[1]).await;
    assert!(tx!(db, tx => tx.begin_factor(&staff("dana"), "sealed", at(1))));
    assert!(tx!(db, tx => tx.enrol_factor(&staff("dana"), "sealed", 10, at(2))));
}

async fn a_step_of_the_clock_counts_once(db: &Db) {
    enrolled(db).await;
    for (step, counts) in [(10, false), (9, false), (11, true), (11, false), (13, true), (12, false)] {
        assert_eq!(tx!(db, tx => tx.take_factor_step(&staff("dana"), step)), counts, "{step}");
    }
    assert!(!tx!(db, tx => tx.take_factor_step(&staff("erin"), 99)));
}

async fn two_hundred_who_bring_one_code_are_one(db: &Db) {
    enrolled(db).await;
    let tries: Vec<_> = (0..200)
        .map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move {
                // Another transaction in the way is no answer: it is tried again, as use cases do.
                loop {
                    let tried = async {
                        let mut tx = store.begin().await?;
                        let taken = tx.take_factor_step(&staff("dana"), 11).await?;
                        tx.commit().await.map(|()| taken)
                    };
                    match tried.await {
                        Err(error) if error.is_busy() => {}
                        told => return told.unwrap(),
                    }
                }
            })
        })
        .collect();
    let mut taken = 0;
    for one in tries {
        taken += i32::from(one.await.unwrap());
    }
    assert_eq!(taken, 1);
}

async fn a_recovery_code_counts_once_and_for_nobody_else(db: &Db) {
    enrolled(db).await;
    tx!(db, tx => tx.set_recovery_codes(&staff("dana"), &[[1; 32], [2; 32]]));
    assert_eq!(db.store.recovery_codes_left(&staff("dana")).await.unwrap(), 2);
    assert!(!tx!(db, tx => tx.use_recovery_code(&staff("erin"), &[1; 32], at(5))));
    assert!(tx!(db, tx => tx.use_recovery_code(&staff("dana"), &[1; 32], at(5))));
    assert!(!tx!(db, tx => tx.use_recovery_code(&staff("dana"), &[1; 32], at(6))));
    assert_eq!(db.store.recovery_codes_left(&staff("dana")).await.unwrap(), 1);
    tx!(db, tx => tx.set_recovery_codes(&staff("dana"), &[[3; 32]]));
    assert!(!tx!(db, tx => tx.use_recovery_code(&staff("dana"), &[2; 32], at(7))), "older ones are gone");
}

async fn a_factor_counts_from_its_first_code_on(db: &Db) {
    dana(db, &[1]).await;
    let dana = staff("dana");
    let counts = async || db.store.staff_session(&[1; 32], at(9)).await.unwrap().unwrap().has_factor;
    assert!(tx!(db, tx => tx.begin_factor(&dana, "first", at(1))));
    assert!(!tx!(db, tx => tx.take_factor_step(&dana, 9)), "it does not count yet");
    assert!(tx!(db, tx => tx.begin_factor(&dana, "second", at(2))), "it is begun anew");
    assert!(!counts().await && db.store.staff_with_factor().await.unwrap().is_empty());
    assert!(!tx!(db, tx => tx.enrol_factor(&dana, "first", 10, at(3))), "that seed was replaced");
    assert!(tx!(db, tx => tx.enrol_factor(&dana, "second", 10, at(3))));
    assert!(!tx!(db, tx => tx.enrol_factor(&dana, "second", 11, at(4))));
    assert!(!tx!(db, tx => tx.begin_factor(&dana, "third", at(5))), "one that counts is not replaced");
    assert!(counts().await);
    assert_eq!(db.store.staff_with_factor().await.unwrap(), std::slice::from_ref(&dana));
    let kept = db.store.factor(&dana).await.unwrap().unwrap();
    assert_eq!((kept.seed.as_str(), kept.enrolled_at), ("second", Some(at(3))));
    assert!(tx!(db, tx => tx.remove_factor(&dana)));
    assert!(!tx!(db, tx => tx.remove_factor(&dana)));
    assert!(!counts().await);
}

async fn a_one_time_code_counts_once_in_its_time(db: &Db) {
    dana(db, &[]).await;
    let dana = staff("dana");
    let code = |n: u8, purpose, staff| NewCode {
        hash: [n; 32],
        purpose,
        staff,
        created_by: "system".to_owned(),
        created_at: at(0),
        expires_at: at(100),
    };
    tx!(db, tx => tx.add_one_time_code(&code(1, CodePurpose::Welcome, Some(&dana))));
    tx!(db, tx => tx.add_one_time_code(&code(2, CodePurpose::FirstRun, None)));
    tx!(db, tx => tx.add_one_time_code(&code(3, CodePurpose::Welcome, Some(&dana))));
    let whose = async |n: u8, purpose, now| db.store.one_time_code(&[n; 32], purpose, now).await.unwrap();
    assert_eq!(whose(1, CodePurpose::Welcome, at(99)).await, Some(Some(dana.clone())));
    assert_eq!(whose(2, CodePurpose::FirstRun, at(99)).await, Some(None));
    assert_eq!(whose(1, CodePurpose::FirstRun, at(99)).await, None, "it is good for one thing");
    assert_eq!(whose(1, CodePurpose::Welcome, at(100)).await, None, "its time is over");
    assert!(!tx!(db, tx => tx.use_one_time_code(&[1; 32], CodePurpose::Welcome, at(100))));
    assert!(tx!(db, tx => tx.use_one_time_code(&[1; 32], CodePurpose::Welcome, at(99))));
    assert!(!tx!(db, tx => tx.use_one_time_code(&[1; 32], CodePurpose::Welcome, at(99))));
    tx!(db, tx => tx.void_one_time_codes(&dana, CodePurpose::Welcome, at(50)));
    assert_eq!(whose(3, CodePurpose::Welcome, at(51)).await, None, "a newer one takes its place");
    let later = NewCode { created_at: at(200), expires_at: at(300), ..code(4, CodePurpose::FirstRun, None) };
    tx!(db, tx => tx.add_one_time_code(&later));
    assert_eq!(db.number("SELECT count(*) FROM one_time_codes").await, 1, "what is over goes");
}

async fn a_proof_for_one_list_counts_once(db: &Db) {
    let (one, two) = (handle("h1"), handle("h2"));
    tx!(db, tx => tx.add_intent(&one, Intent::ApproveBulk, "list", at(0)));
    tx!(db, tx => tx.add_intent(&one, Intent::ApproveBulk, "list", at(1)));
    for (session, intent, target, now) in [
        (&two, Intent::ApproveBulk, "list", at(2)),
        (&one, Intent::RequestBulk, "list", at(2)),
        (&one, Intent::ApproveBulk, "other", at(2)),
        (&one, Intent::ApproveBulk, "list", at(1 + 300)),
    ] {
        assert!(!tx!(db, tx => tx.use_intent(session, intent, target, now)), "{session} {intent:?} {target} {now}");
    }
    assert!(tx!(db, tx => tx.use_intent(&one, Intent::ApproveBulk, "list", at(300))));
    assert!(!tx!(db, tx => tx.use_intent(&one, Intent::ApproveBulk, "list", at(2))));
}

async fn a_renewed_session_has_one_secret(db: &Db) {
    dana(db, &[1, 2]).await;
    let first = db.store.staff_session(&[1; 32], at(9)).await.unwrap().unwrap();
    assert_eq!(first.proved_at, at(1), "beginning one is a proof");
    assert!(tx!(db, tx => tx.renew_staff_session(&staff("dana"), &handle("h1"), &[9; 32], at(9))));
    assert!(db.store.staff_session(&[1; 32], at(9)).await.unwrap().is_none(), "the old secret opens nothing");
    let renewed = db.store.staff_session(&[9; 32], at(9)).await.unwrap().unwrap();
    assert_eq!((renewed.id, renewed.proved_at, renewed.expires_at), (first.id, at(9), first.expires_at));
    assert!(!tx!(db, tx => tx.renew_staff_session(&staff("erin"), &handle("h1"), &[8; 32], at(9))));
    assert!(tx!(db, tx => tx.revoke_staff_session(&staff("dana"), &handle("h2"), at(9))));
    assert!(!tx!(db, tx => tx.renew_staff_session(&staff("dana"), &handle("h2"), &[8; 32], at(9))), "it stays over");
    assert_eq!(tx!(db, tx => tx.expire_proofs(&staff("dana"))), 1);
    assert_eq!(
        db.store.staff_session(&[9; 32], at(9)).await.unwrap().unwrap().proved_at,
        domain::Instant::from_secs(0)
    );
    assert_eq!(db.store.open_staff_sessions(at(9)).await.unwrap(), [(staff("dana"), 1)]);
}

async fn who_is_reset_starts_anew(db: &Db) {
    assert!(!db.store.has_staff().await.unwrap());
    dana(db, &[]).await;
    assert!(db.store.has_staff().await.unwrap() && tx!(db, tx => tx.has_staff()));
    assert_eq!(db.store.staff_notice(&staff("dana")).await.unwrap(), None);
    assert!(tx!(db, tx => tx.clear_staff_password(&staff("dana"), at(5))));
    tx!(db, tx => tx.notify_staff(&staff("dana"), "somebody did it", at(5)));
    assert_eq!(db.store.staff_notice(&staff("dana")).await.unwrap(), Some(("somebody did it".to_owned(), at(5))));
    assert_eq!(db.store.staff_records().await.unwrap()[0].password_hash, None);
    assert!(!tx!(db, tx => tx.enable_staff(&staff("dana"))), "nobody disabled them");
    assert!(tx!(db, tx => tx.disable_staff(&staff("dana"), at(6))));
    assert!(tx!(db, tx => tx.enable_staff(&staff("dana"))));
    assert!(!tx!(db, tx => tx.clear_staff_password(&staff("nobody"), at(7))));
}
