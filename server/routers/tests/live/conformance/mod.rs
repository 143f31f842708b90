//! What the trait promises, held against every kind of router over the program that it is for: HAProxy, Redis and a table in
//! memory by the routers' own tests, the table in the database (on SQLite and on PostgreSQL) by those of the service. A new
//! kind joins by a line where [`promises`] is run and an arm in [`subject`].

pub mod subject;
pub mod table;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use domain::{Health, RouteKey, RouterKind, Scope, ServerState, Span};
use routers::{Entry, Listing, Router, RouterError};

use self::subject::{Subject, server};
use crate::lab::{key, keys, pool};

/// Hands every promise's name to the macro `$run`; the second list is for the kinds that run outside of Unstick.
macro_rules! promises {
    ($run:ident) => {
        $run! {
            all:
                it_tells_what_it_is
                read_tells_what_is_there_and_nothing_else
                clear_removes_its_keys_and_no_others
                no_keys_never_mean_all
                a_fence_keeps_new_entries_out_until_it_is_lifted
                fences_bear_repetition
                what_passes_a_fence_is_seen_and_cleared
                a_list_is_whole_or_says_that_it_is_too_long
                the_entries_of_a_server_are_its_own
                a_pool_that_is_not_configured_is_refused
                servers_are_told_as_their_operators_see_them
                a_state_is_set_and_read_back_or_it_is_said_that_there_is_none
                a_key_is_pinned_to_the_server_that_was_chosen
                thousands_of_keys_are_as_good_as_one
                callers_do_not_disturb_each_other;
            outside:
                without_a_fence_nothing_is_fenced_and_it_says_so
                one_that_hangs_is_given_up_in_time_and_taken_up_again
                one_that_is_gone_is_unreachable_in_everything
                a_restart_is_told
        }
    };
}

