//! What the observer keeps of the entries that it sees.

use std::sync::atomic::Ordering;

use domain::{Clock, EndReason, RouteKey, Scope};
use service::End;

use crate::world::{World, account, back_end, bare_account, bare_session, pin, pin_all, session};

both!(
    an_owner_who_becomes_known_later_is_told_of_a_table_read_piece_by_piece,
    an_owner_who_becomes_known_later_is_told_of_a_table_listed_whole,
    of_a_table_too_large_to_list_the_bad_servers_part_is_read_piece_by_piece,
    of_a_table_too_large_to_list_the_bad_servers_part_is_read_whole_where_there_are_no_pieces,
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

/// Entries of the bad server: two pieces, and one more.
const BAD: usize = 2_001;

/// The keys that are stored after a look of a service that lists no more than `limit` of 3,001 entries, [`BAD`] of which lead to
/// the bad server.
async fn seen_by_a_limit(world: &World, limit: u64) -> (Vec<RouteKey>, Vec<RouteKey>) {
    let keys = |server: &str, n: usize| -> Vec<RouteKey> {
        (0..n).map(|i| RouteKey::parse(format!("key{i:05}_{server}")).unwrap()).collect()
    };
    let (bad, good) = (keys("bad", BAD), keys("good", 1_000));
    pin_all(&world.store, world.clock.now(), &bad, "api-2").await;
    pin_all(&world.store, world.clock.now(), &good, "api-1").await;
    let unstick = world.with(|settings| settings.observe_limit = limit);
    unstick.observe_once().await.unwrap();
    let pool = unstick.fleet()[0].pools().iter().find(|pool| pool.scope == Scope::Session).unwrap();
    let (mut stored, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.routes_at(&pool.place, after.as_ref(), 1_000).await.unwrap();
        stored.extend(page.into_iter().map(|stored| stored.route.key));
        if stored.last() == after.as_ref() {
            return (stored, bad);
        }
        after = stored.last().cloned();
    }
}

async fn of_a_table_too_large_to_list_the_bad_servers_part_is_read_piece_by_piece(world: World) {
    assert_eq!(seen_by_a_limit(&world, 2_000).await.0, [], "more than may be asked for at once");
    let (stored, bad) = seen_by_a_limit(&world, 2_001).await;
    assert_eq!(stored, bad, "all of the bad server, none of the good one");
    assert_eq!(world.script.most_entries.load(Ordering::SeqCst), 0, "nothing was listed");
}

async fn of_a_table_too_large_to_list_the_bad_servers_part_is_read_whole_where_there_are_no_pieces(world: World) {
    world.script.listed_whole.store(true, Ordering::SeqCst);
    assert_eq!(seen_by_a_limit(&world, 2_000).await.0, [], "more than may be asked for at once");
    let (stored, bad) = seen_by_a_limit(&world, 2_001).await;
    assert_eq!(stored, bad, "all of the bad server, none of the good one");
    assert_eq!(world.script.most_entries.load(Ordering::SeqCst), BAD);
}
