//! The page of findings and the page of a repair, as a browser without scripts sees them.

use domain::{
    Actor, Instant, Mode, Place, PoolName, Role, Route, RouteKey, RouterName, Scope, ServerName, Status,
    census::FindingFilter, view::CleanupRequest,
};
use store::StoredRoute;

use crate::support::TestApp;

const FORM: [(&str, &str); 5] =
    [("kind", ""), ("router", ""), ("server", ""), ("age", ""), ("reason", "left by the outage")];

#[tokio::test]
async fn before_any_census_the_page_says_what_to_do_and_a_click_runs_one() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let mut support = app.signed_in(Role::Support).await;
    let page = support.get("/findings").await.expect(200).text;
    assert!(page.contains("No census has come to its end yet") && page.contains("action=\"/fn/census/run\""), "{page}");
    assert_eq!(support.post("/fn/census/run", &[]).await.expect(303).location(), "/findings");
    let page = support.get("/findings").await.expect(200).text;
    assert!(page.contains("A census runs now") && page.contains("running"), "{page}");
    support.post("/fn/census/run", &[]).await.expect(303);
    assert!(support.get("/findings").await.text.contains("under way already"));
    app.unstick.carry_out_asked_census().await.unwrap().unwrap();
    let page = support.get("/findings").await.expect(200).text;
    assert!(page.contains("Last census: 2 sessions") && !page.contains("tag busy"), "{page}");
}

#[tokio::test]
async fn findings_are_counted_listed_filtered_and_drawn() {
    let app = TestApp::with(&[("UNSTICK_PAGE_SIZE", "5")]).await;
    for name in ["acc_a", "acc_b", "acc_c", "acc_d"] {
        app.stuck(name).await;
    }
    app.censuses().await;
    let mut viewer = app.signed_in(Role::Viewer).await;
    let first = viewer.get("/findings").await.expect(200);
    for words in ["orphaned sessions", "s_ended_acc_a", "Oldest first", "<polyline", "Support and admins may run one"] {
        assert!(first.text.contains(words), "{words}: {}", first.text);
    }
    assert!(first.text.contains("aria-current=\"page\"><i class=\"i i-findings\">"), "it is in the navigation");
    assert!(!first.text.contains("style="), "the content security policy allows none");
    assert!(!first.text.contains("Plan a repair") && first.text.contains("Admins may repair them"));
    // Every page, by the links alone: each finding once.
    let (mut url, mut seen) = ("/findings?kind=orphaned_session".to_owned(), Vec::new());
    for _ in 0..9 {
        let page = viewer.get(&url).await.expect(200).text;
        seen.extend(
            ["a", "b", "c", "d"].into_iter().filter(|n| page.contains(&format!("<code>s_ended_acc_{n}</code>"))),
        );
        let Some((before, _)) = page.split_once("\">Next page") else { break };
        url = before.rsplit("href=\"").next().unwrap().replace("&amp;", "&");
        assert!(url.contains("kind=orphaned_session"), "{url}");
    }
    seen.sort_unstable();
    assert_eq!(seen, ["a", "b", "c", "d"]);
    assert!(viewer.get("/findings?age=7d").await.expect(200).text.contains("Nothing open fits this filter"));
    assert!(viewer.get("/findings?server=good&router=embedded").await.expect(200).text.contains("stale route"));
    for bad in ["kind=everything", "age=2y", "router=a%20b", "after=nonsense"] {
        viewer.get(&format!("/findings?{bad}")).await.expect(422);
    }
}

