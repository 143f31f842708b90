//! Sessions: reporting twice changes nothing, an end is an end, and pages end.

use std::collections::BTreeSet;

use domain::{EndReason, Instant, Session, SessionState, view::SessionFilter};
use store::{Changed, Created, End, SessionCreate, StoreError, Told, Touch};

use crate::world::{Db, aid, at, create, person, sid, touch};

both! {
    creating_twice_changes_nothing,
    a_touch_moves_forward_only,
    a_session_that_is_over_stays_over,
    released_means_cleaned_at_once_or_later,
    revoking_and_cleaning_touch_only_what_they_should_and_once,
    pages_show_every_session_once_newest_first_even_at_one_instant,
    a_page_that_ends_exactly_has_no_next,
    a_cursor_that_nobody_made_is_an_error,
    open_and_recent_sessions_are_bounded,
    history_goes_when_its_time_is_over_and_not_before,
    an_import_takes_any_state_and_each_once,
    a_report_makes_an_account_and_its_sessions_at_once,
    what_is_surely_new_and_is_there_is_a_race,
    a_thousand_at_once_are_a_batch,
    a_session_is_stored_the_same_however_many_come_with_it,
    more_than_one_statement_takes_are_one_batch_all_the_same,
    nothing_in_nothing_out,
}

fn end(session: &str, reason: EndReason, released: bool, second: i64) -> End {
    End { id: sid(session), reason, released, at: Some(at(second)) }
}

/// 10,000 are one statement.
async fn more_than_one_statement_takes_are_one_batch_all_the_same(db: &Db) {
    db.accounts(&["a", "b"]).await;
    db.session("s10000", "a", 1).await;
    let mut items: Vec<_> = (0..10_004).map(|n| create(&format!("s{n}"), "a", 2)).collect();
    items.extend([create("s3", "a", 9), create("s4", "b", 9), create("last", "b", 9)]);
    let created = tx!(db, tx => tx.create_sessions(&items, at(9)));
    let new = |created: &&Created| matches!(created, Created::New(_));
    assert_eq!((created.len(), created.iter().filter(new).count()), (10_007, 10_004));
    assert!(matches!(&created[10_000], Created::Same(session) if session.created_at == at(1)));
    assert!(matches!(&created[10_004], Created::Same(session) if session.created_at == at(2)));
    assert_eq!(created[10_005], Created::OtherAccount);
    assert!(matches!(&created[10_006], Created::New(session) if session.account == aid("b")));
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.total_sessions, db.number("SELECT count(*) FROM sessions").await), (10_004, 10_005));
}

/// On SQLite 64 rows are a statement of another kind.
async fn a_session_is_stored_the_same_however_many_come_with_it(db: &Db) {
    db.accounts(&["a"]).await;
    let odd = |n: usize| SessionCreate {
        client: "\u{1f600} \"it's\" \\ {[,]}".to_owned(),
        user_agent: "a\0b\nc".to_owned(),
        ip: if n.is_multiple_of(2) { "2001:DB8::0:1".to_owned() } else { String::new() },
        ..create(&format!("s{n:03}"), "a", 1)
    };
    for many in [1, 63, 64, 65, 130] {
        let items: Vec<_> = (0..many).map(|n| SessionCreate { id: sid(&format!("{many}_{n}")), ..odd(n) }).collect();
        let created = tx!(db, tx => tx.create_sessions(&items, at(9)));
        for (n, created) in created.iter().enumerate() {
            let Created::New(session) = created else { panic!("{created:?}") };
            assert_eq!(session.ip, if n.is_multiple_of(2) { "2001:db8::1" } else { "" });
            assert_eq!(
                (session.user_agent.as_str(), session.client.as_str()),
                ("a\u{fffd}b\nc", items[n].client.as_str())
            );
            assert_eq!(db.store.session(&session.id).await.unwrap().as_ref(), Some(session), "{n} of {many}");
        }
    }
}

