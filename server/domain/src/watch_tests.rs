use super::*;
use crate::{PoolName, SessionId, Stage};

fn step(must_vanish: bool) -> Step {
    let target = Target::Route {
        place: Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() },
        scope: if must_vanish { Scope::Session } else { Scope::Account },
        key: RouteKey::parse("k1").unwrap(),
        session: Some(SessionId::parse("s1").unwrap()),
        must_vanish,
    };
    Step::new(1, StepKind::Unroute, target, ServerName::parse("api-2").ok(), Instant::from_secs(0))
}

fn on(server: &str, bad: bool) -> Reading {
    Reading::Found { server: ServerName::parse(server).ok(), bad }
}

#[test]
fn a_watch_looks_often_at_first_then_every_minute_lifts_and_looks_once_more() {
    let mut watch = Watch::begin(Instant::from_secs(0), Span::from_secs(600));
    let (mut now, mut looks) = (Instant::from_secs(0), Vec::new());
    while let Some(next) = watch.next_at {
        assert!(next > now && looks.len() < 100);
        now = next;
        looks.push(now.since(Instant::from_secs(0)).micros() / 1_000_000);
        let lifted = watch.is_due_to_end(now);
        watch = watch.after_look(now, vec![], lifted, Span::from_secs(30));
    }
    assert_eq!(looks, [1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543, 600, 630]);
    assert!(watch.is_over() && watch.lifted);
    assert_eq!(watch.looked_at, Some(Instant::from_secs(630)));
}

#[test]
fn a_router_that_does_not_answer_is_waited_for_past_the_end() {
    let away = vec![RouterName::parse("lb-2").unwrap()];
    let mut watch = Watch::begin(Instant::from_secs(0), Span::from_secs(10));
    for second in [10, 70, 130] {
        watch = watch.after_look(Instant::from_secs(second), away.clone(), false, Span::ZERO);
        assert!(!watch.is_over() && watch.looked_at.is_none() && watch.unread == away);
    }
    watch = watch.after_look(Instant::from_secs(200), vec![], true, Span::ZERO);
    assert_eq!(watch.next_at, Some(Instant::from_secs(201)), "once more, without the fence");
    assert!(watch.after_look(Instant::from_secs(201), vec![], true, Span::ZERO).is_over());
}

#[test]
fn time_in_which_nobody_looked_is_not_watched() {
    let at = Instant::from_secs;
    let begun = Watch::begin(at(0), Span::from_secs(600));
    let mut watch = begun.clone();
    watch.put_off(at(1), at(61));
    assert_eq!(watch, begun, "a minute is what lies between two looks");
    // The clock was set a day ahead: 9 min of watching are still to come.
    let day = 24 * 60 * 60;
    watch.put_off(at(1), at(day + 1));
    assert_eq!(watch.until, at(600 + day - 60));
    assert!(!watch.is_due_to_end(at(day + 1)));
    let mut last = Watch { lifted: true, ..begun.clone() };
    last.put_off(at(600), at(day));
    assert_eq!(last.until, begun.until, "only the last look is left");
}

#[test]
fn what_must_vanish_has_come_back_wherever_it_is_and_an_account_only_where_it_was() {
    let (session, account) = (step(true), step(false));
    assert!(session.has_come_back(&on("api-1", false)) && session.has_come_back(&on("api-2", true)));
    assert!(account.has_come_back(&on("api-2", true)));
    assert!(!account.has_come_back(&on("api-2", false)), "the server is well again");
    assert!(!account.has_come_back(&on("api-3", true)), "another server turned bad: a finding, and no return");
    for nothing in [Reading::Gone, Reading::Unreachable("x".into()), Reading::Refused("x".into())] {
        assert!(!session.has_come_back(&nothing) && !account.has_come_back(&nothing));
    }
}

#[test]
fn the_way_it_came_is_guessed_from_the_strongest_sign() {
    let calm = Circumstances {
        kind: RouterKind::Haproxy,
        uptime: Some(Span::from_secs(900)),
        since: Span::from_secs(5),
        drain: Span::from_secs(30),
        elsewhere: false,
        is_another: false,
    };
    assert_eq!(likely_way(calm), Way::InFlight);
    assert_eq!(likely_way(Circumstances { since: Span::from_secs(31), ..calm }), Way::Traffic);
    assert_eq!(likely_way(Circumstances { kind: RouterKind::Embedded, ..calm }), Way::Traffic);
    assert_eq!(likely_way(Circumstances { elsewhere: true, ..calm }), Way::Peer);
    assert_eq!(likely_way(Circumstances { uptime: Some(Span::from_secs(4)), elsewhere: true, ..calm }), Way::Restart);
    // A map in Redis teaches no other one, and its restarts begin with what was saved.
    let redis = Circumstances { kind: RouterKind::Redis, elsewhere: true, ..calm };
    assert_eq!(likely_way(redis), Way::InFlight);
    assert_eq!(likely_way(Circumstances { since: Span::from_secs(31), ..redis }), Way::Rewritten);
    assert_eq!(likely_way(Circumstances { uptime: Some(Span::from_secs(4)), ..redis }), Way::Snapshot);
    assert_eq!(likely_way(Circumstances { is_another: true, ..redis }), Way::Snapshot, "a replica that was promoted");
    assert!(Way::ALL.iter().all(|way| Way::parse(way.as_str()) == Some(*way)));
}

#[test]
fn a_step_that_came_back_begins_again_and_says_why() {
    let mut done = step(true);
    (done.stage, done.verified_at) = (Stage::Verified, Some(Instant::from_secs(100)));
    let Target::Route { place, scope, key, .. } = done.target.clone() else { unreachable!() };
    let found = Return {
        at: Instant::from_secs(160),
        step: 1,
        place,
        scope,
        key,
        server: ServerName::parse("api-2").ok(),
        way: Way::Restart,
    };
    let again = done.reopened(&found, Instant::from_secs(160));
    assert_eq!((again.stage, again.attempts, again.verified_at), (Stage::Pending, 0, None));
    let why = again.trouble.unwrap().text().to_owned();
    assert!(why.contains("came back on api-2 1 min after it was verified") && why.contains("restarted"), "{why}");
}
