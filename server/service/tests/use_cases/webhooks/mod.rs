//! Webhooks, sent to a real receiver on loopback: signed, at least once, in order per account whoever sends them, and given
//! up, paused and sent again where a person sees it.

mod order;
pub mod receiver;
mod troubles;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Delivery, DeliveryFilter, EndReason, EventKind, IpRange, Mode, SessionId, Span, Status, WebhookFormat, WebhookId,
    WebhookPace, census::CensusKind,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;
use service::{Error, NewWebhook, TokenKeys, WebhookKey, WebhookSettings};
use store::{End, SessionCreate};

use self::receiver::Receiver;
use crate::world::{World, account, request, session, shell};

both!(
    what_happens_is_told_signed_and_in_order,
    what_came_back_and_what_a_census_found_is_told,
    a_new_secret_signs_beside_the_old_one_for_a_day,
    who_speaks_caep_gets_a_signed_token,
    a_secret_is_answered_once_and_is_nowhere_in_the_audit_log,
    who_wants_something_else_is_told_nothing,
    a_test_arrives_past_everything_that_waits,
    who_is_deleted_is_told_nothing_and_what_waited_is_given_up,
);

/// As in a running service, but faster and to this machine.
pub fn settings() -> WebhookSettings {
    let pace = WebhookPace {
        first: Span::from_millis(1),
        longest: Span::from_millis(20),
        door: Span::from_millis(20),
        timeout: Span::from_millis(400),
        ..WebhookPace::default()
    };
    let allow = IpRange::parse("127.0.0.0/8");
    let token_keys = TokenKeys::from_pem(&TokenKeys::new_pem().unwrap()).unwrap();
    WebhookSettings { key: WebhookKey([7; 32]), token_keys, allow, pace, ..WebhookSettings::default() }
}

/// Subscribes `receiver`, and answers the webhook and its secret.
pub async fn subscribe(world: &World, receiver: &Receiver, kinds: &[EventKind]) -> (WebhookId, String) {
    let new = NewWebhook { url: receiver.url.clone(), kinds: kinds.to_vec(), format: WebhookFormat::Unstick };
    let made = world.unstick.add_webhook(&shell(), new).await.unwrap();
    (made.hook.id, made.secret)
}

/// Sends until nothing is due any more; time passes by the clock's hand.
pub async fn deliver(world: &World) {
    let mut idle = 0;
    while idle < 3 {
        let sent = world.unstick.deliver_once().await.unwrap();
        idle = if sent == 0 { idle + 1 } else { 0 };
        world.clock.advance(Span::from_millis(25));
    }
}

pub async fn log(world: &World, hook: &WebhookId) -> Vec<Delivery> {
    world.unstick.webhook_page(&shell(), hook, DeliveryFilter::default(), None).await.unwrap().log.items
}

/// `count` sessions of `name`, which end one after the other; a transaction for each.
pub async fn sessions_end(world: &World, name: &str, count: usize) {
    world.account(name).await;
    for number in 0..count {
        let id = session(&format!("{name}_{number}"));
        open(world, name, &id).await;
        end(world, &id).await;
    }
}

