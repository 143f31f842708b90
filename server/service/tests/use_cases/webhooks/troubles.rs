//! Receivers that fail for long, are gone, or are where nobody may send to; and sending again.

use domain::{
    DeliveryFilter, DeliveryState, EventKind, Instant, Span, Webhook, WebhookFormat, WebhookId, WebhookState,
};
use service::{CheckOutcome, Error, NewWebhook};

use super::{
    deliver, log,
    receiver::{Act, Receiver},
    sessions_end, subscribe,
};
use crate::world::{World, shell};

both!(
    what_is_given_up_lets_the_next_go_and_can_be_sent_again,
    a_stretch_of_time_is_sent_again_under_the_same_ids_and_in_order,
    a_receiver_that_says_it_is_gone_is_switched_off,
    a_receiver_that_fails_for_a_day_is_paused_and_nothing_is_lost,
    a_door_that_is_shut_is_not_knocked_at_by_everybody,
    nobody_is_sent_to_a_private_address,
    what_was_delivered_is_forgotten_in_time,
    another_key_signs_nothing,
);

async fn state(world: &World, hook: &WebhookId) -> Webhook {
    world.store.webhook(hook).await.unwrap().unwrap()
}

async fn what_is_given_up_lets_the_next_go_and_can_be_sent_again(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(|got| if got.body.contains("a_0") { Act::Answer(400) } else { Act::Take });
    sessions_end(&world, "a", 3).await;
    deliver(&world).await;
    let all = log(&world, &hook).await;
    let failed: Vec<_> = all.iter().filter(|it| it.state == DeliveryState::Failed).collect();
    assert_eq!((all.len(), failed.len()), (3, 1));
    assert_eq!((failed[0].attempts, failed[0].status, failed[0].said.as_str()), (10, Some(400), "said"));
    let order: Vec<String> =
        receiver.got().iter().skip(9).map(|got| got.json()["data"]["session_id"].to_string()).collect();
    assert_eq!(order, ["\"a_0\"", "\"a_1\"", "\"a_2\""], "the next one went when it was given up");
    let told = world.unstick.doctor(&shell()).await.unwrap();
    let told = told.iter().find(|it| it.name == "webhooks").unwrap();
    assert!(told.outcome == CheckOutcome::Warn && told.text.contains("1 given up"), "{told:?}");
    receiver.does(|_| Act::Take);
    world.unstick.replay_delivery(&shell(), &hook, &failed[0].event).await.unwrap();
    deliver(&world).await;
    let again = receiver.got().pop().unwrap();
    assert_eq!(again.id(), failed[0].event.as_str(), "under the id that it had");
    assert!(log(&world, &hook).await.iter().all(|it| it.state == DeliveryState::Delivered));
    let strange = domain::EventId::parse("evt_none").unwrap();
    assert!(matches!(world.unstick.replay_delivery(&shell(), &hook, &strange).await, Err(Error::NotFound(_))));
}

async fn a_stretch_of_time_is_sent_again_under_the_same_ids_and_in_order(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    for name in ["a", "b"] {
        sessions_end(&world, name, 4).await;
    }
    deliver(&world).await;
    let first = receiver.got();
    world.clock.advance(Span::from_secs(60));
    let later = world.clock_now();
    sessions_end(&world, "c", 2).await;
    deliver(&world).await;
    let seen = receiver.got().len();
    let sent = world.unstick.replay_deliveries(&shell(), &hook, (Instant::from_secs(0), later), false).await.unwrap();
    assert_eq!(sent, 8);
    deliver(&world).await;
    let again: Vec<_> = receiver.got().into_iter().skip(seen).collect();
    for name in ["a", "b"] {
        let ids = |all: &[super::receiver::Got]| -> Vec<String> {
            all.iter().filter(|got| got.account() == name).map(super::receiver::Got::id).collect()
        };
        assert_eq!(ids(&first), ids(&again), "{name}");
    }
    assert!(again.iter().all(|got| got.account() != "c"));
    let backwards = world.unstick.replay_deliveries(&shell(), &hook, (later, later), false).await;
    assert!(matches!(backwards, Err(Error::Invalid { field: "to", .. })));
    let none = world.unstick.replay_deliveries(&shell(), &hook, (Instant::from_secs(0), later), true).await.unwrap();
    assert_eq!(none, 0, "nothing was given up");
}

async fn a_receiver_that_says_it_is_gone_is_switched_off(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(|_| Act::Answer(410));
    sessions_end(&world, "a", 2).await;
    deliver(&world).await;
    assert_eq!(receiver.got().len(), 1);
    let now = state(&world, &hook).await;
    assert_eq!(now.state, WebhookState::Disabled);
    assert!(now.why.contains("410"), "{}", now.why);
    sessions_end(&world, "b", 1).await;
    assert_eq!(log(&world, &hook).await.len(), 2, "nothing is kept for it any more");
    let events = world.store.audit_page(&domain::view::AuditFilter::default(), None, 1).await.unwrap();
    assert_eq!((events[0].draft.action.as_str(), events[0].draft.actor.as_str()), ("webhook.disabled", "system"));
    receiver.does(|_| Act::Take);
    world.unstick.switch_webhook(&shell(), &hook, true).await.unwrap();
    deliver(&world).await;
    assert_eq!(receiver.taken()["a"].len(), 1, "what waited goes on");
}

