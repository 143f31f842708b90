//! The same for affinity maps in Redis: old snapshots, a replica that takes over, a Redis that takes no changes.

use std::{os::unix::fs::symlink, sync::Arc, time::Instant};

use domain::{Actor, CleanupId, Mode, PoolName, RouteKey, Scope, Span, Status, Way};
use routers::{
    Router,
    redis::{Redis, RedisConfig},
};

use super::{KEY, MAX_REQUEST, WHO, ask, cleaned, held, is, repaired, served, until, watched_to_the_end, world};
use crate::{
    lab::{RedisLab, free_port},
    world::{World, request, shell},
};

fn redis(mut config: RedisConfig, max_request: Span) -> Arc<dyn Router> {
    config.pools.truncate(1);
    config.pools[0].scope = Scope::Session;
    Arc::new(Redis::new(RedisConfig { max_request, ..config }).unwrap())
}

const SNAPSHOTS: &str = "--save 3600 1 --appendonly no";

#[tokio::test]
async fn redis_is_restored_from_an_old_snapshot() {
    let mut lab = RedisLab::with(SNAPSHOTS).await;
    let world = world(vec![redis(lab.config(), MAX_REQUEST)]).await;
    lab.pin(KEY, "api-2");
    lab.raw(&["SAVE"]);
    served(&world, async {
        let id = cleaned(&world).await;
        lab.crash().await;
        // Which way it came is a guess, and uptimes are told in seconds: so soon after «done» it may be another one.
        repaired(&world, &id, "Redis restarted with an old snapshot").await;
    })
    .await;
}

#[tokio::test]
async fn redis_is_restored_from_an_old_snapshot_long_after_the_watch() {
    let mut lab = RedisLab::with(SNAPSHOTS).await;
    let world = world(vec![redis(lab.config(), MAX_REQUEST)]).await;
    lab.pin(KEY, "api-2");
    lab.raw(&["SAVE"]);
    served(&world, async {
        let id = cleaned(&world).await;
        watched_to_the_end(&world, &id).await;
        world.clock.advance(Span::from_secs(3_600));
        lab.crash().await;
        let way = repaired(&world, &id, "Redis restarted with an old snapshot, an hour after the watch was over").await;
        assert_eq!(way, Way::Snapshot);
    })
    .await;
}

#[tokio::test]
async fn redis_is_restored_from_an_old_snapshot_in_the_middle_of_a_clean_up() {
    let mut lab = RedisLab::with(SNAPSHOTS).await;
    let world = world(vec![redis(lab.config(), Span::from_secs(2))]).await;
    lab.pin(KEY, "api-2");
    lab.raw(&["SAVE"]);
    served(&world, async {
        let id = ask(&world).await;
        until("it is cleared for the first time", async || held(&world).await == 0).await;
        lab.crash().await;
        let began = Instant::now();
        until("it is done", async || is(&world, &id, Status::Done).await && held(&world).await == 0).await;
        println!(
            "R5  Redis restarted with an old snapshot while it drained: clean after {:.1} s",
            began.elapsed().as_secs_f64()
        );
    })
    .await;
}

/// A restart after many clean-ups: what came back is found among them in time, although each is watched.
#[tokio::test]
async fn what_comes_back_of_one_among_many_clean_ups_is_found_in_time() {
    const MANY: usize = 400;
    let mut lab = RedisLab::with(SNAPSHOTS).await;
    let world = world(vec![redis(lab.config(), Span::from_millis(50))]).await;
    lab.pin(KEY, "api-2");
    lab.raw(&["SAVE"]);
    let names: Vec<String> = (0..MANY).map(|at| format!("other{at}")).collect();
    for name in &names {
        world.account(name).await;
    }
    world.sessions(names.iter().map(|name| (name.as_str(), format!("{name}_1")))).await;
    served(&world, async {
        let id = cleaned(&world).await;
        for name in &names {
            lab.pin(&format!("{name}_1"), "api-2");
            world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap();
        }
        let left = async || world.unstick.numbers(&Actor::System).await.unwrap().unfinished;
        until("all are cleaned", async || {
            let left = left().await;
            left.running + left.owed == 0
        })
        .await;
        lab.crash().await;
        repaired(&world, &id, &format!("Redis restarted with an old snapshot, {} clean-ups are watched", MANY + 1))
            .await;
    })
    .await;
}

