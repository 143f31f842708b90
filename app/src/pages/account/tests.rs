//! The whole page with awkward data, as HTML.

use domain::{
    Account, AccountId, AuditDraft, AuditEvent, AuditOutcome, EndReason, GENESIS, Health, Instant, Place, PoolName,
    Rich, Route, RouteKey, RouterName, Scope, ServerName, ServerStatus, Session, SessionId, SessionState, Span, Unread,
    Verdict, VerdictKind, World, diagnose,
    view::{AccountPage, Band, Page, RouteChip, RouteRow, SessionFilter, SessionRow, Stretch, Timeline, TimelineRow},
};
use leptos::prelude::*;

use super::show;

const HOSTILE: &str = "<script>alert(1)</script>\" onmouseover=\"x";

fn now() -> Instant {
    Instant::parse("2026-11-23T09:14:07.412Z").unwrap()
}

fn place() -> Place {
    Place { router: RouterName::parse("lb-1").unwrap(), pool: PoolName::parse("app").unwrap() }
}

fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

fn account(name: &str, left_over: i64) -> Account {
    Account {
        id: AccountId::parse("auth0|<b>1</b>").unwrap(),
        key: RouteKey::parse("acc_1").unwrap(),
        email: format!("{}@example.org", "m".repeat(116)),
        name: name.to_owned(),
        plan: HOSTILE.to_owned(),
        time_zone: "Asia/Jerusalem".to_owned(),
        created_at: now() - Span::from_days(900),
        last_seen_at: Some(now() - Span::from_secs(8)),
        generation: 1,
        live_sessions: 1,
        leftover_sessions: left_over,
        total_sessions: 212,
        sample: true,
    }
}

fn session(nth: i64, state: SessionState) -> Session {
    Session {
        id: SessionId::parse(format!("s_{nth}")).unwrap(),
        account: AccountId::parse("a").unwrap(),
        key: RouteKey::parse(format!("k_{nth}")).unwrap(),
        client: HOSTILE.to_owned(),
        user_agent: HOSTILE.to_owned(),
        ip: "2001:db8::1".to_owned(),
        created_at: now() - Span::from_days(nth),
        last_seen_at: now() - Span::from_days(nth / 2),
        state,
        generation: 1,
    }
}

fn status(name: &str, health: Health) -> ServerStatus {
    ServerStatus {
        place: place(),
        name: server(name),
        health,
        failing: health == Health::Degraded,
        error_permille: Some(if health == Health::Degraded { 164 } else { 3 }),
        response_ms: Some(180),
        since: now() - Span::from_days(5),
        read_at: now(),
        pinned: Some(40),
    }
}

/// A stuck account with `n` sessions that ended.
fn stuck(name: &str, n: i64) -> AccountPage {
    let state = |nth| SessionState::Ended { reason: EndReason::SignedOut, at: now() - Span::from_days(nth / 2) };
    let mut sessions: Vec<Session> = (1..=n).map(|nth| session(nth, state(nth))).collect();
    sessions.push(session(0, SessionState::Active));
    let route = Route {
        place: place(),
        scope: Scope::Account,
        key: RouteKey::parse("acc_1").unwrap(),
        server: Some(server("api-2")),
        session: Some(SessionId::parse("s_1").unwrap()),
        is_void: false,
        pinned_at: Some(now() - Span::from_days(9)),
        expires_in: Some(Span::from_secs(1_700)),
        read_at: now(),
    };
    let world = World {
        account: account(name, n),
        sessions: sessions.clone(),
        truncated: false,
        routes: vec![route.clone()],
        servers: vec![status("api-1", Health::Healthy), status("api-2", Health::Degraded)],
        unread: vec![Unread { router: RouterName::parse("lb-2").unwrap(), why: HOSTILE.to_owned(), answered: false }],
        accumulation: 50,
        read_at: now(),
    };
    let (verdict, findings) = diagnose(&world);
    let chip = RouteChip {
        router: place().router,
        pool: place().pool,
        server: Some(server("api-2")),
        health: Health::Degraded,
        left_over: true,
    };
    AccountPage {
        sessions: Page {
            items: sessions.into_iter().map(|session| SessionRow { session, routes: vec![chip.clone()] }).collect(),
            next: Some("k 1&".to_owned()),
        },
        routes: vec![RouteRow { route, health: Health::Degraded, left_over: true, why: Rich::new().text(HOSTILE) }],
        timeline: drawing(n.min(12)),
        servers: world.servers.clone(),
        cleanups: Vec::new(),
        events: vec![event()],
        filter: SessionFilter::Open,
        may_clean_up: true,
        now: now(),
        account: world.account,
        unread: world.unread,
        truncated: world.truncated,
        verdict,
        findings,
    }
}