async fn a_receiver_that_fails_for_a_day_is_paused_and_nothing_is_lost(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(|_| Act::Cut);
    sessions_end(&world, "a", 1).await;
    world.unstick.deliver_once().await.unwrap();
    assert_eq!(state(&world, &hook).await.state, WebhookState::Active);
    world.clock.advance(Span::from_days(1));
    world.unstick.deliver_once().await.unwrap();
    assert_eq!(state(&world, &hook).await.state, WebhookState::Paused);
    let told = world.unstick.doctor(&shell()).await.unwrap();
    assert!(told.iter().any(|it| it.name == "webhooks" && it.text.contains("is paused")), "{told:?}");
    sessions_end(&world, "b", 1).await;
    let before = receiver.got().len();
    deliver(&world).await;
    assert_eq!(receiver.got().len(), before, "nothing is sent to it");
    receiver.does(|_| Act::Take);
    world.unstick.switch_webhook(&shell(), &hook, true).await.unwrap();
    deliver(&world).await;
    assert_eq!(receiver.taken().len(), 2, "and nothing was lost");
}

async fn a_door_that_is_shut_is_not_knocked_at_by_everybody(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(|_| Act::Answer(503));
    for number in 0..40 {
        sessions_end(&world, &format!("a{number}"), 1).await;
    }
    let patient = world.with_webhooks(|settings| {
        (settings.pace.first, settings.pace.door) = (Span::from_secs(60), Span::from_secs(600));
    });
    patient.deliver_once().await.unwrap();
    let first = receiver.got().len();
    assert!(first <= 8, "at most a few at once: {first}");
    assert_eq!(patient.deliver_once().await.unwrap(), 0, "and then it is left alone");
    for _ in 0..10 {
        world.clock.advance(Span::from_secs(601));
        assert_eq!(patient.deliver_once().await.unwrap(), 1, "one asks whether it is there again");
    }
    receiver.does(|_| Act::Take);
    while receiver.taken().len() < 40 {
        world.clock.advance(Span::from_secs(601));
        assert!(patient.deliver_once().await.unwrap() > 0);
    }
    let now = state(&world, &hook).await;
    assert_eq!((now.failures, now.failing_since, now.retry_at), (0, None, None));
}

async fn nobody_is_sent_to_a_private_address(world: World) {
    let new = |url: &str| NewWebhook { url: url.to_owned(), kinds: vec![], format: WebhookFormat::Unstick };
    for url in [
        "",
        "receiver.example",
        "ftp://receiver.example/",
        "http://receiver.example/",
        "https://user:secret@receiver.example/",
        "https://receiver.example/#x",
        "https://10.0.0.7/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.7]/",
        "https://0x0a000007/",
        "http://93.184.215.14/",
    ] {
        let refused = world.unstick.add_webhook(&shell(), new(url)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "url", .. })), "{url}: {refused:?}");
    }
    assert!(world.unstick.add_webhook(&shell(), new("https://receiver.example/hook?x=1")).await.is_ok());
    // Past the form, as a name that answers something else later: what counts is the address that is connected to.
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    let strict = world.with_webhooks(|settings| settings.allow.clear());
    sessions_end(&world, "a", 1).await;
    strict.deliver_once().await.unwrap();
    assert!(receiver.got().is_empty());
    let waits = log(&world, &hook).await.remove(0);
    assert_eq!((waits.state, waits.status), (DeliveryState::Waiting, None));
    assert!(waits.said.contains("no public address"), "{}", waits.said);
}

async fn what_was_delivered_is_forgotten_in_time(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    receiver.does(|got| if got.account() == "bad" { Act::Answer(500) } else { Act::Take });
    for name in ["good", "bad"] {
        sessions_end(&world, name, 2).await;
    }
    deliver(&world).await;
    world.unstick.purge_webhooks().await.unwrap();
    assert_eq!(log(&world, &hook).await.len(), 4);
    world.clock.advance(Span::from_days(8));
    world.unstick.purge_webhooks().await.unwrap();
    let left = log(&world, &hook).await;
    assert!(left.len() == 2 && left.iter().all(|it| it.account.as_ref().unwrap().as_str() == "bad"), "{left:?}");
    world.clock.advance(Span::from_days(30));
    world.unstick.purge_webhooks().await.unwrap();
    assert_eq!(log(&world, &hook).await, []);
}

async fn another_key_signs_nothing(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::SessionEnded]).await;
    let other = world.with_webhooks(|settings| settings.key = service::WebhookKey([8; 32]));
    sessions_end(&world, "a", 1).await;
    other.deliver_once().await.unwrap();
    assert!(receiver.got().is_empty());
    let filter = DeliveryFilter { state: Some(DeliveryState::Waiting), ..DeliveryFilter::default() };
    let page = world.unstick.webhook_page(&shell(), &hook, filter, None).await.unwrap();
    assert!(page.log.items[0].said.contains("webhook.key"), "{}", page.log.items[0].said);
    deliver(&world).await;
    assert_eq!(receiver.taken().len(), 1, "who has the key sends it");
}
