//! The rules of the census: two looks, the grace time, and what lies at a key.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::{Health, PoolInfo, PoolName, RouteKey, RouterKind, RouterName, Scope, ServerStatus};

const GRACE: Span = Span::from_secs(300);

fn at(second: i64) -> Instant {
    Instant::from_secs(10_000 + second)
}
fn place(router: &str) -> Place {
    Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse("app").unwrap() }
}
fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}
fn key(text: &str) -> RouteKey {
    RouteKey::parse(text).unwrap()
}
fn sid(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

fn seen(subject: &str, since: Option<i64>) -> Seen {
    Seen {
        kind: CensusKind::StaleRoute,
        place: Some(place("lb-1")),
        subject: subject.to_owned(),
        server: Some(server("api-2")),
        account: None,
        session: None,
        severity: Severity::Warning,
        since: since.map(at),
        count: 1,
        detail: "remains, though its session ended".to_owned(),
    }
}

fn around(scope: Scope, routers: &[&str]) -> Around {
    let pool = |router: &&str| PoolInfo { place: place(router), kind: RouterKind::Embedded, scope, rule: None };
    let status = |router: &str, name: &str, health| ServerStatus {
        place: place(router),
        name: server(name),
        health,
        failing: false,
        error_permille: None,
        response_ms: None,
        since: at(-1_000),
        read_at: at(0),
        pinned: None,
    };
    let servers: Vec<ServerStatus> = routers
        .iter()
        .flat_map(|r| [status(r, "api-1", Health::Healthy), status(r, "api-2", Health::Draining)])
        .collect();
    Around::new(routers.iter().map(pool).collect(), &servers, at(0), GRACE, 50)
}

fn session(id: &str, ended: Option<i64>, cleaned: bool) -> CensusSession {
    let account = AccountId::parse("acc").unwrap();
    CensusSession { key: key("k"), id: sid(id), account, ended_at: ended.map(at), cleaned }
}

fn route(pool: usize, name: &str, maker: Option<&str>) -> RouteAt {
    let now =
        CensusRoute { key: key("k"), server: Some(server(name)), session: maker.map(sid), pinned_at: Some(at(-900)) };
    RouteAt { pool, now: Some(now), known: None }
}

fn at_key(routes: Vec<RouteAt>, sessions: Vec<CensusSession>, accounts: Vec<CensusAccount>) -> AtKey {
    AtKey { key: key("k"), routes, sessions, accounts }
}

fn kinds(judged: &Judged) -> Vec<CensusKind> {
    judged.seen.iter().map(|seen| seen.kind).collect()
}

#[test]
fn only_the_second_look_opens_and_never_before_the_grace_time() {
    let look = |before: Option<&CensusFinding>, since, census, now| {
        CensusFinding::after_look(before, seen("k", since), census, at(now), GRACE)
    };
    let first = look(None, Some(-400), 1, 0);
    assert_eq!((first.state, first.looks), (FindingState::Suspected, 1));
    let same = look(Some(&first), Some(-400), 1, 1);
    assert_eq!((same.state, same.looks), (FindingState::Suspected, 1), "one census is one look");
    let second = look(Some(&first), Some(-400), 2, 2);
    assert_eq!((second.state, second.looks, second.first_seen), (FindingState::Open, 2, at(0)));
    let unknown = look(None, None, 1, 0);
    let early = look(Some(&unknown), None, 2, 10);
    assert_eq!((early.state, early.looks), (FindingState::Suspected, 2), "of unknown age: since it was first seen");
    assert_eq!(look(Some(&early), None, 3, 300).state, FindingState::Open);
}

#[test]
fn what_was_gone_begins_anew() {
    let gone = CensusFinding {
        state: FindingState::Gone,
        looks: 7,
        ..CensusFinding::after_look(None, seen("k", None), 1, at(0), GRACE)
    };
    let again = CensusFinding::after_look(Some(&gone), seen("k", None), 9, at(900), GRACE);
    assert_eq!((again.state, again.looks, again.first_seen), (FindingState::Suspected, 1, at(900)));
}

#[test]
fn what_is_open_stays_open_while_it_is_seen() {
    let first = CensusFinding::after_look(None, seen("k", Some(-400)), 1, at(0), GRACE);
    let open = CensusFinding::after_look(Some(&first), seen("k", Some(-400)), 2, at(1), GRACE);
    let later = CensusFinding::after_look(Some(&open), seen("k", None), 3, at(2), GRACE);
    assert_eq!(later.state, FindingState::Open);
}

#[test]
fn an_identity_is_kind_place_and_subject() {
    let one = seen("k", Some(1));
    assert_eq!(one.id(), Seen { severity: Severity::Critical, since: None, count: 9, ..one.clone() }.id());
    for other in [
        Seen { subject: "k2".to_owned(), ..one.clone() },
        Seen { kind: CensusKind::SplitRoute, ..one.clone() },
        Seen { place: Some(place("lb-2")), ..one.clone() },
        Seen { place: None, ..one.clone() },
    ] {
        assert_ne!(one.id(), other.id());
    }
}

#[test]
fn words_are_read_back() {
    for kind in CensusKind::ALL {
        assert_eq!(CensusKind::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for age in FindingAge::ALL {
        assert_eq!(FindingAge::parse(age.as_str()), Some(age));
    }
}

#[test]
fn a_session_key_is_judged() {
    let around = around(Scope::Session, &["lb-1", "lb-2"]);
    let judge = |routes, sessions| around.judge(&at_key(routes, sessions, Vec::new()), Scope::Session, &HashMap::new());
    let good = judge(vec![route(0, "api-1", None)], vec![session("s", None, false)]);
    assert_eq!(good, Judged::default(), "a live session on a good server");
    let bad = judge(vec![route(0, "api-2", None)], vec![session("s", None, false)]);
    assert_eq!((bad.seen.len(), bad.degraded), (0, vec![(0, server("api-2"))]));
    let ended = judge(vec![route(0, "api-1", None)], vec![session("s", Some(-600), false)]);
    assert_eq!(kinds(&ended), [CensusKind::OrphanedSession, CensusKind::StaleRoute]);
    assert!(ended.seen.iter().all(|seen| seen.since == Some(at(-600)) && seen.account.is_some()));
    let record = judge(vec![], vec![session("s", Some(-600), false)]);
    assert_eq!((kinds(&record), record.seen[0].severity), (vec![CensusKind::OrphanedSession], Severity::Notice));
    let cleaned = judge(vec![route(0, "api-1", None)], vec![session("s", Some(-600), true)]);
    assert_eq!(kinds(&cleaned), [CensusKind::StaleRoute]);
    let nobody = judge(vec![route(0, "gone-9", None)], vec![]);
    assert_eq!((kinds(&nobody), nobody.seen[0].account.as_ref()), (vec![CensusKind::StaleRoute], None));
    let young = judge(vec![route(0, "api-1", None)], vec![session("s", Some(-299), false)]);
    assert_eq!(young, Judged::default(), "a sign-out under way");
    let split = judge(vec![route(0, "api-1", None), route(1, "api-3", None)], vec![session("s", None, false)]);
    assert_eq!(kinds(&split), [CensusKind::SplitRoute]);
    assert_eq!(split.degraded, [(1, server("api-3"))], "a server that its pool does not list is gone");
}

#[test]
fn an_account_key_is_judged_by_who_made_its_route() {
    let around = around(Scope::Account, &["lb-1"]);
    let id = AccountId::parse("acc").unwrap();
    let account =
        |open: i64| CensusAccount { key: key("k"), id: id.clone(), live: 1, left_over: open - 1, total: open };
    let makers =
        HashMap::from([(sid("live"), Maker::Live), (sid("over"), Maker::Ended(at(-700))), (sid("no"), Maker::Missing)]);
    let judge = |name, maker, accounts| {
        around.judge(&at_key(vec![route(0, name, maker)], Vec::new(), accounts), Scope::Account, &makers)
    };
    assert_eq!(judge("api-1", Some("live"), vec![account(1)]), Judged::default());
    assert_eq!(judge("api-2", Some("live"), vec![account(1)]).degraded, [(0, server("api-2"))]);
    let over = judge("api-2", Some("over"), vec![account(1)]);
    assert_eq!((kinds(&over), over.seen[0].severity), (vec![CensusKind::StaleRoute], Severity::Critical));
    assert_eq!((over.seen[0].account.as_ref(), over.degraded.len()), (Some(&id), 0));
    assert_eq!(judge("api-1", Some("no"), vec![account(1)]).seen[0].severity, Severity::Notice);
    assert_eq!(judge("api-1", None, vec![account(1)]), Judged::default(), "who made it is not known");
    // Nobody of it is signed in: whoever made the route, it waits for the next sign-in and keeps it there.
    let signed_out = || CensusAccount { live: 0, ..account(1) };
    let waits = judge("api-2", None, vec![signed_out()]);
    assert_eq!((kinds(&waits), waits.seen[0].severity), (vec![CensusKind::StaleRoute], Severity::Critical));
    let good = judge("api-1", None, vec![signed_out()]);
    assert_eq!((good.seen[0].severity, good.seen[0].since), (Severity::Notice, None));
    assert_eq!(judge("api-1", None, vec![signed_out(), account(1)]), Judged::default(), "two who share the key");
    let unheard_of = CensusAccount { total: 0, ..signed_out() };
    assert_eq!(judge("api-1", None, vec![unheard_of]), Judged::default(), "nobody told of its sessions");
    let nobody = judge("api-1", Some("live"), vec![]);
    assert_eq!((kinds(&nobody), nobody.seen[0].account.as_ref()), (vec![CensusKind::StaleRoute], None));
    assert_eq!(kinds(&judge("api-1", Some("live"), vec![account(50)])), [CensusKind::Accumulation]);
}

#[test]
fn what_was_read_before_tells_maker_and_account() {
    let around = around(Scope::Account, &["lb-1"]);
    let mut here = route(0, "api-1", None);
    let known = |name: &str| KnownRoute {
        key: key("k"),
        server: Some(server(name)),
        session: Some(sid("over")),
        account: AccountId::parse("acc").ok(),
        pinned_at: Some(at(-1_000)),
        read_at: at(-500),
    };
    here.known = Some(known("api-1"));
    let makers = HashMap::from([(sid("over"), Maker::Ended(at(-700)))]);
    let account =
        CensusAccount { key: key("k"), id: AccountId::parse("acc").unwrap(), live: 1, left_over: 0, total: 1 };
    let judge = |route: &RouteAt| {
        around.judge(&at_key(vec![route.clone()], Vec::new(), vec![account.clone()]), Scope::Account, &makers)
    };
    assert_eq!(kinds(&judge(&here)), [CensusKind::StaleRoute]);
    here.known = Some(known("api-3"));
    assert_eq!(judge(&here), Judged::default(), "another route made that one");
}

#[test]
fn a_bad_server_is_one_finding_whoever_is_on_it() {
    let around = around(Scope::Session, &["lb-1"]);
    let counts = BTreeMap::from([((0, server("api-2")), 1_234), ((0, server("api-9")), 1)]);
    let seen = around.degraded_servers(&counts);
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].count, seen[0].severity), (1_234, Severity::Critical));
    assert_eq!(seen[1].sentence().to_string(), "Server api-9 on lb-1 / app is gone, and 1 route leads to it.");
}