async fn creating_twice_changes_nothing(db: &Db) {
    db.accounts(&["a", "b"]).await;
    let first = tx!(db, tx => tx.create_sessions(&[create("s1", "a", 1)], at(1)));
    let Created::New(session) = &first[0] else { panic!("{first:?}") };
    assert_eq!((session.account.as_str(), session.created_at, session.state), ("a", at(1), SessionState::Active));
    assert_eq!(session.key.as_str(), "s1");
    let items = [
        create("s1", "a", 50),
        create("s1", "b", 1),
        create("s2", "nobody", 1),
        create("s3", "b", 3),
        create("s3", "b", 4),
    ];
    let second = tx!(db, tx => tx.create_sessions(&items, at(60)));
    assert_eq!(second[0], Created::Same(session.clone()));
    assert_eq!((&second[1], &second[2]), (&Created::OtherAccount, &Created::NoAccount));
    assert!(matches!((&second[3], &second[4]), (Created::New(one), Created::Same(same)) if one == same));
    assert_eq!(db.store.session(&sid("s1")).await.unwrap().as_ref(), Some(session));
    assert_eq!(db.number("SELECT count(*) FROM sessions").await, 2);
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.live_sessions, account.total_sessions, account.last_seen_at), (1, 1, Some(at(1))));
}

async fn a_report_makes_an_account_and_its_sessions_at_once(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 1).await;
    let items = [
        (create("s1", "a", 1), Some(end("s1", EndReason::Expired, false, 2))),
        (create("s2", "a", 2), None),
        (create("s3", "new", 3), None),
        (create("s4", "new", 4), Some(end("s4", EndReason::SignedOut, false, 5))),
        (create("s5", "new", 6), Some(end("s5", EndReason::SignedOut, true, 7))),
        (create("s6", "nobody", 6), None),
        (create("s1", "new", 1), None),
    ];
    let sessions = items.map(|(item, end)| item.into_session(end.as_ref(), at(9)).unwrap());
    let sessions: Vec<_> = sessions.iter().collect();
    let mut tx = db.store.begin().await.unwrap();
    let upserts = tx.plan_upserts(&[person("new", "n@example.com", "N")], at(9)).await.unwrap();
    assert!(upserts.results[0].1, "it is new");
    let told = tx.upsert_with_sessions(upserts, &sessions, false, at(9)).await.unwrap();
    tx.commit().await.unwrap();
    let [same, new, nobody, others] = [Told::Same, Told::New, Told::NoAccount, Told::OtherAccount];
    assert_eq!(told, [same, new, new, new, new, nobody, others]);
    let known = db.store.session(&sid("s1")).await.unwrap().unwrap();
    assert_eq!(known.state, SessionState::Active, "what ended it is the caller's to look at");
    let new = db.store.account(&aid("new")).await.unwrap().unwrap();
    assert_eq!((new.live_sessions, new.leftover_sessions, new.total_sessions), (1, 1, 3));
    assert_eq!((new.email.as_str(), new.last_seen_at), ("n@example.com", Some(at(6))));
    let old = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((old.live_sessions, old.total_sessions, old.last_seen_at), (2, 2, Some(at(2))));
    let over = db.store.session(&sid("s5")).await.unwrap().unwrap().state;
    assert_eq!(over, SessionState::Cleaned { reason: EndReason::SignedOut, ended_at: at(7), at: at(7) });
}

async fn what_is_surely_new_and_is_there_is_a_race(db: &Db) {
    db.accounts(&["a"]).await;
    assert_eq!(surely_new(db, &["s1", "s2", "s1"]).await.unwrap(), [Told::New, Told::New, Told::Same]);
    assert!(matches!(surely_new(db, &["s2", "s3"]).await, Err(StoreError::Raced)));
    assert_eq!(db.number("SELECT count(*) FROM sessions").await, 2);
    assert_eq!(db.store.account(&aid("a")).await.unwrap().unwrap().live_sessions, 2);
}

async fn surely_new(db: &Db, ids: &[&str]) -> Result<Vec<Told>, StoreError> {
    let sessions: Vec<Session> =
        ids.iter().map(|id| create(id, "a", 1).into_session(None, at(1))).collect::<Result<_, _>>()?;
    let mut tx = db.store.begin().await?;
    let upserts = tx.plan_upserts(&[], at(9)).await?;
    let told = tx.upsert_with_sessions(upserts, &sessions.iter().collect::<Vec<_>>(), true, at(9)).await?;
    tx.commit().await?;
    Ok(told)
}

