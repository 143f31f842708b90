use super::*;
use crate::{
    Account, AccountId, EndReason, Health, Instant, Mode, Place, PoolInfo, PoolName, Route, RouteKey, RouterKind,
    RouterName, Scope, ServerName, ServerStatus, Session, SessionState, Unread, diagnose, plan, plan_keeping,
};

const NOW: Instant = Instant::from_secs(1_000_000);

fn id(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

fn session(name: &str, state: SessionState) -> Session {
    Session {
        id: id(name),
        account: AccountId::parse("acc_1").unwrap(),
        key: RouteKey::parse(name).unwrap(),
        client: "Desktop".to_owned(),
        user_agent: String::new(),
        ip: String::new(),
        created_at: NOW,
        last_seen_at: NOW,
        state,
        generation: 0,
    }
}

fn place(pool: &str) -> Place {
    Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse(pool).unwrap() }
}

fn route(pool: &str, scope: Scope, key: &str) -> Route {
    Route {
        is_void: false,
        place: place(pool),
        scope,
        key: RouteKey::parse(key).unwrap(),
        server: Some(ServerName::parse("api-2").unwrap()),
        session: None,
        pinned_at: None,
        expires_in: None,
        read_at: NOW,
    }
}

/// `s_here` and `s_there` are live, `s_old` is left over; everything is on the bad server.
fn world() -> World {
    let account = AccountId::parse("acc_1").unwrap();
    let server = |pool: &str| ServerStatus {
        place: place(pool),
        name: ServerName::parse("api-2").unwrap(),
        health: Health::Degraded,
        failing: true,
        error_permille: Some(160),
        response_ms: None,
        since: NOW,
        read_at: NOW,
        pinned: None,
    };
    World {
        account: Account {
            key: RouteKey::of_account(&account),
            id: account,
            email: String::new(),
            name: "Mira".to_owned(),
            plan: String::new(),
            time_zone: String::new(),
            created_at: NOW,
            last_seen_at: None,
            generation: 0,
            live_sessions: 2,
            leftover_sessions: 1,
            total_sessions: 3,
            sample: false,
        },
        sessions: vec![
            session("s_here", SessionState::Active),
            session("s_there", SessionState::Active),
            session("s_old", SessionState::Ended { reason: EndReason::SignedOut, at: NOW }),
        ],
        truncated: false,
        routes: vec![
            route("app", Scope::Account, "acc_1"),
            route("files", Scope::Session, "s_here"),
            route("files", Scope::Session, "s_there"),
            route("files", Scope::Session, "s_old"),
        ],
        servers: vec![server("app"), server("files")],
        unread: Vec::new(),
        accumulation: 50,
        read_at: NOW,
    }
}

fn pools() -> Vec<PoolInfo> {
    let pool = |name: &str, scope| PoolInfo { place: place(name), kind: RouterKind::Haproxy, scope, rule: None };
    vec![pool("app", Scope::Account), pool("files", Scope::Session)]
}

#[test]
fn a_kept_session_stays_and_its_routes_go_like_all_others() {
    let plan = plan_keeping(&world(), Mode::Force, &pools(), Some(&id("s_here")));
    assert_eq!(plan.keep, Some(id("s_here")));
    assert_eq!(plan.ends, [id("s_there")]);
    assert_eq!(plan.deletes, [id("s_there"), id("s_old")]);
    let must: Vec<(&str, bool)> = plan.routes.iter().map(|route| (route.key.as_str(), route.must_vanish)).collect();
    // What is kept may have a new route, on a good server; what ended may have none.
    assert_eq!(must, [("acc_1", false), ("s_here", false), ("s_there", true), ("s_old", true)]);
}

#[test]
fn what_is_kept_is_part_of_the_hash() {
    let hash = |keep: Option<&str>| plan_keeping(&world(), Mode::Force, &pools(), keep.map(id).as_ref()).hash();
    assert_eq!(hash(None), plan(&world(), Mode::Force, &pools()).hash());
    assert_ne!(hash(Some("s_here")), hash(None));
    assert_ne!(hash(Some("s_here")), hash(Some("s_there")));
}

#[test]
fn a_session_that_is_over_or_not_of_the_account_is_not_kept() {
    for name in ["s_old", "s_of_somebody_else"] {
        let plan = plan_keeping(&world(), Mode::Force, &pools(), Some(&id(name)));
        assert_eq!((plan.keep, plan.ends.len()), (None, 2), "{name}");
    }
}

#[test]
fn customers_are_told_what_will_happen_and_no_name_of_ours() {
    let this = id("s_here");
    let kept = preview_words(&plan_keeping(&world(), Mode::Force, &pools(), Some(&this)), Some(&this)).join(" ");
    assert!(kept.contains("sign in again on 1 device.") && kept.contains("You stay signed in here."), "{kept}");
    assert!(kept.contains("What one session that ended left behind is removed."), "{kept}");
    let all = preview_words(&plan(&world(), Mode::Force, &pools()), Some(&this)).join(" ");
    assert!(all.contains("sign in again on 2 devices, this one included."), "{all}");
    let mut away = world();
    away.unread.push(Unread { router: RouterName::parse("lb-1").unwrap(), why: "refused".to_owned(), answered: false });
    let partly = preview_words(&plan(&away, Mode::Force, &pools()), None).join(" ");
    assert!(partly.contains("Part of it will be done as soon as"), "{partly}");
    let (verdict, findings) = diagnose(&away);
    let (says, lines) = diagnosis_words(&away, &verdict, &findings, Some(&this));
    assert!(says.starts_with("Your account is stuck"), "{says}");
    assert!(lines.iter().any(|line| line.contains("The device that you are on")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("could not be asked")), "{lines:?}");
    for text in [kept, all, partly, says, lines.join(" ")] {
        assert!(!text.contains("api-2") && !text.contains("lb-1") && !text.contains("s_"), "{text}");
    }
}

#[test]
fn nothing_to_reset_and_how_far_it_is_are_said_plainly() {
    let mut empty = world();
    empty.sessions.clear();
    empty.routes.clear();
    assert!(preview_words(&plan(&empty, Mode::Force, &pools()), None)[0].contains("nothing to reset"));
    assert_eq!(state_words(Status::Done, 3, false), "Done. You may need to sign in again on 3 devices.");
    assert!(state_words(Status::Done, 1, true).contains("1 device; one stayed signed in"));
    assert!(state_words(Status::Done, 0, true).contains("Nobody was signed out"));
    assert!(state_words(Status::Owed, 1, true).contains("Part of it will be done as soon as"));
}
