//! Setting the state of a server and pinning a key to one: recorded before, read back, recorded after; what does not
//! answer is not called done.

use domain::{
    Health, Place, PoolName, RePinRequest, RouteKey, RouterName, Scope, ServerName, ServerState, StateEnd, StateRequest,
};
use service::Error;

use crate::world::{Fault, World, account, shell};

both!(
    a_state_is_set_read_back_and_written_down,
    a_router_that_is_away_is_not_called_done,
    what_is_wrong_is_refused_before_anything_is_asked,
    a_state_that_was_forgotten_is_told,
    a_key_is_pinned_where_it_was_told_to_be,
    nobody_is_pinned_to_a_server_that_takes_nobody,
    a_maintained_server_is_left_by_those_who_were_pinned_to_it,
);

fn place(pool: &str) -> Place {
    Place { router: RouterName::parse("edge").unwrap(), pool: PoolName::parse(pool).unwrap() }
}

fn server(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

fn set(name: &str, state: ServerState) -> StateRequest {
    StateRequest {
        place: place("app"),
        server: server(name),
        state,
        reason: " it is replaced tonight ".to_owned(),
        ticket: "T-7".to_owned(),
    }
}

fn pin(key: &str, to: &str) -> RePinRequest {
    RePinRequest {
        place: place("app"),
        key: RouteKey::parse(key).unwrap(),
        server: server(to),
        reason: "their upload is there".to_owned(),
        ticket: String::new(),
    }
}

/// The newest events of all, newest first: what, and how it ended.
async fn newest(world: &World, n: u32) -> Vec<(String, String)> {
    let page = world.store.audit_page(&domain::view::AuditFilter::default(), None, n).await.unwrap();
    page.into_iter().map(|event| (event.draft.action, event.draft.outcome.as_str().to_owned())).collect()
}

fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(what, how)| ((*what).to_owned(), (*how).to_owned())).collect()
}

async fn a_state_is_set_read_back_and_written_down(world: World) {
    let done = world.unstick.set_server_state(&shell(), set("api-1", ServerState::Drain)).await.unwrap();
    assert_eq!(done.end(), StateEnd::Done, "{}", done.sentence());
    assert_eq!(done.answers[0].read.unwrap().health, Health::Draining);
    assert_eq!(newest(&world, 2).await, told(&[("server.state_set", "done"), ("server.state_requested", "done")]));
    let plan = world.unstick.state_plan(&shell(), &place("app"), &server("api-1")).await.unwrap();
    let asked = plan.fleet[0].asked.clone().unwrap();
    assert_eq!((asked.state, asked.reason.as_str()), (ServerState::Drain, "it is replaced tonight"));
    assert_eq!(plan.fleet[0].now.as_ref().unwrap().state, ServerState::Drain);
    assert!(plan.last_one, "the other one is drained by its back end");
}

async fn a_router_that_is_away_is_not_called_done(world: World) {
    for fault in [Fault::LostRequest, Fault::LostReply] {
        *world.script.always.lock().unwrap() = Some(fault);
        let done = world.unstick.set_server_state(&shell(), set("api-1", ServerState::Maint)).await.unwrap();
        assert_eq!(done.end(), StateEnd::Unanswered, "{fault:?}");
        assert_eq!(newest(&world, 1).await, told(&[("server.state_set", "failed")]));
        world.stuck("away").await;
        let pinned = world.unstick.re_pin(&shell(), pin("away", "api-1")).await;
        *world.script.always.lock().unwrap() = None;
        if fault == Fault::LostRequest {
            let pinned = pinned.unwrap();
            assert!(!pinned.is_done() && pinned.is_unanswered(), "{}", pinned.sentence());
            assert_eq!(newest(&world, 1).await, told(&[("route.pinned", "failed")]));
        }
    }
    // The reply was lost, so it was set all the same: what is read tells.
    let plan = world.unstick.state_plan(&shell(), &place("app"), &server("api-1")).await.unwrap();
    assert_eq!(plan.fleet[0].now.as_ref().unwrap().state, ServerState::Maint);
}

