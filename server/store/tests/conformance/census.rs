//! Censuses: one at a time, a zombie changes nothing, and what was found comes back as it was written, page by page.

use domain::{
    PlanHash, Repair, RepairId, RepairMade, RepairOutcome, Severity, Span,
    census::{
        CensusFinding, CensusKind, CensusNote, CensusOutcome, CensusRead, FindingAge, FindingFilter, FindingState,
        Maker, Seen,
    },
};
use store::{CensusLease, FindingCount, FindingKey, StoreError};

use crate::world::{Db, aid, at, place, secs, server, sid};

both! {
    one_census_runs_and_a_lapsed_one_is_given_up,
    of_many_that_begin_at_once_one_does,
    a_census_that_was_taken_over_writes_nothing,
    a_finding_comes_back_as_it_was_kept,
    open_findings_are_listed_by_every_filter_page_by_page,
    what_was_not_seen_is_gone_and_what_was_seen_since_is_not,
    streams_are_whole_and_in_the_order_of_keys,
    a_recount_tells_what_drifted,
    old_findings_and_censuses_are_purged_in_pieces,
    a_repair_is_kept_with_what_became_of_it,
}

async fn begin(db: &Db, now: i64) -> Option<CensusLease> {
    tx!(db, tx => tx.begin_census("cli:test@here", "here:1", at(now), at(now + 30)))
}

fn finding(kind: CensusKind, subject: &str, name: &str, second: i64) -> CensusFinding {
    let seen = Seen {
        kind,
        place: (kind == CensusKind::StaleRoute).then(|| place("lb-1", "app")),
        subject: subject.to_owned(),
        server: Some(server(name)),
        account: Some(aid("a")),
        session: Some(sid("s1")),
        severity: Severity::Warning,
        since: Some(at(second - 100)),
        count: 3,
        detail: "remains, though its session ended".to_owned(),
    };
    let first = CensusFinding::after_look(None, seen.clone(), 1, at(second), secs(1));
    CensusFinding::after_look(Some(&first), seen, 2, at(second), secs(1))
}

async fn one_census_runs_and_a_lapsed_one_is_given_up(db: &Db) {
    let first = begin(db, 0).await.unwrap();
    assert_eq!((first.no, begin(db, 29).await), (1, None));
    tx!(db, tx => tx.keep_census(first, at(60)));
    assert_eq!(begin(db, 59).await, None, "it said that it is still under way");
    let second = begin(db, 60).await.unwrap();
    assert_eq!(second.no, 2);
    assert_eq!(db.store.last_census().await.unwrap(), None, "none came to its end");
    let note = CensusNote { read: CensusRead { sessions: 7, ..CensusRead::default() }, ..CensusNote::default() };
    tx!(db, tx => tx.end_census(second, CensusOutcome::Done, &note, at(70)));
    let last = db.store.last_census().await.unwrap().unwrap();
    assert_eq!((last.no, last.ended_at, last.outcome, last.note), (2, Some(at(70)), CensusOutcome::Done, note));
    assert_eq!(begin(db, 71).await.unwrap().no, 3);
    assert_eq!(db.store.newest_census().await.unwrap().unwrap().outcome, CensusOutcome::Running);
}

async fn of_many_that_begin_at_once_one_does(db: &Db) {
    let tries = (0..6).map(|_| {
        let store = db.store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let begun = tx.begin_census("system", "here:1", at(0), at(30)).await.unwrap();
            tx.commit().await.unwrap();
            begun.is_some()
        })
    });
    let mut begun = 0;
    for one in tries.collect::<Vec<_>>() {
        begun += i32::from(one.await.unwrap());
    }
    assert_eq!(begun, 1);
}