/// As [`sessions_end`], all at once.
async fn many_end(world: &World, name: &str, count: usize) {
    world.account(name).await;
    let ids: Vec<SessionId> = (0..count).map(|number| session(&format!("{name}_{number}"))).collect();
    let create = |id: &SessionId| SessionCreate {
        id: id.clone(),
        account: account(name),
        client: "CLI 2.4".into(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: None,
    };
    world.unstick.create_sessions(&shell(), ids.iter().map(create).collect()).await.unwrap();
    let end = |id: SessionId| End { id, reason: EndReason::SignedOut, released: true, at: None };
    world.unstick.end_sessions(&shell(), ids.into_iter().map(end).collect()).await.unwrap();
}

pub async fn open(world: &World, name: &str, id: &SessionId) {
    let create = SessionCreate {
        id: id.clone(),
        account: account(name),
        client: "CLI 2.4".into(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: None,
    };
    world.unstick.create_sessions(&shell(), vec![create]).await.unwrap();
}

pub async fn end(world: &World, id: &SessionId) {
    let end = End { id: id.clone(), reason: EndReason::SignedOut, released: true, at: None };
    world.unstick.end_sessions(&shell(), vec![end]).await.unwrap();
}

async fn what_happens_is_told_signed_and_in_order(world: World) {
    let receiver = Receiver::start().await;
    let (hook, secret) = subscribe(&world, &receiver, &EventKind::CHOICES).await;
    world.stuck("mira").await;
    let cleanup = world.unstick.request_cleanup(&shell(), request("mira", Mode::Force)).await.unwrap().id;
    assert_eq!(world.drive(&cleanup, 5).await, Status::Done);
    deliver(&world).await;
    let got = receiver.got();
    let told: Vec<(String, String)> = got
        .iter()
        .map(|got| {
            let json = got.json();
            (json["type"].as_str().unwrap().to_owned(), json["data"]["session_id"].as_str().unwrap_or("").to_owned())
        })
        .collect();
    let expected = [
        ("session.ended", "mira_old1"),
        ("session.ended", "mira_old2"),
        ("session.ended", "mira_live"),
        ("cleanup.done", ""),
    ];
    assert_eq!(told, expected.map(|(kind, id)| (kind.to_owned(), id.to_owned())));
    for got in &got {
        assert!(got.is_signed_with(&secret), "{got:?}");
        assert!(!got.is_signed_with("whsec_AAAA"));
        assert_eq!(got.json()["id"], got.id().as_str());
        assert_eq!(got.headers["content-type"], "application/json");
        assert!(!got.body.contains("Mira") && !got.body.contains("203.0.113.7"), "no customer's details: {}", got.body);
    }
    let revoked = got[2].json();
    assert_eq!(revoked["data"]["reason"], "revoked");
    assert_eq!(revoked["data"]["cleanup_id"], cleanup.as_str());
    let done = got[3].json();
    assert_eq!((&done["data"]["mode"], &done["data"]["ticket"]), (&"force".into(), &"T-1".into()));
    assert_eq!(done["data"]["records_cleaned"], 3);
    let log = log(&world, &hook).await;
    assert!(log.iter().all(|it| it.status == Some(202) && it.attempts == 1 && it.said == "said"), "{log:?}");
    assert!(world.unstick.doctor(&shell()).await.unwrap().iter().any(|it| it.text == "1, and each takes what it gets"));
}

async fn what_came_back_and_what_a_census_found_is_told(world: World) {
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &[EventKind::CleanupCameBack, EventKind::FindingOpened]).await;
    world.stuck("back").await;
    let id = world.unstick.request_cleanup(&shell(), request("back", Mode::Force)).await.unwrap().id;
    assert_eq!(world.drive(&id, 5).await, Status::Done);
    let key = domain::RouteKey::parse("back_live").unwrap();
    world.pin("files", &key, domain::Scope::Session, "api-2", &account("back"), &session("back_live")).await;
    world.clock.advance(Span::from_secs(2));
    world.unstick.watch_once().await.unwrap();
    world.stuck("left").await;
    world.clock.advance(Span::from_secs(600));
    for _ in 0..3 {
        world.unstick.run_census(&shell(), &|_, _| ()).await.unwrap();
    }
    deliver(&world).await;
    let all: Vec<Value> = receiver.got().iter().map(receiver::Got::json).collect();
    let back: Vec<&Value> = all.iter().filter(|it| it["type"] == "cleanup.came_back").collect();
    assert_eq!(back.len(), 1);
    assert_eq!(back[0]["data"]["cleanup_id"], id.as_str());
    assert_eq!(back[0]["data"]["found"][0]["server"], "api-2");
    let found: Vec<&Value> = all.iter().filter(|it| it["type"] == "finding.opened").collect();
    let orphans = found.iter().filter(|it| it["data"]["kind"] == CensusKind::OrphanedSession.as_str());
    let mut sessions: Vec<&str> = orphans.map(|it| it["data"]["session_id"].as_str().unwrap()).collect();
    sessions.sort_unstable();
    assert_eq!(sessions, ["left_old1", "left_old2"], "each once, though three censuses saw them");
    assert!(found.iter().any(|it| it["account_id"].is_null()), "a server that serves badly is nobody's: {found:?}");
}

async fn a_new_secret_signs_beside_the_old_one_for_a_day(world: World) {
    let receiver = Receiver::start().await;
    let (hook, old) = subscribe(&world, &receiver, &[]).await;
    let new = world.unstick.rotate_webhook(&shell(), &hook).await.unwrap().secret;
    assert_ne!(old, new);
    sessions_end(&world, "a", 1).await;
    deliver(&world).await;
    world.clock.advance(Span::from_days(1));
    sessions_end(&world, "b", 1).await;
    deliver(&world).await;
    let got = receiver.got();
    assert!(got[0].is_signed_with(&old) && got[0].is_signed_with(&new));
    assert!(!got[1].is_signed_with(&old) && got[1].is_signed_with(&new));
}

async fn who_speaks_caep_gets_a_signed_token(world: World) {
    let receiver = Receiver::start().await;
    let new = |kinds: &[EventKind]| NewWebhook {
        url: receiver.url.clone(),
        kinds: kinds.to_vec(),
        format: WebhookFormat::Caep,
    };
    let refused = world.unstick.add_webhook(&shell(), new(&[EventKind::CleanupDone])).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "events", .. })), "{refused:?}");
    let service::WithSecret { hook, secret } = world.unstick.add_webhook(&shell(), new(&[])).await.unwrap();
    assert_eq!(hook.kinds, [EventKind::SessionEnded]);
    sessions_end(&world, "a", 1).await;
    deliver(&world).await;
    let got = receiver.got().remove(0);
    assert_eq!(got.headers["content-type"], "application/secevent+jwt");
    assert_eq!(got.headers["accept"], "application/json");
    assert_eq!(got.headers["authorization"], format!("Bearer {secret}"), "a receiver may ask who is there");
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = got.body.rsplit_once('.').unwrap();
    let parts: Vec<Value> = signed.split('.').map(|part| serde_json::from_slice(&bytes(part)).unwrap()).collect();
    assert_eq!((&parts[0]["alg"], &parts[0]["typ"]), (&"ES256".into(), &"secevent+jwt".into()));
    let published = world.unstick.token_keys().published()["keys"][0].clone();
    assert_eq!(parts[0]["kid"], published["kid"]);
    let half = |name: &str| bytes(published[name].as_str().unwrap());
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], half("x"), half("y")].concat());
    public.verify(signed.as_bytes(), &bytes(signature)).unwrap();
    assert_eq!(parts[1]["aud"], hook.id.as_str());
    assert_eq!(parts[1]["sub_id"]["session"]["id"], "a_0");
    assert_eq!(parts[1]["events"][domain::CAEP_SESSION_REVOKED]["initiating_entity"], "user");
}