#[tokio::test]
async fn rows_of_a_router_that_is_not_configured_any_more_are_found() {
    let app = TestApp::new().await;
    let place = Place { router: RouterName::parse("lb-old").unwrap(), pool: PoolName::parse("app").unwrap() };
    let route = Route {
        place,
        scope: Scope::Account,
        key: RouteKey::parse("acc_a").unwrap(),
        server: ServerName::parse("api-2").ok(),
        session: None,
        is_void: false,
        pinned_at: None,
        expires_in: None,
        read_at: Instant::from_secs(1),
    };
    let mut tx = app.unstick.store().begin().await.unwrap();
    tx.save_routes(&[StoredRoute { route, account: None }]).await.unwrap();
    tx.commit().await.unwrap();
    // Nothing says since when: the grace time runs from the first look.
    app.censuses().await;
    app.censuses().await;
    let mut viewer = app.signed_in(Role::Viewer).await;
    let page = viewer.get("/findings?kind=dangling_row").await.expect(200).text;
    assert!(page.contains("lb-old") && page.contains("not configured any more"), "{page}");
}

#[tokio::test]
async fn an_admin_repairs_exactly_what_was_shown() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let also = app.stuck("acc_b").await;
    let shown = app.repair_shown().await;
    let mut admin = app.signed_in(Role::Admin).await;
    assert!(admin.get("/findings").await.expect(200).text.contains("href=\"/findings/repair\""));
    let page = admin.get("/findings/repair").await.expect(200).text;
    for words in [&*shown.replace('"', "&quot;"), "s_ended_acc_a", "Repair 2 accounts", "Nobody is signed out"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // What the person can mend leads back, with what was typed.
    let form = |shown, reason| [&FORM[..4], &[("shown", shown), ("reason", reason), ("ticket", "T-7")]].concat();
    let back = admin.post("/fn/census/repair", &form(&shown, "abc")).await.expect(303);
    let page = admin.get(back.location()).await.expect(422).text;
    assert!(page.contains("at least 5 characters") && page.contains("T-7"), "{page}");
    let back = admin.post("/fn/census/repair", &form(r#"[["acc_a","another"]]"#, FORM[4].1)).await.expect(303);
    assert!(admin.get(back.location()).await.expect(200).text.contains("The plan is new"));
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none(), "nothing was done so far");

    admin.post("/fn/census/repair", &form("another", FORM[4].1)).await.expect(422);
    let inner = shown.trim_matches(['[', ']']);
    let twice = format!("[[{inner}],[{inner}]]");
    let back = admin.post("/fn/census/repair", &form(&twice, FORM[4].1)).await.expect(303);
    assert!(admin.get(back.location()).await.expect(422).text.contains("names an account twice"));
    // One of the two is cleaned meanwhile: it is left alone, and the other one is repaired.
    let request = CleanupRequest {
        account: also.account.clone(),
        mode: Mode::Stale,
        reason: "the customer called".to_owned(),
        ticket: String::new(),
        hash: None,
    };
    let own = app.unstick.request_cleanup(&Actor::System, request).await.unwrap();
    assert_eq!(app.unstick.drive(&own.id, &|_| ()).await.unwrap(), Status::Done);
    let done = admin.post("/fn/census/repair", &form(&shown, FORM[4].1)).await.expect(303);
    assert!(done.location().starts_with("/findings/repair?id=r_"), "{}", done.location());
    let page = admin.get(done.location()).await.expect(200).text;
    let cleanup = app.unstick.store().live_cleanup(&stuck.account).await.unwrap().unwrap();
    assert!(page.contains(&format!("/clean-ups/{cleanup}")) && page.contains("clean-up asked for"), "{page}");
    assert!(page.contains("changed meanwhile, left alone"), "{page}");
    assert_eq!(app.unstick.drive(&cleanup, &|_| ()).await.unwrap(), Status::Done);
    app.unstick.run_census(&Actor::System, &|_, _| ()).await.unwrap();
    let left = app.unstick.findings(&Actor::System, &FindingFilter::default(), None).await.unwrap();
    assert!(left.page.items.iter().all(|finding| finding.seen.account.is_none()), "{:?}", left.page.items);
    let page = admin.get("/findings/repair").await.expect(200).text;
    assert!(page.contains("Nothing that is open here is left over any more"), "{page}");
    admin.get("/findings/repair?id=r_nosuch").await.expect(404);
}
