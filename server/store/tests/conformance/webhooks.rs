//! Events on their way to webhooks: kept with the change, numbered in the order of commits, claimed by one at a time, and of
//! each lane the first alone.

use domain::{
    AccountId, DeliveryFilter, DeliveryState, EndReason, EventKind, Webhook, WebhookEvent, WebhookFormat, WebhookId,
    WebhookState,
};
use store::{DeliveryLease, NewSecret, Settled};

use crate::world::{Db, at, sid};

both! {
    without_a_webhook_nothing_is_written,
    what_is_rolled_back_is_not_told,
    an_event_is_claimed_by_one_at_a_time,
    a_zombie_settles_nothing,
    of_a_lane_the_first_alone_is_due,
    of_many_that_keep_at_once_each_lane_has_an_order,
    a_deleted_event_lets_the_next_go,
    the_log_is_read_page_by_page_and_by_filter,
    a_secret_follows_the_one_before,
    a_deleted_webhook_is_told_nothing_and_goes_with_its_log,
}

fn hook(id: &str) -> Webhook {
    Webhook {
        id: WebhookId::parse(id).unwrap(),
        url: "https://receiver.example/".to_owned(),
        kinds: vec![EventKind::SessionEnded, EventKind::CleanupDone],
        format: WebhookFormat::Unstick,
        state: WebhookState::Active,
        why: String::new(),
        generation: 1,
        fingerprint: "f".to_owned(),
        old_until: None,
        created_at: at(0),
        created_by: "test".to_owned(),
        failures: 0,
        failing_since: None,
        retry_at: None,
        succeeded_at: None,
        deleted_at: None,
    }
}

async fn subscribed(db: &Db) -> WebhookId {
    let hook = hook("wh_1");
    tx!(db, tx => tx.add_webhook(&hook));
    hook.id
}

fn event(account: &str, number: i64) -> WebhookEvent {
    let account = AccountId::parse(account).unwrap();
    WebhookEvent::session_ended(&sid(&format!("s{number}")), &account, EndReason::Expired, at(number), None)
}

async fn keep(db: &Db, events: Vec<WebhookEvent>) -> i64 {
    tx!(db, tx => tx.emit(EventKind::SessionEnded, at(10), || events))
}

async fn claim(db: &Db, hook: &WebhookId, who: &str, second: i64, limit: u32) -> Vec<DeliveryLease> {
    tx!(db, tx => tx.claim_deliveries(hook, who, at(second), at(second + 30), limit))
}

async fn settle(db: &Db, lease: &DeliveryLease, state: DeliveryState, second: i64) -> bool {
    let next_at = (state == DeliveryState::Waiting).then(|| at(second + 5));
    let settled = Settled { state, next_at, at: at(second), status: Some(200), took_ms: 3, said: "fine".to_owned() };
    tx!(db, tx => async {
        tx.lock_lanes(std::slice::from_ref(&lease.lane)).await?;
        tx.settle_delivery(lease, &settled).await
    })
}

async fn rows(db: &Db) -> (i64, i64) {
    let lanes = db.number("SELECT count(*) FROM webhook_lanes").await;
    (lanes, db.number("SELECT count(*) FROM webhook_deliveries").await)
}

async fn without_a_webhook_nothing_is_written(db: &Db) {
    db.accounts(&["a"]).await;
    db.session("s1", "a", 0).await;
    db.end("s1", 1, false).await;
    assert_eq!(rows(db).await, (0, 0));
    let id = subscribed(db).await;
    let made = tx!(db, tx => tx.emit(EventKind::FindingOpened, at(1), || panic!("nobody wants it")));
    assert_eq!((made, rows(db).await), (0, (0, 0)));
    db.session("s2", "a", 2).await;
    db.end("s2", 3, false).await;
    assert_eq!(rows(db).await, (1, 1), "one that ends is told");
    db.end("s2", 4, true).await;
    assert_eq!(rows(db).await, (1, 1), "and when it is cleaned it did not end again");
    assert!(tx!(db, tx => tx.set_webhook_state(&id, WebhookState::Disabled, "by hand")));
    db.session("s3", "a", 5).await;
    db.end("s3", 6, false).await;
    assert_eq!(rows(db).await, (1, 1), "who is switched off is told nothing");
}