async fn a_secret_is_answered_once_and_is_nowhere_in_the_audit_log(world: World) {
    let receiver = Receiver::start().await;
    let (hook, secret) = subscribe(&world, &receiver, &[]).await;
    let next = world.unstick.rotate_webhook(&shell(), &hook).await.unwrap();
    assert!(!format!("{next:?}").contains("whsec_"), "it never prints itself");
    let stored = world.store.webhook(&hook).await.unwrap().unwrap();
    assert_eq!(next.hook, stored, "what is answered is what is there");
    let next = next.secret;
    let events = world.store.audit_page(&domain::view::AuditFilter::default(), None, 100).await.unwrap();
    let actions: Vec<&str> =
        events.iter().map(|it| it.draft.action.as_str()).filter(|it| it.starts_with("webhook")).collect();
    assert_eq!(actions, ["webhook.secret_rotated", "webhook.added"]);
    let whole = format!("{events:?} {:?}", world.store.webhooks().await.unwrap());
    for secret in [secret, next] {
        assert!(!whole.contains(secret.trim_start_matches("whsec_")));
    }
}

async fn who_wants_something_else_is_told_nothing(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[EventKind::CleanupDone]).await;
    sessions_end(&world, "a", 2).await;
    deliver(&world).await;
    assert_eq!(log(&world, &hook).await, []);
    world.unstick.switch_webhook(&shell(), &hook, false).await.unwrap();
    world.stuck("b").await;
    let id = world.unstick.request_cleanup(&shell(), request("b", Mode::Force)).await.unwrap().id;
    assert_eq!(world.drive(&id, 5).await, Status::Done);
    deliver(&world).await;
    assert!(receiver.got().is_empty(), "and who is switched off is told nothing at all");
}