async fn what_is_wrong_is_refused_before_anything_is_asked(world: World) {
    let before = world.calls();
    let short = StateRequest { reason: "no".to_owned(), ..set("api-1", ServerState::Drain) };
    let refused = world.unstick.set_server_state(&shell(), short).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "reason", .. })), "{refused:?}");
    let nowhere = StateRequest { place: place("nosuch"), ..set("api-1", ServerState::Drain) };
    assert!(matches!(world.unstick.set_server_state(&shell(), nowhere).await, Err(Error::NotFound("pool"))));
    let nobody = world.unstick.re_pin(&shell(), pin("nobody", "api-1")).await;
    assert!(matches!(nobody, Err(Error::NotFound("key"))), "{nobody:?}");
    assert_eq!(world.calls(), before);
    // Only the router knows its servers: it refuses, and that is written down.
    let unknown = world.unstick.set_server_state(&shell(), set("api-9", ServerState::Drain)).await.unwrap();
    assert_eq!(unknown.end(), StateEnd::Refused);
    assert!(unknown.sentence().contains("no server called api-9"), "{}", unknown.sentence());
}

async fn a_state_that_was_forgotten_is_told(world: World) {
    world.unstick.set_server_state(&shell(), set("api-1", ServerState::Drain)).await.unwrap();
    let look = async || {
        world.unstick.observe_once().await.unwrap();
        let page = world.unstick.routing(&shell()).await.unwrap();
        let checks = world.unstick.doctor(&shell()).await.unwrap();
        let check = checks.into_iter().find(|check| check.name == "server states").unwrap();
        (page.lost.len(), check)
    };
    let (lost, check) = look().await;
    assert_eq!((lost, check.outcome), (0, service::CheckOutcome::Ok), "{}", check.text);
    // As a load balancer does that starts anew.
    let mut tx = world.store.begin().await.unwrap();
    let pool = PoolName::parse("edge:app").unwrap();
    assert!(tx.hold_embedded_server(&pool, &server("api-1"), ServerState::Ready).await.unwrap());
    tx.commit().await.unwrap();
    let (lost, check) = look().await;
    assert_eq!((lost, check.outcome), (1, service::CheckOutcome::Warn));
    assert!(check.text.contains("api-1 of edge / app was set to drain"), "{}", check.text);
    world.unstick.set_server_state(&shell(), set("api-1", ServerState::Ready)).await.unwrap();
    assert_eq!(look().await.0, 0, "who wants it ready has lost nothing");
}

async fn a_key_is_pinned_where_it_was_told_to_be(world: World) {
    let id = world.stuck("held").await;
    let page = world.unstick.re_pin_page(&shell(), &place("app"), &RouteKey::parse("held").unwrap()).await.unwrap();
    assert_eq!((page.account.clone(), page.scope), (id, Scope::Account));
    assert_eq!(page.fleet[0].1.as_ref().unwrap().as_ref(), Some(&server("api-2")));
    let done = world.unstick.re_pin(&shell(), pin("held", "api-1")).await.unwrap();
    assert!(done.is_done(), "{}", done.sentence());
    assert_eq!(newest(&world, 2).await, told(&[("route.pinned", "done"), ("route.pin_requested", "done")]));
    assert_eq!(world.events(&account("held"), "route.pinned").await, 1, "it is part of the account's story");
    let page = world.unstick.re_pin_page(&shell(), &place("app"), &RouteKey::parse("held").unwrap()).await.unwrap();
    assert_eq!(page.fleet[0].1.as_ref().unwrap().as_ref(), Some(&server("api-1")));
}

async fn nobody_is_pinned_to_a_server_that_takes_nobody(world: World) {
    world.stuck("held").await;
    for bad in ["api-2", "api-9"] {
        let refused = world.unstick.re_pin(&shell(), pin("held", bad)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "server", .. })), "{bad}: {refused:?}");
    }
    assert_eq!(world.events(&account("held"), "route.pin_requested").await, 0);
}

async fn a_maintained_server_is_left_by_those_who_were_pinned_to_it(world: World) {
    world.stuck("held").await;
    let live = domain::SessionId::parse("held_live").unwrap();
    let asked = world.unstick.ask_route(&domain::Actor::System, &live, None).await.unwrap();
    assert_eq!(asked.server, server("api-2"), "a drained server keeps whom it has");
    world.unstick.set_server_state(&shell(), set("api-2", ServerState::Maint)).await.unwrap();
    let asked = world.unstick.ask_route(&domain::Actor::System, &live, None).await.unwrap();
    assert_eq!(asked.server, server("api-1"));
}
