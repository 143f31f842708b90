//! Moving everybody off a server as a browser without scripts sees it.

use domain::{Actor, Counters, Health, PoolName, Role, ServerName};

use crate::support::{Answer, Browser, TestApp};

const PAGE: &str = "/routing/move-off?router=embedded&pool=app&server=good";

/// Everybody is on `good`, which takes customers as well as `spare` does.
async fn crowded(accounts: usize) -> TestApp {
    let app = TestApp::new().await;
    for at in 0..accounts {
        app.stuck(&format!("acc_{at}")).await;
    }
    let (pool, spare) = (PoolName::parse("app").unwrap(), ServerName::parse("spare").unwrap());
    app.unstick.feed_server(&Actor::System, &pool, &spare, Health::Healthy, Counters::default()).await.unwrap();
    app.unstick.observe_once().await.unwrap();
    app
}

async fn ask(admin: &mut Browser, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("router", "embedded"), ("pool", "app"), ("server", "good"), ("ticket", "T-7")];
    fields.extend_from_slice(more);
    if !more.iter().any(|(name, _)| *name == "reason") {
        fields.push(("reason", "to be taken away"));
    }
    admin.post("/fn/bulk/move-off", &fields).await.expect(303)
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_its_field_and_nothing_typed_is_lost() {
    let app = crowded(1).await;
    let mut admin = app.signed_in(Role::Admin).await;
    let page = admin.get(PAGE).await.expect(200).text;
    assert!(page.contains("still takes new customers") && page.contains("<option value=\"spare\""), "{page}");
    for (field, value, words) in [
        ("rate", "0", "1 to 1000"),
        ("wave", "many", "whole number"),
        ("max_errors", "101", "percentage points"),
        ("to", "bad", "choose a server that is healthy"),
        ("to", "nosuch", "another server of the pool app"),
        ("reason", "no", "at least 5 characters"),
    ] {
        let answer = ask(&mut admin, &[(field, value)]).await;
        assert_eq!(answer.location(), PAGE, "{field}");
        let page = admin.get(PAGE).await.expect(422).text;
        assert!(page.contains(words), "{field}: {words}");
        assert!(page.contains("value=\"T-7\""), "what was typed is there");
    }
    assert!(admin.get("/bulk").await.expect(200).text.contains("None was made yet"));
    admin.get("/routing/move-off?router=embedded&pool=app&server=nosuch").await.expect(404);
}

#[tokio::test]
async fn it_is_counted_asked_for_and_shown_with_its_server() {
    let app = crowded(3).await;
    let mut admin = app.signed_in(Role::Admin).await;
    let location = ask(&mut admin, &[("rate", "5")]).await.location().to_owned();
    assert!(location.starts_with("/bulk/b_"), "{location}");
    let page = admin.get(&location).await.expect(200).text;
    for words in [
        "3 accounts",
        "everybody off good of app on embedded",
        "Nobody is signed out",
        "Only routes to good are cleared",
        "It stops by itself when another server fails 3 % more",
        "gets about 3",
        "still takes new customers",
        "Their routes",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("left-over sessions are cleaned"), "no record is");
    let server = admin.get("/routing/server?router=embedded&pool=app&server=good").await.expect(200).text;
    assert!(server.contains(&location) && server.contains("not asked for yet"), "{server}");
    // Whoever may only look sees the same, and why there is no button.
    let mut viewer = app.signed_in(Role::Viewer).await;
    let page = viewer.get(PAGE).await.expect(200).text;
    assert!(page.contains("Only admins move everybody off a server") && page.contains("<fieldset disabled"), "{page}");
}