async fn a_touch_moves_forward_only(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 10).await;
    let from = |ip: &str, second| Touch { ip: Some(ip.to_owned()), ..touch("s1", second) };
    let moved = tx!(db, tx => tx.touch_sessions(&[from("2001:db8::1", 20)], at(99)));
    assert!(matches!(&moved[0], Changed::Yes(s) if s.last_seen_at == at(20) && s.ip == "2001:db8::1"));
    let old = tx!(db, tx => tx.touch_sessions(&[from("192.0.2.1", 15)], at(99)));
    assert!(matches!(&old[0], Changed::Already(s) if s.last_seen_at == at(20) && s.ip == "2001:db8::1"));
    let stored = db.store.session(&sid("s1")).await.unwrap().unwrap();
    assert_eq!((stored.last_seen_at, stored.ip.as_str()), (at(20), "2001:db8::1"));
    assert_eq!(db.store.account(&aid("a")).await.unwrap().unwrap().last_seen_at, Some(at(20)));
    let missing = tx!(db, tx => tx.touch_sessions(&[touch("nobody", 1), Touch { at: None, ..touch("s1", 0) }], at(30)));
    assert_eq!(missing[0], Changed::Missing);
    assert!(matches!(&missing[1], Changed::Yes(s) if s.last_seen_at == at(30)));
}

async fn a_session_that_is_over_stays_over(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 1).await;
    let ended = tx!(db, tx => tx.end_sessions(&[end("s1", EndReason::Expired, false, 5)], at(9)));
    let over = SessionState::Ended { reason: EndReason::Expired, at: at(5) };
    assert!(matches!(&ended[0], Changed::Yes(s) if s.state == over));
    let again = tx!(db, tx => tx.end_sessions(&[end("s1", EndReason::Revoked, false, 7)], at(9)));
    assert!(matches!(&again[0], Changed::Already(s) if s.state == over));
    let touched = tx!(db, tx => tx.touch_sessions(&[touch("s1", 8)], at(9)));
    assert!(matches!(&touched[0], Changed::Over(s) if s.state == over && s.last_seen_at == at(1)));
    let created = tx!(db, tx => tx.create_sessions(&[create("s1", "a", 9)], at(9)));
    assert!(matches!(&created[0], Created::Same(s) if s.state == over));
    assert_eq!(db.store.session(&sid("s1")).await.unwrap().unwrap().state, over);
}

async fn released_means_cleaned_at_once_or_later(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 1).await;
    db.session("s2", "a", 1).await;
    let items = [
        end("s1", EndReason::SignedOut, true, 5),
        end("s2", EndReason::Expired, false, 5),
        end("s2", EndReason::SignedOut, true, 6),
        end("nobody", EndReason::Expired, true, 6),
    ];
    let changed = tx!(db, tx => tx.end_sessions(&items, at(9)));
    assert!(matches!(&changed[1], Changed::Yes(s) if s.state.is_left_over()));
    assert_eq!(changed[3], Changed::Missing);
    let state = |reason, ended, cleaned| SessionState::Cleaned { reason, ended_at: at(ended), at: at(cleaned) };
    assert_eq!(db.store.session(&sid("s1")).await.unwrap().unwrap().state, state(EndReason::SignedOut, 5, 5));
    assert_eq!(db.store.session(&sid("s2")).await.unwrap().unwrap().state, state(EndReason::Expired, 5, 6));
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.live_sessions, account.leftover_sessions, account.total_sessions), (0, 0, 2));
}

async fn revoking_and_cleaning_touch_only_what_they_should_and_once(db: &Db) {
    db.accounts(&["a", "b"]).await;
    for (session, account) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
        db.session(session, account, 1).await;
    }
    let all = ["a1", "a2", "b1", "nobody"].map(sid);
    assert_eq!(tx!(db, tx => tx.clean_sessions(&aid("a"), &all, at(2))), 0, "live sessions were cleaned");
    assert_eq!(tx!(db, tx => tx.revoke_sessions(&aid("a"), &all, at(3))), 2);
    assert_eq!(tx!(db, tx => tx.revoke_sessions(&aid("a"), &all, at(4))), 0);
    assert_eq!(tx!(db, tx => tx.clean_sessions(&aid("a"), &all, at(5))), 2);
    assert_eq!(tx!(db, tx => tx.clean_sessions(&aid("a"), &all, at(6))), 0);
    let state = SessionState::Cleaned { reason: EndReason::Revoked, ended_at: at(3), at: at(5) };
    assert_eq!(db.store.session(&sid("a1")).await.unwrap().unwrap().state, state);
    assert!(db.store.session(&sid("b1")).await.unwrap().unwrap().state.is_live());
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.live_sessions, account.leftover_sessions, account.total_sessions), (1, 0, 3));
}

