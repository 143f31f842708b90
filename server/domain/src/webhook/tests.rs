use serde_json::Value;

use super::*;
use crate::{CleanupId, EndReason, IpRange, SessionId, Span};

fn at(second: i64) -> Instant {
    Instant::from_secs(1_800_000_000 + second)
}

fn ended(session: &str, account: &str, second: i64) -> WebhookEvent {
    let (session, account) = (SessionId::parse(session).unwrap(), AccountId::parse(account).unwrap());
    WebhookEvent::session_ended(&session, &account, EndReason::SignedOut, at(second), None)
}

#[test]
fn the_same_thing_has_the_same_id_and_another_has_another() {
    assert_eq!(ended("s", "a", 1).id, ended("s", "a", 1).id);
    let others = [ended("s", "a", 2), ended("s2", "a", 1), ended("s", "b", 1), WebhookEvent::test("x", at(1))];
    for other in others {
        assert_ne!(ended("s", "a", 1).id, other.id);
    }
}

#[test]
fn lanes_are_accounts_and_what_is_none_stands_aside() {
    assert_eq!(ended("s", "acc_1", 1).lane(), "acc_1");
    let (one, two) = (WebhookEvent::test("1", at(0)), WebhookEvent::test("2", at(0)));
    assert!(one.lane() != two.lane() && one.lane().starts_with(' '));
    assert!(AccountId::parse(one.lane()).is_err(), "no account is called so");
}

#[test]
fn a_body_says_what_happened_in_words_that_last() {
    let body: Value = serde_json::from_str(&ended("s_1", "acc_1", 0).body(7)).unwrap();
    assert_eq!(body["type"], "session.ended");
    assert_eq!(body["account_id"], "acc_1");
    assert_eq!((&body["timestamp"], &body["sequence"]), (&"2027-01-15T08:00:00.000Z".into(), &7.into()));
    assert_eq!(body["data"]["reason"], "signed_out");
    assert_eq!(body["data"]["initiated_by"], "user");
}

#[test]
fn kinds_formats_and_states_are_read_as_they_are_written() {
    for kind in EventKind::CHOICES {
        assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert!(WebhookFormat::ALL.iter().all(|format| WebhookFormat::parse(format.as_str()) == Some(*format)));
    assert!(DeliveryState::ALL.iter().all(|state| DeliveryState::parse(state.as_str()) == Some(*state)));
    assert_eq!(EventKind::parse("session"), None);
}

#[test]
fn a_session_that_a_clean_up_ended_is_revoked_by_an_admin_in_caep() {
    let (session, account) = (SessionId::parse("s_1").unwrap(), AccountId::parse("acc_1").unwrap());
    let by = CleanupId::parse("c_9").unwrap();
    let event = WebhookEvent::session_ended(&session, &account, EndReason::Revoked, at(0), Some(&by));
    let body = serde_json::from_str(&event.body(1)).unwrap();
    let hook = WebhookId::parse("wh_1").unwrap();
    let set = security_event(&body, event.kind, "https://unstick.example", &hook, at(5)).unwrap();
    assert_eq!(set["jti"], event.id.as_str());
    assert_eq!(set["iat"], 1_800_000_005);
    assert_eq!(set["sub_id"]["session"]["id"], "s_1");
    assert_eq!(set["sub_id"]["user"]["id"], "acc_1");
    let told = &set["events"][CAEP_SESSION_REVOKED];
    assert_eq!(told["event_timestamp"], 1_800_000_000);
    assert_eq!(told["initiating_entity"], "admin");
    assert!(told["reason_admin"]["en"].as_str().unwrap().contains("c_9"));
    assert!(told["reason_user"]["en"].is_string());
    assert_eq!(security_event(&body, EventKind::CleanupDone, "x", &hook, at(5)), None);
}

#[test]
fn an_event_waits_longer_each_time_and_is_given_up_at_last() {
    let pace = WebhookPace::default();
    let waits: Vec<i64> = (1..pace.attempts).map(|n| pace.wait(n, 0).secs()).collect();
    assert_eq!(waits, [5, 15, 45, 135, 405, 1_215, 3_645, 10_935, 21_600]);
    assert!(pace.wait(5, u64::MAX) >= Span::from_secs(270), "chance takes a third at most");
    let failed = Answered::Status(500, None);
    assert!(matches!(verdict(failed, 9, &pace, 0), Verdict::Later(_)));
    assert_eq!(verdict(failed, 10, &pace, 0), Verdict::GivenUp);
    assert_eq!(verdict(Answered::Status(204, None), 10, &pace, 0), Verdict::Delivered);
    assert_eq!(verdict(Answered::Status(302, None), 10, &pace, 0), Verdict::GivenUp);
    assert_eq!(verdict(Answered::Status(410, None), 1, &pace, 0), Verdict::Gone);
    let asked = Answered::Status(503, Some(Span::from_secs(60)));
    assert_eq!(verdict(asked, 1, &pace, 0), Verdict::Later(Span::from_secs(60)));
}

#[test]
fn a_receiver_that_fails_is_left_alone_and_then_paused() {
    let pace = WebhookPace::default();
    assert_eq!(pace.closed(4, 0), None);
    assert_eq!(pace.closed(5, 0), Some(Span::from_secs(5)));
    assert_eq!(pace.closed(60, 0), Some(Span::from_secs(300)));
    assert!(!pace.is_hopeless(None, at(0)));
    assert!(!pace.is_hopeless(Some(at(0)), at(86_399)));
    assert!(pace.is_hopeless(Some(at(0)), at(86_400)));
}

#[test]
fn only_public_addresses_are_connected_to_unless_a_network_is_named() {
    let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    for public in ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "100.128.0.1", "172.32.0.1"] {
        assert_eq!(refusal(ip(public), true, &[]), None, "{public}");
        assert!(refusal(ip(public), false, &[]).is_some(), "{public} in clear");
    }
    let special = [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2001:db8::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ];
    for special in special {
        assert!(refusal(ip(special), true, &[]).is_some(), "{special}");
    }
    let named: Vec<IpRange> = ["127.0.0.0/8", "10.0.0.0/8"].iter().flat_map(|text| IpRange::parse(text)).collect();
    assert_eq!(refusal(ip("127.0.0.1"), false, &named), None);
    assert_eq!(refusal(ip("::ffff:127.0.0.1"), false, &named), None);
    assert_eq!(refusal(ip("10.9.9.9"), true, &named), None);
    assert_eq!(refusal(ip("10.9.9.9"), false, &named), Some(Refusal::Clear(ip("10.9.9.9"))));
    assert_eq!(refusal(ip("192.168.0.1"), true, &named), Some(Refusal::Private(ip("192.168.0.1"))));
}
