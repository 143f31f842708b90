//! Staff, their console sessions, tokens, and failed tries.

use domain::{Role, StaffId, StaffSessionId, TokenId, TokenScope};
use store::{Attempts, NewStaffSession, TokenRecord};

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