async fn a_census_that_was_taken_over_writes_nothing(db: &Db) {
    let zombie = begin(db, 0).await.unwrap();
    begin(db, 31).await.unwrap();
    let mut tx = db.store.begin().await.unwrap();
    assert!(matches!(tx.keep_census(zombie, at(90)).await, Err(StoreError::Fenced)));
    tx.rollback().await.unwrap();
    let mut tx = db.store.begin().await.unwrap();
    let ended = tx.end_census(zombie, CensusOutcome::Done, &CensusNote::default(), at(40)).await;
    assert!(matches!(ended, Err(StoreError::Fenced)));
}

async fn a_finding_comes_back_as_it_was_kept(db: &Db) {
    let mut all = vec![finding(CensusKind::StaleRoute, "k1", "api-2", 0)];
    let bare = Seen {
        kind: CensusKind::Chain,
        place: None,
        subject: "audit".to_owned(),
        server: None,
        account: None,
        session: None,
        severity: Severity::Critical,
        since: None,
        count: 1,
        detail: "is broken".to_owned(),
    };
    all.push(CensusFinding::after_look(None, bare, 1, at(5), secs(1)));
    tx!(db, tx => tx.save_findings(&all));
    let keys: Vec<FindingKey> = all.iter().map(|finding| FindingKey::of(&finding.seen)).collect();
    let mut known = tx!(db, tx => tx.known_findings(&keys));
    known.sort_by(|a, b| b.seen.kind.as_str().cmp(a.seen.kind.as_str()));
    assert_eq!(known, all);
    all[0].seen.count = 9;
    all[0].looks = 3;
    tx!(db, tx => tx.save_findings(&all[..1]));
    assert_eq!(tx!(db, tx => tx.known_findings(&keys[..1])), all[..1]);
    assert_eq!(tx!(db, tx => tx.known_findings(&[])), []);
}

async fn open_findings_are_listed_by_every_filter_page_by_page(db: &Db) {
    let mut all = Vec::new();
    for number in 0..9 {
        let (kind, name) =
            if number % 3 == 0 { (CensusKind::StaleRoute, "api-2") } else { (CensusKind::OrphanedSession, "api-1") };
        all.push(finding(kind, &format!("k{number}"), name, i64::from(number) * 100));
    }
    let suspected = CensusFinding { state: FindingState::Suspected, ..finding(CensusKind::Chain, "x", "api-1", 0) };
    all.push(suspected);
    tx!(db, tx => tx.save_findings(&all));
    let filter = |kind, router: Option<&str>, name: Option<&str>, age| FindingFilter {
        kind,
        router: router.map(|router| place(router, "app").router),
        server: name.map(server),
        age,
    };
    let cases = [
        (filter(None, None, None, FindingAge::Any), 9),
        (filter(Some(CensusKind::StaleRoute), None, None, FindingAge::Any), 3),
        (filter(None, Some("lb-1"), None, FindingAge::Any), 3),
        (filter(None, Some("lb-9"), None, FindingAge::Any), 0),
        (filter(None, None, Some("api-1"), FindingAge::Any), 6),
        (filter(Some(CensusKind::StaleRoute), Some("lb-1"), Some("api-1"), FindingAge::Any), 0),
        (filter(None, None, None, FindingAge::Hour), 4),
    ];
    for (filter, expected) in cases {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = db.store.findings_page(&filter, after.as_deref(), 2, at(3_900)).await.unwrap();
            assert!(page.items.len() <= 2);
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), expected, "{filter:?}");
        assert!(found.windows(2).all(|pair| pair[0].first_seen < pair[1].first_seen), "the oldest first");
        assert!(found.iter().all(|finding| finding.state == FindingState::Open));
    }
    assert!(matches!(
        db.store.findings_page(&FindingFilter::default(), Some("nonsense"), 2, at(0)).await,
        Err(StoreError::Cursor)
    ));
    let all = FindingFilter::default();
    assert_eq!(db.store.accounts_to_repair(&all, None, 10, at(3_900)).await.unwrap(), [aid("a")]);
    assert_eq!(db.store.accounts_to_repair(&all, Some(&aid("a")), 10, at(3_900)).await.unwrap(), []);
}