async fn a_test_arrives_past_everything_that_waits(world: World) {
    let receiver = Receiver::start().await;
    let (hook, secret) = subscribe(&world, &receiver, &[]).await;
    receiver
        .does(|got| if got.body.contains("webhook.test") { receiver::Act::Take } else { receiver::Act::Answer(500) });
    sessions_end(&world, "a", 3).await;
    world.unstick.test_webhook(&shell(), &hook).await.unwrap();
    world.unstick.deliver_once().await.unwrap();
    let test = receiver.got().into_iter().find(|got| got.json()["type"] == "webhook.test").unwrap();
    assert!(test.is_signed_with(&secret) && test.json()["account_id"].is_null());
    world.unstick.switch_webhook(&shell(), &hook, false).await.unwrap();
    assert!(matches!(world.unstick.test_webhook(&shell(), &hook).await, Err(Error::Conflict(_))));
}

async fn who_is_deleted_is_told_nothing_and_what_waited_is_given_up(world: World) {
    let receiver = Receiver::start().await;
    let (hook, _) = subscribe(&world, &receiver, &[]).await;
    sessions_end(&world, "a", 1).await;
    deliver(&world).await;
    receiver.does(|_| receiver::Act::Answer(500));
    many_end(&world, "b", 600).await;
    world.unstick.deliver_once().await.unwrap();
    let got = receiver.got().len();
    let deleted = world.unstick.delete_webhook(&shell(), &hook).await.unwrap();
    assert_eq!((deleted.waiting.n, deleted.failed.n), (0, 600), "more than one transaction takes");
    assert_eq!(deleted.hook.state, domain::WebhookState::Deleted);
    sessions_end(&world, "c", 1).await;
    deliver(&world).await;
    assert_eq!(receiver.got().len(), got, "not one more");
    let newest = log(&world, &hook).await.remove(0);
    assert!(newest.said.starts_with("not sent: ") && newest.said.ends_with(" deleted it"), "{newest:?}");
    assert_eq!(world.unstick.webhooks(&shell()).await.unwrap(), []);
    let refusals = [
        world.unstick.delete_webhook(&shell(), &hook).await.map(|_| ()),
        world.unstick.switch_webhook(&shell(), &hook, true).await.map(|_| ()),
        world.unstick.rotate_webhook(&shell(), &hook).await.map(|_| ()),
        world.unstick.test_webhook(&shell(), &hook).await.map(|_| ()),
        world.unstick.replay_delivery(&shell(), &hook, &newest.event).await,
    ];
    for refused in refusals {
        assert!(matches!(&refused, Err(Error::Conflict(text)) if text == "it is deleted"), "{refused:?}");
    }
    let events = world.store.audit_page(&domain::view::AuditFilter::default(), None, 100).await.unwrap();
    assert_eq!(events.iter().filter(|it| it.draft.action == "webhook.deleted").count(), 1);
    // Its log goes as any other does, and it goes with it.
    world.clock.advance(Span::from_days(8));
    world.unstick.purge_webhooks().await.unwrap();
    assert!(log(&world, &hook).await.iter().all(|it| it.state == domain::DeliveryState::Failed));
    world.clock.advance(Span::from_days(24));
    world.unstick.purge_webhooks().await.unwrap();
    let gone = world.unstick.webhook(&shell(), &hook).await;
    assert!(matches!(gone, Err(Error::NotFound("webhook"))), "{gone:?}");
}
