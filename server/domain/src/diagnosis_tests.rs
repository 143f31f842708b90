use super::*;
use crate::{AccountId, EndReason, PoolName, RouteKey, SessionState, Span};

const NOW: Instant = Instant::from_secs(1_000_000);

fn account() -> Account {
    let id = AccountId::parse("acc_1").unwrap();
    Account {
        key: RouteKey::of_account(&id),
        id,
        email: "mira@example.org".into(),
        name: "Mira".into(),
        plan: String::new(),
        time_zone: String::new(),
        created_at: NOW,
        last_seen_at: None,
        generation: 0,
        live_sessions: 1,
        leftover_sessions: 0,
        total_sessions: 1,
        sample: false,
    }
}

fn session(name: &str, state: SessionState) -> Session {
    Session {
        id: SessionId::parse(name).unwrap(),
        account: AccountId::parse("acc_1").unwrap(),
        key: RouteKey::parse(name).unwrap(),
        client: String::new(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: NOW - Span::from_days(10),
        last_seen_at: NOW,
        state,
        generation: 0,
    }
}

fn ended() -> SessionState {
    SessionState::Ended { reason: EndReason::SignedOut, at: NOW - Span::from_days(3) }
}

fn place(router: &str) -> Place {
    Place { router: RouterName::parse(router).unwrap(), pool: PoolName::parse("app").unwrap() }
}

fn route(router: &str, scope: Scope, key: &str, server: &str, maker: Option<&str>) -> Route {
    Route {
        place: place(router),
        scope,
        key: RouteKey::parse(key).unwrap(),
        server: Some(ServerName::parse(server).unwrap()),
        session: maker.map(|id| SessionId::parse(id).unwrap()),
        is_void: false,
        pinned_at: None,
        expires_in: None,
        read_at: NOW,
    }
}

fn server(name: &str, failing: bool) -> ServerStatus {
    ServerStatus {
        place: place("lb-1"),
        name: ServerName::parse(name).unwrap(),
        health: if failing { Health::Degraded } else { Health::Healthy },
        failing,
        error_permille: Some(if failing { 160 } else { 1 }),
        response_ms: None,
        since: NOW,
        read_at: NOW,
        pinned: None,
    }
}

fn world(sessions: Vec<Session>, routes: Vec<Route>) -> World {
    let left = sessions.iter().filter(|session| session.state.is_left_over()).count();
    let leftover_sessions = i64::try_from(left).unwrap();
    World {
        account: Account { leftover_sessions, ..account() },
        sessions,
        truncated: false,
        routes,
        servers: vec![server("api-1", false), server("api-2", true)],
        unread: vec![],
        accumulation: 50,
        read_at: NOW,
    }
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn an_account_route_that_an_ended_session_left_on_a_bad_server_is_the_complaint() {
    let left = route("lb-1", Scope::Account, "acc_1", "api-2", Some("s1"));
    let (verdict, findings) = diagnose(&world(vec![session("s1", ended())], vec![left]));
    assert_eq!(verdict.kind, VerdictKind::Stuck);
    assert_eq!(verdict.advice, Some(Mode::Stale));
    let text = verdict.sentence.to_string();
    assert!(text.contains("lands on api-2, which fails 16 % of its requests"), "{text}");
    assert!(text.contains("ended 3 d ago"), "{text}");
    assert_eq!(kinds(&findings), [FindingKind::StaleRoute, FindingKind::OrphanedSession]);
}

/// What the complaint begins with: everybody signed out, and the entry waits for the next sign-in.
#[test]
fn an_account_route_whose_account_is_signed_out_is_left_over_whoever_made_it() {
    let pinned = || vec![route("lb-1", Scope::Account, "acc", "api-1", None)];
    let mut signed_out = world(vec![], pinned());
    signed_out.account.live_sessions = 0;
    let (_, findings) = diagnose(&signed_out);
    assert_eq!((kinds(&findings), findings[0].severity), (vec![FindingKind::StaleRoute], Severity::Notice));
    assert!(findings[0].sentence.to_string().contains("no live session"), "{}", findings[0].sentence);
    // With a live session somewhere, also one that was not read, it may be that one's.
    let mut elsewhere = world(vec![], pinned());
    elsewhere.account.live_sessions = 1;
    assert_eq!(kinds(&diagnose(&elsewhere).1), []);
    assert_eq!(kinds(&diagnose(&world(vec![session("s1", SessionState::Active)], pinned())).1), []);
}

#[test]
fn a_live_session_that_is_stuck_as_well_needs_more_than_its_left_overs_cleaned() {
    let left = route("lb-1", Scope::Account, "acc_1", "api-2", Some("s1"));
    let live = route("lb-1", Scope::Session, "s2", "api-2", Some("s2"));
    let sessions = vec![session("s1", ended()), session("s2", SessionState::Active)];
    let (verdict, _) = diagnose(&world(sessions, vec![left, live]));
    assert_eq!((verdict.kind, verdict.advice), (VerdictKind::Stuck, Some(Mode::Unstick)));
}

#[test]
fn an_ended_sessions_route_is_evidence_in_words() {
    let left = route("lb-1", Scope::Session, "s3", "api-2", Some("s3"));
    let (verdict, findings) = diagnose(&world(vec![session("s3", ended())], vec![left]));
    assert_eq!(verdict.kind, VerdictKind::LeftOver);
    let text = findings[0].sentence.to_string();
    let wanted =
        "Session s3, signed out 3 d ago, is still pinned to api-2 on lb-1, and api-2 fails 16 % of its requests.";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn a_live_session_on_a_bad_server_is_partly_stuck() {
    let live = route("lb-1", Scope::Session, "s1", "api-2", Some("s1"));
    let (verdict, findings) = diagnose(&world(vec![session("s1", SessionState::Active)], vec![live]));
    assert_eq!((verdict.kind, verdict.advice), (VerdictKind::PartlyStuck, Some(Mode::Unstick)));
    assert_eq!(kinds(&findings), [FindingKind::DegradedRoute]);
}

#[test]
fn a_route_nobody_owns_is_stale() {
    let lost = route("lb-1", Scope::Session, "s9", "api-1", Some("s9"));
    let (verdict, findings) = diagnose(&world(vec![], vec![lost]));
    assert_eq!(verdict.kind, VerdictKind::LeftOver);
    assert_eq!(kinds(&findings), [FindingKind::StaleRoute]);
}

#[test]
fn routers_that_disagree_are_split() {
    let routes = vec![
        route("lb-1", Scope::Session, "s1", "api-1", Some("s1")),
        route("lb-2", Scope::Session, "s1", "api-3", Some("s1")),
    ];
    let (_, findings) = diagnose(&world(vec![session("s1", SessionState::Active)], routes));
    assert_eq!(kinds(&findings), [FindingKind::SplitRoute]);
}

#[test]
fn many_open_sessions_accumulate() {
    let mut world = world(vec![], vec![]);
    world.account.live_sessions = 12;
    world.account.leftover_sessions = 38;
    assert_eq!(kinds(&diagnose(&world).1), [FindingKind::Accumulation]);
    world.account.leftover_sessions = 37;
    assert!(diagnose(&world).1.is_empty());
    world.account.leftover_sessions = 0;
    world.account.live_sessions = 50;
    let (verdict, _) = diagnose(&world);
    let text = verdict.sentence.to_string();
    assert!(text.starts_with("Too many sessions, but not stuck. 50 open sessions"), "nothing is left over: {text}");
    assert_eq!(verdict.advice, Some(Mode::Force));
}

#[test]
fn nothing_wrong_is_said_plainly_and_only_when_everything_was_read() {
    let fine = route("lb-1", Scope::Session, "s1", "api-1", Some("s1"));
    let mut world = world(vec![session("s1", SessionState::Active)], vec![fine]);
    let (verdict, findings) = diagnose(&world);
    assert_eq!((verdict.kind, verdict.advice, findings.len()), (VerdictKind::Clean, None, 0));
    assert!(verdict.sentence.to_string().starts_with("Sessions are not the cause."));
    world.unread.push(Unread { router: RouterName::parse("lb-2").unwrap(), why: "no answer".into(), answered: false });
    assert_eq!(diagnose(&world).0.kind, VerdictKind::Unsure);
}

#[test]
fn a_server_that_its_pool_does_not_have_is_gone() {
    let route = route("lb-1", Scope::Session, "s1", "api-7", Some("s1"));
    let world = world(vec![session("s1", SessionState::Active)], vec![route]);
    assert_eq!(world.health_of(&world.routes[0]), Health::Gone);
}

fn away(name: &str) -> Unread {
    Unread { router: RouterName::parse(name).unwrap(), why: "no answer".into(), answered: false }
}

#[test]
fn what_is_left_over_is_not_called_harmless_while_a_router_is_away() {
    let mut world = world(vec![session("s1", ended())], vec![]);
    let known = diagnose(&world).0.sentence.to_string();
    assert!(known.starts_with("Left-overs, but not stuck.") && known.contains("No live session"), "{known}");
    world.unread.push(away("lb-1"));
    let (verdict, _) = diagnose(&world);
    let text = verdict.sentence.to_string();
    assert_eq!(verdict.kind, VerdictKind::LeftOver);
    assert!(!text.contains("not stuck") && !text.contains("No live session"), "{text}");
    assert!(text.ends_with("Whether it is stuck is not known: lb-1 could not be read."), "{text}");
}

#[test]
fn what_a_router_held_when_it_was_last_read_is_told_as_that() {
    let left = route("lb-1", Scope::Account, "acc_1", "api-2", Some("s1"));
    let mut world = world(vec![session("s1", ended())], vec![left]);
    world.unread.push(away("lb-1"));
    let (verdict, _) = diagnose(&world);
    assert_eq!(verdict.kind, VerdictKind::Stuck);
    let text = verdict.sentence.to_string();
    assert!(text.contains("lb-1 could not be read now: what it holds is told as it was"), "{text}");
}

#[test]
fn nothing_left_over_is_not_called_a_left_over() {
    let made_by_live = route("lb-1", Scope::Account, "acc_1", "api-2", Some("s1"));
    let (verdict, _) = diagnose(&world(vec![session("s1", SessionState::Active)], vec![made_by_live]));
    assert_eq!((verdict.kind, verdict.advice), (VerdictKind::Stuck, Some(Mode::Unstick)));
    assert!(!verdict.sentence.to_string().contains("left-overs"), "{}", verdict.sentence);
}

#[test]
fn of_very_many_sessions_those_left_over_are_counted_though_not_all_are_read() {
    let mut world = world(vec![session("s1", ended())], vec![]);
    (world.truncated, world.account.leftover_sessions) = (true, 250);
    let found = diagnose(&world).1;
    let orphans = found.iter().find(|finding| finding.kind == FindingKind::OrphanedSession).unwrap();
    assert_eq!(orphans.count, 250);
    assert!(orphans.sentence.to_string().starts_with("250 sessions ended"), "{}", orphans.sentence);
}