proptest! {
    /// Whatever is there: a live session is never called left over, and nothing younger than the grace time counts.
    #[test]
    fn a_live_session_is_never_left_over(
        sessions in prop::collection::vec((prop::option::of(-900_i64..0), any::<bool>()), 0..3),
        routes in prop::collection::vec((0_usize..2, 1_u8..4), 0..3),
    ) {
        let around = around(Scope::Session, &["lb-1", "lb-2"]);
        let sessions: Vec<CensusSession> = sessions
            .iter()
            .enumerate()
            .map(|(n, (ended, cleaned))| session(&format!("s{n}"), *ended, *cleaned && ended.is_some()))
            .collect();
        let live = sessions.iter().any(|session| session.ended_at.is_none());
        let routes = routes.iter().map(|(pool, n)| route(*pool, &format!("api-{n}"), None)).collect();
        let judged = around.judge(&at_key(routes, sessions.clone(), Vec::new()), Scope::Session, &HashMap::new());
        for seen in &judged.seen {
            prop_assert!(seen.is_ripe(at(0), GRACE));
            prop_assert!(!(live && seen.kind == CensusKind::StaleRoute));
            if seen.kind == CensusKind::OrphanedSession {
                let owner = sessions.iter().find(|session| session.id.as_str() == seen.subject).unwrap();
                prop_assert!(owner.ended_at.is_some() && !owner.cleaned);
            }
        }
    }
}