async fn what_was_not_seen_is_gone_and_what_was_seen_since_is_not(db: &Db) {
    let all: Vec<_> = ["k1", "k2", "k3"].map(|key| finding(CensusKind::StaleRoute, key, "api-2", 0)).into();
    tx!(db, tx => tx.save_findings(&all));
    let marks = db.store.finding_marks(None, 2).await.unwrap();
    assert_eq!(marks.iter().map(|mark| mark.key.subject.as_str()).collect::<Vec<_>>(), ["k1", "k2"]);
    let rest = db.store.finding_marks(Some(&marks[1].key), 2).await.unwrap();
    assert_eq!((rest.len(), rest[0].key.subject.as_str(), rest[0].census), (1, "k3", 2));
    let seen = CensusFinding { census: 3, ..all[1].clone() };
    tx!(db, tx => tx.save_findings(&[seen]));
    let keys: Vec<FindingKey> = marks.iter().map(|mark| mark.key.clone()).collect();
    assert_eq!(tx!(db, tx => tx.findings_gone(3, &keys, at(9))), 1);
    assert_eq!(tx!(db, tx => tx.findings_gone(3, &keys, at(9))), 0);
    let open = db.store.findings_page(&FindingFilter::default(), None, 10, at(9)).await.unwrap().items;
    assert_eq!(open.iter().map(|finding| finding.seen.subject.as_str()).collect::<Vec<_>>().len(), 2);
    let lease = begin(db, 0).await.unwrap();
    let count =
        FindingCount { kind: CensusKind::StaleRoute, router: "lb-1".to_owned(), server: "api-2".to_owned(), open: 2 };
    let more = FindingCount { server: "api-3".to_owned(), ..count.clone() };
    tx!(db, tx => tx.save_points(lease, at(9), &[count, more]));
    tx!(db, tx => tx.end_census(lease, CensusOutcome::Done, &CensusNote::default(), at(9)));
    let (ends, trend) = db.store.census_trend(5).await.unwrap();
    assert_eq!(ends, [at(9)]);
    assert_eq!(
        trend.iter().map(|point| (point.at, point.kind, point.open)).collect::<Vec<_>>(),
        [(at(9), CensusKind::StaleRoute, 4)]
    );
}

async fn streams_are_whole_and_in_the_order_of_keys(db: &Db) {
    db.accounts(&["a", "b", "auth0|c"]).await;
    for (number, account) in [(1, "a"), (2, "b"), (3, "a"), (4, "auth0|c"), (5, "b")] {
        db.session(&format!("s{number}"), account, number).await;
    }
    db.end("s2", 9, false).await;
    db.raw("UPDATE sessions SET route_key = 'other' WHERE id = 's3'").await.unwrap();
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let (page, next) = db.store.census_sessions(&after, 2).await.unwrap();
        ids.extend(page.into_iter().map(|session| session.id.to_string()));
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(ids, ["s1", "s2", "s4", "s5"]);
    let (keyed, next) = db.store.census_keyed_sessions("", 2).await.unwrap();
    assert_eq!((keyed.len(), keyed[0].key.as_str(), keyed[0].id.as_str(), next), (1, "other", "s3", None));
    let (accounts, _) = db.store.census_accounts("", 10).await.unwrap();
    let open: Vec<_> = accounts.iter().map(|a| (a.id.as_str(), a.live, a.left_over)).collect();
    assert_eq!(open, [("a", 2, 0), ("b", 1, 1)]);
    let (keyed, _) = db.store.census_keyed_accounts("", 10).await.unwrap();
    assert_eq!((keyed.len(), keyed[0].id.as_str()), (1, "auth0|c"));
    assert!(keyed[0].key.as_str().starts_with("ah_"));
    let mut makers = db.store.makers(&[sid("s1"), sid("s2"), sid("never")]).await.unwrap();
    makers.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(makers, [(sid("s1"), Maker::Live), (sid("s2"), Maker::Ended(at(9)))]);
}