/// Sessions of account `a`, many of them at the same instant, in every state.
async fn crowd(db: &Db) {
    db.accounts(&["a", "b"]).await;
    for n in 0..60 {
        db.session(&format!("s{n:02}"), "a", n / 20).await;
        match n % 3 {
            0 => {}
            1 => db.end(&format!("s{n:02}"), 100, false).await,
            _ => db.end(&format!("s{n:02}"), 100, true).await,
        }
    }
    db.session("other", "b", 1).await;
}

async fn pages_show_every_session_once_newest_first_even_at_one_instant(db: &Db) {
    crowd(db).await;
    for (filter, count) in [
        (SessionFilter::Open, 40),
        (SessionFilter::Live, 20),
        (SessionFilter::Ended, 20),
        (SessionFilter::Cleaned, 20),
        (SessionFilter::All, 60),
    ] {
        let (mut seen, mut after): (Vec<Session>, Option<String>) = (Vec::new(), None);
        loop {
            let page = db.store.sessions_page(&aid("a"), filter, after.as_deref(), 7).await.unwrap();
            assert!(page.items.len() <= 7);
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), count, "{filter:?}");
        let ids: BTreeSet<&str> = seen.iter().map(|session| session.id.as_str()).collect();
        assert_eq!(ids.len(), count, "{filter:?} repeats");
        assert!(seen.windows(2).all(|w| (w[0].created_at, &w[0].id) > (w[1].created_at, &w[1].id)), "{filter:?} order");
        let fits = |s: &Session| match filter {
            SessionFilter::Open => s.state.is_live() || s.state.is_left_over(),
            SessionFilter::Live => s.state.is_live(),
            SessionFilter::Ended => s.state.is_left_over(),
            SessionFilter::Cleaned => matches!(s.state, SessionState::Cleaned { .. }),
            SessionFilter::All => true,
        };
        assert!(seen.iter().all(fits), "{filter:?}");
    }
}

async fn a_page_that_ends_exactly_has_no_next(db: &Db) {
    crowd(db).await;
    let page = db.store.sessions_page(&aid("a"), SessionFilter::All, None, 60).await.unwrap();
    assert_eq!((page.items.len(), page.next), (60, None));
    let none = db.store.sessions_page(&aid("nobody"), SessionFilter::All, None, 5).await.unwrap();
    assert_eq!((none.items.len(), none.next), (0, None));
}

async fn a_cursor_that_nobody_made_is_an_error(db: &Db) {
    for bad in ["", "x", ".", "1.", "a.b", "99999999999999999999.s"] {
        let page = db.store.sessions_page(&aid("a"), SessionFilter::All, Some(bad), 5).await;
        assert!(matches!(page, Err(StoreError::Cursor)), "{bad:?}");
    }
}

async fn open_and_recent_sessions_are_bounded(db: &Db) {
    crowd(db).await;
    let open = db.store.open_sessions(&aid("a"), 1_000).await.unwrap();
    assert_eq!(open.len(), 40);
    assert!(open.iter().all(|session| !matches!(session.state, SessionState::Cleaned { .. })));
    assert_eq!(db.store.open_sessions(&aid("a"), 3).await.unwrap().len(), 3);
    let recent = db.store.recent_sessions(&aid("a"), at(101), 1_000).await.unwrap();
    assert_eq!(recent.len(), 20, "those that ended before are not recent");
    let recent = db.store.recent_sessions(&aid("a"), at(100), 5).await.unwrap();
    assert_eq!(recent.len(), 5);
    assert!(recent.windows(2).all(|w| w[0].created_at >= w[1].created_at));
    let by_ids = db.store.sessions_by_ids(&["s00", "s01", "nobody"].map(sid)).await.unwrap();
    assert_eq!(by_ids.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["s00", "s01"]);
}