fn sorted(entries: &[Entry]) -> Vec<&str> {
    let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

fn all(listing: Listing) -> Vec<Entry> {
    if let Listing::All(entries) = listing { entries } else { panic!("{listing:?}") }
}

fn refused<T: std::fmt::Debug>(result: &Result<T, RouterError>) {
    assert!(matches!(result, Err(RouterError::Refused(_))), "{result:?}");
}

pub async fn it_tells_what_it_is(it: Subject) {
    let about = it.router.about().await.unwrap();
    assert!(!about.product.is_empty() && about.product.chars().all(|c| !c.is_control()), "{about:?}");
    let mut names = BTreeSet::new();
    for info in it.router.pools() {
        assert_eq!((&info.place.router, info.kind), (it.router.name(), it.router.kind()));
        assert!(names.insert(info.place.pool.clone()), "{info:?} twice");
    }
    assert!(it.router.pools().iter().any(|info| info.place.pool == it.pool && info.scope == Scope::Account));
    assert!(it.router.can_fence() && it.router.drain() >= Span::ZERO);
}

pub async fn read_tells_what_is_there_and_nothing_else(it: Subject) {
    it.write(&[key("acc_1"), key("acc_2")], &server("api-2")).await;
    it.request(&key("acc_3")).await;
    let asked = [key("acc_3"), key("nobody"), key("acc_1"), key("acc_3")];
    let found = it.router.read(&it.pool, &asked).await.unwrap();
    assert_eq!(sorted(&found), ["acc_1", "acc_3"], "each once, others not at all");
    let one = found.iter().find(|entry| entry.key == key("acc_1")).unwrap();
    assert_eq!((one.server.as_ref(), one.in_use), (Some(&server("api-2")), false));
    assert_eq!(it.router.read(&it.pool, &asked).await.unwrap().len(), 2, "reading changes nothing");
}

pub async fn clear_removes_its_keys_and_no_others(it: Subject) {
    let many = keys(40, 12);
    it.write(&many, &server("api-2")).await;
    let (mine, others) = many.split_at(20);
    let asked = [mine, &[key("nobody"), mine[0].clone()]].concat();
    assert_eq!(it.router.clear(&it.pool, &asked).await.unwrap(), [], "nothing is still there");
    assert_eq!(it.router.clear(&it.pool, &asked).await.unwrap(), [], "and may be asked again");
    assert_eq!(it.router.read(&it.pool, mine).await.unwrap(), []);
    assert_eq!(it.router.read(&it.pool, others).await.unwrap().len(), 20);
}

pub async fn no_keys_never_mean_all(it: Subject) {
    it.write(&[key("acc_1")], &server("api-2")).await;
    assert_eq!(it.router.read(&it.pool, &[]).await.unwrap(), []);
    assert_eq!(it.router.clear(&it.pool, &[]).await.unwrap(), []);
    it.router.fence(&[]).await.unwrap();
    it.router.lift(&[]).await.unwrap();
    it.request(&key("acc_2")).await;
    assert_eq!(all(it.router.list(&it.pool, 10).await.unwrap()).len(), 2);
}

pub async fn a_fence_keeps_new_entries_out_until_it_is_lifted(it: Subject) {
    let mine = [key("acc_1")];
    it.request(&mine[0]).await;
    it.router.fence(&mine).await.unwrap();
    assert_eq!(it.router.clear(&it.pool, &mine).await.unwrap(), []);
    it.request(&mine[0]).await;
    it.request(&key("acc_2")).await;
    let found = it.router.read(&it.pool, &[key("acc_1"), key("acc_2")]).await.unwrap();
    assert_eq!(sorted(&found), ["acc_2"], "the fenced key makes none, another does");
    assert_eq!(sorted(&all(it.router.list(&it.pool, 10).await.unwrap())), ["acc_2"], "a fence is no entry");
    it.router.lift(&mine).await.unwrap();
    it.request(&mine[0]).await;
    assert_eq!(it.router.read(&it.pool, &mine).await.unwrap().len(), 1, "and sticks again");
}

pub async fn fences_bear_repetition(it: Subject) {
    let many = keys(30, 12);
    for some in [&many[..], &many[..10], &many[5..]] {
        it.router.fence(some).await.unwrap();
    }
    for some in [&many[..20], &many[10..25], &many[..20]] {
        it.router.lift(some).await.unwrap();
    }
    for key in &many {
        it.request(key).await;
    }
    assert_eq!(it.router.read(&it.pool, &many).await.unwrap().len(), 25, "lifted once is lifted");
    it.router.lift(&many).await.unwrap();
}

pub async fn what_passes_a_fence_is_seen_and_cleared(it: Subject) {
    let mine = [key("acc_1")];
    it.router.fence(&mine).await.unwrap();
    assert_eq!(it.router.clear(&it.pool, &mine).await.unwrap(), []);
    it.write(&mine, &server("api-2")).await;
    let back = it.router.read(&it.pool, &mine).await.unwrap();
    assert_eq!(back.first().and_then(|entry| entry.server.as_ref()), Some(&server("api-2")), "an old request's");
    assert_eq!(it.router.clear(&it.pool, &mine).await.unwrap(), []);
    it.request(&mine[0]).await;
    assert_eq!(it.router.read(&it.pool, &mine).await.unwrap(), []);
    it.router.lift(&mine).await.unwrap();
}

pub async fn a_list_is_whole_or_says_that_it_is_too_long(it: Subject) {
    assert_eq!(it.router.list(&it.pool, 0).await.unwrap(), Listing::All(Vec::new()));
    let many = keys(1_500, 20);
    it.write(&many, &server("api-2")).await;
    let listed = all(it.router.list(&it.pool, 1_500).await.unwrap());
    let wanted: Vec<&str> = many.iter().map(RouteKey::as_str).collect();
    assert_eq!(sorted(&listed), wanted, "each once");
    assert!(listed.iter().all(|entry| entry.server == Some(server("api-2"))));
    for limit in [0, 1, 700, 1_499] {
        let listing = it.router.list(&it.pool, limit).await.unwrap();
        assert!(matches!(listing, Listing::TooMany(count) if count > limit && count <= 1_500), "{limit}: {listing:?}");
    }
}

pub async fn the_entries_of_a_server_are_its_own(it: Subject) {
    let many = keys(60, 20);
    it.write(&many[..40], &server("api-2")).await;
    it.write(&many[40..], &server("api-3")).await;
    let of = async |name: &str, limit| it.router.of_server(&it.pool, &server(name), limit).await.unwrap();
    assert_eq!(all(of("api-2", 40).await).len(), 40);
    assert_eq!(sorted(&all(of("api-3", 20).await)), many[40..].iter().map(RouteKey::as_str).collect::<Vec<_>>());
    assert!(matches!(of("api-2", 39).await, Listing::TooMany(40)));
    assert_eq!(of("api-1", 0).await, Listing::All(Vec::new()));
    assert_eq!(of("nobody", 10).await, Listing::All(Vec::new()));
}

pub async fn a_pool_that_is_not_configured_is_refused(it: Subject) {
    let (other, mine) = (pool("elsewhere"), [key("acc_1")]);
    refused(&it.router.read(&other, &mine).await);
    refused(&it.router.clear(&other, &mine).await);
    refused(&it.router.list(&other, 10).await);
    refused(&it.router.of_server(&other, &server("api-1"), 10).await);
}

pub async fn servers_are_told_as_their_operators_see_them(it: Subject) {
    let servers = it.router.servers().await.unwrap();
    let mut mine: Vec<&str> =
        servers.iter().filter(|reading| reading.pool == it.pool).map(|it| it.name.as_str()).collect();
    mine.sort_unstable();
    assert_eq!(mine, ["api-1", "api-2", "api-3"]);
    for reading in &servers {
        assert!(!matches!(reading.state, Health::Degraded | Health::Gone), "that is concluded elsewhere: {reading:?}");
        assert!(it.router.pools().iter().any(|info| info.place.pool == reading.pool), "{reading:?}");
    }
}

pub async fn a_state_is_set_and_read_back_or_it_is_said_that_there_is_none(it: Subject) {
    let (api_2, nobody) = (server("api-2"), server("nobody"));
    refused(&it.router.state_of(&it.pool, &nobody).await);
    refused(&it.router.set_state(&it.pool, &nobody, ServerState::Drain).await);
    refused(&it.router.set_state(&pool("elsewhere"), &api_2, ServerState::Drain).await);
    if it.router.kind() == RouterKind::Redis {
        for state in ServerState::ALL {
            let told = it.router.set_state(&it.pool, &api_2, state).await;
            refused(&told);
            assert!(told.unwrap_err().to_string().contains("no servers whose state could be set"));
        }
        return;
    }
    for (state, health) in [
        (ServerState::Drain, Health::Draining),
        (ServerState::Drain, Health::Draining),
        (ServerState::Maint, Health::Maintenance),
        (ServerState::Drain, Health::Draining),
        (ServerState::Ready, Health::Healthy),
    ] {
        let read = it.router.set_state(&it.pool, &api_2, state).await.unwrap();
        assert_eq!((read.state, read.health), (state, health));
        assert_eq!(it.router.state_of(&it.pool, &api_2).await.unwrap(), read);
        let servers = it.router.servers().await.unwrap();
        for reading in servers.iter().filter(|reading| reading.pool == it.pool) {
            let wanted = if reading.name == api_2 { health } else { Health::Healthy };
            assert_eq!(reading.state, wanted, "{state:?} of api-2, seen of {}", reading.name);
        }
    }
}

pub async fn a_key_is_pinned_to_the_server_that_was_chosen(it: Subject) {
    let others = keys(10, 12);
    it.write(&others, &server("api-1")).await;
    it.request(&key("acc_1")).await;
    for name in ["api-2", "api-3", "api-3", "api-1"] {
        for mine in [key("acc_1"), key("fresh")] {
            let read = it.router.pin(&it.pool, &mine, &server(name)).await.unwrap().unwrap();
            assert_eq!((read.key.clone(), read.server), (mine.clone(), Some(server(name))));
            it.request(&mine).await;
            let found = it.router.read(&it.pool, std::slice::from_ref(&mine)).await.unwrap();
            assert_eq!(found[0].server, Some(server(name)), "requests follow it");
        }
    }
    refused(&it.router.pin(&it.pool, &key("acc_1"), &server("nobody")).await);
    refused(&it.router.pin(&pool("elsewhere"), &key("acc_1"), &server("api-2")).await);
    let found = it.router.read(&it.pool, &[key("acc_1")]).await.unwrap();
    assert_eq!(found[0].server, Some(server("api-1")), "a refusal changes nothing");
    let still = it.router.read(&it.pool, &others).await.unwrap();
    assert!(still.len() == 10 && still.iter().all(|entry| entry.server == Some(server("api-1"))), "{still:?}");
}

pub async fn thousands_of_keys_are_as_good_as_one(it: Subject) {
    let many = keys(3_000, 64);
    it.router.fence(&many).await.unwrap();
    it.write(&many[..2_000], &server("api-2")).await;
    assert_eq!(it.router.read(&it.pool, &many).await.unwrap().len(), 2_000);
    assert_eq!(it.router.clear(&it.pool, &many).await.unwrap(), []);
    assert_eq!(it.router.list(&it.pool, 10).await.unwrap(), Listing::All(Vec::new()));
    it.router.lift(&many).await.unwrap();
    it.request(&many[2_999]).await;
    assert_eq!(it.router.read(&it.pool, &many).await.unwrap().len(), 1);
}

pub async fn callers_do_not_disturb_each_other(it: Subject) {
    let many = keys(800, 20);
    it.write(&many, &server("api-2")).await;
    let (mine, others) = many.split_at(400);
    let clears = mine.chunks(40).map(|some| it.router.clear(&it.pool, some));
    let reads = others.chunks(40).map(|some| it.router.read(&it.pool, some));
    let (cleared, read) = tokio::join!(futures::future::join_all(clears), futures::future::join_all(reads));
    assert!(cleared.iter().all(|left| left.as_ref().is_ok_and(Vec::is_empty)), "{cleared:?}");
    assert!(read.iter().all(|found| found.as_ref().is_ok_and(|found| found.len() == 40)));
    assert_eq!(it.router.read(&it.pool, &many).await.unwrap().len(), 400);
}

pub async fn without_a_fence_nothing_is_fenced_and_it_says_so(it: Subject) {
    let (router, mine) = (it.open(), [key("acc_1")]);
    assert!(!router.can_fence());
    router.fence(&mine).await.unwrap();
    it.request(&mine[0]).await;
    assert_eq!(router.read(&it.pool, &mine).await.unwrap().len(), 1);
    router.lift(&mine).await.unwrap();
    let told = |caveat: &String| caveat.contains(it.pool.as_str()) && caveat.contains("may pin it again");
    assert!(router.caveats().iter().any(told), "{:?}", router.caveats());
    assert!(!it.router.caveats().iter().any(told), "{:?}", it.router.caveats());
}

/// Every call that asks the program; the servers of an affinity map are not asked of it.
async fn all_unreachable(router: &dyn Router, it: &Subject, limit: Duration) {
    let mine = [key("acc_1")];
    let mut told = Vec::new();
    let mut start = Instant::now();
    let mut tell = |what: &str, error: Option<RouterError>| {
        assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
        told.push((what.to_owned(), error));
        start = Instant::now();
    };
    tell("about", router.about().await.err());
    tell("read", router.read(&it.pool, &mine).await.err());
    tell("clear", router.clear(&it.pool, &mine).await.err());
    tell("fence", router.fence(&mine).await.err());
    tell("lift", router.lift(&mine).await.err());
    tell("list", router.list(&it.pool, 10).await.err());
    tell("of_server", router.of_server(&it.pool, &server("api-1"), 10).await.err());
    if !matches!(it.behind, subject::Behind::Redis(_)) {
        tell("servers", router.servers().await.err());
    }
    for (what, error) in &told {
        assert!(matches!(error, Some(RouterError::Unreachable(_))), "{what}: {error:?}");
    }
}

pub async fn one_that_hangs_is_given_up_in_time_and_taken_up_again(it: Subject) {
    let (router, mine) = (it.impatient(), [key("acc_1")]);
    it.request(&mine[0]).await;
    assert_eq!(router.read(&it.pool, &mine).await.unwrap().len(), 1);
    it.stop();
    all_unreachable(router.as_ref(), &it, Duration::from_millis(700)).await;
    it.go_on();
    // What was sent to it meanwhile it may obey now.
    for _ in 0..2_000 {
        if router.clear(&it.pool, &mine).await.is_ok_and(|left| left.is_empty()) {
            router.lift(&mine).await.unwrap();
            it.request(&mine[0]).await;
            assert_eq!(it.router.read(&it.pool, &mine).await.unwrap().len(), 1);
            return;
        }
    }
    panic!("it is not taken up again");
}

pub async fn one_that_is_gone_is_unreachable_in_everything(mut it: Subject) {
    it.router.about().await.unwrap();
    it.kill();
    all_unreachable(it.router.as_ref(), &it, Duration::from_millis(500)).await;
    it.crash().await;
    it.write(&[key("acc_1")], &server("api-2")).await;
    assert_eq!(it.router.clear(&it.pool, &[key("acc_1")]).await.unwrap(), [], "and back");
}

pub async fn a_restart_is_told(mut it: Subject) {
    let before = loop {
        let about = it.router.about().await.unwrap();
        if about.uptime.is_some_and(|uptime| uptime >= Span::from_secs(1)) {
            break about;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let again = it.router.about().await.unwrap();
    assert!(again.uptime >= before.uptime && again.node == before.node, "no restart, no news");
    it.crash().await;
    let after = it.router.about().await.unwrap();
    assert!(after.uptime < before.uptime || after.node != before.node, "{before:?} {after:?}");
}