fn drawing(n: i64) -> Timeline {
    let from = now() - Span::from_days(14);
    let stretch = |a: i64, b: i64, name: &str, health, left_over| Stretch {
        from: from + Span::from_days(a),
        to: from + Span::from_days(b),
        server: Some(server(name)),
        health,
        left_over,
    };
    let row = |nth: i64| TimelineRow {
        session: Some(SessionId::parse(format!("s_{nth}")).unwrap()),
        live: nth == 0,
        stretches: vec![
            stretch(nth, nth + 1, "api-1", Health::Healthy, false),
            stretch(nth + 1, nth + 2, "api-2", Health::Degraded, false),
            stretch(nth + 2, 14, "api-2", Health::Degraded, nth > 0),
        ],
    };
    let bands = vec![Band { server: server("api-2"), health: Health::Degraded, since: now() - Span::from_days(5) }];
    Timeline { from, to: now(), rows: (0..=n).map(row).collect(), bands, hidden: 3 }
}

fn event() -> AuditEvent {
    AuditEvent {
        seq: 7,
        draft: AuditDraft {
            at: now(),
            actor: "staff:dana".to_owned(),
            action: "cleanup.requested".to_owned(),
            target: "c_1".to_owned(),
            account: None,
            reason: HOSTILE.to_owned(),
            ticket: HOSTILE.to_owned(),
            outcome: AuditOutcome::Denied,
            detail: serde_json::json!({ "x": HOSTILE }),
        },
        prev_hash: GENESIS.to_owned(),
        hash: GENESIS.to_owned(),
    }
}

fn html(page: &AccountPage) -> String {
    let owner = Owner::new();
    owner.with(|| show(page, None).to_html())
}

#[test]
fn hostile_text_stays_text() {
    let page = html(&stuck(HOSTILE, 3));
    assert!(page.contains("&lt;script&gt;alert(1)"), "the name is there, as text");
    assert!(!page.contains("<script"));
    let quoted = "title=\"&lt;script&gt;alert(1)&lt;/script&gt;&quot; onmouseover=&quot;x\"";
    assert!(page.contains(quoted), "an attribute ends where it should");
}

#[test]
fn nothing_needs_an_inline_style_or_another_host() {
    let page = html(&stuck("שרה לוי", 30));
    assert!(!page.contains(" style=") && !page.contains("http:") && !page.contains("https:"));
    assert!(page.contains("<bdi>שרה לוי</bdi>"), "a name of another direction turns nothing around it");
}

#[test]
fn five_hundred_sessions_are_drawn_and_listed() {
    let page = html(&stuck("Mira", 500));
    assert_eq!(page.matches("class=\"thin\"").count(), 501);
    assert!(page.contains("account route") || page.contains("class=\"timeline\""));
}

#[test]
fn a_clean_account_says_that_sessions_are_not_the_cause_and_advises_nothing() {
    let mut page = stuck("Mira", 0);
    let sentence = Rich::new().strong("Sessions are not the cause.");
    page.verdict = Verdict { kind: VerdictKind::Clean, sentence, advice: None };
    page.findings.clear();
    page.unread.clear();
    page.sessions = Page { items: Vec::new(), next: None };
    page.timeline.rows.clear();
    page.routes.clear();
    page.servers.clear();
    page.events.clear();
    let page = html(&page);
    assert!(page.contains("Sessions are not the cause.") && page.contains("Nothing is wrong"));
    assert!(!page.contains("btn d") && !page.contains("btn p"), "nothing is advised");
}

#[test]
fn who_may_not_clean_up_reads_why() {
    let mut page = stuck("Mira", 3);
    page.may_clean_up = false;
    let page = html(&page);
    assert!(page.contains("disabled") && page.contains("may not clean up"));
}
