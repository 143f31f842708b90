//! Links by which customers help themselves, and what a clean-up keeps.

use domain::{Actor, CleanupId, Mode, PlanHash, SessionId, Status};
use store::CustomerLink;

use crate::world::{Db, aid, at};

both! {
    a_link_opens_once_and_in_its_time,
    of_two_who_open_a_link_at_once_one_does,
    a_visit_is_found_while_it_lasts,
    nothing_in_the_database_opens_anything,
    old_links_are_purged_a_piece_at_a_time,
    a_clean_up_says_which_session_it_keeps,
}

fn link(account: &str) -> CustomerLink {
    CustomerLink {
        account: aid(account),
        session: Some(SessionId::parse("s_1").unwrap()),
        created_by: Actor::System.label(),
        created_at: at(0),
        expires_at: at(100),
        used_at: None,
        visit_until: None,
    }
}

/// The account `a` with links of codes `[n; 32]`.
async fn links(db: &Db, codes: &[u8]) {
    db.accounts(&["a"]).await;
    for code in codes {
        tx!(db, tx => tx.add_customer_link(&[*code; 32], &link("a")));
    }
}

async fn a_link_opens_once_and_in_its_time(db: &Db) {
    links(db, &[1, 2]).await;
    assert_eq!(db.store.customer_link(&[1; 32]).await.unwrap(), Some(link("a")));
    assert!(tx!(db, tx => tx.open_customer_link(&[1; 32], &[11; 32], at(50), at(500))));
    assert!(!tx!(db, tx => tx.open_customer_link(&[1; 32], &[12; 32], at(51), at(501))), "twice");
    assert!(!tx!(db, tx => tx.open_customer_link(&[2; 32], &[13; 32], at(100), at(500))), "too late");
    assert!(!tx!(db, tx => tx.open_customer_link(&[9; 32], &[14; 32], at(50), at(500))), "there is none");
    let used = db.store.customer_link(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((used.used_at, used.visit_until), (Some(at(50)), Some(at(500))));
}

async fn of_two_who_open_a_link_at_once_one_does(db: &Db) {
    links(db, &[1]).await;
    let open = |visit: u8| async move {
        let mut tx = db.store.begin().await.unwrap();
        let opened = tx.open_customer_link(&[1; 32], &[visit; 32], at(1), at(100)).await.unwrap_or(false);
        tx.commit().await.is_ok() && opened
    };
    let (one, two) = tokio::join!(open(11), open(12));
    assert!(one ^ two, "{one} {two}");
}

async fn a_visit_is_found_while_it_lasts(db: &Db) {
    links(db, &[1]).await;
    assert!(db.store.customer_visit(&[11; 32], at(1)).await.unwrap().is_none());
    tx!(db, tx => tx.open_customer_link(&[1; 32], &[11; 32], at(50), at(1_000)));
    assert_eq!(db.store.customer_visit(&[11; 32], at(999)).await.unwrap().unwrap().account, aid("a"));
    assert!(db.store.customer_visit(&[11; 32], at(1_000)).await.unwrap().is_none(), "it is over");
    assert!(db.store.customer_visit(&[1; 32], at(60)).await.unwrap().is_none(), "the code is no cookie");
    assert!(tx!(db, tx => tx.end_customer_visit(&[11; 32], at(60))));
    assert!(db.store.customer_visit(&[11; 32], at(60)).await.unwrap().is_none(), "it was ended");
    assert!(!tx!(db, tx => tx.end_customer_visit(&[11; 32], at(61))));
}

async fn nothing_in_the_database_opens_anything(db: &Db) {
    links(db, &[0xab]).await;
    tx!(db, tx => tx.open_customer_link(&[0xab; 32], &[0xcd; 32], at(1), at(100)));
    // What is stored is the hash: presented as a code or a cookie, it is hashed again.
    let stored = "SELECT count(*) FROM customer_links WHERE length(hash) = 64 AND length(visit_hash) = 64";
    assert_eq!(db.number(stored).await, 1);
}

async fn old_links_are_purged_a_piece_at_a_time(db: &Db) {
    links(db, &[1, 2, 3]).await;
    assert_eq!(tx!(db, tx => tx.purge_customer_links(at(100), 2)), 0);
    assert_eq!(tx!(db, tx => tx.purge_customer_links(at(101), 2)), 2);
    assert_eq!(tx!(db, tx => tx.purge_customer_links(at(101), 2)), 1);
}

async fn a_clean_up_says_which_session_it_keeps(db: &Db) {
    links(db, &[]).await;
    let id = CleanupId::parse("c_1").unwrap();
    let cleanup = domain::Cleanup {
        id: id.clone(),
        account: aid("a"),
        mode: Mode::Force,
        reason: "reset by the customer".to_owned(),
        ticket: String::new(),
        actor: "customer:a".to_owned(),
        plan_hash: PlanHash("x".to_owned()),
        status: Status::Running,
        requested_at: at(1),
        finished_at: None,
        next_at: at(1),
    };
    tx!(db, tx => tx.insert_cleanup(&cleanup, &[]));
    assert_eq!(db.store.kept_session(&id).await.unwrap(), None);
    let session = SessionId::parse("s_1").unwrap();
    tx!(db, tx => tx.keep_session(&id, &session));
    assert_eq!(db.store.kept_session(&id).await.unwrap(), Some(session));
}
