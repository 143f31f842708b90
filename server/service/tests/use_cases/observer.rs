//! What the observer keeps of the entries that it sees.

use std::sync::atomic::Ordering;

use domain::{Clock, EndReason, RouteKey, Scope};
use service::End;

use crate::world::{World, account, back_end, bare_account, bare_session, pin, session};

both!(
    an_owner_who_becomes_known_later_is_told_of_a_table_read_piece_by_piece,
    an_owner_who_becomes_known_later_is_told_of_a_table_listed_whole,
);

async fn an_owner_who_becomes_known_later_is_told_of_a_table_read_piece_by_piece(world: World) {
    is_told(world).await;
}

async fn an_owner_who_becomes_known_later_is_told_of_a_table_listed_whole(world: World) {
    world.script.listed_whole.store(true, Ordering::SeqCst);
    is_told(world).await;
}

/// A load balancer pins a key with the answer to the first request; the back end reports the session after that.
async fn is_told(world: World) {
    let (id, old) = (account("mira"), session("mira_old"));
    let keys = [RouteKey::of_account(&id), RouteKey::parse(old.as_str()).unwrap()];
    for (pool, key, scope) in [("app", &keys[0], Scope::Account), ("files", &keys[1], Scope::Session)] {
        pin(&world.store, world.clock.now(), pool, key, scope, "api-2", None, None).await;
    }
    world.unstick.observe_once().await.unwrap();
    assert!(world.store.routes_of_accounts(std::slice::from_ref(&id)).await.unwrap().is_empty(), "nobody is known yet");
    world.unstick.observe_once().await.unwrap();

    world.unstick.upsert_accounts(&back_end(), vec![bare_account(&id)]).await.unwrap();
    world.unstick.create_sessions(&back_end(), vec![bare_session(&id, old.clone())]).await.unwrap();
    let end = End { id: old.clone(), reason: EndReason::SignedOut, released: false, at: None };
    world.unstick.end_sessions(&back_end(), vec![end]).await.unwrap();

    world.unstick.observe_once().await.unwrap();
    let mut routes = world.store.routes_of_accounts(std::slice::from_ref(&id)).await.unwrap();
    routes.sort_by_key(|stored| stored.route.key.clone());
    let seen: Vec<_> = routes.iter().map(|stored| (&stored.route.key, stored.route.session.as_ref())).collect();
    assert_eq!(seen, [(&keys[0], None), (&keys[1], Some(&old))]);
    let bad = world.store.bad_routes(&[id]).await.unwrap();
    assert_eq!(bad.len(), 2, "what the list of accounts shows: {bad:?}");
}