/// An account's route counts where it leads to the bad server that it had; on one that is well the account just goes on working.
#[tokio::test]
async fn an_account_s_route_to_a_bad_server_comes_back_long_after_the_watch_and_one_to_a_good_server_stays() {
    let (mut lab, bad, good) = (RedisLab::with(SNAPSHOTS).await, WHO, "nora");
    let mut config = lab.config();
    config.pools.truncate(1);
    let router = Redis::new(RedisConfig { max_request: MAX_REQUEST, ..config }).unwrap();
    let world = World::of(vec![Arc::new(router)], |_| ()).await;
    for who in [bad, good] {
        world.account(who).await;
    }
    // The map knows no server of that name any more.
    lab.pin(bad, "api-9");
    lab.pin(good, "api-2");
    lab.raw(&["SAVE"]);
    let on = async |who: &str| {
        let (router, pool) = (&world.unstick.fleet()[0], PoolName::parse("app").unwrap());
        let entries = router.read(&pool, &[RouteKey::parse(who).unwrap()]).await.unwrap_or_default();
        entries.into_iter().next().and_then(|entry| entry.server).map(|server| server.to_string())
    };
    served(&world, async {
        let mut ids = Vec::new();
        for who in [bad, good] {
            let id: CleanupId = world.unstick.request_cleanup(&shell(), request(who, Mode::Force)).await.unwrap().id;
            until("it is cleaned", async || is(&world, &id, Status::Done).await).await;
            watched_to_the_end(&world, &id).await;
            ids.push(id);
        }
        world.clock.advance(Span::from_secs(3_600));
        lab.crash().await;
        let back = async || !world.store.returns(&ids[0], 10).await.unwrap().is_empty();
        let took = until("it is found", back).await;
        until("it is clean again", async || is(&world, &ids[0], Status::Done).await && on(bad).await.is_none()).await;
        println!(
            "R5  an account's route from an old snapshot, after the watch: found after {:.1} s",
            took.as_secs_f64()
        );
        assert_eq!(world.store.returns(&ids[1], 10).await.unwrap(), [], "the account at work");
        assert_eq!(on(good).await.as_deref(), Some("api-2"));
    })
    .await;
}

/// It answers, and takes no changes until somebody mends its disk: nothing waits for a person, and nothing is called done.
#[tokio::test]
async fn what_a_redis_that_cannot_save_is_owed_is_done_when_it_can() {
    let lab = RedisLab::with(SNAPSHOTS).await;
    let world = world(vec![redis(lab.config(), MAX_REQUEST)]).await;
    lab.pin(KEY, "api-2");
    std::fs::create_dir(lab.path("dump.rdb")).unwrap();
    lab.background_save("err").await;
    served(&world, async {
        let id = ask(&world).await;
        until("it is owed", async || is(&world, &id, Status::Owed).await).await;
        for _ in 0..12 {
            world.clock.advance(Span::from_secs(400));
            let tries = async || world.store.steps(&id).await.unwrap().iter().map(|step| step.next_at).max().unwrap();
            until("it is tried", async || tries().await > domain::Clock::now(world.clock.as_ref())).await;
            assert!(is(&world, &id, Status::Owed).await, "however often it was tried");
        }
        let steps = world.store.steps(&id).await.unwrap();
        let why: Vec<&str> = steps.iter().filter_map(|step| step.trouble.as_ref()).map(domain::Trouble::text).collect();
        assert!(why.iter().any(|text| text.contains("full disk")), "{why:?}");
        assert_eq!(held(&world).await, 1);
        std::fs::remove_dir(lab.path("dump.rdb")).unwrap();
        lab.background_save("ok").await;
        // Its next try is minutes away: it is seen to take changes again.
        until("it is done", async || is(&world, &id, Status::Done).await && held(&world).await == 0).await;
    })
    .await;
}

/// Replication is asynchronous: behind the same address another Redis answers, which never heard of the clean-up.
#[tokio::test]
async fn a_replica_that_takes_over_has_what_was_cleaned_and_is_cleaned_too() {
    let port = free_port();
    let primary = RedisLab::with(&format!("--save '' --port {port} --bind 127.0.0.1")).await;
    let (replica, folder) = (RedisLab::start().await, tempfile::tempdir().unwrap());
    let address = folder.path().join("map.sock");
    symlink(primary.path("redis.sock"), &address).unwrap();
    let endpoint = format!("unix:{}", address.display()).parse().unwrap();
    let world = world(vec![redis(RedisConfig { endpoint, ..primary.config() }, MAX_REQUEST)]).await;
    primary.pin(KEY, "api-2");
    replica.raw(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    until("it is replicated", async || replica.try_raw(&["DBSIZE"]).is_ok_and(|size| size == redis::Value::Int(1)))
        .await;
    // From here on the replica hears nothing, as when the line between them breaks.
    replica.raw(&["REPLICAOF", "127.0.0.1", "1"]);
    served(&world, async {
        let id = cleaned(&world).await;
        watched_to_the_end(&world, &id).await;
        drop(primary);
        replica.raw(&["REPLICAOF", "NO", "ONE"]);
        std::fs::remove_file(&address).unwrap();
        symlink(replica.path("redis.sock"), &address).unwrap();
        let way = repaired(&world, &id, "a replica took over that had not heard of the clean-up").await;
        assert_eq!(way, Way::Snapshot);
    })
    .await;
}
