//! The audit log: appended, found again, in order, without gaps.

use domain::{AuditEvent, GENESIS, view::AuditFilter};
use store::Verification;

use crate::world::{Db, aid, at, draft};

both! {
    what_is_appended_comes_back,
    an_empty_log_is_intact,
    an_event_that_is_rolled_back_leaves_no_gap,
    many_that_append_at_once_make_one_chain,
    every_filter_shows_what_fits_and_all_of_it,
    a_clock_that_was_set_back_hides_nothing_from_a_filter_by_time,
}

async fn what_is_appended_comes_back(db: &Db) {
    let mut said = draft(1, "staff:dana", "cleanup.requested");
    said.account = Some(aid("auth0|x"));
    said.target.push_str("c_1");
    said.reason.push_str("«stuck», says \"he\"\n\t\\u0000 \u{1F600}");
    said.detail = serde_json::json!({"b": 1, "a": [1.5, null, "\u{0}é\"\\"], "c": {"z": i64::MAX}});
    let first = tx!(db, tx => tx.append_audit(&said));
    assert_eq!((first.seq, first.prev_hash.as_str()), (1, GENESIS));
    assert_eq!(first.draft.reason, said.reason);
    let second = tx!(db, tx => tx.append_audit(&draft(2, "system", "cleanup.done")));
    assert_eq!((second.seq, &second.prev_hash), (2, &first.hash));
    assert_eq!(db.store.audit_range(1, 10).await.unwrap(), [first, second.clone()]);
    assert_eq!(db.store.audit_head().await.unwrap(), (2, second.hash.clone()));
    let proof = db.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert_eq!(proof, Verification::Intact { events: 2, head: second.hash });
}

async fn an_empty_log_is_intact(db: &Db) {
    assert_eq!(db.store.audit_head().await.unwrap(), (0, GENESIS.to_owned()));
    let proof = db.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert_eq!(proof, Verification::Intact { events: 0, head: GENESIS.to_owned() });
    assert_eq!(tx!(db, tx => tx.append_audits(&[])), 0);
    assert!(db.store.audit_actions().await.unwrap().is_empty());
}

async fn an_event_that_is_rolled_back_leaves_no_gap(db: &Db) {
    tx!(db, tx => tx.append_audit(&draft(1, "a", "x.y")));
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(tx.append_audit(&draft(2, "a", "x.y")).await.unwrap().seq, 2);
    tx.rollback().await.unwrap();
    assert_eq!(tx!(db, tx => tx.append_audits(&[draft(3, "a", "x.y"), draft(4, "a", "x.y")])), 3);
    let proof = db.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert!(matches!(proof, Verification::Intact { events: 3, .. }));
}

async fn many_that_append_at_once_make_one_chain(db: &Db) {
    let appenders: Vec<_> = (0..6)
        .map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move {
                for k in 0..15 {
                    let mut tx = store.begin().await.unwrap();
                    tx.append_audit(&draft(k, &format!("actor-{n}"), "a.b")).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for appender in appenders {
        appender.await.unwrap();
    }
    let proof = db.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert!(matches!(proof, Verification::Intact { events: 90, .. }), "{proof:?}");
}

const ACTIONS: [&str; 5] = ["cleanup.requested", "cleanup.done", "cleanup", "cleanups.listed", "staff.added"];

/// Filters of every kind, and some that fit nothing.
fn filters() -> Vec<AuditFilter> {
    let any = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let all = AuditFilter {
        actor: text("system"),
        account: Some(aid("a")),
        action: text("cleanup"),
        ticket: text("T-3"),
        from: Some(at(10)),
        to: Some(at(100)),
    };
    let mut filters = vec![any(), all];
    filters.extend(["system", "nobody"].map(|actor| AuditFilter { actor: text(actor), ..any() }));
    filters.extend(["b", "nobody"].map(|account| AuditFilter { account: Some(aid(account)), ..any() }));
    let actions = ["cleanup", "cleanup.", "staff.added", "%", ""];
    filters.extend(actions.map(|action| AuditFilter { action: text(action), ..any() }));
    filters.extend(["T-3", "T-none", ""].map(|ticket| AuditFilter { ticket: text(ticket), ..any() }));
    let times = [(Some(30), Some(60)), (None, Some(0)), (None, Some(7)), (Some(900), None), (Some(110), None)];
    filters.extend(times.map(|(from, to)| AuditFilter { from: from.map(at), to: to.map(at), ..any() }));
    filters
}

/// What a filter means, said once more.
fn fits(filter: &AuditFilter, event: &AuditEvent) -> bool {
    let said = &event.draft;
    let begins = |action: &String| {
        said.action == *action || said.action.starts_with(&format!("{}.", action.trim_end_matches('.')))
    };
    filter.actor.as_ref().is_none_or(|actor| *actor == said.actor)
        && filter.account.as_ref().is_none_or(|account| said.account.as_ref() == Some(account))
        && filter.action.as_ref().is_none_or(begins)
        && filter.ticket.as_ref().is_none_or(|ticket| !ticket.is_empty() && *ticket == said.ticket)
        && filter.from.is_none_or(|from| said.at >= from)
        && filter.to.is_none_or(|to| said.at < to)
}

async fn every_filter_shows_what_fits_and_all_of_it(db: &Db) {
    let mut drafts = Vec::new();
    for n in 0..120_i64 {
        let index = usize::try_from(n).unwrap();
        let actor = ["staff:dana", "cli:root@lb7", "system"][index % 3];
        let mut said = draft(n, actor, ACTIONS[index % 5]);
        said.account = (n % 2 == 0).then(|| aid(["a", "b"][index % 4 / 2]));
        said.ticket = if n % 4 == 0 { String::new() } else { format!("T-{}", n % 7) };
        drafts.push(said);
    }
    tx!(db, tx => tx.append_audits(&drafts));
    let mut all = db.store.audit_range(1, 1_000).await.unwrap();
    all.reverse();
    for filter in filters() {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = db.store.audit_page(&filter, before, 7).await.unwrap();
            assert!(page.len() <= 7);
            let Some(last) = page.last() else { break };
            before = Some(last.seq);
            seen.extend(page);
        }
        let expected: Vec<AuditEvent> = all.iter().filter(|event| fits(&filter, event)).cloned().collect();
        assert_eq!(seen.len(), expected.len(), "{filter:?}");
        assert_eq!(seen, expected, "{filter:?}");
    }
    let mut actions = ACTIONS.map(str::to_owned).to_vec();
    actions.sort();
    assert_eq!(db.store.audit_actions().await.unwrap(), actions);
}

async fn a_clock_that_was_set_back_hides_nothing_from_a_filter_by_time(db: &Db) {
    const DAY: i64 = 86_400;
    let times = [0, 10, DAY, DAY + 10, 20, 30, DAY + 20, 40];
    let drafts: Vec<_> = times.iter().map(|second| draft(*second, "a", "b.c")).collect();
    tx!(db, tx => tx.append_audits(&drafts));
    let filter = AuditFilter { from: Some(at(15)), to: Some(at(DAY + 15)), ..AuditFilter::default() };
    let seen: Vec<i64> = db.store.audit_page(&filter, None, 100).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(seen, [8, 6, 5, 4, 3]);
}