async fn what_is_rolled_back_is_not_told(db: &Db) {
    subscribed(db).await;
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(tx.emit(EventKind::SessionEnded, at(0), || vec![event("a", 1)]).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(rows(db).await, (0, 0));
}

async fn an_event_is_claimed_by_one_at_a_time(db: &Db) {
    let id = subscribed(db).await;
    keep(db, vec![event("a", 1), event("b", 2)]).await;
    assert_eq!(db.store.due_webhooks(at(9)).await.unwrap(), [], "not before its time");
    assert_eq!(db.store.due_webhooks(at(10)).await.unwrap(), [(id.clone(), 0)]);
    let one = claim(db, &id, "one", 10, 1).await;
    let two = claim(db, &id, "two", 10, 5).await;
    assert_eq!((one.len(), two.len()), (1, 1));
    assert_ne!(one[0].event, two[0].event);
    assert_eq!(claim(db, &id, "three", 39, 5).await, []);
    assert_eq!(db.store.due_webhooks(at(39)).await.unwrap(), []);
    let again = claim(db, &id, "three", 40, 5).await;
    assert_eq!(again.iter().map(|lease| lease.token).collect::<Vec<_>>(), [2, 2]);
}

async fn a_zombie_settles_nothing(db: &Db) {
    let id = subscribed(db).await;
    keep(db, vec![event("a", 1), event("a", 2)]).await;
    let zombie = claim(db, &id, "one", 10, 5).await.remove(0);
    let other = claim(db, &id, "two", 50, 5).await.remove(0);
    assert_eq!(zombie.event, other.event);
    assert!(!settle(db, &zombie, DeliveryState::Delivered, 51).await);
    assert_eq!(claim(db, &id, "three", 51, 5).await, [], "so the next one has no way yet");
    assert!(settle(db, &other, DeliveryState::Delivered, 52).await);
    assert!(!settle(db, &other, DeliveryState::Failed, 53).await, "once");
    assert_eq!(claim(db, &id, "three", 53, 5).await.len(), 1);
}

async fn of_a_lane_the_first_alone_is_due(db: &Db) {
    let id = subscribed(db).await;
    let events: Vec<_> = (1..=3).map(|number| event("a", number)).collect();
    keep(db, events.clone()).await;
    keep(db, vec![event("b", 4)]).await;
    let due = claim(db, &id, "one", 10, 10).await;
    assert_eq!(due.len(), 2, "one of each account");
    let first = due.iter().find(|lease| lease.lane == "a").unwrap();
    assert_eq!(first.event, events[0].id);
    assert!(settle(db, first, DeliveryState::Waiting, 11).await);
    assert_eq!(claim(db, &id, "two", 12, 10).await, [], "it waits, and so does what is behind it");
    for expected in &events {
        let lease = claim(db, &id, "two", 20, 10).await.into_iter().find(|lease| lease.lane == "a").unwrap();
        assert_eq!(lease.event, expected.id);
        assert!(settle(db, &lease, DeliveryState::Delivered, 20).await);
    }
    // Sent again, the first stands before what happened meanwhile.
    keep(db, vec![event("a", 9)]).await;
    assert!(tx!(db, tx => tx.replay_delivery(&id, &events[0].id, at(30))));
    let leases = claim(db, &id, "three", 60, 10).await;
    let lane: Vec<_> = leases.iter().filter(|lease| lease.lane == "a").map(|lease| lease.event.clone()).collect();
    assert_eq!(lane, [events[0].id.clone()]);
}

async fn of_many_that_keep_at_once_each_lane_has_an_order(db: &Db) {
    let id = subscribed(db).await;
    let keepers = (0..8).map(|worker| {
        let store = db.store.clone();
        tokio::spawn(async move {
            for turn in 0..5 {
                let events = ["a", "b", "c"].map(|name| event(name, worker * 100 + turn)).to_vec();
                loop {
                    let mut tx = store.begin().await.unwrap();
                    match tx.emit(EventKind::SessionEnded, at(10), || events.clone()).await {
                        Ok(3) => {
                            tx.commit().await.unwrap();
                            break;
                        }
                        Ok(other) => panic!("{other} kept"),
                        Err(error) => assert!(error.is_busy(), "{error}"),
                    }
                }
            }
        })
    });
    for keeper in keepers {
        keeper.await.unwrap();
    }
    let distinct = "SELECT count(DISTINCT lane || ' ' || no) FROM webhook_deliveries";
    assert_eq!(db.number(distinct).await, 120, "no number came twice");
    assert_eq!(db.number("SELECT max(no) FROM webhook_deliveries").await, 40);
    let due = claim(db, &id, "one", 10, 100).await;
    assert_eq!(due.len(), 3, "one of each lane has its time, however many were kept at once");
}

async fn a_deleted_event_lets_the_next_go(db: &Db) {
    let id = subscribed(db).await;
    keep(db, vec![event("a", 1), event("a", 2), event("b", 3)]).await;
    assert_eq!(tx!(db, tx => tx.purge_deliveries(&id, DeliveryState::Waiting, at(2), 10)), 1);
    let due = claim(db, &id, "one", 10, 10).await;
    assert_eq!(due.iter().map(|lease| lease.lane.as_str()).collect::<Vec<_>>().len(), 2);
    assert!(settle(db, &due[0], DeliveryState::Delivered, 11).await);
    assert_eq!(tx!(db, tx => tx.purge_deliveries(&id, DeliveryState::Delivered, at(100), 10)), 1);
    assert_eq!(rows(db).await, (2, 1), "lanes stay: a number that came twice would turn the order round");
}

async fn the_log_is_read_page_by_page_and_by_filter(db: &Db) {
    let id = subscribed(db).await;
    for number in 1..=7 {
        keep(db, vec![event(if number % 2 == 0 { "even" } else { "odd" }, number)]).await;
    }
    let lease = claim(db, &id, "one", 10, 5).await.into_iter().find(|lease| lease.lane == "odd").unwrap();
    assert!(settle(db, &lease, DeliveryState::Failed, 11).await);
    let all = DeliveryFilter::default();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.deliveries_page(&id, &all, after.as_deref(), 3).await.unwrap();
        seen.extend(page.items.into_iter().map(|it| it.at));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=7).rev().map(at).collect::<Vec<_>>(), "every one once, the newest first");
    let count =
        async |filter: DeliveryFilter| db.store.deliveries_page(&id, &filter, None, 50).await.unwrap().items.len();
    assert_eq!(count(DeliveryFilter { state: Some(DeliveryState::Failed), ..all.clone() }).await, 1);
    assert_eq!(count(DeliveryFilter { kind: Some(EventKind::CleanupDone), ..all.clone() }).await, 0);
    let even = Some(AccountId::parse("even").unwrap());
    assert_eq!(count(DeliveryFilter { account: even.clone(), ..all.clone() }).await, 3);
    let both =
        DeliveryFilter { account: even, state: Some(DeliveryState::Waiting), kind: Some(EventKind::SessionEnded) };
    assert_eq!(count(both).await, 3);
    assert!(db.store.deliveries_page(&id, &all, Some("nonsense"), 3).await.is_err());
    let hook = db.store.webhook(&id).await.unwrap().unwrap();
    let waiting = db.store.count_deliveries(&hook, DeliveryState::Waiting, 4).await.unwrap();
    assert_eq!(waiting, (4, Some(at(2))), "counted up to a limit");
    let (one, body) = db.store.delivery(&id, &lease.event).await.unwrap().unwrap();
    assert_eq!((one.said.as_str(), one.status, one.attempts), ("fine", Some(200), 1));
    assert_eq!(body, lease.body);
}