async fn a_recount_tells_what_drifted(db: &Db) {
    db.accounts(&["a", "b", "c"]).await;
    db.session("s1", "b", 1).await;
    db.session("s2", "b", 2).await;
    db.end("s2", 3, false).await;
    let all = db.store.recount(None, 10).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one.kept == one.counted));
    assert_eq!(all[1].counted, (1, 1, 2));
    db.raw("UPDATE accounts SET live_sessions = 4 WHERE id = 'b'").await.unwrap();
    let page = db.store.recount(Some(&aid("a")), 1).await.unwrap();
    assert_eq!((page.len(), page[0].kept, page[0].counted), (1, (4, 1, 2), (1, 1, 2)));
}

async fn old_findings_and_censuses_are_purged_in_pieces(db: &Db) {
    let all: Vec<_> = (0..5).map(|n| finding(CensusKind::StaleRoute, &format!("k{n}"), "api-2", 0)).collect();
    tx!(db, tx => tx.save_findings(&all));
    let keys: Vec<FindingKey> = all.iter().map(|finding| FindingKey::of(&finding.seen)).collect();
    tx!(db, tx => tx.findings_gone(9, &keys[..4], at(10)));
    for second in [0, 100] {
        let lease = begin(db, second).await.unwrap();
        tx!(db, tx => tx.end_census(lease, CensusOutcome::Done, &CensusNote::default(), at(second + 1)));
    }
    assert_eq!(tx!(db, tx => tx.purge_censuses(at(10), at(0), 3)), 0);
    assert_eq!(tx!(db, tx => tx.purge_censuses(at(11), at(50), 3)), 3);
    assert_eq!(tx!(db, tx => tx.purge_censuses(at(11), at(50), 3)), 1);
    assert_eq!(db.number("SELECT count(*) FROM census_findings").await, 1);
    assert_eq!(db.number("SELECT min(no) FROM censuses").await, 2);
}

async fn a_repair_is_kept_with_what_became_of_it(db: &Db) {
    let made = |account: &str| RepairMade { account: aid(account), outcome: RepairOutcome::Waiting, cleanup: None };
    let mut repair = Repair {
        id: RepairId::parse("r_1").unwrap(),
        actor: "staff:dana".to_owned(),
        reason: "after the outage".to_owned(),
        ticket: "T-1".to_owned(),
        plan_hash: PlanHash("h".to_owned()),
        requested_at: at(0) + Span::from_micros(1),
        made: vec![made("a"), made("b")],
    };
    let plans = ["p0", "p1"].map(|plan| PlanHash(plan.to_owned()));
    tx!(db, tx => tx.insert_repair(&repair, &plans.each_ref()));
    let of = |n: usize| (repair.made[n].account.clone(), plans[n].clone());
    assert_eq!(db.store.repair_waiting(&repair.id, 10).await.unwrap(), [of(0), of(1)]);
    let waiting = async |before| db.store.repairs_waiting(before, 10).await.unwrap();
    assert_eq!(waiting(repair.requested_at).await, [], "it was asked for just now");
    let later = repair.requested_at + Span::from_micros(1);
    assert_eq!(waiting(later).await, std::slice::from_ref(&repair.id));
    repair.made[1].outcome = RepairOutcome::Changed;
    tx!(db, tx => tx.repair_made(&repair.id, &repair.made[1]));
    assert_eq!(
        db.store.repair_waiting(&repair.id, 10).await.unwrap(),
        [(repair.made[0].account.clone(), plans[0].clone())]
    );
    tx!(db, tx => tx.repair_made(&repair.id, &RepairMade { outcome: RepairOutcome::Failed, ..repair.made[0].clone() }));
    assert_eq!(waiting(later).await, [], "something became of each");
    repair.made[0].outcome = RepairOutcome::Failed;
    assert_eq!(db.store.repair(&repair.id, 10).await.unwrap(), Some(repair));
    assert_eq!(db.store.repair(&RepairId::parse("r_2").unwrap(), 10).await.unwrap(), None);
}