async fn history_goes_when_its_time_is_over_and_not_before(db: &Db) {
    db.accounts(&["a"]).await;
    for n in 0..10 {
        let id = format!("s{n}");
        db.session(&id, "a", n).await;
        db.end(&id, 100 + n, n < 8).await;
    }
    assert_eq!(tx!(db, tx => tx.purge_history(at(105), 3)), 3);
    assert_eq!(tx!(db, tx => tx.purge_history(at(105), 3)), 2);
    assert_eq!(tx!(db, tx => tx.purge_history(at(105), 3)), 0);
    let left = db.store.sessions_page(&aid("a"), SessionFilter::All, None, 100).await.unwrap().items;
    assert_eq!(left.len(), 5);
    assert!(left.iter().filter(|s| s.state.is_left_over()).count() == 2, "what was not cleaned is not history");
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.leftover_sessions, account.total_sessions), (2, 5));
}

async fn an_import_takes_any_state_and_each_once(db: &Db) {
    db.accounts(&["a"]).await;
    let base = |id: &str, account: &str, state| Session {
        id: sid(id),
        account: aid(account),
        key: crate::world::key(&format!("k-{id}")),
        client: "Web".to_owned(),
        user_agent: "ü\0".to_owned(),
        ip: String::new(),
        created_at: at(1),
        last_seen_at: at(4),
        state,
        generation: 3,
    };
    let (reason, ended) = (EndReason::Expired, at(5));
    let items = [
        base("s1", "a", SessionState::Active),
        base("s2", "a", SessionState::Ended { reason, at: ended }),
        base("s3", "a", SessionState::Cleaned { reason, ended_at: ended, at: at(6) }),
        base("s3", "a", SessionState::Active),
        base("s4", "nobody", SessionState::Active),
    ];
    assert_eq!(tx!(db, tx => tx.import_sessions(&items, at(9))), 3);
    assert_eq!(tx!(db, tx => tx.import_sessions(&items, at(9))), 0);
    let stored = db.store.session(&sid("s3")).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.key.as_str()), (items[2].state, "k-s3"));
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.live_sessions, account.leftover_sessions, account.total_sessions), (1, 1, 3));
    let owners = db.store.owners_of_keys(&[crate::world::key("k-s2")]).await.unwrap();
    assert_eq!(owners[0].session, Some(sid("s2")));
}

async fn a_thousand_at_once_are_a_batch(db: &Db) {
    db.accounts(&["a", "b"]).await;
    let items: Vec<SessionCreate> =
        (0..1_000).map(|n| create(&format!("s{n:04}"), if n % 2 == 0 { "a" } else { "b" }, n % 10)).collect();
    let made = tx!(db, tx => tx.create_sessions(&items, at(0)));
    assert!(made.iter().all(|created| matches!(created, Created::New(_))));
    let touches: Vec<Touch> = (0..1_000).rev().map(|n| touch(&format!("s{n:04}"), 50)).collect();
    let seen = tx!(db, tx => tx.touch_sessions(&touches, at(50)));
    assert!(seen.iter().all(|changed| matches!(changed, Changed::Yes(_))));
    let ends: Vec<End> = (0..1_000).map(|n| end(&format!("s{n:04}"), EndReason::Expired, n % 4 == 0, 60)).collect();
    let ended = tx!(db, tx => tx.end_sessions(&ends, at(60)));
    assert!(ended.iter().all(|changed| matches!(changed, Changed::Yes(_))));
    let account = db.store.account(&aid("a")).await.unwrap().unwrap();
    assert_eq!((account.live_sessions, account.leftover_sessions, account.total_sessions), (0, 250, 500));
}

async fn nothing_in_nothing_out(db: &Db) {
    assert_eq!(tx!(db, tx => tx.create_sessions(&[], at(0))), []);
    assert_eq!(tx!(db, tx => tx.touch_sessions(&[], at(0))), []);
    assert_eq!(tx!(db, tx => tx.end_sessions(&[], at(0))), []);
    assert_eq!(tx!(db, tx => tx.upsert_accounts(&[], at(0))), []);
    assert_eq!(tx!(db, tx => tx.purge_history(Instant::from_secs(0), 10)), 0);
    assert!(db.store.sessions_by_ids(&[]).await.unwrap().is_empty());
}