async fn a_secret_follows_the_one_before(db: &Db) {
    let id = subscribed(db).await;
    let stored = db.store.webhook(&id).await.unwrap().unwrap();
    assert_eq!(stored, hook("wh_1"));
    let next = NewSecret { generation: 2, fingerprint: "g".to_owned(), old_until: at(9) };
    assert!(tx!(db, tx => tx.rotate_webhook(&stored, &next)));
    assert!(!tx!(db, tx => tx.rotate_webhook(&stored, &next)), "of two at once one does");
}

async fn a_deleted_webhook_is_told_nothing_and_goes_with_its_log(db: &Db) {
    let id = subscribed(db).await;
    keep(db, vec![event("a", 1), event("a", 2), event("b", 3), event("c", 4)]).await;
    let lease = claim(db, &id, "one", 10, 5).await.into_iter().find(|lease| lease.lane == "c").unwrap();
    assert!(settle(db, &lease, DeliveryState::Delivered, 10).await);
    let zombie = claim(db, &id, "two", 60, 5).await.remove(0);
    assert!(tx!(db, tx => tx.delete_webhook(&id, "by hand", at(61))));
    assert!(!tx!(db, tx => tx.delete_webhook(&id, "by hand", at(62))), "once");
    assert_eq!(db.store.due_webhooks(at(200)).await.unwrap(), [], "nothing is sent any more");
    assert_eq!(keep(db, vec![event("a", 9)]).await, 0, "and nothing new is kept");
    assert!(!tx!(db, tx => tx.set_webhook_state(&id, WebhookState::Active, "")), "there is no way back");
    assert!(!tx!(db, tx => tx.stop_webhook(&id, WebhookState::Paused, "")));
    assert_eq!(tx!(db, tx => tx.give_up_deliveries(&id, "deleted", 2)), 2, "a piece at a time");
    assert_eq!(tx!(db, tx => tx.give_up_deliveries(&id, "deleted", 2)), 1);
    assert_eq!(tx!(db, tx => tx.give_up_deliveries(&id, "deleted", 2)), 0);
    assert!(!settle(db, &zombie, DeliveryState::Delivered, 63).await, "what was under way changes nothing");
    let stored = db.store.webhook(&id).await.unwrap().unwrap();
    assert_eq!(
        (stored.state, stored.why.as_str(), stored.deleted_at),
        (WebhookState::Deleted, "by hand", Some(at(61)))
    );
    assert_eq!(db.store.webhooks().await.unwrap(), []);
    assert_eq!(db.store.deleted_webhooks().await.unwrap(), std::slice::from_ref(&stored));
    for (state, n) in [(DeliveryState::Waiting, 0), (DeliveryState::Failed, 3), (DeliveryState::Delivered, 1)] {
        assert_eq!(db.store.count_deliveries(&stored, state, 9).await.unwrap().0, n, "{state:?}");
    }
    assert!(!tx!(db, tx => tx.forget_webhook(&id, at(100))), "not while something of it is kept");
    for state in DeliveryState::ALL {
        tx!(db, tx => tx.purge_deliveries(&id, state, at(100), 10));
    }
    assert!(!tx!(db, tx => tx.forget_webhook(&id, at(61))), "nor before its time");
    assert!(tx!(db, tx => tx.forget_webhook(&id, at(62))));
    assert_eq!(db.store.webhook(&id).await.unwrap(), None);
}
